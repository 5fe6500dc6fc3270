/**
 * The handle of a server that runs on threads: starts and stops them, reaches their sessions by mail, counts
 * out the sessions of a thread that died and puts another in its place.
 *
 * Events run on the threads; on the handle run only `onError` for what concerns threads, `onSendReady` for
 * packets that were refused here, and `onClientLeave` for sessions whose thread is gone.
 *
 * Invariant: joined sessions == leaves that were run, here or there, once `stop` has resolved.
 */
import { MessageChannel } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import { Announcer } from "../engine/channels.ts";
import { EventCaller } from "../engine/event-caller.ts";
import type { AddressLists, ServerSettings } from "../engine/link-settings.ts";
import { assertHostId, assertSendable, frameForMany } from "../engine/sendable.ts";
import type { ListenAddress, ServerDriver, ServerEvents } from "../engine/server-contract.ts";
import { type ServerStats, type SessionStats, serverStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { LeaveReason } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { type ClassReference, failureFrom } from "./boot.ts";
import { Crew, dataForThread, invalidWorkerData, type Member, type ThreadSettings } from "./crew.ts";
import { countOut, giveBackUnposted } from "./inheritance.ts";
import { Mail } from "./mail.ts";
import type { HostMessage, PeerPort, Serve, ThreadMessage } from "./messages.ts";
import { SharedGate } from "./shared-gate.ts";
import { allocateShared, type SharedBuffers, THREADS_MAX } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";
import { sharedSessionStats, sharedTotals } from "./shared-stats.ts";
import { type SharedView, viewShared } from "./shared-view.ts";

const HANDLE = 0;
const ACCEPTING = 1;
/** How long after the drain a thread may take to say that it is over, before it is ended. */
const OVER_GRACE_MS = 40;

export class ServerHost implements ServerDriver {
  readonly #events: ServerEvents;
  #settings: ServerSettings;
  readonly #threads: ThreadSettings;
  readonly #onStopAsked: (drainMs: number) => void;
  readonly #buffers: SharedBuffers;
  readonly #shared: SharedView;
  readonly #registry: SharedRegistry;
  readonly #announcer: Announcer;
  readonly #caller: EventCaller;
  readonly #mail: Mail;
  readonly #gate: SharedGate;
  readonly #crew: Crew;
  #address: ListenAddress | undefined;
  /** Workers that were assigned so far. */
  #incarnations = 0;
  #state: "starting" | "running" | "stopping" | "ending" = "starting";
  /** Deaths of threads at work, as they are told. */
  readonly #deaths = new WeakSet<LanError>();
  /** Who waits for the threads to say "serving" or, later, "over". */
  readonly #awaited = new Map<number, PromiseWithResolvers<ListenAddress | undefined>>();

  /** @param onStopAsked the subclass called `stop` on a thread */
  constructor(
    events: ServerEvents,
    reference: ClassReference,
    settings: ServerSettings,
    threads: ThreadSettings,
    olderGenerations: number,
    onStopAsked: (drainMs: number) => void,
  ) {
    this.#events = events;
    this.#settings = settings;
    this.#threads = threads;
    this.#onStopAsked = onStopAsked;
    this.#buffers = allocateShared(settings.maxSessions, threads.created);
    this.#shared = viewShared(this.#buffers, HANDLE);
    const { memory, lock, registry } = this.#shared;
    this.#registry = registry;
    registry.beginAbove(olderGenerations);
    this.#announcer = new Announcer("server", events, HANDLE, registry);
    this.#caller = new EventCaller(events, memory.counters(HANDLE), false, null, this.#announcer);
    const onRoom = (id: SessionId): void =>
      this.#caller.call("onSendReady", id, () => events.onSendReady(id));
    this.#mail = new Mail(HANDLE, memory, registry, settings, () => {}, onRoom);
    this.#gate = new SharedGate(memory, lock, HANDLE);
    this.#gate.setRunning(threads.running);
    this.#crew = new Crew(
      reference,
      (thread, message) => this.#onMessage(thread, message),
      (thread, cause) => this.#onDied(thread, cause),
    );
  }

  async listen(): Promise<ListenAddress> {
    try {
      const members = await this.#crew.bringUp(this.#threads.created);
      const serving = members.map((member, i) => this.#assign(i + 1, member));
      const [address] = await Promise.all(serving);
      this.#address = address;
    } catch (error) {
      await this.#end();
      throw error;
    }
    this.#state = "running";
    void this.#crew.keepReserve();
    return this.#address!;
  }

  async stop(drainMs: number): Promise<void> {
    this.#state = "stopping";
    this.#mail.flush();
    const over = this.#crew.threads.map((thread) => this.#await(thread));
    for (const thread of this.#crew.threads) this.#mail.tell(thread, { kind: "stop", drainMs });
    const late = Promise.withResolvers<void>();
    // Leaves must not wait for the turn of a thread that never gives it back.
    const openGate = setTimeout(() => this.#gate.setRunning(THREADS_MAX), drainMs);
    const giveUp = setTimeout(late.resolve, drainMs + OVER_GRACE_MS);
    await Promise.race([Promise.allSettled(over), late.promise]);
    clearTimeout(openGate);
    clearTimeout(giveUp);
    await this.#end();
    for (let thread = 1; thread <= this.#threads.created; thread++)
      this.#countOut(thread, "server-stopped", undefined);
    this.#caller.silence();
  }

  // What the application asks the handle for.

  get sessionCount(): number {
    return this.#registry.count;
  }

  get newestGeneration(): number {
    return this.#registry.newestGeneration;
  }

  /** HOT. @throws LanError PACKET_INVALID, PACKET_TOO_LARGE, PACKET_EMPTY */
  sendPacket(target: SessionId | HostId, packet: Packet): boolean {
    assertSendable(packet, this.#settings);
    return this.#send(target, packet, null);
  }

  broadcast(packet: Packet, targets: Iterable<SessionId | HostId> = this.#registry.joined()): number {
    const frame = frameForMany(packet, this.#settings, Math.random);
    let taken = 0;
    for (const target of targets) if (this.#send(target, packet, frame)) taken++;
    return taken;
  }

  disconnect(target: SessionId | HostId, now: boolean): boolean {
    const id = this.#idOf(target);
    return (
      id !== undefined &&
      (now ? this.#state !== "ending" : this.#state === "running") &&
      this.#mail.disconnect(id, now)
    );
  }

  setHostId(sessionId: SessionId, hostId: HostId, replace: boolean): boolean {
    assertHostId(hostId);
    if (this.#state !== "running" || !this.#mail.isOpen(sessionId)) return false;
    return this.#registry.name(sessionId, hostId, replace);
  }

  setAddresses({ allow, deny }: AddressLists): void {
    this.#settings = { ...this.#settings, allow, deny }; // for the thread that may come in the accepting one's place
    this.#crew.port(ACCEPTING)?.postMessage({ kind: "addresses", allow, deny } satisfies HostMessage);
  }

  stats(): ServerStats {
    const { counters, sessions, queuedBytes } = sharedTotals(this.#shared.memory, this.#registry);
    return serverStats(counters, sessions, queuedBytes, Date.now());
  }

  sessionStats(target: SessionId | HostId): SessionStats | undefined {
    const id = this.#state === "ending" ? undefined : this.#idOf(target);
    return id === undefined ? undefined : sharedSessionStats(this.#shared.memory, this.#registry, id);
  }

  /** While threads are ended the lock is held, and nobody is there to be found by name. */
  #idOf(target: SessionId | HostId): SessionId | undefined {
    if (typeof target !== "string") return target;
    return this.#state === "ending" ? undefined : this.#registry.find(target);
  }

  // The threads.

  /** Makes a member that thread, with ports to all others; resolves when it serves. */
  async #assign(thread: number, member: Member): Promise<ListenAddress | undefined> {
    const { port1, port2 } = new MessageChannel();
    const incarnation = ++this.#incarnations;
    const peers: PeerPort[] = [{ thread: HANDLE, incarnation: 0, port: port2 }];
    for (const other of this.#crew.threads) {
      const between = new MessageChannel();
      peers.push({ thread: other, incarnation: this.#registry.incarnation(other), port: between.port1 });
      const message = { kind: "peer", thread, incarnation, port: between.port2 } as const;
      this.#crew.port(other)?.postMessage(message, [between.port2]);
    }
    const { network: _, ...settings } = this.#settings;
    const { data, ports } = dataForThread(this.#threads.workerData, thread);
    const message: Serve = {
      kind: "serve",
      thread,
      incarnation,
      shared: this.#buffers,
      workerData: data,
      peers,
      settings: { ...settings, address: this.#listenAt() },
      gated: this.#threads.running < this.#threads.created,
      created: this.#threads.created,
      listens: thread === ACCEPTING,
    };
    this.#crew.assign(thread, member);
    this.#registry.setIncarnation(thread, incarnation);
    this.#mail.connect(thread, incarnation, port1);
    const serving = this.#await(thread);
    try {
      member.port.postMessage(message, [...peers.map(({ port }) => port), ...ports]);
    } catch (cause) {
      throw invalidWorkerData(cause); // all else in the message can be cloned
    }
    return serving;
  }

  /** The address as asked for; once it is known, with the port that the system chose. */
  #listenAt(): ServerSettings["address"] {
    const asked = this.#settings.address;
    return "path" in asked || this.#address === undefined
      ? asked
      : { ip: asked.ip, port: this.#address.port };
  }

  /** HOT. */
  #send(target: SessionId | HostId, packet: Packet, frame: Uint8Array | null): boolean {
    const id = this.#idOf(target);
    if (id !== undefined && this.#state === "running" && this.#mail.send(id, packet, frame)) return true;
    if (!this.#announcer.tellsRefusals) return false;
    return this.#announcer.sendRefused(target, packet.length, this.#isOpen(id));
  }

  /** Whether a session takes packets; undefined where there is none. */
  #isOpen(id: SessionId | undefined): boolean | undefined {
    if (id === undefined || this.#registry.ownerOf(id) === 0) return undefined;
    return this.#state === "running" && this.#mail.isOpen(id);
  }

  #await(thread: number): Promise<ListenAddress | undefined> {
    const awaited = Promise.withResolvers<ListenAddress | undefined>();
    this.#awaited.set(thread, awaited);
    return awaited.promise;
  }

  #onMessage(thread: number, message: ThreadMessage): void {
    switch (message.kind) {
      case "serving":
        this.#awaited.get(thread)?.resolve(message.address);
        return;
      case "over":
        this.#awaited.get(thread)?.resolve(undefined);
        return;
      case "failed":
        this.#awaited.get(thread)?.reject(failureFrom(message));
        return;
      case "stop-asked":
        this.#onStopAsked(message.drainMs);
        return;
      case "addresses":
        this.setAddresses(message);
        return;
      case "ready":
      case "joined":
        return; // the crew's, and clients'
    }
  }

  #onDied(thread: number, cause: unknown): void {
    this.#registry.setIncarnation(thread, 0);
    this.#shared.lock.releaseFrom(thread);
    for (const id of giveBackUnposted(this.#shared, thread))
      this.#mail.tell(this.#registry.ownerOf(id), { kind: "given-back", id });
    this.#gate.takeBack(thread);
    this.#countOut(thread, this.#state === "stopping" ? "server-stopped" : "thread-died", cause);
    const error = new LanError("THREAD_DIED", `Cannot go on with thread ${thread}: ${cause}`, { cause });
    this.#deaths.add(error);
    this.#awaited.get(thread)?.reject(error);
    if (this.#state === "starting") return; // told by listen()
    this.#caller.error(error);
    if (this.#state === "running") void this.#replace(thread);
  }

  async #replace(thread: number): Promise<void> {
    while (this.#state === "running") {
      try {
        const member = await this.#crew.replacement();
        if (member === undefined || this.#state !== "running") return; // ended with all others
        await this.#assign(thread, member);
        void this.#crew.keepReserve();
        return;
      } catch (error) {
        if (this.#deaths.has(error as LanError)) return; // told, and being replaced, by #onDied
        this.#caller.error(error as LanError);
        this.#registry.setIncarnation(thread, 0);
        await this.#crew.dismiss(thread);
      }
    }
  }

  #countOut(thread: number, reason: LeaveReason, cause: unknown): void {
    countOut(this.#shared, thread, reason, cause, {
      onLeft: (id, leave, hostId) => this.#announcer.leave(id, hostId, leave, undefined),
      onLeave: (id, leave) =>
        this.#caller.call("onClientLeave", id, () => this.#events.onClientLeave(id, leave)),
    });
  }

  async #end(): Promise<void> {
    this.#state = "ending";
    // Under the lock nobody else holds it: no thread is ended in the middle of what the lock protects.
    this.#shared.lock.acquire();
    await this.#crew.endAll();
    this.#shared.lock.release();
    this.#mail.close();
  }
}
