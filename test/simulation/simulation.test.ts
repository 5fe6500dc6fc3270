/**
 * The simulation itself: some fixed histories are well, a seed is a history to the bit, and a failure would say
 * which. Whether the oracle has teeth is in teeth.test.ts.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Outcome, runHistory } from "./history.ts";
import { historySeeds, makePlan } from "./plan.ts";
import { addTally, unmet } from "./tally.ts";
import type { Tally } from "./world.ts";

const HISTORIES = 25;
const COMMAND = fileURLToPath(new URL("../../scripts/simulate/main.ts", import.meta.url));

/** Seeds of small clusters and of large ones, calm and rough: whatever the first seed gives. */
function someSeeds(count: number, from = 2026): number[] {
  const seeds = historySeeds(from);
  return Array.from({ length: count }, () => seeds.next().value);
}

async function well(seed: number): Promise<Outcome> {
  const outcome = await runHistory(makePlan(seed));
  const { violation, tail } = outcome;
  const again = `again with: npm run simulate -- --replay ${seed}`;
  assert.equal(violation, undefined, [`seed ${seed}`, again, ...tail].join("\n"));
  return outcome;
}

test(`${HISTORIES} histories from one seed are well, and reach nearly everything`, async () => {
  const tally: Tally = new Map();
  for (const seed of someSeeds(HISTORIES)) addTally(tally, (await well(seed)).tally);
  const missing = unmet(tally);
  assert(missing.length < 10, `never met: ${missing.join("; ")}`);
});

test("a seed gives the same history, whatever ran before it", async () => {
  const seeds = someSeeds(6, 7);
  const first: Outcome[] = [];
  for (const seed of seeds) first.push(await well(seed));
  assert.equal(
    new Set(first.map(({ hash }) => hash)).size,
    seeds.length,
    "seeds give histories of their own",
  );
  for (const [at, seed] of [...seeds.entries()].reverse()) {
    const { hash, steps, notes, virtualMs } = await well(seed);
    const before = first[at]!;
    assert.deepEqual(
      { hash, steps, notes, virtualMs },
      { hash: before.hash, steps: before.steps, notes: before.notes, virtualMs: before.virtualMs },
    );
  }
});

test("a seed gives the same history in another process: npm run simulate -- --replay", async () => {
  const seed = someSeeds(1, 3)[0]!;
  const { hash } = await well(seed);
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, "--replay", String(seed)]);
  assert.equal(stdout.split(`trace ${hash}`).length, 3, stdout);
  assert.match(stdout, /both runs were the same/);
});

test("a history of which one operation is left out has another trace", async () => {
  const seed = someSeeds(1, 5)[0]!;
  const plan = makePlan(seed);
  const { hash } = await well(seed);
  const without = await runHistory({ ...plan, operations: plan.operations.slice(0, -1) });
  assert.notEqual(without.hash, hash);
});

test("the command refuses what it does not know", async () => {
  const run = (...args: string[]): Promise<unknown> =>
    promisify(execFile)(process.execPath, [COMMAND, ...args]);
  await assert.rejects(run("--seed", "x"), /--seed takes a whole number/);
  await assert.rejects(run("--second", "1"), /Unknown option/);
});
