/**
 * The accepting side on one thread: connections become sessions, what happens to sessions becomes events.
 *
 *     Listener --> admission --> Session --> events
 *                  see admission.ts, then onConnectionRequest; a refused connection is reset before any memory
 *                  is made for it
 *
 * Invariant: joins == leaves once `stop` has resolved, and no event comes after that.
 */
import assert from "node:assert/strict";
import type { Clock } from "../base/clock.ts";
import { LanError } from "../base/errors.ts";
import type { Packet } from "../packet/packet.ts";
import { LEAVE_REASON_ORDER, type Leave } from "../session/leave.ts";
import { sweepIntervalMs } from "../session/liveness.ts";
import { Session } from "../session/session.ts";
import type { SessionContext, SessionOwner } from "../session/session-context.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { SessionTable } from "../session/session-table.ts";
import type { Acceptor, Connection, Incoming, Listener, TlsDoor } from "../transport/connection.ts";
import { Admission, REFUSAL_REASON_ORDER, type RefusalReason, tooFewDescriptors } from "./admission.ts";
import { Announcer } from "./channels.ts";
import { EventCaller } from "./event-caller.ts";
import type { AddressLists, ServerSettings } from "./link-settings.ts";
import { assertHostId, assertSendable, frameForMany } from "./sendable.ts";
import type {
  ClientInfo,
  ListenAddress,
  ServerDriver,
  ServerEvents,
  ServerPlace,
} from "./server-contract.ts";
import { sessionContext } from "./session-context.ts";
import { type ServerStats, type SessionStats, serverStats, sessionStats } from "./stats.ts";
import { Sweeper } from "./sweeper.ts";

export class ServerEngine implements ServerDriver, Acceptor, SessionOwner<Session> {
  readonly #events: ServerEvents;
  readonly #settings: ServerSettings;
  readonly #place: ServerPlace;
  readonly #clock: Clock;
  readonly #announcer: Announcer;
  readonly #caller: EventCaller;
  readonly #sessions = new SessionTable();
  /** Sessions whose packets wait for the thread's turn. */
  readonly #held = new Set<Session>();
  readonly #context: SessionContext<Session>;
  readonly #sweeper: Sweeper;
  readonly #admission: Admission;
  readonly #tls: TlsDoor | undefined;
  /** Admitted connections whose TLS handshake is under way. */
  readonly #securing = new Set<Connection>();
  #listener: Listener | null = null;
  #stopping = false;
  /** Resolves `stop` when the last leave has run. */
  #onEmpty: () => void = () => {};

  constructor(events: ServerEvents, settings: ServerSettings, hasBatchHooks: boolean, place: ServerPlace) {
    this.#events = events;
    this.#settings = settings;
    this.#place = place;
    this.#clock = settings.network.clock;
    this.#tls = settings.tls === null ? undefined : settings.network.tlsDoor?.(settings.tls);
    this.#announcer = new Announcer("server", events, place.thread, place.registry);
    this.#caller = new EventCaller(events, place.counters, hasBatchHooks, place.gate, this.#announcer);
    this.#context = sessionContext(settings, place, this);
    const { lateness } = this.#context;
    this.#admission = new Admission(settings, place.registry, lateness);
    this.#sweeper = new Sweeper(this.#clock, sweepIntervalMs(settings), this.#sessions, lateness);
    this.#sweeper.start();
  }

