/**
 * npm run test:overload -- [--rounds 5] [--seconds 10] [--threads 0] [--seed N] [--semi-space 0] [--realtime]
 *
 * Ten healthy links, measured quiet and then beside 1000 connections that come in a storm and again, 100 that never
 * read, 100 slow-loris and 100 that send garbage; the two by turns, so that whatever else the machine does hits both.
 *
 * Passes where the medians of the healthy links' throughput and p99 stay within 1.5 times of quiet, the server's memory
 * under what its options allow, and everybody leaves for the right reason, the healthy never.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Seen } from "./attackers.ts";
import { boundBytes, boundBytesOf, GARBAGE_BYTES_PER_THREAD } from "./bound.ts";
import { Child, placement } from "./child.ts";
import type { Measured } from "./healthy.ts";
import { LIMITS, ROLES } from "./plan.ts";
import type { Report } from "./server.ts";
import { allThrownOut, leavesWrong } from "./verdict.ts";

const RATIO_MAX = 1.5;
/** Of those that misbehave: where they share a processor with the healthy, they shall not be what these feel. */
const NICENESS = 5;
const MIB = 1024 * 1024;
const SETTLE_MS_MAX = 30_000;
/** Code that never ran is slow, on either side of the comparison: one overload before the first that counts. */
const WARM_UP_SECONDS = 3;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "10" },
    threads: { type: "string", default: "0" },
    /** MiB of the server's young generation; 0 leaves it to V8. */
    "semi-space": { type: "string", default: "0" },
    /** For a busy machine, as root: server and healthy links go before whatever else runs on it. */
    realtime: { type: "boolean", default: false },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
  },
});
const [rounds, seconds, threads] = [values.rounds, values.seconds, values.threads].map(Number) as [
  number,
  number,
  number,
];

/** Helpers of the collector that go first, too, would take long turns with the server on its processor. */
const SERVER_ARGUMENTS = [
  ...(values["semi-space"] === "0" ? [] : [`--max-semi-space-size=${values["semi-space"]}`]),
  ...(values.realtime ? ["--single-threaded-gc"] : []),
];

interface Phase extends Measured {
  readonly serverCpu: number;
}

interface Round {
  readonly quiet: Phase;
  readonly overload: Phase;
}

