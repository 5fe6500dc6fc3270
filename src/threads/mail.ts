/**
 * How the handle and the threads reach each other's sessions: one `Mail` each, a port to every other.
 *
 *     send(id, packet) --reserve--> batch for the owner --end of turn, or full--> port --> owner's Session
 *
 * A packet is taken once its reservation is made; from then on it is under way, and the owner either sends it
 * or counts it as lost with the session. Per sender and session the order is kept: everything for one
 * thread goes through one port, a `disconnect` behind the packets before it.
 */
import type { MessagePort, Transferable } from "node:worker_threads";
import type { Packet } from "../packet/packet.ts";
import { type SessionId, slotOf } from "../session/session-id.ts";
import type { SessionSettings } from "../session/settings.ts";
import { resetSocket } from "../transport/socket.ts";
import { BatchWriter } from "./mail-batch.ts";
import type { MailMessage } from "./messages.ts";
import { Reservations } from "./reservations.ts";
import { type SharedMemory, UNPOSTED_STRIDE } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";

interface Route {
  /** "coming" while the port to a worker that has just come is on its way to us; "gone" once that worker is. */
  port: MessagePort | "coming" | "gone";
  /** Which worker is at the other end. */
  readonly incarnation: number;
  readonly batch: BatchWriter;
  /** What was said before the port came, in order. */
  readonly parked: Parcel[];
}

interface Parcel {
  readonly message: MailMessage;
  readonly transfer: Transferable[];
  /** The sessions that it has packets for. */
  readonly ids: readonly SessionId[];
}

export class Mail {
  readonly #self: number;
  readonly #registry: SharedRegistry;
  readonly #reservations: Reservations;
  readonly #settings: SessionSettings;
  readonly #onMessage: (from: number, message: MailMessage) => void;
  readonly #onRoom: (id: SessionId) => void;
  readonly #routes: (Route | undefined)[] = [];
  /** What waits in our batches, by session slot: given back by the handle should we die before it is posted. */
  readonly #unposted: Float64Array;
  /** By session slot: what the largest packet that was refused, and not told of room since, would have taken. */
  readonly #refused = new Map<number, { readonly id: SessionId; readonly bytes: number }>();
  #flushAsked = false;
  readonly #flush = (): void => this.flush();

  /**
   * @param self this side's number: 0 is the handle
   * @param onRoom a session that refused one of our packets has room again
   */
  constructor(
    self: number,
    memory: SharedMemory,
    registry: SharedRegistry,
    settings: SessionSettings,
    onMessage: (from: number, message: MailMessage) => void,
    onRoom: (id: SessionId) => void,
  ) {
    this.#self = self;
    this.#registry = registry;
    this.#reservations = new Reservations(memory);
    this.#unposted = memory.unposted(self);
    this.#settings = settings;
    this.#onMessage = onMessage;
    this.#onRoom = onRoom;
  }

  /** From now on `thread`, being that worker, is reached through `port`. The port keeps nothing alive. */
  connect(thread: number, incarnation: number, port: MessagePort): void {
    const waiting = this.#routes[thread];
    const route = waiting?.incarnation === incarnation ? waiting : this.#newRoute(thread, incarnation);
    route.port = port;
    for (const parcel of route.parked.splice(0)) this.#send(port, parcel);
    port.on("message", (message: MailMessage) => {
      if (message.kind === "room") this.#onRoomTold(message.id);
      else this.#onMessage(thread, message);
    });
    // A thread that died closes its end, perhaps long before a busy handle hears of it.
    port.on("close", () => {
      route.port = "gone";
    });
    port.unref();
  }

  close(): void {
    for (const route of this.#routes) {
      if (route === undefined) continue;
      if (typeof route.port === "object") route.port.close();
      forget(route);
    }
    this.#routes.length = 0;
  }

  // For sessions of other threads.

