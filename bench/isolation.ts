/**
 * `npm run bench:isolation`: what a server link feels of its process's main thread. One link does round trips,
 * first while the main thread of the server process is idle, then while it works in slices of 5 ms; in one
 * process, one run, for worker threads 0 and 1. Not pinned: the main thread must not be tied to its worker's core.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { endChildrenWithParent, FREE, Unavailable } from "./harness/children.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import { BUSY_SLICE_MS, type Latency, type Plan } from "./harness/plan.ts";
import { tellProgress } from "./harness/rounds.ts";
import { allArrived, askBoth, withPair } from "./harness/run.ts";
import { median } from "./harness/table.ts";
import type { PeerEntry } from "./peers/index.ts";

const { values: given } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "2" },
    warmup: { type: "string", default: "0.5" },
    size: { type: "string", default: "64" },
    threads: { type: "string", default: "0,1" },
    built: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const PLAN: Plan = {
  pattern: "echo",
  sizes: [Number(given.size)],
  links: 1,
  idleLinks: 0,
  window: 1,
  burst: 1,
  latency: true,
};

/** The client's process has nothing else to do in either case, so it needs no thread of its own. */
const entryOf = (threads: number): PeerEntry => ({
  name: `threads ${threads}`,
  module: "lanwire",
  threads,
  clientThreads: 0,
});

interface Round {
  readonly idle: Latency;
  readonly busy: Latency;
}

async function runRound(entry: PeerEntry): Promise<Round> {
  const seconds = Number(given.seconds);
  const warmupSeconds = Number(given.warmup);
  const options = { seconds, warmupSeconds, placement: FREE, built: given.built };
  return await withPair(entry, PLAN, options, async (server, client) => {
    const measure = async (): Promise<Latency> => {
      await sleep(warmupSeconds * 1000);
      await askBoth(server, client, "begin");
      await sleep(seconds * 1000);
      return (await askBoth(server, client, "end"))[1].latency!;
    };
    await askBoth(server, client, "start");
    const idle = await measure();
    await server.ask("busy");
    const busy = await measure();
    await askBoth(server, client, "stop");
    await allArrived(PLAN, server, client);
    return { idle, busy };
  });
}

interface Case {
  readonly entry: PeerEntry;
  readonly rounds: Round[];
  leftOut: string | undefined;
}

function lineOf({ entry, rounds, leftOut }: Case): string {
  if (rounds.length === 0) return `| ${entry.name} | left out: ${leftOut} |`;
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const cells = [
    of(({ idle }) => idle.p50).toFixed(1),
    of(({ busy }) => busy.p50).toFixed(1),
    `${of(({ idle, busy }) => busy.p50 / idle.p50).toFixed(2)}x`,
    of(({ idle }) => idle.p99).toFixed(1),
    of(({ busy }) => busy.p99).toFixed(1),
    `${of(({ idle, busy }) => busy.p99 / idle.p99).toFixed(2)}x`,
  ];
  return `| ${entry.name} | ${cells.map((cell, column) => cell.padStart(HEAD[column + 1]!.length)).join(" | ")} |`;
}

const HEAD = ["worker   ", "p50 us idle", "busy  ", "busy : idle", "p99 us idle", "busy  ", "busy : idle"];

async function main(): Promise<void> {
  endChildrenWithParent();
  const machine = thisMachine(FREE);
  console.log(describeMachine(machine));
  console.log(
    `Round trip of one link, ${given.size} B, ${given.rounds} rounds of ${given.seconds} s each way; busy: the`,
  );
  console.log(`main thread of the server process works in slices of ${BUSY_SLICE_MS} ms without a pause.\n`);
  const cases = given.threads
    .split(",")
    .map((count): Case => ({ entry: entryOf(Number(count)), rounds: [], leftOut: undefined }));
  for (let round = 0; round < Number(given.rounds); round++) {
    for (const each of cases) {
      if (each.leftOut !== undefined) continue;
      tellProgress(`round ${round + 1}, ${each.entry.name}`);
      try {
        each.rounds.push(await runRound(each.entry));
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        each.leftOut = error.message;
      }
    }
  }
  tellProgress("");
  console.log(`| ${HEAD.join(" | ")} |`);
  console.log(
    `|${HEAD.map((cell, column) => (column === 0 ? "-".repeat(cell.length + 2) : `${"-".repeat(cell.length + 1)}:`)).join("|")}|`,
  );
  for (const each of cases) console.log(lineOf(each));
  if (given.json === undefined) return;
  mkdirSync(dirname(given.json), { recursive: true });
  writeFileSync(given.json, `${JSON.stringify({ machine, given, cases }, undefined, 1)}\n`);
}

await main();
