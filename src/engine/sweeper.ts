/**
 * One timer for the liveness of all sessions of a thread. It keeps no process alive.
 *
 * Where there are many sessions they are swept in slices, spread over the interval: those that joined together would
 * else send their heartbeats together and be thrown out together, and everybody else would wait for that.
 *
 *     |<---------------- interval ---------------->|
 *     | slots 0..15 | 16..31 | ... | 1008..1023    | 0..15 ...       and slots 1024.. with 0.., and so on
 *
 * Invariant: a slot has the same place in every interval, however many others there are.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Lateness } from "../session/lateness.ts";

/** What is swept: sessions, by slot. */
export interface Sweepable {
  /** Slots in use are below this. */
  readonly slots: number;
  at(slot: number): { sweep(nowMs: number, sweepMs: number): void } | undefined;
}

const SLICE_SLOTS = 16;
const SLICES = 64;

export class Sweeper {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #sessions: Sweepable;
  readonly #lateness: Lateness;
  #timer: Timer | null = null;
  /** The next slice, and when the first of this interval was swept. */
  #slice = 0;
  #beganMs = 0;

  /** @param lateness is told when the timer is due, and so how late it comes */
  constructor(clock: Clock, intervalMs: number, sessions: Sweepable, lateness: Lateness = new Lateness()) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#sessions = sessions;
    this.#lateness = lateness;
  }

  start(): void {
    this.#setTimer(this.#clock.nowMs(), this.#intervalMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  readonly #onDue = (): void => {
    const nowMs = this.#clock.nowMs();
    if (this.#slice === 0) this.#beganMs = nowMs;
    do this.#sweep(this.#slice++, nowMs);
    while (this.#slice < this.#slices && this.#dueMs <= nowMs);
    const isLast = this.#slice >= this.#slices;
    const dueMs = isLast ? this.#beganMs + this.#intervalMs : this.#dueMs;
    if (isLast) this.#slice = 0;
    this.#setTimer(nowMs, Math.max(0, dueMs - nowMs));
  };

  #setTimer(nowMs: number, delayMs: number): void {
    this.#lateness.expect(nowMs + delayMs, nowMs);
    this.#timer = this.#clock.after(delayMs, this.#onDue);
  }

  /** How many slices have slots. */
  get #slices(): number {
    return Math.min(SLICES, Math.ceil(this.#sessions.slots / SLICE_SLOTS));
  }

  get #dueMs(): number {
    return this.#beganMs + (this.#slice * this.#intervalMs) / SLICES;
  }

  #sweep(slice: number, nowMs: number): void {
    for (let first = slice * SLICE_SLOTS; first < this.#sessions.slots; first += SLICES * SLICE_SLOTS)
      for (let slot = first; slot < first + SLICE_SLOTS; slot++)
        this.#sessions.at(slot)?.sweep(nowMs, this.#intervalMs);
  }
}
