/**
 * How many threads may be in events at the same moment, as IOCP's concurrency value.
 *
 *     turn word:  idle --place free--> active --batch over--> idle
 *                 idle --none free--> waiting --first in line--> active       (ticket: the line's order)
 *
 * A thread that waits does not block: its loop goes on, and a notification tells it that its turn has come.
 * Everything that a thread holds here is in its own words, so the turn of a thread that died can be taken back.
 *
 * Invariant, under the lock: `active` is the number of turn words that say active, at most `running`; while
 * one says waiting, no place is free.
 */
import type { Gate } from "../engine/event-caller.ts";
import type { SharedLock } from "./shared-lock.ts";
import { CONTROL, type SharedMemory, THREADS_MAX, TURN, ticketWord, turnWord } from "./shared-memory.ts";

export class SharedGate implements Gate {
  readonly #words: Int32Array;
  readonly #lock: SharedLock;
  readonly #thread: number;

  constructor(memory: SharedMemory, lock: SharedLock, thread: number) {
    this.#words = memory.control;
    this.#lock = lock;
    this.#thread = thread;
  }

  tryEnter(): boolean {
    this.#lock.acquire();
    const free = this.#words[CONTROL.active]! < this.#words[CONTROL.running]! && this.#firstInLine() === 0;
    if (free) this.#activate(this.#thread);
    this.#lock.release();
    return free;
  }

  enterLater(turn: () => void): void {
    const word = turnWord(this.#thread);
    this.#lock.acquire();
    Atomics.store(this.#words, word, TURN.waiting);
    this.#words[CONTROL.nextTicket]! += 1;
    this.#words[ticketWord(this.#thread)] = this.#words[CONTROL.nextTicket]!;
    this.#grant();
    this.#lock.release();
    const waiting = Atomics.waitAsync(this.#words, word, TURN.waiting);
    if (waiting.async) void waiting.value.then(turn);
    else setImmediate(turn); // granted already
  }

  leave(): void {
    this.takeBack(this.#thread);
  }

  /** Ends whatever a thread holds or waits for: its own, or that of one that died. */
  takeBack(thread: number): void {
    this.#lock.acquire();
    const word = turnWord(thread);
    if (this.#words[word] === TURN.active) this.#words[CONTROL.active]! -= 1;
    Atomics.store(this.#words, word, TURN.idle);
    this.#grant();
    this.#lock.release();
  }

  /** How many may be in events from now on. */
  setRunning(running: number): void {
    this.#lock.acquire();
    this.#words[CONTROL.running] = running;
    this.#grant();
    this.#lock.release();
  }

  #grant(): void {
    while (this.#words[CONTROL.active]! < this.#words[CONTROL.running]!) {
      const next = this.#firstInLine();
      if (next === 0) return;
      this.#activate(next);
      Atomics.notify(this.#words, turnWord(next));
    }
  }

  #activate(thread: number): void {
    Atomics.store(this.#words, turnWord(thread), TURN.active);
    this.#words[CONTROL.active]! += 1;
  }

  /** The waiting thread with the oldest ticket, or 0. Tickets wrap; their distance does not. */
  #firstInLine(): number {
    const newest = this.#words[CONTROL.nextTicket]!;
    let first = 0;
    let age = -1;
    for (let thread = 1; thread <= THREADS_MAX; thread++) {
      const waited = (newest - this.#words[ticketWord(thread)]!) >>> 0;
      if (this.#words[turnWord(thread)] === TURN.waiting && waited > age) {
        first = thread;
        age = waited;
      }
    }
    return first;
  }
}
