/**
 * A child: `node process.ts server|client PLAN`. Runs one side of one peer and obeys the parent's words on
 * standard input, one answer per line on standard output. Ends when standard input does.
 */
import { createInterface } from "node:readline";
import { setEnvironmentData } from "node:worker_threads";
import { fail, unavailable } from "./check.ts";
import type { Peer } from "./contract.ts";
import { BUSY_SLICE_MS, type ChildPlan, type Command, type Reply } from "./plan.ts";
import { ClientWorkload, ServerWorkload } from "./sides.ts";

const [role, planText] = process.argv.slice(2);
const plan = JSON.parse(planText ?? "{}") as ChildPlan;
// A peer with worker threads builds its workload there, from the same plan.
setEnvironmentData("plan", planText ?? "{}");

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function loadPeer(): Promise<Peer> {
  try {
    return ((await import(`../peers/${plan.peer}.ts`)) as { peer: Peer }).peer;
  } catch (error) {
    // lanwire itself is never "not installed here": that it does not load is a failure.
    if (plan.peer === "lanwire") throw error;
    return unavailable(`it does not load: ${(error as Error).message.split("\n")[0]}`);
  }
}

type Obey = (command: Command) => Promise<Reply>;

async function serve(peer: Peer): Promise<Obey> {
  const side = new ServerWorkload(plan);
  const served = await peer.serve(plan, side);
  say({ port: served.port, creditPort: served.creditPort ?? (await side.open()) });
  return served.command ?? ((command) => side.command(command, served.broadcast?.bind(served)));
}

async function connect(peer: Peer): Promise<Obey> {
  const side = new ClientWorkload(plan);
  const connected = await peer.connect(plan, side);
  if (connected.command === undefined) await side.open();
  say({ connected: true });
  return connected.command ?? ((command) => side.command(command));
}

/** Another tenant of this process's main thread. */
function workInSlices(): void {
  const untilMs = performance.now() + BUSY_SLICE_MS;
  while (performance.now() < untilMs);
  setImmediate(workInSlices);
}

process.on("uncaughtException", (error) => fail(error.stack ?? String(error)));
const peer = await loadPeer();
const obey = role === "server" ? await serve(peer) : await connect(peer);
for await (const word of createInterface({ input: process.stdin })) {
  if (word === "exit") break;
  if (word === "busy") workInSlices();
  say(await obey(word as Command));
}
process.exit(0);
