/**
 * `npm run bench`: every peer through every workload, rounds interleaved peer by peer, each round in two fresh
 * processes. Prints a table per workload and writes all rounds as JSON. `--help` lists the options.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { choosePlacement, endChildrenWithParent } from "./harness/children.ts";
import { installPeers } from "./harness/install.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import { runWorkload } from "./harness/rounds.ts";
import type { RunOptions } from "./harness/run.ts";
import { tableOf } from "./harness/table.ts";
import { adapt, WORKLOADS } from "./harness/workloads.ts";
import { BASE, PEERS } from "./peers/index.ts";

const HELP = `node bench/main.ts [options]
  --workload NAMES   of ${WORKLOADS.map((workload) => workload.name).join(", ")} (default: all)
  --peer NAMES       of ${PEERS.map((entry) => entry.name).join(", ")}
                     (default: all; ${BASE} is always there)
  --threads LIST     which lanwire variants: 0, 1 or 0,1 (default)
  --rounds N         rounds per peer, interleaved (default 5)
  --seconds N        measured time of a round (default 2), after --warmup N (default 0.5)
  --quick            one round of 0.5 s: does everything run?
  --sizes LIST       message sizes in bytes instead of the workload's, 8 at least, used in turn
  --burst N          messages per turn of the sender's loop    (oneway, large, mixed, broadcast)
  --window N         messages outstanding per link             (roundtrip, echo, links)
  --links N          links, or receivers of a broadcast        --idle-links N    connected and silent beside them
  --cores A,B        processors of server and client
  --built            lanwire from dist/ instead of src/
  --json FILE        where all rounds go (default bench/results/<time>.json)`;

function options() {
  const { values } = parseArgs({
    options: {
      workload: { type: "string" },
      peer: { type: "string" },
      threads: { type: "string", default: "0,1" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      warmup: { type: "string" },
      quick: { type: "boolean", default: false },
      sizes: { type: "string" },
      burst: { type: "string" },
      window: { type: "string" },
      links: { type: "string" },
      "idle-links": { type: "string" },
      cores: { type: "string" },
      built: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  return values;
}

function number(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value >= 0)) throw new Error(`--${name} wants a number, not "${text}"`);
  return value;
}

/** Those of `all` whose names are in a list with commas; all of them without one. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  names: string | undefined,
): readonly T[] {
  if (names === undefined) return all;
  const wanted = names.split(",");
  for (const name of wanted) {
    if (!all.some((each) => each.name === name))
      throw new Error(`There is no "${name}"; there is ${all.map((each) => each.name).join(", ")}`);
  }
  return all.filter((each) => wanted.includes(each.name));
}

async function main(): Promise<void> {
  const given = options();
  if (given.help) {
    console.log(HELP);
    return;
  }
  const threads = given.threads.split(",").map(Number);
  const peers = chosen(PEERS, given.peer === undefined ? undefined : `${BASE},${given.peer}`).filter(
    (entry) => entry.module !== "lanwire" || threads.includes(entry.threads ?? 0),
  );
  const overrides = {
    sizes: given.sizes?.split(",").map(Number),
    links: number(given.links, "links"),
    idleLinks: number(given["idle-links"], "idle-links"),
    window: number(given.window, "window"),
    burst: number(given.burst, "burst"),
  };
  const workloads = chosen(WORKLOADS, given.workload).map((workload) => adapt(workload, overrides));
  const rounds = number(given.rounds, "rounds") ?? (given.quick ? 1 : 5);
  const placement = choosePlacement(given.cores);
  const run: RunOptions = {
    seconds: number(given.seconds, "seconds") ?? (given.quick ? 0.5 : 2),
    warmupSeconds: number(given.warmup, "warmup") ?? (given.quick ? 0.3 : 0.5),
    placement,
    built: given.built,
  };
  endChildrenWithParent();
  await installPeers();

  const machine = thisMachine(placement);
  console.log(describeMachine(machine));
  console.log(`${rounds} rounds of ${run.seconds} s after ${run.warmupSeconds} s\n`);

  const results = [];
  let failedRounds = 0;
  for (const workload of workloads) {
    const rows = await runWorkload(workload, peers, rounds, run);
    console.log(tableOf(workload, rows));
    failedRounds += rows.reduce((sum, row) => sum + row.failedRounds, 0);
    results.push({ ...workload, plan: { ...workload.plan, sizes: [...new Set(workload.plan.sizes)] }, rows });
  }
  const file =
    given.json ??
    fileURLToPath(
      new URL(`./results/${new Date().toISOString().replaceAll(":", "-")}.json`, import.meta.url),
    );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `${JSON.stringify({ machine, rounds, ...run, atMs: Date.now(), workloads: results }, undefined, 1)}\n`,
  );
  if (failedRounds > 0) {
    console.error(`${failedRounds} rounds failed: see above.`);
    process.exitCode = 1;
  }
}

await main();
