/** The options of a monitor, their defaults and their checks. */
import {
  invalidOption,
  milliseconds,
  readable,
  readOptions,
  show,
  text,
  wholeNumber,
} from "../base/options.ts";
import type { Framing } from "../framing/length-header.ts";
import { LAN_DEFAULTS, type LanServerOptions, lanServerSettings } from "../lan/options.ts";
import type { Network } from "../transport/connection.ts";
import { figureOf } from "./figures.ts";
import { isLoopback } from "./page/access.ts";
import type { PageOptions } from "./page/page-server.ts";
import { I32_MAX, I32_MIN, REPORT_FRAMING } from "./protocol.ts";

/** Options of `Monitor.start`. Everything has a default: `MONITOR_DEFAULTS`. */
export interface MonitorOptions {
  /** The address that servers report to. Default loopback, `"127.0.0.1"`: opening an interface is your decision. */
  ip?: string;
  /** The port that servers report to; 0 lets the system choose. Default 7700. */
  port?: number;
  /** The framing of reports. Default `"u16le"`, that of the C++ systems. */
  framing?: Framing;
  /** Addresses and CIDR ranges that may report. Default: all. */
  allow?: readonly string[];
  /** The web page with its API and `/metrics`, or false for none. */
  page?: MonitorPageOptions | false;
  /** Where minutes that are over are kept, and for how long. */
  history?: MonitorHistoryOptions;
  /** What servers are called, by number: `{ 1: "login" }`. Default: "server 1". */
  names?: Readonly<Record<number, string>>;
  /** Above which value a figure is red, by type and in the figure's unit: `{ 40: 90 }`. Default none. */
  redAbove?: Readonly<Record<number, number>>;
  /** Servers that are known at the same time, those that are down included. Default 256. */
  serversMax?: number;
  /** How long a server may report nothing before it counts as down. Default 30 000 ms; 0 for ever. */
  silentMs?: number;
  /** Worker threads for the links, as every server's. Default 0. */
  workerThreads?: LanServerOptions["workerThreads"];
  /** Where links are made: the sockets of this machine (default), or the in-memory network of `lanwire/testing`. */
  network?: Network;
}

export interface MonitorPageOptions {
  /** The address of the page. Default loopback, `"127.0.0.1"`; any other needs a `token`. */
  ip?: string;
  /** The port of the page; 0 lets the system choose. Default 7701. */
  port?: number;
  /** Who does not know it sees nothing. Default none, which only loopback may have. */
  token?: string;
}

export interface MonitorHistoryOptions {
  /** A database file. Default none: history is in memory and ends with the process. */
  file?: string;
  /** Default 30 days. In memory less, where there is not room for as many. */
  keepDays?: number;
}

export const MONITOR_DEFAULTS: MonitorDefaults = Object.freeze({
  ip: LAN_DEFAULTS.ip,
  port: 7700,
  framing: REPORT_FRAMING,
  page: Object.freeze({ ip: LAN_DEFAULTS.ip, port: 7701 }),
  history: Object.freeze({ keepDays: 30 }),
  serversMax: 256,
  silentMs: 30_000,
  workerThreads: 0,
});

export interface MonitorDefaults {
  readonly ip: string;
  readonly port: number;
  readonly framing: "u16le";
  readonly page: { readonly ip: string; readonly port: number };
  readonly history: { readonly keepDays: number };
  readonly serversMax: number;
  readonly silentMs: number;
  readonly workerThreads: 0;
}

/** Options that were checked. */
export interface MonitorSettings {
  /** For the collector's `start`. */
  readonly link: LanServerOptions;
  readonly network: Network;
  /** For the page's server, which checks the rest. */
  readonly page: PageOptions | false;
  readonly history: { readonly file: string | undefined; readonly keepDays: number };
  readonly names: ReadonlyMap<number, string>;
  /** By type, in the wire's values. */
  readonly redAbove: ReadonlyMap<number, number>;
  readonly serversMax: number;
  readonly silentMs: number;
}

