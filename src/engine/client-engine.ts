/**
 * The dialling side on one thread: one connect(), with every connection that it leads to.
 *
 *     dial --> join --> leave --> (reconnect) pause --> dial ...          until disconnect, or the first
 *       \--failed--------------------^                                    failure or leave without reconnect
 *
 * Invariants: joins and leaves alternate strictly. Each connection is a new session with nothing of the one
 * before it. The pause grows with every attempt that brought no byte from the server.
 */
import type { Clock } from "../base/clock.ts";
import { Counters } from "../base/counters.ts";
import { LanError } from "../base/errors.ts";
import type { Packet } from "../packet/packet.ts";
import { type Crossing, NO_CROSSING } from "../session/crossing.ts";
import { LEAVE_REASON_ORDER, type Leave } from "../session/leave.ts";
import { sweepIntervalMs } from "../session/liveness.ts";
import { Session } from "../session/session.ts";
import type { SessionContext, SessionOwner } from "../session/session-context.ts";
import type { SessionId } from "../session/session-id.ts";
import { LocalRegistry, type SessionRegistry } from "../session/session-registry.ts";
import type { Connection } from "../transport/connection.ts";
import { Announcer } from "./channels.ts";
import { type CommonEvents, EventCaller } from "./event-caller.ts";
import type { ClientSettings, ReconnectSettings } from "./link-settings.ts";
import { assertSendable } from "./sendable.ts";
import { randomOf, sessionContext } from "./session-context.ts";
import { type ClientStats, clientStats } from "./stats.ts";
import { Sweeper } from "./sweeper.ts";

/** What a client's subclass writes. */
export interface ClientEvents extends CommonEvents {
  onEnterJoinServer(): void;
  onLeaveServer(leave: Leave): void;
  onRecv(packet: Packet): void | Promise<void>;
  onSend(sendSize: number): void;
  onSendReady(): void;
}

/** Where a client's engine stands: on the caller's thread, or on a thread of its own. */
export interface ClientPlace {
  /** 1 on a thread of its own; 0 is the caller's. */
  readonly thread: number;
  readonly counters: Counters;
  readonly registry: SessionRegistry;
  readonly crossing: Crossing;
}

/** The caller's thread. */
export function callersClientPlace(): ClientPlace {
  return { thread: 0, counters: new Counters(), registry: new LocalRegistry(1), crossing: NO_CROSSING };
}

/** What a client's class is to whoever runs it: the engine itself, or a handle and its thread. */
export interface ClientDriver {
  /**
   * `joined` resolves after the first join; `over` once nothing follows any more. Called once.
   * @throws LanError (`joined`) CONNECT_FAILED, CONNECT_TIMEOUT, CONNECT_ABORTED, and on a thread
   *   THREAD_MODULE_FAILED and its like
   */
  connect(): { joined: Promise<void>; over: Promise<void> };
  /** Leaves, or gives up joining; resolves when nothing follows any more. */
  disconnect(now: boolean): Promise<void>;
  sendPacket(packet: Packet): boolean;
  stats(): ClientStats;
}

export class ClientEngine implements ClientDriver, SessionOwner<Session> {
  readonly #events: ClientEvents;
  readonly #settings: ClientSettings;
  readonly #clock: Clock;
  readonly #place: ClientPlace;
  readonly #announcer: Announcer;
  readonly #caller: EventCaller;
  readonly #context: SessionContext<Session>;
  readonly #sweeper: Sweeper;
  readonly #first = Promise.withResolvers<void>();
  #over: Promise<void> = Promise.resolve();
  #session: Session | undefined;
  /** Set once nothing shall be dialled any more. */
  #ended = false;
  /** Ends what the loop is waiting for before a session exists: a dial or a pause. */
  #interrupt: (why: LanError) => void = () => {};
  #onLeft: () => void = () => {};

