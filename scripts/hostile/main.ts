/**
 * npm run test:hostile -- [--users 1000] [--seconds 12] [--rounds 3] [--threads 0]
 *
 * A NetServer in clear and one with TLS, their users, and beside them everybody of plan.ts who is not one: rounds of quiet
 * and of attack by turns.
 *
 * Passes where every packet of every healthy user comes back and none of them leaves, each kind that misbehaves is thrown
 * out or refused for the reason of its own and for no other, and after a round the server's memory is what it was after the
 * one before. The healthy users' round trips are told.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Child, placement } from "../overload/child.ts";
import type { Ports } from "./acts.ts";
import type { SeenByKind } from "./attackers.ts";
import { KINDS, roleOf } from "./plan.ts";
import type { Report } from "./server.ts";
import type { Measured } from "./users.ts";
import { allMet, wrongOf } from "./verdict.ts";

const MIB = 1024 * 1024;
const QUIET_SECONDS = 3;
const SETTLE_MS_MAX = 15_000;
/** What a round may leave behind: pools that this round filled further than the one before, and code. */
const GROWTH_BYTES_MAX = 8 * MIB;

const { values } = parseArgs({
  options: {
    users: { type: "string", default: "1000" },
    seconds: { type: "string", default: "12" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "0" },
  },
});
const users = Number(values.users);

interface Memory {
  readonly used: number;
  readonly rss: number;
}

const where = placement();
const file = (name: string): string => new URL(name, import.meta.url).href;
const server = new Child(file("server.ts"), {}, where.server, { nodeArguments: ["--expose-gc"] });
const healthy = new Child(file("users.ts"), {}, where.healthy);
const attackers = new Child(file("attackers.ts"), {}, where.attackers);

async function until(what: string, holds: (report: Report) => boolean): Promise<void> {
  const endMs = performance.now() + SETTLE_MS_MAX;
  for (;;) {
    const report = await server.ask<Report>("report");
    if (holds(report)) return;
    if (performance.now() > endMs)
      throw new Error(`not within ${SETTLE_MS_MAX} ms: ${what}: ${JSON.stringify(report)}`);
    await sleep(50);
  }
}

/** The healthy speak while `other` goes on. */
async function speak(name: string, other: Promise<void>): Promise<void> {
  await healthy.ask("begin");
  await other;
  const { perSecond, p50Ms, p99Ms, mostMs } = await healthy.ask<Measured>("halt");
  const times = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(1)} ms, most ${mostMs.toFixed(0)} ms`;
  console.log(`  ${name.padEnd(8)}  ${Math.round(perSecond)} echoes/s, ${times}`);
}

let seen: SeenByKind = {};

async function attack(ports: Ports, round: number): Promise<void> {
  await attackers.ask("attack", { ports });
  await sleep(Number(values.seconds) * 1000);
  await until("everybody meets what he has to", (report) =>
    allMet(report, (kind) => round * roleOf(kind).count),
  );
  seen = await attackers.ask("withdraw");
  await until("only the healthy are left", ({ sessions }) => sessions === users);
}

async function main(): Promise<boolean> {
  console.log(`hostile: ${users} healthy users, ${values.threads} worker threads; ${where.note}`);
  const ports = await server.ask<Ports>("start", { threads: Number(values.threads) });
  await healthy.ask("join", { ports, count: users });
  const memory: Memory[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    await speak("quiet", sleep(QUIET_SECONDS * 1000));
    await speak("attacked", attack(ports, round));
    memory.push(await server.ask<Memory>("memory"));
    const { used, rss } = memory.at(-1)!;
    console.log(
      `  round ${round}: ${(used / MIB).toFixed(1)} MiB in use, ${(rss / MIB).toFixed(1)} MiB resident`,
    );
  }
  const wrong = await healthy.ask<string[]>("finish");
  await until("nobody is left", ({ sessions }) => sessions === 0);
  const report = await server.ask<Report>("report");
  wrong.push(...wrongOf(report, users, (kind) => memory.length * roleOf(kind).count));
  const [first, last] = [memory[0]!, memory.at(-1)!];
  if (last.used - first.used > GROWTH_BYTES_MAX)
    wrong.push(`memory in use grew from ${first.used} to ${last.used} bytes`);
  await server.ask("stop");
  tell(report);
  for (const what of wrong) console.error(`problem: ${what}`);
  console.log(`verdict: ${wrong.length === 0 ? "passed" : "FAILED"}`);
  return wrong.length === 0;
}

function tell({ joined, left, refusedBy, errors }: Report): void {
  for (const kind of KINDS) {
    const { to, refused } = roleOf(kind);
    const refusals = refused === null ? "" : `; ${to} refused ${refusedBy[to][refused]} as ${refused}`;
    const came = `${seen[kind]!.connected} came, ${joined[kind]} joined`;
    console.log(`  ${kind.padEnd(36)} ${came}; left ${JSON.stringify(left[kind])}${refusals}`);
  }
  console.log(`  errors told: ${JSON.stringify(errors)}`);
}

if (!(await main())) process.exitCode = 1;
for (const child of [server, healthy, attackers]) child.kill();
