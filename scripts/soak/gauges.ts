/** What a soak reads off its own process, once a second: figures for the judge, and one line per interval for people. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { ServerStats } from "../../src/index.ts";
import { countDescriptors } from "../../test/threads/fixtures/soak.ts";
import { collect } from "./collect.ts";
import type { Load } from "./load.ts";

export const FIGURES = ["rss", "heap", "buffers", "threadHeap", "threadBuffers", "descriptors"] as const;
export type Figure = (typeof FIGURES)[number];

export type Reading = { readonly atMs: number } & Readonly<Record<Figure, number>>;

const MIB = 1024 * 1024;
const FREED_MS = 20;

export class Gauges {
  readonly readings: Reading[] = [];
  readonly #load: Load;
  readonly #beganMs = performance.now();
  readonly #delay = monitorEventLoopDelay({ resolution: 5 });
  #last: ServerStats;

  constructor(load: Load) {
    this.#load = load;
    this.#last = load.server.stats();
    this.#delay.enable();
  }

  /** Behind a collection, and not while a thread dies: an exhausted heap is 200 MiB. */
  async read(): Promise<void> {
    if (!this.#load.isCalm) return;
    collect();
    await sleep(FREED_MS); // buffers are freed a while after
    const { rss, heapUsed, external } = process.memoryUsage();
    const { heap, buffers } = this.#load.threadMemory;
    this.readings.push({
      atMs: performance.now(),
      rss,
      heap: heapUsed,
      buffers: external,
      threadHeap: heap,
      threadBuffers: buffers,
      descriptors: countDescriptors(),
    });
  }

  /** What happened since the last line; begins the next interval. */
  line(): string {
    const now = this.#load.server.stats();
    const reading = this.readings.at(-1);
    if (reading === undefined) return "not calm yet";
    const { rss, heap, buffers, threadHeap, threadBuffers, descriptors } = reading;
    const seconds = (now.atMs - this.#last.atMs) / 1000;
    const packets = (stats: ServerStats): number => stats.received.packets + stats.sent.packets;
    const rate = Math.round((packets(now) - packets(this.#last)) / seconds);
    const { counts } = this.#load;
    const cells = [
      `${Math.round((performance.now() - this.#beganMs) / 1000)} s`.padStart(6),
      `rss ${mib(rss)} MiB`,
      `heap + buffers ${mib(heap)} + ${mib(buffers)} MiB`,
      `a thread's ${mib(threadHeap)} + ${mib(threadBuffers)} MiB`,
      `${descriptors} descriptors`,
      `loop delay p99 ${ms(this.#delay.percentile(99))} ms, most ${ms(this.#delay.max)} ms`,
      `${now.sessions} sessions`,
      `${rate} packets/s`,
      `${now.accepted} joins`,
      `${counts.kills} kills`,
      `${counts.refused} filled`,
    ];
    this.#last = now;
    this.#delay.reset();
    return cells.join(", ");
  }
}

export function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function ms(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(0);
}
