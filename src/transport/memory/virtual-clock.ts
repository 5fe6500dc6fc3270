/**
 * A clock that a test moves by hand.
 *
 *      after(ms > 0) --> timers, by time, then by order of creation
 *                          | advance / until / block move the time to them
 *                          v
 *      after(0) -------> due now, first in, first out --> one task per turn, by itself
 *      afterPendingReads -------------------------------> runs once nothing else is due now
 *
 * What is due now needs nobody to move the clock: each task runs in a real `setImmediate` of its own, so
 * `process.nextTick` queues and promises settle between two tasks, in the same order on every run. Only
 * time waits to be moved.
 *
 * Invariant: tasks run one at a time, never inside a call of the clock, in the order (due time, creation).
 */
import assert from "node:assert/strict";
import { setImmediate as immediate } from "node:timers";
import type { Clock, Timer } from "../../base/clock.ts";
import { milliseconds, readOptions, wholeNumber } from "../../base/options.ts";

/** What `epochMs()` says at virtual time 0: 2026-01-01T00:00:00Z. */
export const VIRTUAL_EPOCH_MS: number = Date.UTC(2026, 0, 1);

/** Options of a `VirtualClock`. */
export interface VirtualClockOptions {
  /**
   * How many tasks may run while the time stands still before `advance` and `until` reject: two sides that
   * answer each other without end at zero latency would never let it move. Default 1 000 000.
   */
  readonly tasksPerInstantMax?: number;
}

/** Options of `VirtualClock.until`. */
export interface UntilOptions {
  /** How much virtual time may pass before it rejects. Default 300 000, five minutes. */
  readonly limitMs?: number;
}

interface Task {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once it ran or was cancelled. */
  run: (() => void) | undefined;
}

/**
 * Turns of the real loop without a task before the present counts as over: lets promises and a
 * `setImmediate` of the application do what they had begun.
 */
const QUIET_TURNS = 2;

/** A clock that stands still until `advance`, `until` or `block` moves it. Starts at 0. */
export class VirtualClock implements Clock {
  readonly #tasksPerInstantMax: number;
  /** Sorted by (atMs, order). */
  readonly #timers: Task[] = [];
  #dueNow: Task[] = [];
  #afterReads: Task[] = [];
  #nowMs = 0;
  #tasksMade = 0;
  #tasksRun = 0;
  #moving = false;

  /** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
  constructor(options: VirtualClockOptions = {}) {
    readOptions(options, ["tasksPerInstantMax"], "make a virtual clock");
    const { tasksPerInstantMax = 1_000_000 } = options;
    this.#tasksPerInstantMax = wholeNumber("tasksPerInstantMax", tasksPerInstantMax, 1, 2 ** 53 - 1);
  }

  /** Virtual milliseconds since the clock was made. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** Virtual time as milliseconds since 1970-01-01 UTC; starts at `VIRTUAL_EPOCH_MS`. */
  epochMs(): number {
    return VIRTUAL_EPOCH_MS + this.#nowMs;
  }

  /** How many tasks wait for the time to move. A test of leaks looks here. */
  get pendingTimers(): number {
    return this.#timers.length;
  }

