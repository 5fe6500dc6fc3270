/**
 * A lock in shared memory, for the few short pieces that must be whole: names and turns.
 *
 * Nothing inside a critical section allocates, waits or runs user code, and the handle ends a thread only while
 * it holds the lock itself, so threads die outside. Should one die inside all the same (out of memory in the
 * engine's own allocations), the lock is taken from it: by the handle when it hears of the death, or by
 * whoever has waited impossibly long; then what the lock protects is made whole again.
 */
import { hashOfSlot } from "./name-hash.ts";
import { CONTROL, NAME_STRIDE, type SharedMemory, THREADS_MAX, TURN, turnWord } from "./shared-memory.ts";

/** Tries before a waiting thread gives its core away. */
const SPINS = 200;
/** Waits of a millisecond each until a holder counts as dead: a critical section takes a microsecond. */
const PATIENCE = 1000;

export class SharedLock {
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #mark: number;

  /** @param thread who acquires: the word tells who holds the lock, 0 for nobody. */
  constructor(memory: SharedMemory, thread: number) {
    this.#memory = memory;
    this.#words = memory.control;
    this.#mark = thread + 1;
  }

  /** Sequentially consistent (as all Atomics are): what the last holder wrote is visible from here on. */
  acquire(): void {
    for (let tries = 0; ; tries++) {
      const holder = Atomics.compareExchange(this.#words, CONTROL.lock, 0, this.#mark);
      if (holder === 0) return;
      if (tries > SPINS + PATIENCE && this.#takeFrom(holder)) return;
      if (tries > SPINS) Atomics.wait(this.#words, CONTROL.lock, holder, 1);
    }
  }

  release(): void {
    // Only our own: a holder that was thought dead must not free the next one's.
    Atomics.compareExchange(this.#words, CONTROL.lock, this.#mark, 0);
    Atomics.notify(this.#words, CONTROL.lock, 1);
  }

  /** A thread has died: should it have held the lock, it is released. */
  releaseFrom(thread: number): void {
    if (Atomics.load(this.#words, CONTROL.lock) === thread + 1 && this.#takeFrom(thread + 1)) this.release();
  }

  #takeFrom(holder: number): boolean {
    if (Atomics.compareExchange(this.#words, CONTROL.lock, holder, this.#mark) !== holder) return false;
    recountActive(this.#words);
    rebuildNameIndex(this.#memory);
    return true;
  }
}

function recountActive(words: Int32Array): void {
  let active = 0;
  for (let thread = 1; thread <= THREADS_MAX; thread++) {
    if (words[turnWord(thread)] === TURN.active) active++;
  }
  words[CONTROL.active] = active;
}

/** The names in the slots are the truth: a name's length is written last, so a slot has its whole name or none. */
function rebuildNameIndex({ names, nameIndex, maxSessions }: SharedMemory): void {
  const mask = nameIndex.length - 1;
  nameIndex.fill(0);
  for (let slot = 0; slot < maxSessions; slot++) {
    if (names[slot * NAME_STRIDE] === 0) continue;
    let at = hashOfSlot(names, slot) & mask;
    while (nameIndex[at] !== 0) at = (at + 1) & mask;
    nameIndex[at] = slot + 1;
  }
}
