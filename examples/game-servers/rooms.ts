/** Who is in which room. Invariant: no room is empty, so the table is as large as what is used of it. */
// In a project of your own: from "lanwire".
import type { SessionId } from "../../src/index.ts";

export class Rooms {
  readonly #rooms = new Map<number, Set<SessionId>>();

  get size(): number {
    return this.#rooms.size;
  }

  members(room: number): Iterable<SessionId> {
    return this.#rooms.get(room) ?? [];
  }

  enter(room: number, id: SessionId): void {
    const members = this.#rooms.get(room);
    if (members === undefined) this.#rooms.set(room, new Set([id]));
    else members.add(id);
  }

  depart(room: number, id: SessionId): void {
    const members = this.#rooms.get(room);
    members?.delete(id);
    if (members?.size === 0) this.#rooms.delete(room);
  }
}
