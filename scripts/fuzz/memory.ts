/**
 * Whether the process under test grows. Samples are taken after a collection, all through the run; the middle of
 * the early ones (behind the warm-up) is compared with the middle of the last ones. What may grow is what the
 * library keeps for reuse, which has bounds of its own, and the sessions that happen to be open.
 */
import type { MemorySample } from "./messages.ts";

const MIB = 1024 * 1024;

type Figure = "heapUsed" | "arrayBuffers" | "rss";

/** What each figure may grow by between the two. */
const BOUNDS: Readonly<Record<Figure, number>> = {
  heapUsed: 3 * MIB,
  arrayBuffers: 24 * MIB,
  rss: 32 * MIB,
};
const SAMPLES_MIN = 8;

export interface Growth {
  readonly figure: Figure;
  readonly from: number;
  readonly to: number;
  readonly bound: number;
}

/** Growth of each figure; undefined where there are too few samples to tell. */
export function growthOf(samples: readonly MemorySample[]): Growth[] | undefined {
  if (samples.length < SAMPLES_MIN) return undefined;
  const fifth = Math.floor(samples.length / 5);
  const early = samples.slice(fifth, 2 * fifth + 1);
  const late = samples.slice(-fifth - 1);
  return (Object.keys(BOUNDS) as Figure[]).map((figure) => ({
    figure,
    from: middle(early.map((sample) => sample[figure])),
    to: middle(late.map((sample) => sample[figure])),
    bound: BOUNDS[figure],
  }));
}

function middle(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

export function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
