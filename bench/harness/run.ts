/**
 * One run of one peer: two fresh processes, a warm-up, the measured time, and then the question whether
 * everything that was sent has arrived.
 *
 *     server ready -> client connected -> start -> warm-up -> begin -> measured -> end -> stop -> all arrived?
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { PeerEntry } from "../peers/index.ts";
import { Child, type Placement } from "./children.ts";
import { bytesOf, type ChildPlan, type Command, type Latency, type Plan, type Reply } from "./plan.ts";

export interface RunOptions {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly placement: Placement;
  readonly built: boolean;
}

/** What one run measured. */
export interface Outcome {
  /** Messages that arrived per second: an echo counts once, a broadcast once per receiver. */
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  /** User and system time of all processes of the peer. */
  readonly cpuSecondsPerMillion: number;
  readonly latencyMicros?: Latency | undefined;
}

const CHILD = fileURLToPath(new URL("./process.ts", import.meta.url));
const BROKER = fileURLToPath(new URL("../peers/nats-broker.ts", import.meta.url));

function childPlan(entry: PeerEntry, plan: Plan, options: RunOptions): ChildPlan {
  return {
    ...plan,
    peer: entry.module,
    threads: entry.threads ?? 0,
    clientThreads: plan.links + plan.idleLinks === 1 ? (entry.clientThreads ?? entry.threads ?? 0) : 0,
    busyPollMicros: entry.busyPollMicros ?? 0,
    fromHandle: entry.fromHandle ?? false,
    built: options.built,
    credit: plan.pattern === "broadcast" || (entry.credit === true && plan.pattern === "oneway"),
    brokerPort: 0,
    port: 0,
    creditPort: 0,
  };
}

function commandLine(
  entry: PeerEntry,
  role: "server" | "client",
  plan: ChildPlan,
  nodeArguments: readonly string[],
): string[] {
  if (entry.commandLine !== undefined) return entry.commandLine(role, plan);
  return [process.execPath, ...nodeArguments, CHILD, role, JSON.stringify(plan)];
}

/** User and system time of another process, from /proc in units of 10 ms. */
function cpuMicrosOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** What a run may need beside its two processes. */
export interface PairHooks {
  /** After the server is ready and before the client starts. */
  beforeClient?(server: Child): Promise<void>;
  /** More arguments for Node, in both processes. */
  readonly nodeArguments?: readonly string[];
}

/** The two processes of one run, connected. Ends them when `use` is done, in whatever way. */
export async function withPair<T>(
  entry: PeerEntry,
  plan: Plan,
  options: RunOptions,
  use: (server: Child, client: Child, extraCpuMicros: () => number) => Promise<T>,
  hooks: PairHooks = {},
): Promise<T> {
  const children: Child[] = [];
  const start = (role: "server" | "client", own: ChildPlan): Child => {
    const child = new Child(
      role,
      commandLine(entry, role, own, hooks.nodeArguments ?? []),
      options.placement[role],
    );
    children.push(child);
    return child;
  };
  try {
    let own = childPlan(entry, plan, options);
    let extraCpuMicros = (): number => 0;
    if (entry.broker === true) {
      const broker = new Child("broker", [process.execPath, BROKER], undefined, true);
      children.push(broker);
      const { port, pid } = await broker.answer<{ port: number; pid: number }>();
      own = { ...own, brokerPort: port };
      extraCpuMicros = () => cpuMicrosOf(pid);
    }
    const server = start("server", own);
    own = { ...own, ...(await server.answer<{ port: number; creditPort: number }>()) };
    await hooks.beforeClient?.(server);
    const client = start("client", own);
    await client.answer(30_000);
    return await use(server, client, extraCpuMicros);
  } finally {
    for (const child of children) child.end();
  }
}

/** Waits until everything sent was received; throws when nothing comes any more. */
export async function allArrived(plan: Plan, server: Child, client: Child): Promise<void> {
  let before = -1;
  let stalledSinceMs = Date.now();
  for (;;) {
    const [serverNow, clientNow] = await Promise.all([
      server.ask<Reply>("count"),
      client.ask<Reply>("count"),
    ]);
    const sent = plan.pattern === "broadcast" ? serverNow.sent * plan.links : clientNow.sent;
    const received = plan.pattern === "oneway" ? serverNow.received : clientNow.received;
    const returned = plan.pattern !== "echo" || serverNow.received === sent;
    if (received === sent && returned) return;
    if (received > sent) throw new Error(`${received} messages arrived, ${sent} were sent`);
    if (received !== before) stalledSinceMs = Date.now();
    before = received;
    if (Date.now() - stalledSinceMs > 5000)
      throw new Error(`${sent} messages were sent, only ${received} arrived`);
    await sleep(10);
  }
}

type Both = [server: Reply, client: Reply];

/** Asks both at once. */
export function askBoth(server: Child, client: Child, command: Command): Promise<Both> {
  return Promise.all([server.ask<Reply>(command), client.ask<Reply>(command)]);
}

function outcomeOf(plan: Plan, before: Both, after: Both, extraCpuMicros: number): Outcome {
  const receiver = plan.pattern === "oneway" ? 0 : 1;
  const begin = before[receiver];
  const end = after[receiver];
  const messages = end.received - begin.received;
  if (messages === 0) throw new Error("no message arrived in the measured time");
  const seconds = (end.atMs - begin.atMs) / 1000;
  const cpuMicros = after[0].cpuMicros - before[0].cpuMicros + after[1].cpuMicros - before[1].cpuMicros;
  // Sizes follow each link's own count; over several links the mean is as good.
  const bytes =
    plan.links === 1
      ? bytesOf(plan.sizes, end.received) - bytesOf(plan.sizes, begin.received)
      : (bytesOf(plan.sizes, plan.sizes.length) / plan.sizes.length) * messages;
  return {
    messagesPerSecond: messages / seconds,
    bytesPerSecond: bytes / seconds,
    cpuSecondsPerMillion: (cpuMicros + extraCpuMicros) / messages,
    latencyMicros: end.latency,
  };
}

/** One run. Throws Unavailable, or an Error that says what was violated. */
export async function runOnce(entry: PeerEntry, plan: Plan, options: RunOptions): Promise<Outcome> {
  return await withPair(entry, plan, options, async (server, client, extraCpuMicros) => {
    await askBoth(server, client, "start");
    await sleep(options.warmupSeconds * 1000);
    const extraBefore = extraCpuMicros();
    const before = await askBoth(server, client, "begin");
    await sleep(options.seconds * 1000);
    const after = await askBoth(server, client, "end");
    const extra = extraCpuMicros() - extraBefore;
    await askBoth(server, client, "stop");
    await allArrived(plan, server, client);
    return outcomeOf(plan, before, after, extra);
  });
}
