/**
 * RSS per idle session: a fresh server process, then a fresh client process that connects --sessions links and says
 * nothing; the server's resident memory after a full collection before and after, divided. Median of --rounds, beside
 * node:net with the hand-written framing.
 *
 *   node bench/memory.ts [--sessions 1000] [--rounds 3] [--peer lanwire,lanwire-1] [--built] [--json FILE]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { choosePlacement, endChildrenWithParent } from "./harness/children.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import type { Plan, Reply } from "./harness/plan.ts";
import { tellProgress } from "./harness/rounds.ts";
import { withPair } from "./harness/run.ts";
import { median } from "./harness/table.ts";
import { BASE, PEERS, type PeerEntry } from "./peers/index.ts";

const { values: given } = parseArgs({
  options: {
    sessions: { type: "string", default: "1000" },
    rounds: { type: "string", default: "3" },
    peer: { type: "string", default: "lanwire,lanwire-1" },
    built: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const SESSIONS = Number(given.sessions);
const PLAN: Plan = {
  pattern: "oneway",
  sizes: [64],
  links: 0,
  idleLinks: SESSIONS,
  window: 1,
  burst: 1,
  latency: false,
};
const SETTLE_MS = 1000;

async function bytesPerSession(entry: PeerEntry): Promise<number> {
  const options = { seconds: 0, warmupSeconds: 0, placement: choosePlacement(), built: given.built };
  let before = 0;
  const after = await withPair(
    entry,
    PLAN,
    options,
    async (server) => {
      await sleep(SETTLE_MS);
      return (await server.ask<Reply>("gc")).rssBytes;
    },
    {
      nodeArguments: ["--expose-gc"],
      async beforeClient(server) {
        await sleep(SETTLE_MS); // a server on threads starts its reserve thread behind
        before = (await server.ask<Reply>("gc")).rssBytes;
      },
    },
  );
  return (after - before) / SESSIONS;
}

async function main(): Promise<void> {
  endChildrenWithParent();
  const machine = thisMachine(choosePlacement());
  console.log(describeMachine(machine));
  console.log(
    `Resident memory of a server per idle session, ${SESSIONS} sessions, median of ${given.rounds} fresh processes\n`,
  );
  const names = [BASE, ...given.peer.split(",")];
  const cases = PEERS.filter((entry) => names.includes(entry.name)).map((entry) => ({
    entry,
    rounds: [] as number[],
    note: "",
  }));
  for (let round = 0; round < Number(given.rounds); round++) {
    for (const each of cases) {
      tellProgress(`round ${round + 1}, ${each.entry.name}`);
      try {
        if (each.note === "") each.rounds.push(await bytesPerSession(each.entry));
      } catch (error) {
        each.note = (error as Error).message.split("\n")[0]!;
      }
    }
  }
  tellProgress("");
  console.log("| server        | KiB per session | least | most |");
  console.log("|---------------|----------------:|------:|-----:|");
  for (const { entry, rounds, note } of cases) {
    const kib = (bytes: number): string => (bytes / 1024).toFixed(1);
    const cells =
      rounds.length === 0
        ? note
        : `${kib(median(rounds)).padStart(15)} | ${kib(Math.min(...rounds)).padStart(5)} | ${kib(Math.max(...rounds)).padStart(4)}`;
    console.log(`| ${entry.name.padEnd(13)} | ${cells} |`);
  }
  if (given.json === undefined) return;
  mkdirSync(dirname(given.json), { recursive: true });
  writeFileSync(given.json, `${JSON.stringify({ machine, given, cases }, undefined, 1)}\n`);
}

await main();
