/**
 * What `bench` measures: latencies as percentiles (perf_hooks' histogram, three figures exact) and as counts by powers of
 * two for the drawing; and how late messages left where there is a rate.
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

const NANOS_PER_MS = 1e6;
const HOUR_NANOS = 3600e9;

/** From, below, how many; microseconds. */
export type Bucket = readonly [fromMicros: number, belowMicros: number, count: number];

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Latencies {
  count = 0;
  readonly #latencies = histogram();
  readonly #lateness = histogram();
  /** Index 0: below 1 us; i: from 2^(i-1) us up to below 2^i us. */
  readonly #buckets = new Float64Array(33);

  /** HOT. */
  add(ms: number): void {
    this.count++;
    record(this.#latencies, ms);
    this.#buckets[32 - Math.clz32(Math.min(ms * 1000, 0xffff_ffff))]!++;
  }

  /** How long after its time a message left. HOT. */
  late(ms: number): void {
    record(this.#lateness, ms);
  }

  get micros(): Percentiles {
    return percentilesOf(this.#latencies);
  }

  get lateMicros(): Percentiles {
    return percentilesOf(this.#lateness);
  }

  /** Those from the first to the last that is not empty. */
  get buckets(): Bucket[] {
    const all = [...this.#buckets].map((count, i): Bucket => [i === 0 ? 0 : 2 ** (i - 1), 2 ** i, count]);
    const first = all.findIndex(([, , count]) => count > 0);
    const last = all.findLastIndex(([, , count]) => count > 0);
    return first < 0 ? [] : all.slice(first, last + 1);
  }
}

function histogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: HOUR_NANOS, figures: 3 });
}

function record(into: RecordableHistogram, ms: number): void {
  into.record(Math.min(HOUR_NANOS, Math.max(1, Math.round(ms * NANOS_PER_MS))));
}

function percentilesOf(of: RecordableHistogram): Percentiles {
  if (of.count === 0) return { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const at = (percentile: number): number => of.percentile(percentile) / 1000;
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: of.max / 1000 };
}
