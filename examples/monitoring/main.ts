/**
 * The classic star, on this machine: a monitoring server in this process, two agents in processes of their own.
 *
 *     npm start -- [--seconds N] [--port N] [--threads N] [--respawn]
 *
 *     agent 1, a chat server --20001, 20002--> monitoring server --> table, or lines without a terminal
 *     agent 2, a game server --20001, 20002-------^
 *
 * Kill an agent from another terminal (the process ids are shown) and see it leave; start it again and see it
 * rejoin:
 *
 *     npx node examples/monitoring/agent.ts --server-no 1 --port N
 */
import { parseArgs } from "node:util";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { AgentProcesses } from "./agent-processes.ts";
import { Board } from "./board.ts";
import { type MonitorEvent, MonitoringServer } from "./monitoring-server.ts";
import { LINK } from "./protocol.ts";
import { LinesView } from "./view-lines.ts";
import { TableView } from "./view-table.ts";
import type { View } from "./view-text.ts";

const USAGE = `npm start -- [options]
  --seconds N   end after N seconds (default: at Ctrl-C)
  --port N      listen on this port (default: one that is free)
  --threads N   run the server on N worker threads (default: 0, on this one)
  --respawn     start an agent again when it ends`;

/** npx takes the Node that the project pins, as npm's scripts do. */
const AGENT_COMMAND = "npx node examples/monitoring/agent.ts";

interface Options {
  readonly seconds: number | undefined;
  readonly port: number;
  readonly threads: number;
  readonly respawn: boolean;
}

async function main({ seconds, port, threads, respawn }: Options): Promise<void> {
  const server = new MonitoringServer();
  let show = (_event: MonitorEvent): void => {};
  const address = await server.start({
    ip: "127.0.0.1",
    port,
    ...LINK,
    workerThreads: threads,
    // Each thread gets a port of its own for what it has to tell; 0 is this thread, which needs none.
    workerData: (thread: number) => (thread === 0 ? undefined : { port: portTo((event) => show(event)) }),
  });

  const board = new Board();
  const note = (text: string): void => view.note(text);
  const agents = new AgentProcesses({ port: address.port, respawn, note });
  const view = openView(board, `${address.ip}:${address.port}`, () => hints(board, agents, address.port));
  show = (event) => {
    board.apply(event);
    view.show(event);
  };
  server.emit = show;
  try {
    for (const serverNo of [1, 2]) agents.start(serverNo);
    await untilEnd(seconds);
    await agents.stop();
    await server.stop();
  } finally {
    view.close();
  }
}

/** The far end of a new channel whose events come to `take`. It keeps nothing alive. */
function portTo(take: (event: MonitorEvent) => void): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.on("message", take);
  port1.unref();
  return port2;
}

/** What to try next, in another terminal. */
function hints(board: Board, agents: AgentProcesses, port: number): string[] {
  const running = agents.pids().map(([serverNo, pid]) => `server-${serverNo} has pid ${pid}`);
  const gone = board.rows().filter(({ state }) => state.at === "left");
  return [
    ...(running.length > 0 ? [`kill -9 one of them: ${running.join(", ")}`] : []),
    ...gone.map(
      ({ agent }) =>
        `start ${agent.serverNo} again: ${AGENT_COMMAND} --server-no ${agent.serverNo} --port ${port}`,
    ),
  ];
}

/** A table on a terminal, lines into anything else. */
function openView(board: Board, address: string, heading: () => string[]): View {
  if (process.stdout.isTTY) return new TableView({ board, out: process.stdout, address, heading });
  const view = new LinesView(board, (line) => console.log(line));
  view.note(`monitoring server listens on ${address}`);
  return view;
}

/** Resolves at Ctrl-C and its like, when the reader of our lines is gone, and after `seconds`. */
function untilEnd(seconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => resolve();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
    process.stdout.on("error", end);
    if (seconds !== undefined) setTimeout(end, seconds * 1000).unref();
  });
}

function readOptions(args: string[]): Options | "help" {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: "string" },
      port: { type: "string", default: "0" },
      threads: { type: "string", default: "0" },
      respawn: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  return {
    seconds: values.seconds === undefined ? undefined : wholeNumber("--seconds", values.seconds),
    port: wholeNumber("--port", values.port),
    threads: wholeNumber("--threads", values.threads),
    respawn: values.respawn,
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${name} takes a whole number, not "${text}"`);
  return Number(text);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n(--help tells the options)`);
  process.exitCode = 1;
}
