/**
 * Host ids for all threads: one table in shared memory, asked and changed under the lock, so that two threads
 * that claim a name at the same moment get two different answers.
 *
 * A name lies in its session's slot; an open-addressing index (linear probing, entries move up when one
 * before them is removed) finds the slot. The index is at most half full.
 *
 * A name in hand is first spread out into units, so that nothing is allocated under the lock.
 */
import type { HostId } from "../session/session-id.ts";
import { hashOfSlot, hashOfUnits } from "./name-hash.ts";
import type { SharedLock } from "./shared-lock.ts";
import { NAME_STRIDE, type SharedMemory } from "./shared-memory.ts";

export class SharedNames {
  readonly #names: Uint16Array;
  readonly #index: Int32Array;
  readonly #lock: SharedLock;
  /** The name in hand. */
  readonly #units = new Uint16Array(NAME_STRIDE);
  #length = 0;

  constructor(memory: SharedMemory, lock: SharedLock) {
    this.#names = memory.names;
    this.#index = memory.nameIndex;
    this.#lock = lock;
  }

  /** Names a slot, if `mayTake` holds (asked under the lock; it allocates nothing); a name in use moves only with `replace`. */
  set(slot: number, name: HostId, replace: boolean, mayTake: () => boolean): boolean {
    this.#spread(name);
    this.#lock.acquire();
    const taken = mayTake() && this.#take(slot, replace);
    this.#lock.release();
    return taken;
  }

  /** Takes a slot's name; `hide`, under the same lock, ends what `mayTake` asks for. It allocates nothing. */
  clear(slot: number, hide: () => void): void {
    this.#lock.acquire();
    hide();
    this.#remove(slot);
    this.#lock.release();
  }

  /** The slot that has the name, or -1. `look` is shown it under the lock: later it may be another session's. */
  find(name: HostId, look: (slot: number) => void): number {
    this.#spread(name);
    this.#lock.acquire();
    const slot = this.#index[this.#probe()]! - 1;
    if (slot >= 0) look(slot);
    this.#lock.release();
    return slot;
  }

  /** The name of a slot, if `isMeant` holds (asked under the lock; it allocates nothing). */
  get(slot: number, isMeant: () => boolean): HostId | undefined {
    this.#lock.acquire();
    const at = slot * NAME_STRIDE;
    const length = isMeant() ? this.#names[at]! : 0;
    for (let i = 0; i < length; i++) this.#units[i] = this.#names[at + 1 + i]!;
    this.#lock.release();
    return length === 0 ? undefined : String.fromCharCode(...this.#units.subarray(0, length));
  }

  #spread(name: HostId): void {
    this.#length = Math.min(name.length, NAME_STRIDE);
    for (let i = 0; i < this.#length; i++) this.#units[i] = name.charCodeAt(i);
  }

  #take(slot: number, replace: boolean): boolean {
    const holder = this.#index[this.#probe()]! - 1;
    if (holder === slot) return true;
    if (holder >= 0) {
      if (!replace) return false;
      this.#remove(holder);
    }
    this.#remove(slot);
    const at = slot * NAME_STRIDE;
    for (let i = 0; i < this.#length; i++) this.#names[at + 1 + i] = this.#units[i]!;
    this.#names[at] = this.#length; // last: a slot has its whole name or none
    this.#index[this.#probe()] = slot + 1;
    return true;
  }

  #remove(slot: number): void {
    const at = slot * NAME_STRIDE;
    if (this.#names[at] === 0) return;
    const mask = this.#index.length - 1;
    let hole = hashOfSlot(this.#names, slot) & mask;
    while (this.#index[hole] !== slot + 1) hole = (hole + 1) & mask;
    for (let next = (hole + 1) & mask; this.#index[next] !== 0; next = (next + 1) & mask) {
      const home = hashOfSlot(this.#names, this.#index[next]! - 1) & mask;
      // An entry may fill the hole unless its home lies behind the hole.
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        this.#index[hole] = this.#index[next]!;
        hole = next;
      }
    }
    this.#index[hole] = 0;
    this.#names[at] = 0;
  }

  /** The index entry that holds the name in hand, or the empty one where it would go. */
  #probe(): number {
    const mask = this.#index.length - 1;
    let at = hashOfUnits(this.#units, 0, this.#length) & mask;
    while (this.#index[at] !== 0 && !this.#isNamed(this.#index[at]! - 1)) at = (at + 1) & mask;
    return at;
  }

  #isNamed(slot: number): boolean {
    const at = slot * NAME_STRIDE;
    if (this.#names[at] !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (this.#names[at + 1 + i] !== this.#units[i]) return false;
    return true;
  }
}
