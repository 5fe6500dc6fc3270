/**
 * A server on one of its threads: an engine of its own for the sessions that live here, and the mail to those
 * that live elsewhere. What the subclass asks for inside its events is answered here.
 */
import type { Socket } from "node:net";
import type { MessagePort, Transferable } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import { Announcer } from "../engine/channels.ts";
import type { AddressLists } from "../engine/link-settings.ts";
import { assertHostId, assertSendable, frameForMany } from "../engine/sendable.ts";
import type { ClientInfo, ListenAddress, ServerDriver, ServerEvents } from "../engine/server-contract.ts";
import { ServerEngine } from "../engine/server-engine.ts";
import { type ServerStats, type SessionStats, serverStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import type { Incoming } from "../transport/connection.ts";
import { connectionOf, tcpNetwork } from "../transport/tcp.ts";
import { remoteCause } from "./boot.ts";
import { Mail } from "./mail.ts";
import { readBatch } from "./mail-batch.ts";
import type { HostMessage, MailMessage, Serve, ThreadMessage } from "./messages.ts";
import { SharedCrossing } from "./shared-crossing.ts";
import { SharedGate } from "./shared-gate.ts";
import type { SharedMemory } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";
import { sharedSessionStats, sharedTotals } from "./shared-stats.ts";
import { viewShared } from "./shared-view.ts";

export class ServerThread implements ServerDriver {
  readonly #assignment: Serve;
  readonly #port: MessagePort;
  readonly #settings: Serve["settings"];
  readonly #memory: SharedMemory;
  readonly #registry: SharedRegistry;
  readonly #announcer: Announcer;
  readonly #mail: Mail;
  readonly #crossing: SharedCrossing;
  readonly #engine: ServerEngine;
  readonly #over = Promise.withResolvers<void>();
  #stopped = false;

  constructor(events: ServerEvents, assignment: Serve, port: MessagePort, hasBatchHooks: boolean) {
    const { thread, shared, gated, settings, peers } = assignment;
    const { memory, lock, registry } = viewShared(shared, thread);
    this.#assignment = assignment;
    this.#port = port;
    this.#settings = settings;
    this.#memory = memory;
    this.#registry = registry;
    this.#announcer = new Announcer("server", events, thread, registry);
    const onMail = (_: number, message: MailMessage): void => this.#onMail(message);
    const onRoom = (id: SessionId): void => this.#engine.tellSendReady(id);
    this.#mail = new Mail(thread, memory, registry, settings, onMail, onRoom);
    const tellRoom = (to: number, id: SessionId): void => this.#mail.tell(to, { kind: "room", id });
    this.#crossing = new SharedCrossing(memory, registry, tellRoom);
    this.#engine = new ServerEngine(events, { ...settings, network: tcpNetwork }, hasBatchHooks, {
      thread,
      counters: memory.counters(thread),
      registry,
      crossing: this.#crossing,
      gate: gated ? new SharedGate(memory, lock, thread) : null,
      handOver: (incoming, id, about) => this.#handOver(incoming, id, about),
    });
    for (const peer of peers) this.#mail.connect(peer.thread, peer.incarnation, peer.port);
    port.on("message", (message: HostMessage) => this.#onHost(message));
    process.on("exit", () => this.#mail.flush()); // packets that a dying handler has sent to others go out
    void this.#serve();
  }

  get sessionCount(): number {
    return this.#registry.count;
  }

  get newestGeneration(): number {
    return this.#registry.newestGeneration;
  }

  async listen(): Promise<ListenAddress> {
    throw new LanError("ALREADY_RUNNING", "Cannot start: this instance is one of a running server's threads");
  }

  /** Asks the handle to stop the server; resolves when this thread has run its leaves. */
  async stop(drainMs: number): Promise<void> {
    this.#tell({ kind: "stop-asked", drainMs });
    return this.#over.promise;
  }

  /** HOT. */
  sendPacket(target: SessionId | HostId, packet: Packet): boolean {
    assertSendable(packet, this.#settings);
    return this.#send(target, packet, null);
  }

  broadcast(packet: Packet, targets: Iterable<SessionId | HostId> | undefined): number {
    const frame = frameForMany(packet, this.#settings, Math.random);
    let taken = 0;
    if (targets !== undefined) {
      for (const target of targets) if (this.#send(target, packet, frame)) taken++;
      return taken;
    }
    if (this.#assignment.created > 1) {
      for (const id of this.#registry.joined()) {
        if (this.#engine.find(id) === undefined && this.#sendElsewhere(id, id, packet, frame)) taken++;
      }
    }
    return taken + this.#engine.broadcast(packet, undefined, frame);
  }

  disconnect(target: SessionId | HostId, now: boolean): boolean {
    if (this.#engine.find(target) !== undefined) return this.#engine.disconnect(target, now);
    const id = typeof target === "string" ? this.#registry.find(target) : target;
    return id !== undefined && this.#mail.disconnect(id, now);
  }

  setHostId(sessionId: SessionId, hostId: HostId, replace: boolean): boolean {
    assertHostId(hostId);
    return this.#mail.isOpen(sessionId) && this.#registry.name(sessionId, hostId, replace);
  }

  setAddresses(lists: AddressLists): void {
    this.#tell({ kind: "addresses", ...lists });
  }

  stats(): ServerStats {
    const { counters, sessions, queuedBytes } = sharedTotals(this.#memory, this.#registry);
    return serverStats(counters, sessions, queuedBytes, Date.now());
  }

  sessionStats(target: SessionId | HostId): SessionStats | undefined {
    const id = typeof target === "string" ? this.#registry.find(target) : target;
    return id === undefined ? undefined : sharedSessionStats(this.#memory, this.#registry, id);
  }

  /** HOT. */
  #send(target: SessionId | HostId, packet: Packet, frame: Uint8Array | null): boolean {
    const id = typeof target === "string" ? this.#registry.find(target) : target;
    if (id === undefined) return this.#announcer.sendRefused(target, packet.length, undefined);
    const session = this.#engine.find(id);
    if (session === undefined) return this.#sendElsewhere(target, id, packet, frame);
    return session.send(packet, frame) || this.#announcer.sendRefused(target, packet.length, session.isOpen);
  }

  /** To a session of another thread. HOT. */
  #sendElsewhere(
    target: SessionId | HostId,
    id: SessionId,
    packet: Packet,
    frame: Uint8Array | null,
  ): boolean {
    if (this.#mail.send(id, packet, frame)) return true;
    if (!this.#announcer.tellsRefusals) return false;
    const isOpen = this.#registry.ownerOf(id) === 0 ? undefined : this.#mail.isOpen(id);
    return this.#announcer.sendRefused(target, packet.length, isOpen);
  }

  async #serve(): Promise<void> {
    try {
      this.#tell({
        kind: "serving",
        address: this.#assignment.listens ? await this.#engine.listen() : undefined,
      });
    } catch (error) {
      const { code, message, cause } = error as LanError;
      this.#tell({ kind: "failed", code, message, cause: remoteCause(cause) });
    }
  }

  /** To the least-loaded thread: the admitted connection, or nothing where that is this one. */
  #handOver(incoming: Incoming, id: SessionId, about: Omit<ClientInfo, "thread">): boolean {
    const self = this.#assignment.thread;
    let chosen = self;
    let least = this.#registry.load(self) - 1; // the place is reserved here already
    for (let thread = 1; thread <= this.#assignment.created; thread++) {
      const load = this.#registry.load(thread);
      if (thread !== self && load < least && this.#mail.incarnationOf(thread) !== 0) {
        chosen = thread;
        least = load;
      }
    }
    const socket = chosen === self ? undefined : incoming.detach?.();
    if (socket === undefined) return false;
    const moved = this.#registry.move(id, self, chosen, this.#mail.incarnationOf(chosen));
    if (moved === "kept") return false;
    if (moved === "gone") incoming.refuse();
    else this.#mail.tell(chosen, { kind: "socket", id, about, socket }, [socket as unknown as Transferable]);
    return true;
  }

  #onMail(message: MailMessage): void {
    switch (message.kind) {
      case "packets":
        readBatch(message, (id, packet, frame) => this.#engine.find(id)?.sendReserved(packet, frame));
        return;
      case "disconnect":
        this.#engine.disconnect(message.id, message.now);
        return;
      case "socket":
        this.#takeSocket(message.id, message.about, message.socket);
        return;
      case "stop":
        void this.#stop(message.drainMs);
        return;
      case "given-back":
        this.#crossing.announceRoom(message.id);
        this.#engine.find(message.id)?.flush(); // it may drain, and wait for that alone
        return;
      case "room":
      case "leave":
        return; // the mail's own, and clients'
    }
  }

  #takeSocket(id: SessionId, about: Omit<ClientInfo, "thread">, socket: Socket): void {
    if (this.#stopped) {
      socket.destroy();
      this.#registry.free(id);
    } else {
      this.#engine.join(id, connectionOf(socket, this.#settings), about);
    }
  }

  #onHost(message: HostMessage): void {
    switch (message.kind) {
      case "peer":
        this.#mail.connect(message.thread, message.incarnation, message.port);
        return;
      case "addresses":
        this.#engine.setAddresses(message);
        return;
      case "serve":
      case "connect":
      case "abort":
        return; // said once, or to clients
    }
  }

  async #stop(drainMs: number): Promise<void> {
    await this.#engine.stop(drainMs);
    this.#stopped = true;
    this.#over.resolve();
    this.#tell({ kind: "over" });
  }

  #tell(message: ThreadMessage): void {
    this.#port.postMessage(message);
  }
}
