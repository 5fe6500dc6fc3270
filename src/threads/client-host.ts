/**
 * The handle of a client that runs on a thread: one connect(), on one thread after another should they die.
 *
 * Events run on the thread; on the handle run only `onError` for what concerns the thread, `onSendReady` for
 * packets that were refused here, and `onLeaveServer` for a session whose thread is gone.
 */
import { MessageChannel } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import { Announcer } from "../engine/channels.ts";
import type { ClientDriver, ClientEvents } from "../engine/client-engine.ts";
import { EventCaller } from "../engine/event-caller.ts";
import type { ClientSettings } from "../engine/link-settings.ts";
import { assertSendable } from "../engine/sendable.ts";
import { type ClientStats, clientStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { SessionId } from "../session/session-id.ts";
import { type ClassReference, failureFrom } from "./boot.ts";
import { Crew, dataForThread, invalidWorkerData, type Member, type ThreadSettings } from "./crew.ts";
import { countOut, giveBackUnposted } from "./inheritance.ts";
import { Mail } from "./mail.ts";
import type { Connect, ThreadMessage } from "./messages.ts";
import { allocateShared } from "./shared-memory.ts";
import { sharedTotals } from "./shared-stats.ts";
import { viewShared } from "./shared-view.ts";

const HANDLE = 0;
const THREAD = 1;
/** How long after the drain the thread may take to say that it is over, before it is ended. */
const OVER_GRACE_MS = 1000;

export class ClientHost implements ClientDriver {
  readonly #events: ClientEvents;
  readonly #settings: ClientSettings;
  readonly #threads: ThreadSettings;
  readonly #buffers = allocateShared(1, 1);
  readonly #shared = viewShared(this.#buffers, HANDLE);
  readonly #announcer: Announcer;
  readonly #caller: EventCaller;
  readonly #mail: Mail;
  readonly #crew: Crew;
  readonly #joined = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  /** Workers that were assigned so far. */
  #incarnations = 0;
  #ended = false;
  #finished: Promise<void> | undefined;

  constructor(
    events: ClientEvents,
    reference: ClassReference,
    settings: ClientSettings,
    threads: ThreadSettings,
  ) {
    this.#events = events;
    this.#settings = settings;
    this.#threads = threads;
    const { memory, registry } = this.#shared;
    this.#announcer = new Announcer("client", events, HANDLE, registry);
    this.#caller = new EventCaller(events, memory.counters(HANDLE), false, null, this.#announcer);
    const onRoom = (id: SessionId): void => this.#caller.call("onSendReady", id, () => events.onSendReady());
    this.#mail = new Mail(HANDLE, memory, registry, settings, () => {}, onRoom);
    this.#crew = new Crew(
      reference,
      (_, message) => this.#onMessage(message),
      (_, cause) => this.#onDied(cause),
    );
  }

  connect(): { joined: Promise<void>; over: Promise<void> } {
    void this.#begin();
    return { joined: this.#joined.promise, over: this.#over.promise };
  }

  async disconnect(now: boolean): Promise<void> {
    this.#ended = true;
    this.#mail.flush();
    this.#mail.tell(THREAD, { kind: "leave", now });
    const drainMs = now ? 0 : this.#settings.disconnectDrainMs;
    const timer = setTimeout(() => void this.#finish(), drainMs + OVER_GRACE_MS);
    await this.#over.promise;
    clearTimeout(timer);
  }

  /** HOT. @throws LanError PACKET_INVALID, PACKET_TOO_LARGE, PACKET_EMPTY */
  sendPacket(packet: Packet): boolean {
    assertSendable(packet, this.#settings);
    const id = this.#shared.registry.joinedAt(0);
    if (id !== undefined && !this.#ended && this.#mail.send(id, packet)) return true;
    const isOpen = id === undefined ? undefined : !this.#ended && this.#mail.isOpen(id);
    return this.#announcer.sendRefused(id, packet.length, isOpen);
  }

  stats(): ClientStats {
    const { counters, sessions, queuedBytes } = sharedTotals(this.#shared.memory, this.#shared.registry);
    return clientStats(counters, sessions, queuedBytes, Date.now());
  }

  async #begin(): Promise<void> {
    const { signal } = this.#settings;
    const onAbort = (): void => this.#crew.port(THREAD)?.postMessage({ kind: "abort" });
    signal?.addEventListener("abort", onAbort, { once: true });
    void this.#over.promise.then(() => signal?.removeEventListener("abort", onAbort));
    try {
      const [member] = await this.#crew.bringUp(1);
      this.#assign(member!);
    } catch (error) {
      this.#joined.reject(error);
      await this.#finish();
    }
  }

  #assign(member: Member): void {
    const { port1, port2 } = new MessageChannel();
    const { network: _, signal, ...settings } = this.#settings;
    const { data, ports } = dataForThread(this.#threads.workerData, THREAD);
    const incarnation = ++this.#incarnations;
    const peers = [{ thread: HANDLE, incarnation: 0, port: port2 }];
    const message: Connect = {
      kind: "connect",
      thread: THREAD,
      incarnation,
      shared: this.#buffers,
      workerData: data,
      peers,
      settings,
    };
    this.#crew.assign(THREAD, member);
    this.#shared.registry.setIncarnation(THREAD, incarnation);
    this.#mail.connect(THREAD, incarnation, port1);
    try {
      member.port.postMessage(message, [port2, ...ports]);
    } catch (cause) {
      throw invalidWorkerData(cause); // all else in the message can be cloned
    }
    if (signal?.aborted) member.port.postMessage({ kind: "abort" });
    if (this.#ended) this.#mail.tell(THREAD, { kind: "leave", now: true });
  }

  #onMessage(message: ThreadMessage): void {
    switch (message.kind) {
      case "joined":
        this.#joined.resolve();
        return;
      case "failed":
        this.#joined.reject(failureFrom(message));
        return;
      case "over":
        void this.#finish();
        return;
      case "ready":
      case "serving":
      case "stop-asked":
        return; // the crew's, and servers'
    }
  }

  #onDied(cause: unknown): void {
    this.#shared.registry.setIncarnation(THREAD, 0);
    this.#shared.lock.releaseFrom(THREAD);
    giveBackUnposted(this.#shared, THREAD);
    this.#countOut(cause);
    const error = new LanError("THREAD_DIED", `Cannot go on with the client's thread: ${cause}`, { cause });
    this.#caller.error(error);
    if (this.#settings.reconnect === false || this.#ended) {
      this.#joined.reject(error);
      void this.#finish();
    } else {
      void this.#replace();
    }
  }

  async #replace(): Promise<void> {
    try {
      const member = await this.#crew.replacement();
      if (member !== undefined) this.#assign(member);
    } catch (error) {
      this.#caller.error(error as LanError);
      await this.#finish();
    }
  }

  #countOut(cause: unknown): void {
    countOut(this.#shared, THREAD, this.#ended ? "disconnected" : "thread-died", cause, {
      onLeft: (id, leave) => this.#announcer.leave(id, undefined, leave, undefined),
      onLeave: (id, leave) => this.#caller.call("onLeaveServer", id, () => this.#events.onLeaveServer(leave)),
    });
  }

  /** Also where the thread says that it is over while it is being ended for being late: the lock is taken once. */
  #finish(): Promise<void> {
    this.#ended = true;
    this.#finished ??= this.#endThread();
    return this.#finished;
  }

  async #endThread(): Promise<void> {
    this.#shared.lock.acquire(); // no thread is ended in the middle of what the lock protects
    await this.#crew.endAll();
    this.#shared.lock.release();
    this.#countOut(undefined);
    this.#mail.close();
    this.#caller.silence();
    this.#joined.reject(new LanError("CONNECT_ABORTED", "Cannot connect: it was ended before"));
    this.#over.resolve();
  }
}
