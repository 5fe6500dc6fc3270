/**
 * Places, ids and names of one server's sessions, for all its threads: the shared form of `SessionRegistry`,
 * and which thread owns which session.
 *
 * Invariants: only the accepting thread reserves. A slot is freed by its owner, or by the handle once the
 * owner is dead. A slot's generation rises with each reservation.
 */

import { LEAVE_REASON_ORDER, type Leave } from "../session/leave.ts";
import { generationOf, type HostId, makeSessionId, type SessionId, slotOf } from "../session/session-id.ts";
import type { SessionRegistry } from "../session/session-registry.ts";
import type { SharedLock } from "./shared-lock.ts";
import {
  CONTROL,
  FIGURE_STRIDE,
  incarnationWord,
  loadWord,
  type SharedMemory,
  SLOT,
  SLOT_STRIDE,
} from "./shared-memory.ts";
import { SharedNames } from "./shared-names.ts";

const STATE = 0;
const GENERATION = 1;
const OWNER = 2;
const WAITERS = 3;

/** What a thread that died left of a place. */
export interface Inheritance {
  readonly id: SessionId;
  /** Whether there was a session. */
  readonly wasOpen: boolean;
  /** Whether its join was told. */
  readonly joinTold: boolean;
  /** How it has left, where that was not told. */
  readonly leave: Leave | undefined;
}

export class SharedRegistry implements SessionRegistry {
  readonly #memory: SharedMemory;
  readonly #slots: Int32Array;
  readonly #control: Int32Array;
  readonly #names: SharedNames;
  /** Where the search for a free slot goes on: slots are reused as late as possible. */
  #cursor = 0;

  constructor(memory: SharedMemory, lock: SharedLock) {
    this.#memory = memory;
    this.#slots = memory.slots;
    this.#control = memory.control;
    this.#names = new SharedNames(memory, lock);
  }

