/**
 * Broken frames and random streams against live LanServers in a process of their own, for some seconds and until
 * so many cases were looked at. It fails where the process crashes or grows, where a session delivers or leaves
 * otherwise than the stream tells, or where a healthy session beside it loses an echo. Each connection
 * follows from the seed and its number alone: `only` makes one again.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../../src/testing.ts";
import { Attacker, describe, type Outcome } from "./attacker.ts";
import { HealthyClient } from "./healthy.ts";
import { LINKS } from "./links.ts";
import { growthOf, mib } from "./memory.ts";
import type { MemorySample } from "./messages.ts";
import { Corpus } from "./mutator.ts";
import { makePlan, type Plan } from "./plan.ts";
import { TargetProcess } from "./target-process.ts";

/** Connections at the same time. */
const LANES = 32;
/** A run that has not made its cases in this many times its seconds, and is slower than this, gives up. */
const PATIENCE = 4;
const CASES_PER_SECOND_MIN = 2000;
const SAMPLES = 20;
const PROBLEMS_MAX = 10;

export interface Attack {
  readonly seconds: number;
  readonly cases: number;
  readonly seed: number;
  /** This connection alone. */
  readonly only?: number;
}

/** What became of it. */
export interface AttackOutcome {
  readonly cases: number;
  readonly ms: number;
  readonly failures: number;
}

interface Totals {
  connections: number;
  cases: number;
  swallowed: number;
  bytes: number;
  ms: number;
  readonly reasons: Map<string, number>;
}

/** Problems so far; a run with too many ends. One run in a process. */
let failures = 0;
let hasCrashed = false;

/** The whole run. */
export async function attackServer(options: Attack): Promise<AttackOutcome> {
  const outcome = { cases: 0, ms: 0 };
  let isGivenUp = false;
  const problem = (text: string): void => {
    if (isGivenUp) return;
    if (failures++ < PROBLEMS_MAX) console.error(`problem: ${text}`);
  };
  const secret = randomBytes(16).toString("hex");
  let attacker: Attacker | undefined;
  const onCrash = (): void => {
    isGivenUp = true; // what follows says nothing new
    hasCrashed = true;
    attacker?.giveUp();
  };
  const target = new TargetProcess(
    secret,
    ({ link, sessions }) => attacker?.onLeft(link, sessions),
    onCrash,
    problem,
  );
  try {
    const ports = await target.ports();
    attacker = new Attacker(ports);
    const healthy = LINKS.map((link) => new HealthyClient(link, problem));
    await Promise.all(healthy.map((client, i) => client.join(ports[i]!, secret)));
    const samples: MemorySample[] = [];
    const totals = await attack(options, attacker, target, samples, problem);
    outcome.cases = totals.cases;
    outcome.ms = totals.ms;
    await allButHealthyLeave(target, problem);
    const lost = await Promise.all(healthy.map((client) => client.finish()));
    const stopped = await target.stop();
    if (stopped.joins !== stopped.leaves)
      problem(`${stopped.joins} sessions joined and ${stopped.leaves} left`);
    reportCases(totals, stopped.errors);
    reportHealthy(healthy, lost, problem);
    if (options.only === undefined) reportMemory(samples, problem);
  } catch (error) {
    problem(error instanceof Error ? error.message : String(error));
    isGivenUp = true;
    target.kill();
  }
  return { ...outcome, failures };
}

/** Waits until the healthy sessions are the only ones. */
async function allButHealthyLeave(target: TargetProcess, problem: (text: string) => void): Promise<void> {
  let sessions = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 50 && sessions > LINKS.length; tries++) {
    await delay(100);
    sessions = (await target.memory()).sessions;
  }
  if (sessions !== LINKS.length)
    problem(`${sessions} sessions are there, the healthy ones are ${LINKS.length}`);
}

