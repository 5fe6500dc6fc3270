/**
 * What a MonitorAgent costs: the processor time of a program with a server and a client that exchange nothing, with an
 * agent and without, as a share of one core.
 *
 *     npm run bench:agent -- [--seconds N]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LanClient, LanServer, Monitor, MonitorAgent } from "../src/index.ts";

class Idle extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

class IdleClient extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

/** Shares of a core. */
export interface AgentCost {
  readonly withAgent: number;
  readonly without: number;
}

/** Measures both programs at the same time, each for `seconds` after it has warmed up. */
export async function measureAgent(seconds: number): Promise<AgentCost> {
  const monitor = new Monitor();
  const { reports } = await monitor.start({ port: 0, page: false });
  try {
    const [withAgent, without] = await Promise.all([
      measureProgram(seconds, reports.port),
      measureProgram(seconds, undefined),
    ]);
    return { withAgent, without };
  } finally {
    await monitor.stop();
  }
}

async function measureProgram(seconds: number, monitorPort: number | undefined): Promise<number> {
  const args = ["--program", "--seconds", `${seconds}`];
  if (monitorPort !== undefined) args.push("--monitor", `${monitorPort}`);
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), args);
  const [share] = (await once(child, "message")) as [number];
  await once(child, "exit");
  return share;
}

/** The program that is measured. */
async function program(seconds: number, monitorPort: number | undefined): Promise<void> {
  const server = new Idle();
  const client = new IdleClient();
  const { port } = await server.start({ port: 0 });
  await client.connect({ port });
  const agent = new MonitorAgent({ serverNo: 1, watch: [server, client] });
  if (monitorPort !== undefined) agent.start({ port: monitorPort });
  await pause(WARM_UP_MS);
  if (monitorPort !== undefined && !agent.connected) throw new Error("the agent has found no monitor");
  const [before, beganMs] = [process.cpuUsage(), performance.now()];
  await pause(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - beganMs);
  await Promise.all([client.disconnect(), agent.stop()]);
  await server.stop();
  process.send!(share);
}

const WARM_UP_MS = 3000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "30" },
      program: { type: "boolean", default: false },
      monitor: { type: "string" },
    },
  });
  const seconds = Number(values.seconds);
  if (values.program) {
    await program(seconds, values.monitor === undefined ? undefined : Number(values.monitor));
  } else {
    const { withAgent, without } = await measureAgent(seconds);
    const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
    console.log(`with an agent ${percent(withAgent)} of a core, without ${percent(without)}`);
    console.log(`the agent costs ${percent(withAgent - without)}`);
    if (withAgent - without >= 0.01) process.exitCode = 1;
  }
}