  get count(): number {
    return Atomics.load(this.#control, CONTROL.count);
  }

  get hasPlace(): boolean {
    return Atomics.load(this.#control, CONTROL.places) < this.#memory.maxSessions;
  }

  get newestGeneration(): number {
    let newest = 0;
    for (let slot = 0; slot < this.#memory.maxSessions; slot++) {
      newest = Math.max(newest, Atomics.load(this.#slots, slot * SLOT_STRIDE + GENERATION) >>> 0);
    }
    return newest;
  }

  /** Begins above what earlier registries of the same server gave out; before any thread sees the memory. */
  beginAbove(olderGenerations: number): void {
    for (let slot = 0; slot < this.#memory.maxSessions; slot++) {
      this.#slots[slot * SLOT_STRIDE + GENERATION] = olderGenerations;
    }
  }

  holds(id: SessionId): boolean {
    return this.ownerOf(id) !== 0;
  }

  /** Reserves for `owner`, the accepting thread's choice. */
  reserve(owner = 1): SessionId | undefined {
    const { maxSessions } = this.#memory;
    for (let tried = 0; tried < maxSessions; tried++) {
      const slot = this.#cursor;
      this.#cursor = (slot + 1) % maxSessions;
      const at = slot * SLOT_STRIDE;
      if (Atomics.load(this.#slots, at + STATE) !== SLOT.free) continue;
      const generation = Atomics.add(this.#slots, at + GENERATION, 1) + 1;
      Atomics.store(this.#slots, at + OWNER, owner);
      Atomics.store(this.#slots, at + WAITERS, 0);
      Atomics.store(this.#slots, at + STATE, SLOT.reserved);
      Atomics.add(this.#control, CONTROL.count, 1);
      Atomics.add(this.#control, CONTROL.places, 1);
      Atomics.add(this.#control, loadWord(owner), 1);
      return makeSessionId(generation >>> 0, slot);
    }
    return undefined;
  }

  /**
   * Gives a reserved session from the accepting thread to another. "kept" where that one is no longer the worker
   * that is meant. The handle marks a thread dead before it counts out what it owns: so either we see the
   * mark, or it finds the session ("gone": it has been counted out already).
   */
  move(id: SessionId, from: number, to: number, incarnation: number): "moved" | "kept" | "gone" {
    this.#own(id, from, to);
    if (this.incarnation(to) === incarnation) return "moved";
    return this.#own(id, to, from) ? "kept" : "gone";
  }

  /** Which worker is this thread now; 0 while none is. The handle is always 0. */
  incarnation(thread: number): number {
    return Atomics.load(this.#control, incarnationWord(thread));
  }

  setIncarnation(thread: number, incarnation: number): void {
    Atomics.store(this.#control, incarnationWord(thread), incarnation);
  }

  /** From now on the id finds its session. */
  markOpened(id: SessionId): void {
    Atomics.store(this.#slots, slotOf(id) * SLOT_STRIDE + STATE, SLOT.opened);
  }

  joinTold(id: SessionId): void {
    const at = slotOf(id) * SLOT_STRIDE + STATE;
    if (Atomics.compareExchange(this.#slots, at, SLOT.opened, SLOT.joined) === SLOT.opened) return;
    Atomics.compareExchange(this.#slots, at, SLOT.leftUnmet, SLOT.left); // it waited for the thread's turn
  }

  leave(id: SessionId, { reason, notSent }: Leave): void {
    const figures = this.#memory.figures;
    const at = slotOf(id) * FIGURE_STRIDE;
    figures[at] = notSent.packets;
    figures[at + 1] = notSent.bytes;
    figures[at + 2] = LEAVE_REASON_ORDER.indexOf(reason);
    const joinTold = Atomics.load(this.#slots, slotOf(id) * SLOT_STRIDE + STATE) === SLOT.joined;
    this.#hide(id, joinTold ? SLOT.left : SLOT.leftUnmet);
  }

  free(id: SessionId): void {
    const at = slotOf(id) * SLOT_STRIDE;
    const state = Atomics.load(this.#slots, at + STATE);
    if (state !== SLOT.left && state !== SLOT.leftUnmet) this.#hide(id, SLOT.reserved);
    const load = loadWord(Atomics.load(this.#slots, at + OWNER));
    Atomics.store(this.#slots, at + STATE, SLOT.free); // from here on it may be reserved again
    Atomics.sub(this.#control, load, 1);
    Atomics.sub(this.#control, CONTROL.places, 1); // last: who sees a place finds a slot
  }

  name(id: SessionId, hostId: HostId, replace: boolean): boolean {
    return this.#names.set(slotOf(id), hostId, replace, () => this.ownerOf(id) !== 0);
  }

  nameOf(id: SessionId): HostId | undefined {
    return this.#names.get(slotOf(id), () => this.ownerOf(id) !== 0);
  }

  /** The name of a place that is being freed, whoever has it. */
  lastNameOf(id: SessionId): HostId | undefined {
    return this.#names.get(slotOf(id), () => true);
  }

  find(hostId: HostId): SessionId | undefined {
    let generation = 0;
    const slot = this.#names.find(hostId, (found) => {
      generation = Atomics.load(this.#slots, found * SLOT_STRIDE + GENERATION);
    });
    return slot < 0 ? undefined : makeSessionId(generation >>> 0, slot);
  }

  /** The thread that a joined session lives on, or 0 where there is no such session. HOT. */
  ownerOf(id: SessionId): number {
    const slot = slotOf(id);
    if (slot >= this.#memory.maxSessions) return 0;
    const at = slot * SLOT_STRIDE;
    if (!isOpen(Atomics.load(this.#slots, at + STATE))) return 0;
    if (Atomics.load(this.#slots, at + GENERATION) >>> 0 !== generationOf(id)) return 0;
    return Atomics.load(this.#slots, at + OWNER);
  }

  /** Asks to be told when a session that refused has room; see `takeWaiters`. */
  waitForRoom(id: SessionId, thread: number): void {
    Atomics.or(this.#slots, slotOf(id) * SLOT_STRIDE + WAITERS, 1 << thread);
  }

  /**
   * The threads that wait for room, as bits; they are told once. An exchange even where there are none: it is
   * the fence between the owner's new figures and this look at who waits, as `waitForRoom` is on the other side.
   */
  takeWaiters(id: SessionId): number {
    return Atomics.exchange(this.#slots, slotOf(id) * SLOT_STRIDE + WAITERS, 0);
  }

  /** Takes back `waitForRoom`; false where the owner has told us already. */
  stopWaiting(id: SessionId, thread: number): boolean {
    const bit = 1 << thread;
    return (Atomics.and(this.#slots, slotOf(id) * SLOT_STRIDE + WAITERS, ~bit) & bit) !== 0;
  }

  /** Places taken on a thread. */
  load(thread: number): number {
    return Atomics.load(this.#control, loadWord(thread));
  }

  /** The session of a slot, while there is one. */
  joinedAt(slot: number): SessionId | undefined {
    return isOpen(Atomics.load(this.#slots, slot * SLOT_STRIDE + STATE)) ? this.#idOf(slot) : undefined;
  }

  /** The ids of all joined sessions of this moment. */
  *joined(): Iterable<SessionId> {
    for (const [id, state] of this.#taken()) if (isOpen(state)) yield id;
  }

  /** Takes the places of a dead thread for the handle, one by one. */
  *inherit(thread: number): Iterable<Inheritance> {
    for (const [id] of this.#taken()) {
      if (!this.#own(id, thread, 0)) continue;
      const state = Atomics.load(this.#slots, slotOf(id) * SLOT_STRIDE + STATE); // ours: it changes no more
      const hasLeft = state === SLOT.left || state === SLOT.leftUnmet;
      yield {
        id,
        wasOpen: state !== SLOT.reserved,
        joinTold: state === SLOT.joined || state === SLOT.left,
        leave: hasLeft ? this.#leaveOf(id) : undefined,
      };
    }
  }

  /** From here on the id finds nobody, and nobody gives it a name. */
  #hide(id: SessionId, state: number): void {
    const slot = slotOf(id);
    const hide = (): void => void Atomics.store(this.#slots, slot * SLOT_STRIDE + STATE, state);
    // A thread that is ended while it waits for the lock has done nothing yet: its session is there to be counted out.
    this.#names.clear(slot, hide);
    Atomics.sub(this.#control, CONTROL.count, 1);
  }

  /** What `leave` noted. */
  #leaveOf(id: SessionId): Leave {
    const figures = this.#memory.figures;
    const at = slotOf(id) * FIGURE_STRIDE;
    const notSent = { packets: figures[at]!, bytes: figures[at + 1]! };
    return { reason: LEAVE_REASON_ORDER[figures[at + 2]!]!, notSent };
  }

  /** Takes a place from one owner to another, unless it has another owner meanwhile. */
  #own(id: SessionId, from: number, to: number): boolean {
    const at = slotOf(id) * SLOT_STRIDE + OWNER;
    if (Atomics.compareExchange(this.#slots, at, from, to) !== from) return false;
    Atomics.sub(this.#control, loadWord(from), 1);
    Atomics.add(this.#control, loadWord(to), 1);
    return true;
  }

  *#taken(): Iterable<readonly [SessionId, number]> {
    for (let slot = 0; slot < this.#memory.maxSessions; slot++) {
      if (this.#slots[slot * SLOT_STRIDE + STATE] === SLOT.free) continue; // a plain read: most are, and it is quick
      const state = Atomics.load(this.#slots, slot * SLOT_STRIDE + STATE);
      if (state !== SLOT.free) yield [this.#idOf(slot), state];
    }
  }

  #idOf(slot: number): SessionId {
    return makeSessionId(Atomics.load(this.#slots, slot * SLOT_STRIDE + GENERATION) >>> 0, slot);
  }
}

function isOpen(state: number): boolean {
  return state === SLOT.opened || state === SLOT.joined;
}
