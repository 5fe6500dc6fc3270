/**
 * When messages are due: at once, as long as there is room, or evenly at `--rate`.
 *
 *     dueMs(n) = startMs + n / rate          of the whole run, whatever became of the messages before
 *
 * Invariant: a schedule never waits for answers. A message that leaves late, because the peer or this process was slow,
 * keeps the time at which it was due, and its latency counts from there: a stall is felt by every message that it
 * held back, not by one alone. (Leaving those out is known as coordinated omission.)
 */

export class Schedule {
  readonly startMs: number;
  #endMs: number;
  /** How many messages the run has; Infinity without a rate. */
  #total: number;
  /** Milliseconds between two messages; 0 without a rate. */
  readonly #stepMs: number;

  /** @param rate messages per second, or undefined for as many as go */
  constructor(startMs: number, seconds: number, rate: number | undefined) {
    this.startMs = startMs;
    this.#endMs = startMs + seconds * 1000;
    this.#stepMs = rate === undefined ? 0 : 1000 / rate;
    this.#total = rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.round(seconds * rate));
  }

  get endMs(): number {
    return this.#endMs;
  }

  get hasRate(): boolean {
    return this.#stepMs > 0;
  }

  /** The run ends earlier than it should: only what was due by then was asked for. */
  cut(nowMs: number): void {
    if (nowMs >= this.#endMs) return;
    this.#endMs = nowMs;
    if (this.hasRate) this.#total = Math.min(this.#total, Math.floor((nowMs - this.startMs) / this.#stepMs));
  }

  /** When message `n` of the run, counted from 0 over all links, is due. */
  dueMs(n: number): number {
    return this.startMs + n * this.#stepMs;
  }

  /** Whether message `n` belongs to the run and its time has come. HOT. */
  isDue(n: number, nowMs: number): boolean {
    return this.#stepMs === 0 ? nowMs < this.#endMs : n < this.#total && this.dueMs(n) <= nowMs;
  }

  /** How many of the messages n, n + step, n + 2 step ... the run has; none without a rate. */
  remaining(n: number, step: number): number {
    return this.hasRate ? Math.max(0, Math.ceil((this.#total - n) / step)) : 0;
  }
}