  constructor(events: ClientEvents, settings: ClientSettings, hasBatchHooks: boolean, place: ClientPlace) {
    this.#events = events;
    this.#settings = settings;
    this.#place = place;
    this.#clock = settings.network.clock;
    this.#announcer = new Announcer("client", events, place.thread, place.registry);
    this.#caller = new EventCaller(events, place.counters, hasBatchHooks, null, this.#announcer);
    this.#context = sessionContext(settings, place, this);
    this.#sweeper = new Sweeper(this.#clock, sweepIntervalMs(settings), {
      slots: 1,
      at: () => this.#session,
    });
  }

  connect(): { joined: Promise<void>; over: Promise<void> } {
    this.#over = this.#stayConnected();
    return { joined: this.#first.promise, over: this.#over };
  }

  disconnect(now: boolean): Promise<void> {
    this.#end("disconnect() was called");
    if (now) this.#session?.close("disconnected", { reset: true });
    else this.#session?.drain("disconnected", this.#settings.disconnectDrainMs);
    return this.#over;
  }

  /** HOT. @throws LanError PACKET_TOO_LARGE, PACKET_EMPTY */
  sendPacket(packet: Packet): boolean {
    assertSendable(packet, this.#settings);
    const session = this.#session;
    if (session?.send(packet) === true) return true;
    return this.#announcer.sendRefused(session?.id, packet.length, session?.isOpen);
  }

  /** The session of this moment, where there is one. */
  get session(): Session | undefined {
    return this.#session;
  }

  stats(): ClientStats {
    const queuedBytes = this.#session?.queuedBytes ?? 0;
    const sessions = this.#session === undefined ? 0 : 1;
    return clientStats(this.#place.counters, sessions, queuedBytes, this.#clock.epochMs());
  }

  async #stayConnected(): Promise<void> {
    const { reconnect, signal } = this.#settings;
    const onAbort = (): void => this.#end("signal aborted");
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#sweeper.start();
    let pauses = 0; // since the last byte that was received
    for (;;) {
      const dialled = this.#stillWanted(await this.#dial());
      if (dialled instanceof LanError) {
        if (reconnect === false || this.#ended) {
          this.#first.reject(dialled);
          break;
        }
        this.#caller.error(dialled);
      } else if (await this.#live(dialled)) {
        pauses = 0;
      }
      if (reconnect === false) break;
      if (!this.#ended) await this.#pause(reconnect, pauses++);
    }
    signal?.removeEventListener("abort", onAbort);
    this.#sweeper.stop();
    this.#caller.silence();
  }

  async #dial(): Promise<Connection | LanError> {
    if (this.#ended) return aborted("nothing shall be dialled any more");
    const { connectTimeoutMs, network } = this.#settings;
    const attempt = new AbortController();
    const tooLate = (): void =>
      attempt.abort(
        new LanError("CONNECT_TIMEOUT", `Cannot connect: no answer within ${connectTimeoutMs} ms`),
      );
    let deadline = this.#clock.after(
      connectTimeoutMs,
      () => {
        // This thread may have been blocked: an answer that is already there is looked at first.
        deadline = this.#clock.afterPendingReads(tooLate);
      },
      true,
    );
    this.#interrupt = (why) => attempt.abort(why);
    try {
      return await network.dial(this.#settings, attempt.signal);
    } catch (cause) {
      if (cause instanceof LanError) return cause;
      return new LanError("CONNECT_FAILED", `Cannot connect: ${(cause as Error).message}`, { cause });
    } finally {
      deadline.cancel();
      this.#interrupt = () => {};
    }
  }

  /** A connection that came just as it was ended is given up before anybody hears of it. */
  #stillWanted(dialled: Connection | LanError): Connection | LanError {
    if (dialled instanceof LanError || !this.#ended) return dialled;
    dialled.reset();
    return aborted("it was ended while connecting");
  }

  /** From join to leave; resolves to whether the server sent a byte. */
  async #live(connection: Connection): Promise<boolean> {
    const id = this.#place.registry.reserve() as SessionId; // there is one place, and it is free
    this.#place.counters.countAccepted();
    const session = new Session(id, connection, this.#context);
    const left = new Promise<void>((resolve) => (this.#onLeft = resolve));
    this.#session = session;
    session.open();
    this.#announcer.join(id, connection);
    this.#caller.call("onEnterJoinServer", id, () => {
      this.#place.registry.joinTold(id);
      return this.#events.onEnterJoinServer();
    });
    this.#first.resolve();
    await left;
    return session.bytesReceived > 0;
  }

  /** Exponential backoff with full jitter. */
  async #pause({ minDelayMs, maxDelayMs }: ReconnectSettings, pauses: number): Promise<void> {
    const { network } = this.#settings;
    const delayMs = randomOf(network)() * Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(pauses, 30));
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(delayMs, resolve, true);
      this.#interrupt = () => {
        timer.cancel();
        resolve();
      };
    });
    this.#interrupt = () => {};
  }

  #end(why: string): void {
    this.#ended = true;
    this.#interrupt(aborted(why));
  }

  // From the session.

  /** HOT. */
  mayDeliver(): boolean {
    return this.#caller.enter(); // no gate: always true
  }

  /** HOT. */
  onPacket(session: Session, packet: Packet): Promise<void> | undefined {
    try {
      const returned = this.#events.onRecv(packet);
      return returned === undefined ? undefined : this.#caller.settle("onRecv", session.id, returned);
    } catch (cause) {
      this.#caller.threw("onRecv", session.id, cause);
      return undefined;
    }
  }

  onSent(session: Session, byteLength: number): void {
    this.#caller.call("onSend", session.id, () => this.#events.onSend(byteLength));
  }

  onSendReady(session: Session): void {
    this.#caller.call("onSendReady", session.id, () => this.#events.onSendReady());
  }

  onError(error: LanError): void {
    this.#caller.error(error);
  }

  onLeft(session: Session, leave: Leave): void {
    this.#session = undefined;
    this.#place.registry.leave(session.id, leave);
    this.#place.counters.countLeft(LEAVE_REASON_ORDER.indexOf(leave.reason));
    this.#announcer.leave(session.id, undefined, leave, session.connection);
    this.#caller.call("onLeaveServer", session.id, () => {
      this.#place.registry.free(session.id);
      return this.#events.onLeaveServer(leave);
    });
    this.#onLeft();
  }
}

function aborted(why: string): LanError {
  return new LanError("CONNECT_ABORTED", `Cannot connect: ${why}`);
}
