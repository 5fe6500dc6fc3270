/**
 * How late this thread is, told by a timer that came late, or has not come yet.
 *
 *     timer due            timer comes: late       judged as before
 *        |----- blocked -------|----- as long again -----|
 *
 * What lies there when a blocked thread looks again has come in all that time. So whoever judges a pace takes that much
 * longer as the time in which it came: a thread that was blocked must not blame its peers.
 */

/** Less is what every busy loop is. */
const LATE_MS_MIN = 100;

export class Lateness {
  #dueMs = Number.POSITIVE_INFINITY;
  #lateMs = 0;
  #untilMs = 0;

  /** The timer is set, and what it was late by the last time is known. */
  expect(dueMs: number, nowMs: number): void {
    const lateMs = nowMs - this.#dueMs;
    if (lateMs >= LATE_MS_MIN) {
      this.#lateMs = Math.max(lateMs, this.lateMs(nowMs));
      this.#untilMs = nowMs + this.#lateMs;
    }
    this.#dueMs = dueMs;
  }

  /** Milliseconds in which nothing was looked at, and which what is read now may have come in; 0 for a thread in time. */
  lateMs(nowMs: number): number {
    const overdueMs = nowMs - this.#dueMs;
    return Math.max(overdueMs >= LATE_MS_MIN ? overdueMs : 0, nowMs < this.#untilMs ? this.#lateMs : 0);
  }
}
