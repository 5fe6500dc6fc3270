/**
 * The classic star, on this machine: a monitor with its page in this process, two servers in processes of their own.
 *
 *     npm start -- [--seconds N] [--port N] [--page-port N] [--threads N] [--respawn]
 *
 *     server 1, chat --20001, 20002--> monitor --> the page; a table, or lines without a terminal
 *     server 2, game --20001, 20002------^
 *
 * Kill a server from another terminal (the process ids are shown) and see it leave; start it again and see it
 * rejoin:
 *
 *     npx node examples/monitoring/reporting-server.ts --server-no 1 --port N
 */
import { parseArgs } from "node:util";
// In a project of your own: from "lanwire".
import { Monitor } from "../../src/index.ts";
import { ServerProcesses } from "./server-processes.ts";
import { LinesView } from "./view-lines.ts";
import { TableView } from "./view-table.ts";
import type { View } from "./view-text.ts";

const USAGE = `npm start -- [options]
  --seconds N   end after N seconds (default: at Ctrl-C)
  --port N      take reports on this port (default: one that is free)
  --page-port N show the page on this port (default: one that is free)
  --threads N   take reports on N worker threads (default: 0, on this one)
  --respawn     start a server again when it ends`;

/** npx takes the Node that the project pins, as npm's scripts do. */
const SERVER_COMMAND = "npx node examples/monitoring/reporting-server.ts";
const NAMES = { 1: "chat", 2: "game" } as const;
/** A host that is busy, and an event loop that is late. */
const RED_ABOVE = { 40: 90, 103: 50 } as const;

interface Options {
  readonly seconds: number | undefined;
  readonly port: number;
  readonly pagePort: number;
  readonly threads: number;
  readonly respawn: boolean;
}

async function main({ seconds, port, pagePort, threads, respawn }: Options): Promise<void> {
  const monitor = new Monitor();
  const notices: string[] = [];
  monitor.onNotice = (text) => notices.push(text);
  const { reports, page } = await monitor.start({
    port,
    page: { port: pagePort },
    names: NAMES,
    redAbove: RED_ABOVE,
    workerThreads: threads,
  });
  const note = (text: string): void => view.note(text);
  const servers = new ServerProcesses({ port: reports.port, respawn, note });
  const opened = `open ${page?.url} in a browser`;
  const view = openView(monitor, `${reports.ip}:${reports.port}`, () => [
    opened,
    ...hints(monitor, servers, reports.port),
  ]);
  for (const text of [...notices, opened]) note(text);
  monitor.onNotice = note;
  monitor.subscribe((event) => view.show(event));
  try {
    for (const serverNo of [1, 2]) servers.start(serverNo);
    await untilEnd(seconds);
    await servers.stop();
    await monitor.stop();
  } finally {
    view.close();
  }
}

/** What to try next, in another terminal. */
function hints(monitor: Monitor, servers: ServerProcesses, port: number): string[] {
  const running = servers.pids().map(([serverNo, pid]) => `server ${serverNo} has pid ${pid}`);
  const gone = monitor.servers().filter(({ state }) => state.at === "down");
  return [
    ...(running.length > 0 ? [`kill -9 one of them: ${running.join(", ")}`] : []),
    ...gone.map(
      ({ serverNo }) => `start ${serverNo} again: ${SERVER_COMMAND} --server-no ${serverNo} --port ${port}`,
    ),
  ];
}

/** A table on a terminal, lines into anything else. */
function openView(monitor: Monitor, address: string, heading: () => string[]): View {
  if (process.stdout.isTTY) return new TableView({ source: monitor, out: process.stdout, address, heading });
  const view = new LinesView(monitor, (line) => console.log(line));
  view.note(`monitor listens on ${address}`);
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
      "page-port": { type: "string", default: "0" },
      threads: { type: "string", default: "0" },
      respawn: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  return {
    seconds: values.seconds === undefined ? undefined : wholeNumber("--seconds", values.seconds),
    port: wholeNumber("--port", values.port),
    pagePort: wholeNumber("--page-port", values["page-port"]),
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