class Overload {
  readonly #where = placement();
  readonly #server = new Child("server.ts", {}, this.#where.server, {
    nodeArguments: SERVER_ARGUMENTS,
  });
  readonly #healthy = new Child("healthy.ts", {}, this.#where.healthy);
  readonly #attackers = new Child("attackers.ts", { seed: Number(values.seed) }, this.#where.attackers, {
    niceness: NICENESS,
  });
  readonly #rounds: Round[] = [];
  readonly #wrong: string[] = [];
  #port = 0;
  #seen: Seen = {};

  /** Whether it passed. */
  async run(): Promise<boolean> {
    console.log(
      `overload: seed ${values.seed}, ${rounds} rounds, ${threads} worker threads; ${this.#where.note}; server's Node ${SERVER_ARGUMENTS.join(" ")}`,
    );
    if (values.realtime) for (const child of [this.#server, this.#healthy]) await child.goFirst();
    this.#port = await this.#server.ask<number>("start", { threads });
    await this.#healthy.ask("join", { port: this.#port });
    await this.#measure(WARM_UP_SECONDS);
    const quietRss = rssOf(this.#server.pid).now;
    await this.#overload(WARM_UP_SECONDS, 1);
    for (let round = 1; round <= rounds; round++) {
      const quiet = await this.#measure(seconds);
      const overload = await this.#overload(seconds, round + 1);
      this.#rounds.push({ quiet, overload });
      console.log(`round ${round}      ${lineOf("quiet", quiet)}; ${lineOf("overload", overload)}`);
    }
    await this.#finish();
    this.#judgeMemory(rssOf(this.#server.pid).most - quietRss, quietRss);
    await this.#server.ask("stop");
    this.#judgeFigures();
    for (const what of this.#wrong) console.error(`problem: ${what}`);
    console.log(`verdict      ${this.#wrong.length === 0 ? "passed" : "FAILED"}`);
    for (const child of [this.#server, this.#healthy, this.#attackers]) child.kill();
    return this.#wrong.length === 0;
  }

  /** The healthy links' figures beside everybody else; returns once these are gone. */
  async #overload(seconds: number, number: number): Promise<Phase> {
    await this.#attackers.ask("attack", { port: this.#port });
    const phase = await this.#measure(seconds);
    await this.#until(({ tally }) => allThrownOut(tally, number), "all are thrown out who had to be");
    this.#seen = await this.#attackers.ask<Seen>("withdraw");
    await this.#until(({ sessions }) => sessions === ROLES.healthy.count, "only the healthy are left");
    return phase;
  }

  async #measure(seconds: number): Promise<Phase> {
    const before = await this.#server.ask<Report>("report");
    const beganMs = performance.now();
    const measured = await this.#healthy.ask<Measured>("measure", { seconds });
    const after = await this.#server.ask<Report>("report");
    return { ...measured, serverCpu: (after.cpuMs - before.cpuMs) / (performance.now() - beganMs) };
  }

  async #until(holds: (report: Report) => boolean, what: string): Promise<void> {
    const latestMs = performance.now() + SETTLE_MS_MAX;
    while (!holds(await this.#server.ask<Report>("report"))) {
      if (performance.now() > latestMs) {
        this.#wrong.push(`did not happen: ${what}`);
        return;
      }
      await sleep(50);
    }
  }

  async #finish(): Promise<void> {
    const seen = this.#seen;
    const { wrong, echoes } = await this.#healthy.ask<{ wrong: string[]; echoes: number }>("finish");
    this.#wrong.push(...wrong);
    const { tally, refused, errors } = await this.#server.ask<Report>("report");
    console.log(
      `healthy      ${echoes} echoes, ${wrong.length === 0 ? "all in order" : "not as they must be"}`,
    );
    for (const [kind, { joins, refusedSends, left }] of Object.entries(tally)) {
      const saw = seen[kind] === undefined ? "" : `; saw ${JSON.stringify(seen[kind])}`;
      const sends = refusedSends === 0 ? "" : `, refused ${refusedSends} sends`;
      console.log(`${kind.padEnd(12)} ${joins} joins${sends}, left ${JSON.stringify(left)}${saw}`);
    }
    console.log(`refused      ${refused} connections; errors ${JSON.stringify(errors)}`);
    this.#wrong.push(...leavesWrong(tally, seen, rounds + 1));
  }

  #judgeMemory(grown: number, quiet: number): void {
    const { deaf, stuck, trickling } = ROLES;
    const own = boundBytesOf(LIMITS, threads, deaf.count, stuck.count + trickling.count);
    const garbage = Math.max(1, threads) * GARBAGE_BYTES_PER_THREAD;
    console.log(
      `memory       ${mib(quiet)} MiB quiet, at most ${mib(grown)} MiB more; bound ${mib(own)} MiB for these sessions` +
        ` + ${mib(garbage)} MiB of garbage; ${mib(boundBytes(LIMITS, threads))} MiB with every session at every limit`,
    );
    if (grown > own + garbage) this.#wrong.push(`the server grew by ${mib(grown)} MiB`);
  }

  #judgeFigures(): void {
    const medianOf = (when: "quiet" | "overload", figure: keyof Measured): number =>
      median(this.#rounds.map((round) => round[when][figure]));
    const compared = (figure: keyof Measured, digits: number): string => {
      const [quiet, overload] = [medianOf("quiet", figure), medianOf("overload", figure)];
      return `${(overload / quiet).toFixed(2)}x (${quiet.toFixed(digits)} -> ${overload.toFixed(digits)})`;
    };
    console.log(
      `medians      packets/s ${compared("perSecond", 0)}, p50 ms ${compared("p50Ms", 2)}, p99 ms ${compared("p99Ms", 2)}`,
    );
    const throughput = medianOf("overload", "perSecond") / medianOf("quiet", "perSecond");
    const p99 = medianOf("overload", "p99Ms") / medianOf("quiet", "p99Ms");
    if (throughput < 1 / RATIO_MAX) this.#wrong.push(`throughput falls to ${throughput.toFixed(2)} of quiet`);
    if (p99 > RATIO_MAX) this.#wrong.push(`p99 rises to ${p99.toFixed(2)} times that of quiet`);
  }
}

function lineOf(name: string, { perSecond, p50Ms, p99Ms, mostMs, serverCpu }: Phase): string {
  const ms = [p50Ms, p99Ms, mostMs].map((value) => value.toFixed(2)).join(" / ");
  return `${name} ${Math.round(perSecond)}/s, p50/p99/most ${ms} ms, server's processor ${Math.round(100 * serverCpu)} %`;
}

/** Resident memory of a process: at the moment, and the most it ever was. */
function rssOf(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)![1]);
  return { now: kib("VmRSS") * 1024, most: kib("VmHWM") * 1024 };
}

function median(numbers: number[]): number {
  const sorted = numbers.sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)]! + sorted[Math.ceil(sorted.length / 2) - 1]!) / 2;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

if (process.platform !== "linux") {
  console.log(
    "skipped: the parts come from addresses 127.0.x.y and memory is read from /proc, which is Linux",
  );
} else {
  process.exitCode = (await new Overload().run()) ? 0 : 1;
}
