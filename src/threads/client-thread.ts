/** A client on a thread of its own: an engine there, and the mail for what the handle sends. */
import type { MessagePort } from "node:worker_threads";
import type { LanError } from "../base/errors.ts";
import { type ClientDriver, ClientEngine, type ClientEvents } from "../engine/client-engine.ts";
import type { ClientStats } from "../engine/stats.ts";
import type { Packet } from "../packet/packet.ts";
import type { SessionId } from "../session/session-id.ts";
import { tcpNetwork } from "../transport/tcp.ts";
import { remoteCause } from "./boot.ts";
import { Mail } from "./mail.ts";
import { readBatch } from "./mail-batch.ts";
import type { Connect, HostMessage, MailMessage, ThreadMessage } from "./messages.ts";
import { SharedCrossing } from "./shared-crossing.ts";
import { viewShared } from "./shared-view.ts";

export class ClientThread implements ClientDriver {
  readonly #port: MessagePort;
  readonly #mail: Mail;
  readonly #engine: ClientEngine;
  readonly #abort = new AbortController();
  readonly #running: { joined: Promise<void>; over: Promise<void> };

  constructor(events: ClientEvents, assignment: Connect, port: MessagePort, hasBatchHooks: boolean) {
    const { thread, shared, peers } = assignment;
    const settings = { ...assignment.settings, network: tcpNetwork, signal: this.#abort.signal };
    const { memory, registry } = viewShared(shared, thread);
    this.#port = port;
    const onMail = (_: number, message: MailMessage): void => this.#onMail(message);
    this.#mail = new Mail(thread, memory, registry, settings, onMail, () => {});
    const tellRoom = (to: number, id: SessionId): void => this.#mail.tell(to, { kind: "room", id });
    this.#engine = new ClientEngine(events, settings, hasBatchHooks, {
      thread,
      counters: memory.counters(thread),
      registry,
      crossing: new SharedCrossing(memory, registry, tellRoom),
    });
    for (const peer of peers) this.#mail.connect(peer.thread, peer.incarnation, peer.port);
    port.on("message", (message: HostMessage) => this.#onHost(message));
    this.#running = this.#engine.connect();
    void this.#report();
  }

  connect(): { joined: Promise<void>; over: Promise<void> } {
    return this.#running;
  }

  disconnect(now: boolean): Promise<void> {
    return this.#engine.disconnect(now);
  }

  /** HOT. */
  sendPacket(packet: Packet): boolean {
    return this.#engine.sendPacket(packet);
  }

  stats(): ClientStats {
    return this.#engine.stats();
  }

  async #report(): Promise<void> {
    try {
      await this.#running.joined;
      this.#tell({ kind: "joined" });
    } catch (error) {
      const { code, message, cause } = error as LanError;
      this.#tell({ kind: "failed", code, message, cause: remoteCause(cause) });
    }
    await this.#running.over;
    this.#tell({ kind: "over" });
  }

  #onMail(message: MailMessage): void {
    if (message.kind === "leave") void this.#engine.disconnect(message.now);
    if (message.kind !== "packets") return; // nothing else is said to a client
    readBatch(message, (id, packet, frame) => {
      const { session } = this.#engine;
      if (session?.id === id) session.sendReserved(packet, frame);
    });
  }

  #onHost(message: HostMessage): void {
    switch (message.kind) {
      case "abort":
        this.#abort.abort();
        return;
      case "serve":
      case "connect":
      case "peer":
        return; // said once, or to servers
    }
  }

  #tell(message: ThreadMessage): void {
    this.#port.postMessage(message);
  }
}