const NAMES = [
  ...["ip", "port", "framing", "allow", "page", "history", "names", "redAbove"],
  ...["serversMax", "silentMs", "workerThreads", "network"],
];
const SERVERS_MAX = 1024;
const KEEP_DAYS_MAX = 3660;
/** Connections that did not say yet which server they are, or whose place a newer one took. */
const STRANGERS_MAX = 64;

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function monitorSettings(given: MonitorOptions): MonitorSettings {
  const options = readOptions(given, NAMES, "start the monitor");
  const { ip, port, framing, serversMax, silentMs } = { ...MONITOR_DEFAULTS, ...options };
  const { allow, workerThreads, network } = options;
  wholeNumber("serversMax", serversMax, 1, SERVERS_MAX);
  const link: LanServerOptions = {
    ip,
    port,
    framing,
    heartbeat: false,
    maxSessions: serversMax + STRANGERS_MAX,
    packetBytesMax: REPORT_BYTES_MAX,
    ...(allow === undefined ? {} : { allow }),
    ...(workerThreads === undefined ? {} : { workerThreads }),
    ...(network === undefined ? {} : { network }),
  };
  return {
    link,
    network: lanServerSettings(link).network, // everything is checked before anything is opened
    page: pageOf(options.page),
    history: historyOf(options.history),
    names: readable("names", () => namesOf(options.names)),
    redAbove: readable("redAbove", () => redAboveOf(options.redAbove)),
    serversMax,
    silentMs: milliseconds("silentMs", silentMs),
  };
}

/** Far more than a report has: a peer that announces more does not report. */
const REPORT_BYTES_MAX = 255;

function pageOf(given: MonitorOptions["page"]): MonitorSettings["page"] {
  if (given === false) return false;
  const asked = readOptions(given ?? {}, ["ip", "port", "token"], "use option page");
  const { ip, port } = { ...MONITOR_DEFAULTS.page, ...asked };
  const token = asked.token === undefined ? undefined : text("page.token", asked.token);
  if (token === undefined && !isLoopback(text("page.ip", ip)))
    throw invalidOption(
      "page.ip",
      `a page beyond loopback needs a page.token, and there is none for ${show(ip)}`,
    );
  return { ip, port: wholeNumber("page.port", port, 0, 65_535), ...(token === undefined ? {} : { token }) };
}

function historyOf(given: MonitorOptions["history"]): MonitorSettings["history"] {
  const asked = readOptions(given ?? {}, ["file", "keepDays"], "use option history");
  const { keepDays } = { ...MONITOR_DEFAULTS.history, ...asked };
  return {
    file: asked.file === undefined ? undefined : text("history.file", asked.file),
    keepDays: wholeNumber("history.keepDays", keepDays, 1, KEEP_DAYS_MAX),
  };
}

function namesOf(given: MonitorOptions["names"]): Map<number, string> {
  return entriesOf("names", given, I32_MIN, I32_MAX, (name, value) => text(name, value));
}

function redAboveOf(given: MonitorOptions["redAbove"]): Map<number, number> {
  const asked = entriesOf("redAbove", given, 0, 255, (name, value) => {
    if (typeof value !== "number" || !Number.isFinite(value))
      throw invalidOption(name, `must be a number, is ${show(value)}`);
    return value;
  });
  return new Map([...asked].map(([type, value]) => [type, value * figureOf(type).scale]));
}

/** A record by whole numbers. */
function entriesOf<T>(
  option: string,
  given: Readonly<Record<number, unknown>> | undefined,
  min: number,
  max: number,
  read: (name: string, value: unknown) => T,
): Map<number, T> {
  if (given === undefined) return new Map();
  if (given === null || typeof given !== "object") throw invalidOption(option, "must be an object");
  const entries = Object.entries(given).map(([key, value]) => {
    const number = /^-?\d{1,10}$/.test(key) ? Number(key) : Number.NaN;
    if (!(number >= min && number <= max)) throw invalidOption(option, `has no number ${show(key)}`);
    return [number, read(`${option}.${key}`, value)] as const;
  });
  return new Map(entries);
}