  /**
   * Calls `task` once, `delayMs` of virtual time from now; with 0 or less it is due now and runs by itself.
   * A virtual timer never keeps the process alive; what is due now does.
   */
  after(delayMs: number, task: () => void, _keepAlive?: boolean): Timer {
    assert(Number.isFinite(delayMs), `Cannot wait ${delayMs} ms: not a finite number`);
    const entry: Task = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#tasksMade++, run: task };
    if (entry.atMs > this.#nowMs) this.#timers.splice(this.#placeOf(entry), 0, entry);
    else this.#arm(this.#dueNow, entry);
    return { cancel: () => this.#cancel(entry) };
  }

  /** Calls `task` once nothing else is due now, so after every byte that had arrived was read. */
  afterPendingReads(task: () => void): Timer {
    const entry: Task = { atMs: this.#nowMs, order: this.#tasksMade++, run: task };
    this.#arm(this.#afterReads, entry);
    return { cancel: () => this.#cancel(entry) };
  }

  /**
   * Moves the time by `ms`, running everything that comes due on the way, each task at its own time. With 0
   * it runs what is due now. Resolves once nothing is left to do at the new time.
   *
   * Rejects when the time cannot move (see `tasksPerInstantMax`) and while another `advance` or `until` of
   * the same clock runs. An error that a task throws is an uncaught exception, as on the real loop.
   */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#nowMs + milliseconds("ms", ms);
    await this.#move(targetMs, () => false);
    this.#jump(Math.max(this.#nowMs, targetMs));
  }

  /**
   * Moves the time from due task to due task, as far as `goal` needs: until the promise settles, whose
   * outcome it passes on, or until the function answers true. Rejects when nothing is scheduled any more
   * or `limitMs` passed without it. The clock knows only of its own tasks: a promise that waits for real
   * input or output is not waited for.
   */
  until<T>(goal: PromiseLike<T>, options?: UntilOptions): Promise<T>;
  until(goal: () => boolean, options?: UntilOptions): Promise<void>;
  async until<T>(goal: PromiseLike<T> | (() => boolean), options: UntilOptions = {}): Promise<T | undefined> {
    const limitMs = milliseconds("limitMs", options.limitMs ?? 300_000);
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    if (typeof goal !== "function") goal.then(settle, settle);
    const limitAtMs = this.#nowMs + limitMs;
    const outcome = await this.#move(limitAtMs, typeof goal === "function" ? goal : () => settled);
    if (outcome === "done") return typeof goal === "function" ? undefined : await goal;
    if (outcome === "nothing is due in time") this.#jump(Math.max(this.#nowMs, limitAtMs));
    const why =
      outcome === "nothing is scheduled"
        ? "nothing is scheduled any more"
        : `limitMs ${limitMs} has passed and ${this.#timers.length} tasks are scheduled`;
    throw new Error(`Cannot reach what was waited for: ${why} (virtual time ${this.#nowMs} ms)`);
  }

  /**
   * Moves the time by `ms` at once, as an event that blocks its thread for so long: nothing runs meanwhile,
   * and what came due runs late, timers before the bytes that arrived.
   */
  block(ms: number): void {
    this.#jump(this.#nowMs + milliseconds("ms", ms));
  }

  async #move(
    limitMs: number,
    done: () => boolean,
  ): Promise<"done" | "nothing is scheduled" | "nothing is due in time"> {
    if (this.#moving) throw new Error("Cannot move the clock: another advance() or until() is moving it");
    this.#moving = true;
    try {
      for (;;) {
        await this.#settle(done);
        if (done()) return "done";
        const next = this.#timers[0];
        if (next === undefined) return "nothing is scheduled";
        if (next.atMs > limitMs) return "nothing is due in time";
        this.#jump(next.atMs);
      }
    } finally {
      this.#moving = false;
    }
  }

  /** Lets everything that is due now run, and what it leads to. */
  async #settle(done: () => boolean): Promise<void> {
    const ranAtStart = this.#tasksRun;
    let quietTurns = 0;
    while (quietTurns < QUIET_TURNS && !done()) {
      const ranBefore = this.#tasksRun;
      await new Promise<void>((resolve) => immediate(resolve));
      const quiet = this.#tasksRun === ranBefore && this.#dueNow.length + this.#afterReads.length === 0;
      quietTurns = quiet ? quietTurns + 1 : 0;
      if (this.#tasksRun - ranAtStart > this.#tasksPerInstantMax) {
        const why = `${this.#tasksPerInstantMax} tasks ran while it stood still (two sides answering each other?)`;
        throw new Error(
          `Cannot move the clock past ${this.#nowMs} ms: ${why}; a latencyMs above 0 lets it move`,
        );
      }
    }
  }

  #jump(toMs: number): void {
    this.#nowMs = toMs;
    for (let next = this.#timers[0]; next !== undefined && next.atMs <= toMs; next = this.#timers[0]) {
      this.#timers.shift();
      this.#arm(this.#dueNow, next);
    }
  }

  /** One immediate for each task, so that the real loop settles ticks and promises between two of them. */
  #arm(queue: Task[], entry: Task): void {
    queue.push(entry);
    immediate(this.#runNext);
  }

  readonly #runNext = (): void => {
    let entry = this.#dueNow.shift();
    while (entry !== undefined && entry.run === undefined) entry = this.#dueNow.shift();
    entry ??= this.#afterReads.shift();
    const run = entry?.run;
    if (entry === undefined || run === undefined) return;
    entry.run = undefined;
    this.#tasksRun++;
    run();
  };

  #cancel(entry: Task): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    const place = this.#placeOf(entry);
    if (this.#timers[place] === entry) this.#timers.splice(place, 1);
  }

  /** Where `entry` is, or belongs, in the sorted timers. */
  #placeOf(entry: Task): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle]!;
      if (other.atMs < entry.atMs || (other.atMs === entry.atMs && other.order < entry.order))
        low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