/** Attacks until the time is over and the cases are made, or something is wrong. */
async function attack(
  { seconds, cases, seed, only }: Attack,
  attacker: Attacker,
  target: TargetProcess,
  samples: MemorySample[],
  problem: (text: string) => void,
): Promise<Totals> {
  const root = new Random(seed);
  const corpus = new Corpus(root);
  const totals: Totals = { connections: 0, cases: 0, swallowed: 0, bytes: 0, ms: 0, reasons: new Map() };
  const carryOut = async (plan: Plan): Promise<void> => {
    try {
      count(totals, plan, await attacker.carryOut(plan), problem);
    } catch (error) {
      problem(`${describe(plan)}: ${(error as Error).message}`);
    }
  };
  if (only !== undefined) {
    const plan = makePlan(root.fork(only), corpus, only);
    console.log(describe(plan), plan.expected);
    await carryOut(plan);
    return totals;
  }
  const beginMs = performance.now();
  const elapsedMs = (): number => performance.now() - beginMs;
  const isOver = (): boolean =>
    hasCrashed ||
    failures >= PROBLEMS_MAX ||
    elapsedMs() > Math.max(PATIENCE * seconds, cases / CASES_PER_SECOND_MIN) * 1000 ||
    (elapsedMs() >= seconds * 1000 && totals.cases >= cases);
  let next = 0;
  const lingering = new Set<Promise<void>>();
  const lane = async (): Promise<void> => {
    while (!isOver()) {
      const index = next++;
      const plan = makePlan(root.fork(index), corpus, index);
      const carriedOut = carryOut(plan);
      if (plan.ending === "fin") await carriedOut;
      else lingering.add(carriedOut);
      void carriedOut.then(() => lingering.delete(carriedOut));
      if (lingering.size > LANES) await carriedOut;
    }
  };
  const watch = async (): Promise<void> => {
    for (let taken = 0; !isOver(); ) {
      await delay(50);
      if (elapsedMs() < (taken * seconds * 1000) / SAMPLES) continue;
      samples.push(await target.memory());
      if (taken++ % 4 === 0) reportProgress(totals, samples, elapsedMs());
    }
  };
  await Promise.all([watch(), ...Array.from({ length: LANES }, lane)]);
  await Promise.all(lingering);
  totals.ms = elapsedMs();
  if (totals.cases < cases) problem(`only ${totals.cases} of ${cases} cases were made`);
  return totals;
}

function count(totals: Totals, plan: Plan, outcome: Outcome, problem: (text: string) => void): void {
  totals.connections++;
  totals.cases += outcome.cases;
  totals.swallowed += plan.swallowed;
  totals.bytes += plan.bytes.length;
  totals.reasons.set(outcome.reason, (totals.reasons.get(outcome.reason) ?? 0) + 1);
  if (outcome.wrong !== undefined) problem(outcome.wrong);
}

function perSecond(n: number, ms: number): string {
  return `${Math.round((n * 1000) / ms)} /s`;
}

function listed(counts: Iterable<readonly [string, number]>): string {
  return [...counts].map(([name, n]) => `${name} ${n}`).join(", ");
}

function reportProgress({ cases, connections }: Totals, samples: readonly MemorySample[], ms: number): void {
  const { rss, heapUsed } = samples.at(-1)!;
  const rate = perSecond(cases, ms);
  console.log(
    `${(ms / 1000).toFixed(1).padStart(6)} s     ${cases} cases, ${rate}, ${connections} connections, ` +
      `rss ${mib(rss)} MiB, heap ${mib(heapUsed)} MiB`,
  );
}

function reportCases(totals: Totals, errors: Readonly<Record<string, number>>): void {
  const { connections, bytes, swallowed, reasons } = totals;
  console.log(
    `             (${swallowed} more were swallowed as payload by a lie before them, and do not count)`,
  );
  console.log(`connections  ${connections}, ${mib(bytes)} MiB; left with ${listed(reasons)}`);
  console.log(`errors       ${listed(Object.entries(errors))}`);
}

function reportHealthy(
  healthy: readonly HealthyClient[],
  lost: readonly number[],
  problem: (text: string) => void,
): void {
  const echoes = healthy.reduce((sum, { echoed }) => sum + echoed, 0);
  const slowestMs = Math.max(...healthy.map((client) => client.slowestMs));
  const lostSum = lost.reduce((sum, n) => sum + n, 0);
  console.log(
    `healthy      ${healthy.length} sessions, ${echoes} echoes, ${lostSum} lost, slowest ${slowestMs.toFixed(0)} ms`,
  );
  if (lostSum > 0) problem(`${lostSum} echoes of healthy sessions were lost`);
}

function reportMemory(samples: readonly MemorySample[], problem: (text: string) => void): void {
  const growth = growthOf(samples);
  if (growth === undefined) {
    console.log("memory       too few samples to tell");
    return;
  }
  const told = growth.map(
    ({ figure, from, to, bound }) => `${figure} ${mib(from)} -> ${mib(to)} MiB (bound +${mib(bound)})`,
  );
  console.log(`memory       ${told.join(", ")}`);
  for (const { figure, from, to, bound } of growth) {
    if (to - from > bound) problem(`${figure} of the server's process grew by ${mib(to - from)} MiB`);
  }
}
