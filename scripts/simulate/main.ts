/**
 * npm run simulate -- [--seconds 60] [--seed N] [--replay SEED]
 *
 * Random histories of whole clusters on the in-memory network, as many as fit into `--seconds`, each from a seed of
 * its own that follows from `--seed`. It ends at the first history in which something is wrong, and says how to
 * run that one again. `--replay` runs one history twice, says whether both were the same, and where it is wrong
 * looks for the fewest of its operations that are enough.
 */
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { type Outcome, runHistory } from "../../test/simulation/history.ts";
import { historySeeds, makePlan, type Plan } from "../../test/simulation/plan.ts";
import { shrink } from "../../test/simulation/shrink.ts";
import { addTally, unmet } from "../../test/simulation/tally.ts";
import type { Tally } from "../../test/simulation/world.ts";

/** From so many histories on, a kind of thing that was never met is a failure. */
const MANY = 2000;
const PROGRESS_MS = 10_000;
/** How many histories may be run to find the shortest that is wrong. */
const SHRINKING_RUNS = 200;

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly replay: number | undefined;
}

const options = optionsFrom(process.argv.slice(2));
const { replay } = options;
process.exitCode = (await (replay === undefined ? simulate(options) : runAgain(replay))) ? 0 : 1;

/** The options, or an end of the process that says what is wrong with them. */
function optionsFrom(args: string[]): Options {
  try {
    return optionsOf(args);
  } catch (error) {
    console.error(`simulate: ${(error as Error).message}`);
    process.exit(1);
  }
}

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: String(randomBytes(4).readUInt32LE()) },
      replay: { type: "string" },
    },
  });
  const number = (name: string, text: string): number => {
    const value = Number(text);
    if (text === "" || !Number.isSafeInteger(value) || value < 0)
      throw new Error(`--${name} takes a whole number, not "${text}"`);
    return value;
  };
  return {
    seconds: number("seconds", values.seconds),
    seed: number("seed", values.seed),
    replay: values.replay === undefined ? undefined : number("replay", values.replay),
  };
}

/** Histories until the time is over or one is wrong; whether all was well. */
async function simulate({ seconds, seed }: Options): Promise<boolean> {
  console.log(`simulate: seed ${seed}, ${seconds} s`);
  const tally: Tally = new Map();
  const sum = { histories: 0, steps: 0, notes: 0, virtualMs: 0 };
  const beganMs = performance.now();
  let toldMs = beganMs;
  for (const historySeed of historySeeds(seed)) {
    const nowMs = performance.now();
    if (nowMs - beganMs >= seconds * 1000) break;
    if (nowMs - toldMs > PROGRESS_MS) {
      console.log(`${progress(sum.histories, nowMs - beganMs)}`);
      toldMs = nowMs;
    }
    const outcome = await runHistory(makePlan(historySeed));
    addTally(tally, outcome.tally);
    sum.histories++;
    sum.steps += outcome.steps;
    sum.notes += outcome.notes;
    sum.virtualMs += outcome.virtualMs;
    if (outcome.violation !== undefined) {
      report(historySeed, outcome);
      return false;
    }
  }
  const ms = performance.now() - beganMs;
  reportTally(tally);
  console.log(progress(sum.histories, ms));
  console.log(
    `${sum.steps} steps, each checked; ${sum.notes} notes in the traces; ` +
      `${(sum.virtualMs / 3_600_000).toFixed(1)} hours of virtual time`,
  );
  const missing = unmet(tally);
  if (missing.length > 0) console.log(`never met: ${missing.join("; ")}`);
  const isWell = missing.length === 0 || sum.histories < MANY;
  console.log(
    isWell ? "verdict: passed" : `verdict: FAILED, ${missing.length} kinds of things were never met`,
  );
  return isWell;
}

/** One history, twice; whether it was well both times, and the same. */
async function runAgain(seed: number): Promise<boolean> {
  const plan = makePlan(seed);
  const { clients, scaleMs, network, server, manners, operations } = plan;
  console.log({ seed, clients: clients.length, scaleMs, network, server: server.options, manners });
  const first = await runHistory(plan);
  const second = await runHistory(makePlan(seed));
  for (const { hash, steps, virtualMs } of [first, second])
    console.log(
      `trace ${hash}: ${operations.length} operations, ${steps} steps, ${virtualMs.toFixed(1)} virtual ms`,
    );
  if (first.violation === undefined) console.log("nothing was wrong");
  else {
    report(seed, first);
    await reportShortest(plan);
  }
  const isSame = first.hash === second.hash;
  console.log(isSame ? "both runs were the same" : "the two runs DIFFER");
  return isSame && first.violation === undefined;
}

/** The fewest operations of a wrong history that are found to be enough, for whoever looks for the cause. */
async function reportShortest(plan: Plan): Promise<void> {
  const shortest = await shrink(plan, SHRINKING_RUNS);
  const { violation, tail } = await runHistory(shortest);
  console.log(`\n${shortest.operations.length} of its operations are enough:`);
  for (const { do: what, gap, hops, a, b, c } of shortest.operations)
    console.log(`  ${what}: gap ${gap}, hops ${hops}, ${a} ${b} ${c}`);
  for (const line of tail) console.log(line);
  console.log(`${violation}`);
}

function report(seed: number, { violation, tail, hash }: Outcome): void {
  console.log("the last things that happened (virtual ms, who, what):");
  for (const line of tail) console.log(line);
  console.log(`\nverdict: FAILED, seed ${seed}, trace ${hash}: ${violation}`);
  console.log(`run this history again with: npm run simulate -- --replay ${seed}`);
}

function reportTally(tally: Tally): void {
  const groups = Map.groupBy([...tally].sort(), ([what]) => what.split(/:? /, 1)[0]!);
  for (const entries of groups.values()) {
    const told = entries.map(
      ([what, times]) => `${what.replace(/^(event|operation:|outcome:|fault:|error:) /, "")} ${times}`,
    );
    const name = entries[0]![0].split(/:? /, 1)[0]!;
    console.log(`${name.padEnd(10)} ${told.join(", ")}`);
  }
}

function progress(histories: number, ms: number): string {
  const { user, system } = process.cpuUsage();
  const perCpuSecond = ((histories * 1e6) / (user + system)).toFixed(1);
  const rate = ((histories * 1000) / ms).toFixed(1);
  return `${histories} histories in ${(ms / 1000).toFixed(1)} s: ${rate} /s, ${perCpuSecond} per second of processor time`;
}
