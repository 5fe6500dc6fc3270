/**
 * A virtual clock that says when a step begins: each of its tasks is one. Between two steps everything that the
 * last one led to (ticks, promises) is over, so a look at a step's beginning sees a settled world.
 */
import { type Timer, VirtualClock } from "../../src/testing.ts";

export class SteppingClock extends VirtualClock {
  /** Tasks that have run. */
  steps = 0;
  /** Milliseconds that the time was moved while a task ran, ever. */
  blockedMs = 0;
  readonly #onStep: () => void;
  readonly #onCrash: (error: unknown) => void;
  #isHalted = false;

  constructor(onStep: () => void, onCrash: (error: unknown) => void) {
    super({ tasksPerInstantMax: 300_000 });
    this.#onStep = onStep;
    this.#onCrash = onCrash;
  }

  override after(delayMs: number, task: () => void, keepAlive?: boolean): Timer {
    return super.after(delayMs, () => this.#step(task), keepAlive);
  }

  override afterPendingReads(task: () => void): Timer {
    return super.afterPendingReads(() => this.#step(task));
  }

  override block(ms: number): void {
    this.blockedMs += ms;
    super.block(ms);
  }

  /** Nothing runs any more: what a history that failed has left behind shall not disturb the next. */
  halt(): void {
    this.#isHalted = true;
  }

  #step(task: () => void): void {
    if (this.#isHalted) return;
    this.steps++;
    this.#onStep();
    try {
      task();
    } catch (error) {
      this.#onCrash(error);
    }
  }
}