  /** @throws LanError LISTEN_FAILED */
  async listen(): Promise<ListenAddress> {
    try {
      this.#listener = await this.#settings.network.listen(this.#settings, this);
    } catch (cause) {
      this.#sweeper.stop();
      throw new LanError("LISTEN_FAILED", `Cannot listen: ${(cause as Error).message}`, { cause });
    }
    const error = tooFewDescriptors(this.#settings);
    if (error !== undefined) this.#caller.error(error);
    const { address } = this.#listener;
    return "path" in address ? { ip: "", port: 0, path: address.path } : address;
  }

  /** Accepts no more, lets every session drain for at most `drainMs`, and runs every leave. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    const closed = this.#listener?.close();
    for (const connection of this.#securing) connection.reset();
    for (const session of this.#sessions) session.drain("server-stopped", drainMs);
    const giveUp = (): void => {
      for (const session of this.#sessions) session.close("server-stopped", { reset: true });
    };
    const deadline = this.#clock.after(drainMs, giveUp, true);
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    await this.#caller.quiet(); // leaves that wait for the thread's turn
    deadline.cancel();
    await closed;
    this.#sweeper.stop();
    this.#caller.silence();
  }

  // What the application asks for, inside events and outside.

  get sessionCount(): number {
    return this.#place.registry.count;
  }

  get newestGeneration(): number {
    return this.#place.registry.newestGeneration;
  }

  /** The session on this thread, if it is here. HOT. */
  find(target: SessionId | HostId): Session | undefined {
    const id = typeof target === "string" ? this.#place.registry.find(target) : target;
    return id === undefined ? undefined : this.#sessions.find(id);
  }

  /** Who may connect from now on. Only the accepting engine is asked. */
  setAddresses(lists: AddressLists): void {
    this.#admission.setLists(lists);
  }

  /** A session of another thread, which refused a packet of ours, has room again. */
  tellSendReady(id: SessionId): void {
    this.#caller.call("onSendReady", id, () => this.#events.onSendReady(id));
  }

  /** HOT. @throws LanError PACKET_TOO_LARGE, PACKET_EMPTY */
  sendPacket(target: SessionId | HostId, packet: Packet): boolean {
    assertSendable(packet, this.#settings);
    return this.#send(target, packet, null);
  }

  /** @param frame encoded already, for sessions of other threads too. @throws LanError PACKET_TOO_LARGE, PACKET_EMPTY */
  broadcast(
    packet: Packet,
    targets: Iterable<SessionId | HostId> | undefined,
    frame: Uint8Array | null = frameForMany(packet, this.#settings, this.#context.random),
  ): number {
    if (targets === undefined && !this.#announcer.tellsRefusals)
      return this.#sessions.sendToAll(packet, frame);
    let taken = 0;
    for (const target of targets ?? this.#sessions.ids()) if (this.#send(target, packet, frame)) taken++;
    return taken;
  }

  /** HOT. */
  #send(target: SessionId | HostId, packet: Packet, frame: Uint8Array | null): boolean {
    const session = this.find(target);
    if (session?.send(packet, frame) === true) return true;
    return this.#announcer.sendRefused(target, packet.length, session?.isOpen);
  }

  disconnect(target: SessionId | HostId, now: boolean): boolean {
    const session = this.find(target);
    if (session === undefined) return false;
    return now
      ? session.close("disconnected", { reset: true })
      : session.drain("disconnected", this.#settings.disconnectDrainMs);
  }

  /** @throws LanError HOST_ID_INVALID */
  setHostId(sessionId: SessionId, hostId: HostId, replace: boolean): boolean {
    assertHostId(hostId);
    return (
      this.#sessions.find(sessionId)?.isOpen === true && this.#place.registry.name(sessionId, hostId, replace)
    );
  }

  stats(): ServerStats {
    let queuedBytes = 0;
    for (const session of this.#sessions) queuedBytes += session.queuedBytes;
    return serverStats(this.#place.counters, this.sessionCount, queuedBytes, this.#clock.epochMs());
  }

  sessionStats(target: SessionId | HostId): SessionStats | undefined {
    const session = this.find(target);
    return session === undefined ? undefined : sessionStats(session, this.#place.registry.nameOf(session.id));
  }

  // From the listener.

  onIncoming(incoming: Incoming): void {
    this.#caller.run(() => {
      const refusal = this.#refusal(incoming);
      if (refusal === undefined) {
        this.#admit(incoming);
      } else {
        this.#countRefused(refusal, incoming);
        incoming.refuse();
      }
    });
  }

  onAcceptError(cause: Error): void {
    this.#caller.error(new LanError("ACCEPT_FAILED", `Cannot accept: ${cause.message}`, { cause }));
  }

  /** Serves an admitted connection: its own, or one that another thread accepted. */
  join(id: SessionId, connection: Connection, about: Omit<ClientInfo, "thread">): void {
    if (this.#tls === undefined) this.#begin(id, connection, about);
    else void this.#secure(this.#tls, id, connection, about);
  }

  /** The session begins behind the handshake, or never. */
  async #secure(
    tls: TlsDoor,
    id: SessionId,
    connection: Connection,
    about: Omit<ClientInfo, "thread">,
  ): Promise<void> {
    this.#securing.add(connection);
    try {
      await tls.secure(connection);
      const { certificate } = connection;
      if (!this.#stopping) this.#begin(id, connection, certificate ? { ...about, certificate } : about);
    } catch (cause) {
      const why = `Cannot secure a connection from ${about.ip}: ${(cause as Error).message}`;
      if (!this.#stopping) this.#caller.error(new LanError("TLS_FAILED", why, { cause }));
    } finally {
      this.#securing.delete(connection);
      if (this.#sessions.find(id) === undefined) this.#giveUp(id, connection);
    }
  }

  #giveUp(id: SessionId, connection: Connection): void {
    connection.reset();
    this.#place.registry.free(id);
    this.#countRefused(this.#stopping ? "stopping" : "tls-failed", connection);
  }

  #countRefused(reason: RefusalReason, from: Incoming | Connection): void {
    this.#place.counters.countRefused(REFUSAL_REASON_ORDER.indexOf(reason));
    this.#announcer.refuse(reason, from);
  }

  #begin(id: SessionId, connection: Connection, about: Omit<ClientInfo, "thread">): void {
    const session = new Session(id, connection, this.#context);
    const client = { ...about, thread: this.#place.thread };
    this.#sessions.insert(session);
    this.#place.counters.countAccepted();
    session.open();
    this.#announcer.join(id, connection);
    this.#caller.call("onClientJoin", id, () => {
      this.#place.registry.joinTold(id);
      return this.#events.onClientJoin(id, client);
    });
    if (this.#stopping) session.drain("server-stopped", 0);
  }

  #refusal({ remote: { ip, port } }: Incoming): RefusalReason | undefined {
    const refusal = this.#stopping ? "stopping" : this.#admission.refusal(ip, this.#clock.nowMs());
    if (refusal !== undefined) return refusal;
    const ask = (): boolean => this.#events.onConnectionRequest(ip, port);
    if (this.#caller.ask("onConnectionRequest", ask) !== true) return "application";
    return this.#stopping ? "stopping" : undefined;
  }

  #admit(incoming: Incoming): void {
    const { ip, port } = incoming.remote;
    const id = this.#place.registry.reserve(); // places are taken here only, so there is one
    assert(id !== undefined);
    this.#admission.tookPlace(ip, id);
    const { ip: localIp, port: localPort } = incoming.local;
    const about = { ip, port, localIp, localPort, acceptedAtMs: this.#clock.epochMs() };
    if (!this.#place.handOver(incoming, id, about)) this.join(id, incoming.accept(), about);
  }

  // From the sessions.

  /** HOT. */
  mayDeliver(session: Session): boolean {
    return this.#caller.enter() || this.#hold(session);
  }

  /** HOT. */
  onPacket(session: Session, packet: Packet): Promise<void> | undefined {
    const id = session.id;
    try {
      const returned = this.#events.onRecv(id, packet);
      return returned === undefined ? undefined : this.#caller.settle("onRecv", id, returned);
    } catch (cause) {
      this.#caller.threw("onRecv", id, cause);
      return undefined;
    }
  }

  onSent(session: Session, byteLength: number): void {
    this.#caller.call("onSend", session.id, () => this.#events.onSend(session.id, byteLength));
  }

  onSendReady(session: Session): void {
    this.#caller.call("onSendReady", session.id, () => this.#events.onSendReady(session.id));
  }

  onError(error: LanError): void {
    this.#caller.error(error);
  }

  onLeft(session: Session, leave: Leave): void {
    const hostId = this.#announcer.nameAtLeave(session.id);
    this.#sessions.remove(session);
    this.#place.registry.leave(session.id, leave);
    this.#place.counters.countLeft(LEAVE_REASON_ORDER.indexOf(leave.reason));
    this.#announcer.leave(session.id, hostId, leave, session.connection);
    this.#caller.call("onClientLeave", session.id, () => {
      this.#place.registry.free(session.id);
      return this.#events.onClientLeave(session.id, leave);
    });
    if (this.#sessions.size === 0) this.#onEmpty();
  }

  #hold(session: Session): false {
    if (!this.#held.has(session)) {
      this.#held.add(session);
      this.#caller.run(() => {
        this.#held.delete(session);
        session.deliver();
      });
    }
    return false;
  }
}