  /**
   * Takes a packet for a session of another thread, or not. The packet has passed the checks that throw. HOT.
   * @param frame the same as an encoded frame, where it was encoded for many
   */
  send(id: SessionId, packet: Packet, frame: Uint8Array | null = null): boolean {
    const owner = this.#registry.ownerOf(id);
    const route = this.#routeTo(owner);
    if (route === undefined) return false;
    const reserved = this.#reserve(id, packet);
    if (reserved === "full") this.#refuse(id, this.#settings.header.byteLength + packet.length);
    if (reserved !== "taken") return false;
    if (!route.batch.hasRoom(packet, frame)) this.#post(route);
    this.#noteUnposted(id, packet.length);
    route.batch.append(id, packet, frame);
    if (!this.#flushAsked) {
      this.#flushAsked = true;
      process.nextTick(this.#flush);
    }
    return true;
  }

  /** Whether a session of any thread takes packets. */
  isOpen(id: SessionId): boolean {
    return this.#registry.ownerOf(id) !== 0 && !this.#reservations.isClosed(id);
  }

  /** The worker that we reach as that thread; 0 where none. */
  incarnationOf(thread: number): number {
    return this.#routeTo(thread)?.incarnation ?? 0;
  }

  /** Asks the owner to end a session. False where there is none. */
  disconnect(id: SessionId, now: boolean): boolean {
    const route = this.#routeTo(this.#registry.ownerOf(id));
    if (route === undefined) return false;
    if (!this.#reservations.closeIfOpen(id) && !now) return false; // it leaves already; `now` hurries it
    this.#post(route);
    this.#tell(route, { kind: "disconnect", id, now });
    return true;
  }

  /** Says something to another thread. */
  tell(thread: number, message: MailMessage, transfer: Transferable[] = []): void {
    const route = this.#routes[thread];
    if (route !== undefined) this.#tell(route, message, transfer);
  }

  /** Posts every batch that is begun. */
  flush(): void {
    this.#flushAsked = false;
    for (const route of this.#routes) if (route !== undefined) this.#post(route);
  }

  // Inside.

  /** The way to a thread. That to a worker which has just come begins before its port is here. */
  #routeTo(thread: number): Route | undefined {
    const incarnation = this.#registry.incarnation(thread);
    if (incarnation === 0) return undefined; // nobody there, or the handle, which has no sessions
    const route = this.#routes[thread];
    if (route?.incarnation !== incarnation) return this.#newRoute(thread, incarnation);
    return route.port === "gone" ? undefined : route;
  }

  #newRoute(thread: number, incarnation: number): Route {
    const before = this.#routes[thread];
    if (before !== undefined) forget(before);
    const route: Route = { port: "coming", incarnation, batch: new BatchWriter(), parked: [] };
    this.#routes[thread] = route;
    return route;
  }

  #noteUnposted(id: SessionId, length: number): void {
    const at = slotOf(id) * UNPOSTED_STRIDE;
    const cells = this.#unposted;
    if (cells[at] !== id) {
      cells[at] = id;
      cells[at + 1] = 0;
      cells[at + 2] = 0;
    }
    cells[at + 1]! += 1;
    cells[at + 2]! += this.#settings.header.byteLength + length;
  }

  #reserve(id: SessionId, packet: Packet): "taken" | "full" | "gone" {
    const { header, sendQueueBytesMax } = this.#settings;
    return this.#reservations.reserve(id, header.byteLength + packet.length, sendQueueBytesMax);
  }

  #refuse(id: SessionId, bytes: number): void {
    this.#refused.set(slotOf(id), { id, bytes: Math.max(bytes, this.#refusedBytes(id)) });
    this.#waitForRoom(id);
  }

  #waitForRoom(id: SessionId): void {
    this.#registry.waitForRoom(id, this.#self);
    // Room that came before the owner could see us waiting would never be told.
    if (this.#hasRoom(id))
      setImmediate(() => {
        if (this.#registry.stopWaiting(id, this.#self)) this.#onRoomTold(id);
      });
  }

  /** A write of the session completed. That may be too little: it has room once the largest that was refused fits. */
  #onRoomTold(id: SessionId): void {
    if (!this.isOpen(id)) return;
    if (this.#hasRoom(id)) {
      this.#refused.delete(slotOf(id));
      this.#onRoom(id);
    } else {
      this.#waitForRoom(id);
    }
  }

  #hasRoom(id: SessionId): boolean {
    return this.#reservations.hasRoom(id, this.#refusedBytes(id), this.#settings.sendQueueBytesMax);
  }

  #refusedBytes(id: SessionId): number {
    const refused = this.#refused.get(slotOf(id));
    return refused?.id === id ? refused.bytes : 0;
  }

  #post(route: Route): void {
    if (route.batch.isEmpty) return;
    const { bytes, byteLength, ids } = route.batch.finish();
    this.#tell(route, { kind: "packets", bytes, byteLength }, [bytes], ids);
  }

  #tell(
    route: Route,
    message: MailMessage,
    transfer: Transferable[] = [],
    ids: readonly SessionId[] = [],
  ): void {
    const parcel = { message, transfer, ids };
    if (typeof route.port === "object") this.#send(route.port, parcel);
    else if (route.port === "coming") route.parked.push(parcel);
    else drop(parcel);
  }

  #send(port: MessagePort, { message, transfer, ids }: Parcel): void {
    // First: what were posted and given back too would be subtracted twice, and the reservation is one word with more in it.
    for (const id of ids) this.#unposted[slotOf(id) * UNPOSTED_STRIDE] = 0;
    port.postMessage(message, transfer);
  }
}

/** Nobody is reached that way any more. */
function forget(route: Route): void {
  for (const parcel of route.parked.splice(0)) drop(parcel);
}

/** What was said to a worker that is gone. Its packets are counted out with their sessions; a connection is nobody's. */
function drop({ message }: Parcel): void {
  if (message.kind === "socket") resetSocket(message.socket, message.about);
}
