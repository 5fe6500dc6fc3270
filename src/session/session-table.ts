/** The sessions of one thread, by id: slots to find them fast, ids compared in full to find no other. */
import type { Packet } from "../packet/packet.ts";
import type { Session } from "./session.ts";
import { type SessionId, slotOf } from "./session-id.ts";

export class SessionTable {
  readonly #sessions: (Session | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Slots in use are below this. */
  get slots(): number {
    return this.#sessions.length;
  }

  at(slot: number): Session | undefined {
    return this.#sessions[slot];
  }

  insert(session: Session): void {
    const slot = slotOf(session.id);
    while (this.#sessions.length <= slot) this.#sessions.push(undefined); // no holes: lookups stay fast
    this.#sessions[slot] = session;
    this.#size++;
  }

  remove(session: Session): void {
    this.#sessions[slotOf(session.id)] = undefined;
    this.#size--;
  }

  /** HOT. */
  find(id: SessionId): Session | undefined {
    const session = this.#sessions[slotOf(id)];
    return session !== undefined && session.id === id ? session : undefined;
  }

  /** Sends to every session that takes it; returns how many did. HOT: no iterator. */
  sendToAll(packet: Packet, frame: Uint8Array | null): number {
    const sessions = this.#sessions;
    let taken = 0;
    for (let slot = 0; slot < sessions.length; slot++) if (sessions[slot]?.send(packet, frame)) taken++;
    return taken;
  }

  *ids(): Iterable<SessionId> {
    for (const session of this) yield session.id;
  }

  /** The sessions of this moment; joining and leaving while walking is allowed. */
  *[Symbol.iterator](): Iterator<Session> {
    for (const session of this.#sessions) if (session !== undefined) yield session;
  }
}
