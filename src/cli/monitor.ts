/**
 * `lanwire monitor`: the server that others report to, with its page, until it is told to end. That is its only fine end, so
 * Ctrl-C and SIGTERM are exit code 0 here.
 */
import { Monitor, type MonitorAddress } from "../monitor/monitor.ts";
import { MONITOR_DEFAULTS, type MonitorOptions } from "../monitor/options.ts";
import type { Arguments, CommandSpec } from "./arguments.ts";
import type { Command } from "./command.ts";
import { END_EXITS, EXIT, UsageError } from "./exit.ts";
import { readFraming } from "./framing-text.ts";
import { addressText, readTokenFile } from "./link-arguments.ts";
import type { Terminal } from "./terminal.ts";

const { page, port, history } = MONITOR_DEFAULTS;

const spec: CommandSpec = {
  name: "monitor",
  summary: "the server that others report to, with a web page",
  usage: "[options]",
  about:
    "Takes what servers report over a Lan link (20001, 20002; MonitorAgent does that for a program), keeps it, and shows it as a web page, as JSON, to lanwire top and to Prometheus (/metrics). Prints where, and runs until Ctrl-C.",
  options: [
    {
      heading: "Reports",
      table: {
        ip: { value: "IP", help: `address that servers report to (default ${MONITOR_DEFAULTS.ip})` },
        port: {
          value: "PORT",
          help: `port that servers report to (default ${port}; 0 lets the system choose)`,
        },
        framing: { value: "F", help: `length header of reports (default ${MONITOR_DEFAULTS.framing})` },
        allow: { value: "CIDR", help: "who may report; may be given often (default: all)", many: true },
        name: { value: "NO=NAME", help: "what server NO is called; may be given often", many: true },
        red: { value: "TYPE=VALUE", help: "above that, a figure is red; may be given often", many: true },
      },
    },
    {
      heading: "Page",
      table: {
        "page-ip": { value: "IP", help: `address of the page (default ${page.ip}; any other needs a token)` },
        "page-port": {
          value: "PORT",
          help: `port of the page (default ${page.port}; 0 lets the system choose)`,
        },
        "no-page": { help: "no page, no API, no /metrics" },
        "token-file": { value: "FILE", help: "a file with the token that readers of the page must show" },
        token: {
          value: "TOKEN",
          help: "the same as it is; other users of this machine can see it in the list of processes",
        },
      },
    },
    {
      heading: "History",
      table: {
        history: { value: "FILE", help: "a database for what is older than an hour (default: in memory)" },
        "keep-days": { value: "N", help: `how long it is kept (default ${history.keepDays})` },
      },
    },
    { heading: "Notices", table: { quiet: { help: "no notices on stderr, but for problems" } } },
  ],
  positionalsMax: 0,
  examples: [
    { command: "lanwire monitor", does: "reports to 127.0.0.1:7700, page at http://127.0.0.1:7701" },
    {
      command: "lanwire monitor --name 1=login --name 2=game --red 40=90 --history figures.db --keep-days 7",
      does: "names, host CPU red above 90 %, a week of history in a file",
    },
  ],
};

export const monitor: Command = { spec, run };

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const options = readOptions(args);
  const server = new Monitor();
  server.onNotice = (text) => terminal.notice(text);
  const address = await server.start(options);
  void terminal.lines.write(Buffer.from(addressLines(address, options)));
  const end = await terminal.told;
  await server.stop();
  return end.startsWith("SIG") ? EXIT.fine : END_EXITS[end];
}

function addressLines({ reports, page, history }: MonitorAddress, options: MonitorOptions): string {
  const asks = options.page !== false && options.page?.token !== undefined;
  const { framing = MONITOR_DEFAULTS.framing } = options;
  const rows = [
    ["reports", `${addressText(reports)} (${typeof framing === "string" ? framing : "custom framing"})`],
    ["page", page === undefined ? "none" : `${page.url}${asks ? " (asks for the token)" : ""}`],
    ["history", history === "file" ? options.history!.file! : "in memory"],
  ];
  return rows.map(([name, value]) => `${name!.padEnd(9)}${value}\n`).join("");
}

function readOptions(args: Arguments): MonitorOptions {
  const [ip, port, framing] = [args.text("ip"), args.whole("port", 0, 65_535), args.text("framing")];
  const [file, keepDays] = [args.text("history"), args.whole("keep-days", 1, 3660)];
  const allow = args.texts("allow");
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(port === undefined ? {} : { port }),
    ...(framing === undefined ? {} : { framing: readFraming(framing) }),
    ...(allow.length === 0 ? {} : { allow }),
    names: Object.fromEntries(pairsOf(args, "name", -(2 ** 31), 2 ** 31 - 1)),
    redAbove: Object.fromEntries(
      pairsOf(args, "red", 0, 255).map(([type, value]) => [type, numberOf(value)]),
    ),
    history: { ...(file === undefined ? {} : { file }), ...(keepDays === undefined ? {} : { keepDays }) },
    page: pageOf(args),
  };
}

const PAGE_OPTIONS = ["page-ip", "page-port", "token", "token-file"];

/** @throws UsageError */
function pageOf(args: Arguments): NonNullable<MonitorOptions["page"]> {
  if (args.has("no-page")) {
    const pointless = PAGE_OPTIONS.find((name) => args.has(name));
    if (pointless !== undefined) throw new UsageError(`--${pointless} has no meaning with --no-page`);
    return false;
  }
  if (args.has("token") && args.has("token-file"))
    throw new UsageError("--token and --token-file exclude each other");
  const [ip, port] = [args.text("page-ip"), args.whole("page-port", 0, 65_535)];
  const token = args.text("token") ?? readTokenFile(args);
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(port === undefined ? {} : { port }),
    ...(token === undefined ? {} : { token }),
  };
}

/** `--name 1=login` as [1, "login"]. @throws UsageError */
function pairsOf(args: Arguments, option: string, min: number, max: number): [number, string][] {
  return args.texts(option).map((text) => {
    const match = /^(-?\d{1,10})=(.+)$/s.exec(text);
    const number = Number(match?.[1]);
    if (match === null || number < min || number > max)
      throw new UsageError(
        `--${option} must be ${option === "name" ? "NO=NAME" : "TYPE=VALUE"}, is "${text}"`,
      );
    return [number, match[2]!];
  });
}

/** @throws UsageError */
function numberOf(text: string): number {
  const value = /^-?\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new UsageError(`--red must be TYPE=VALUE with a number, not "${text}"`);
  return value;
}
