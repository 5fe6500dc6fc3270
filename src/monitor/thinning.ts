/**
 * Many values as few points: everything that falls into one step becomes one point with its least, its average and its
 * greatest. An average weighs each value alike, however many were put together before.
 *
 *     values   . . . . | . . .   | .       the steps begin at whole multiples of their length
 *     points   (min avg max) (min avg max) ...
 */
import { POINTS_MAX, type Series } from "./api.ts";

type Point = Series["points"][number];

/** What some values come to. */
export interface Sum {
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
}

/**
 * The shortest step, in multiples of `unitMs`, that covers [fromMs, toMs] with at most `POINTS_MAX` points.
 */
export function stepOf(fromMs: number, toMs: number, unitMs: number): number {
  const steps = (stepMs: number): number => Math.floor(toMs / stepMs) - Math.floor(fromMs / stepMs) + 1;
  let step = Math.max(1, Math.floor((toMs - fromMs) / unitMs / POINTS_MAX));
  while (steps(step * unitMs) > POINTS_MAX) step++;
  return step * unitMs;
}

/** Puts sums together, step by step; a step is as long as whoever made this says, in units of `add`. */
export class StepSums {
  readonly #step: number;
  /** One per step that has values, in order; `at` is where the step begins. */
  readonly sums: { readonly at: number; min: number; max: number; sum: number; count: number }[] = [];

  constructor(step: number) {
    this.#step = step;
  }

  /** @param at - not before that of the call before. */
  add(at: number, { min, max, sum, count }: Sum): void {
    const start = Math.floor(at / this.#step) * this.#step;
    const last = this.sums.at(-1);
    if (last === undefined || last.at !== start) {
      this.sums.push({ at: start, min, max, sum, count });
      return;
    }
    last.min = Math.min(last.min, min);
    last.max = Math.max(last.max, max);
    last.sum += sum;
    last.count += count;
  }

  /** With averages; a step of `add` is `unitMs` long. */
  points(unitMs: number): Point[] {
    return this.sums.map(({ at, min, max, sum, count }) => [at * unitMs, min, sum / count, max] as const);
  }
}
