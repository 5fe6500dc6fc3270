/**
 * npm run soak -- [--minutes 10] [--seed N] [--interval SECONDS] [--threads 4] [--links 24] [--clients 4]
 *
 * A server on worker threads, links by hand and LanClients, in one process, under load while sessions come and go, queues
 * refuse and threads die. Prints a line per interval. Fails where memory or descriptors grow over the second half
 * of the run, where a packet is lost or out of order, or where joins and leaves differ.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { FIGURES, type Figure, Gauges, mib, type Reading } from "./gauges.ts";
import { Load } from "./load.ts";
import { trendOf } from "./slope.ts";

const MIB = 1024 * 1024;
/**
 * What each figure may grow by over the second half of a run, however long that is: noise, and what is kept for reuse.
 * Resident memory: the allocator takes minutes to find its size where threads die, so a short run sees it grow.
 * Descriptors: those of two threads that are being replaced, and of their links.
 */
const BOUNDS: Readonly<Record<Figure, number>> = {
  rss: 64 * MIB,
  heap: 2 * MIB,
  buffers: 6 * MIB,
  threadHeap: 1 * MIB,
  threadBuffers: 6 * MIB,
  descriptors: 16,
};
/** Heap of each thread, so that it is exhausted soon; see the kills. */
const HEAP_MIB = 192;
const READ_EVERY_MS = 1000;
const KILL_EVERY_MS = 5000;
const STALL_EVERY_MS = 2000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    interval: { type: "string", default: "10" },
    threads: { type: "string", default: "4" },
    links: { type: "string", default: "24" },
    clients: { type: "string", default: "4" },
  },
});

/** The whole run; whether it passed. */
async function run(): Promise<boolean> {
  const durationMs = Number(values.minutes) * 60_000;
  const load = new Load({
    seed: Number(values.seed),
    threads: Number(values.threads),
    links: Number(values.links),
    clients: Number(values.clients),
    killEveryMs: KILL_EVERY_MS,
    stallEveryMs: STALL_EVERY_MS,
  });
  await load.begin();
  const gauges = new Gauges(load);
  const beganMs = performance.now();
  const elapsedMs = (): number => performance.now() - beganMs;
  let linesMs = 0;
  while (elapsedMs() < durationMs && load.wrong.length === 0) {
    await sleep(READ_EVERY_MS);
    await gauges.read();
    if (elapsedMs() < linesMs + Number(values.interval) * 1000) continue;
    linesMs = elapsedMs();
    console.log(gauges.line());
  }
  if (load.wrong.length === 0) await load.end();
  const { left } = load.server.stats();
  if (load.wrong.length === 0) {
    for (const figure of FIGURES) judge(load, figure, gauges.readings);
    await load.server.stop();
  }
  console.log(`counted      ${JSON.stringify({ ...load.counts, left })}`);
  for (const what of load.wrong) console.error(`problem: ${what}`);
  console.log(`verdict      ${load.wrong.length === 0 ? "passed" : `FAILED, seed ${values.seed}`}`);
  return load.wrong.length === 0;
}

function judge(load: Load, figure: Figure, readings: readonly Reading[]): void {
  const trend = trendOf(readings.map((reading) => ({ atMs: reading.atMs, value: reading[figure] })));
  const told = (value: number): string => (figure === "descriptors" ? value.toFixed(1) : `${mib(value)} MiB`);
  const bound = BOUNDS[figure];
  console.log(
    `${figure.padEnd(13)} ${told(trend.from)} -> ${told(trend.to)}, ${told(trend.perMinute)} a minute, ` +
      `${told(trend.growth)} over the half (bound ${told(bound)})`,
  );
  if (trend.growth > bound) load.fail(`${figure} grew by ${told(trend.growth)} over the second half`);
}

for (const value of ["minutes", "seed", "interval", "threads", "links", "clients"] as const) {
  if (!(Number(values[value]) >= 0)) throw new Error(`--${value} takes a number, not "${values[value]}"`);
}
setFlagsFromString(`--max-old-space-size=${HEAP_MIB}`);
console.log(`soak: seed ${values.seed}, ${values.minutes} minutes, ${values.threads} threads`);
process.exitCode = (await run()) ? 0 : 1;
if (process.exitCode !== 0) process.exit(); // what hangs is not waited for
