/**
 * Time, injected: the engine never asks the system for it. Real links use `systemClock`; tests and the
 * in-memory network use a clock that they move by hand.
 */

import { performance } from "node:perf_hooks"; // the global of that name is a getter, and slower

/** A pending call; `cancel` is idempotent and after it the call never happens. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on a monotonic clock with an arbitrary origin. */
  nowMs(): number;
  /** Milliseconds since 1970-01-01 UTC, for what people read. */
  epochMs(): number;
  /**
   * Calls `task` once, `delayMs` from now.
   * @param keepAlive whether the process stays up for it; false for housekeeping.
   */
  after(delayMs: number, task: () => void, keepAlive?: boolean): Timer;
  /**
   * Calls `task` after every byte that had already arrived has been handed to its session. A deadline
   * that woke late asks again here before it judges.
   */
  afterPendingReads(task: () => void): Timer;
}

/** The system's monotonic and wall clocks and its event loop. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),

  after(delayMs, task, keepAlive = false) {
    const timer = setTimeout(task, delayMs);
    if (!keepAlive) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },

  // The loop runs timers, then reads (poll), then immediates. From a timer, the first immediate comes
  // after one poll phase; the second is for a caller that was itself in the poll phase.
  afterPendingReads(task) {
    let pending = setImmediate(() => {
      pending = setImmediate(task);
      pending.unref();
    });
    pending.unref();
    return { cancel: () => clearImmediate(pending) };
  },
};
