/**
 * This process' real figures, in base units: CPU and memory of all its threads, heap and event-loop delay of the thread
 * that asks. A rate is measured from one `sample()` to the next; the first one from the construction.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { BLOCK } from "./figures.ts";
import type { BaseValue } from "./host-figures.ts";

export interface ProcessFigures {
  /** In cores; over 1 with several busy threads. */
  readonly cpuCores: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** How late the event loop was since the last sample: 99th percentile, and at the worst. */
  readonly loopDelayP99Seconds: number;
  readonly loopDelayMaxSeconds: number;
  readonly uptimeSeconds: number;
}

/** The delay is measured by a timer of so many milliseconds. */
const DELAY_RESOLUTION_MS = 20;
const NANOS = 1e9;

/** Samples this process. Needs `close`, or its delay histogram goes on measuring. It keeps no process alive. */
export class ProcessSampler {
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  constructor() {
    this.#delay.enable();
  }

  sample(): ProcessFigures {
    const atMs = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const micros = Math.max(atMs - this.#atMs, 1) * 1000;
    this.#cpu = process.cpuUsage();
    this.#atMs = atMs;
    const { rss, heapUsed } = process.memoryUsage();
    const [p99, max] = [this.#delay.percentile(99), this.#delay.max];
    const hasTicked = this.#delay.count > 0;
    this.#delay.reset();
    return {
      cpuCores: (user + system) / micros,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      loopDelayP99Seconds: hasTicked ? late(p99) : 0,
      loopDelayMaxSeconds: hasTicked ? late(max) : 0,
      uptimeSeconds: process.uptime(),
    };
  }

  close(): void {
    this.#delay.disable();
  }
}

/** As data types of the process' block, in the order of its table. */
export function processValues(figures: ProcessFigures): BaseValue[] {
  return [
    figures.cpuCores,
    figures.residentBytes,
    figures.heapUsedBytes,
    figures.loopDelayP99Seconds,
    figures.loopDelayMaxSeconds,
    figures.uptimeSeconds,
  ].map((value, offset) => [BLOCK.process + offset, value]);
}

/** The histogram holds the time between two ticks of its timer, in nanoseconds, their own interval included. */
function late(nanos: number): number {
  return Math.max(0, nanos / NANOS - DELAY_RESOLUTION_MS / 1000);
}
