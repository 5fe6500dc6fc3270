/**
 * Who has a place, an id and a name: what must be true for a whole server, on however many threads it runs.
 *
 * `LocalRegistry` is the one-thread form; the threads' form lies in shared memory and behaves the same.
 *
 * Invariants: a slot's generation rises each time it is given out, so an old id finds nobody. A host id names
 * at most one session, a session has at most one host id.
 */
import type { Leave } from "./leave.ts";
import { type HostId, makeSessionId, type SessionId, slotOf } from "./session-id.ts";

export interface SessionRegistry {
  /** Sessions that joined, or are about to, and have not left. */
  readonly count: number;
  /** Whether `reserve` would give one. */
  readonly hasPlace: boolean;
  /** The highest generation given out: a later registry of the same server begins above it. */
  readonly newestGeneration: number;
  /** A fresh id with a place, or undefined where all are taken. `free` gives it back. */
  reserve(): SessionId | undefined;
  /** The join is told from here on: should this thread die, somebody waits for the leave. */
  joinTold(id: SessionId): void;
  /** The id finds nobody from now on, and its name is free. Its place is kept for the leave that is to be told. */
  leave(id: SessionId, leave: Leave): void;
  /** Gives the place back, and what `leave` does where that was not called: the leave is told from here on, or there is none. */
  free(id: SessionId): void;
  /** Names a session; where the name is in use, only with `replace`, and the old session stays, nameless. */
  name(id: SessionId, hostId: HostId, replace: boolean): boolean;
  nameOf(id: SessionId): HostId | undefined;
  find(hostId: HostId): SessionId | undefined;
  /** Whether the id has a place still. */
  holds(id: SessionId): boolean;
}

export class LocalRegistry implements SessionRegistry {
  readonly #capacity: number;
  readonly #generations: number[] = [];
  readonly #freeSlots: number[] = [];
  readonly #ids = new Map<HostId, SessionId>();
  readonly #names = new Map<SessionId, HostId>();
  readonly #olderGenerations: number;
  #newestGeneration: number;
  readonly #held = new Set<SessionId>();

  /** @param olderGenerations what earlier registries of the same server gave out. */
  constructor(capacity: number, olderGenerations = 0) {
    this.#capacity = capacity;
    this.#olderGenerations = olderGenerations;
    this.#newestGeneration = olderGenerations;
  }

  get newestGeneration(): number {
    return this.#newestGeneration;
  }

  get count(): number {
    return this.#held.size;
  }

  get hasPlace(): boolean {
    return this.#held.size < this.#capacity;
  }

  reserve(): SessionId | undefined {
    if (!this.hasPlace) return undefined;
    const slot = this.#freeSlots.pop() ?? this.#generations.length;
    const generation = (this.#generations[slot] ?? this.#olderGenerations) + 1;
    this.#generations[slot] = generation;
    this.#newestGeneration = Math.max(this.#newestGeneration, generation);
    const id = makeSessionId(generation, slot);
    this.#held.add(id);
    return id;
  }

  /** Nobody else would have to know. */
  joinTold(): void {}

  leave(id: SessionId): void {
    this.#unname(id);
    this.#held.delete(id);
  }

  free(id: SessionId): void {
    this.leave(id);
    this.#freeSlots.push(slotOf(id));
  }

  name(id: SessionId, hostId: HostId, replace: boolean): boolean {
    const holder = this.#ids.get(hostId);
    if (holder === id) return true;
    if (holder !== undefined) {
      if (!replace) return false;
      this.#unname(holder);
    }
    this.#unname(id);
    this.#ids.set(hostId, id);
    this.#names.set(id, hostId);
    return true;
  }

  nameOf(id: SessionId): HostId | undefined {
    return this.#names.get(id);
  }

  find(hostId: HostId): SessionId | undefined {
    return this.#ids.get(hostId);
  }

  holds(id: SessionId): boolean {
    return this.#held.has(id);
  }

  #unname(id: SessionId): void {
    const hostId = this.#names.get(id);
    if (hostId === undefined) return;
    this.#names.delete(id);
    this.#ids.delete(hostId);
  }
}
