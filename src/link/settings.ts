/** The checks that turn options into what the engine wants. */
import { LanError } from "../base/errors.ts";
import {
  flag,
  invalidOption,
  milliseconds,
  readable,
  readOptions,
  show,
  text,
  wholeNumber,
} from "../base/options.ts";
import { addressList } from "../engine/address-list.ts";
import type {
  ClientSettings,
  LinkSettings,
  ReconnectSettings,
  ServerSettings,
} from "../engine/link-settings.ts";
import type { LengthHeader } from "../framing/length-header.ts";
import { SESSION_SLOTS_MAX } from "../session/session-id.ts";
import type { HeartbeatSettings } from "../session/settings.ts";
import type { ThreadSettings } from "../threads/crew.ts";
import { BYTES_MAX } from "../threads/reservations.ts";
import type { Address, Network } from "../transport/connection.ts";
import { canMoveSockets, tcpNetwork } from "../transport/tcp.ts";
import {
  HEARTBEAT,
  LINK_DEFAULTS,
  type LinkClientOptions,
  type LinkDefaults,
  type LinkOptions,
  type LinkServerOptions,
} from "./options.ts";

/** What a class adds to the options that all have. */
export interface ClassSettings {
  readonly defaults: LinkDefaults;
  /** The framing that was asked for, ready for use. */
  readonly header: LengthHeader;
  /** Whether heartbeats are sent where nothing is said about them. */
  readonly beats: boolean;
}

/** Checks all but the names. @throws LanError OPTION_INVALID */
export function serverSettings(options: LinkServerOptions, about: ClassSettings): ServerSettings {
  const { backlog, maxSessions } = { ...about.defaults, ...options };
  return Object.freeze({
    ...linkSettings(options, about),
    address: addressOf("ip", options.ip, options.port, options.path, 0),
    backlog: wholeNumber("backlog", backlog, 1, 2 ** 31 - 1),
    maxSessions: wholeNumber("maxSessions", maxSessions, 1, SESSION_SLOTS_MAX),
    allow: readable("allow", () => allowOf(options)),
    ...NO_LIMITS,
  });
}

/** Checks all but the names. @throws LanError OPTION_INVALID */
export function clientSettings(options: LinkClientOptions, about: ClassSettings): ClientSettings {
  const { path, bindIp, bindPort, signal } = options;
  const { connectTimeoutMs } = { ...about.defaults, ...options };
  if (path !== undefined && bindIp !== undefined) throw invalidOption("bindIp", "has no meaning with path");
  if (path !== undefined && bindPort !== undefined)
    throw invalidOption("bindPort", "has no meaning with path");
  if (signal !== undefined && !readable("signal", () => isSignal(signal)))
    throw invalidOption("signal", "must be an AbortSignal");
  return Object.freeze({
    ...linkSettings(options, about),
    address: addressOf("serverIp", options.serverIp, options.port, path, 1),
    bindIp: bindIp === undefined ? undefined : text("bindIp", bindIp),
    bindPort: bindPort === undefined ? undefined : wholeNumber("bindPort", bindPort, 0, 65_535),
    connectTimeoutMs: milliseconds("connectTimeoutMs", connectTimeoutMs, 1),
    signal,
    reconnect: reconnectOf(options.reconnect),
    tls: null,
  });
}

/** What a server holds off where its class has no options for it: nobody. */
const NO_LIMITS = {
  deny: [],
  sessionsPerAddressMax: 0,
  acceptsPerSecondMax: 0,
  tellsDescriptors: false,
  tls: null,
} satisfies Partial<ServerSettings>;

function linkSettings(options: LinkOptions, about: ClassSettings): Omit<LinkSettings, "address"> {
  const { defaults, header } = about;
  const given = { ...defaults, ...options } as Required<LinkOptions>;
  const packetBytesMax = packetBytesMaxOf(options.packetBytesMax, about);
  const keepAliveMs = milliseconds("keepAliveMs", given.keepAliveMs);
  if (keepAliveMs > 0 && keepAliveMs < 1000) throw invalidOption("keepAliveMs", "must be 0 or at least 1000");
  return {
    network: readable("network", () => networkOf(options.network)),
    header,
    packetBytesMax,
    sendQueueBytesMax: sendQueueBytesMaxOf(
      options.sendQueueBytesMax,
      header.byteLength + packetBytesMax,
      defaults,
    ),
    receiveQueueBytesMax: wholeNumber(
      "receiveQueueBytesMax",
      given.receiveQueueBytesMax,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    heartbeat: heartbeatOf(options.heartbeat, about.beats),
    partialFrameTimeoutMs: milliseconds("partialFrameTimeoutMs", given.partialFrameTimeoutMs, 1),
    sendStallMs: milliseconds("sendStallMs", given.sendStallMs, 1),
    disconnectDrainMs: milliseconds("disconnectDrainMs", given.disconnectDrainMs),
    keepAliveMs,
    nagle: flag("nagle", given.nagle),
    busyPollMicros: wholeNumber("busyPollMicros", given.busyPollMicros, 0, 1_000_000),
    firstPacketTimeoutMs: 0,
    idleTimeoutMs: 0,
    pace: null,
  };
}

/**
 * How many threads to create and run; null runs on the caller's.
 * @param sendQueueBytesMax as it was checked, or is by default
 * @throws LanError OPTION_UNKNOWN, OPTION_INVALID
 */
export function threadSettings(
  options: LinkServerOptions | LinkClientOptions,
  createdMax: number,
  { sendQueueBytesMax }: Pick<LinkSettings, "sendQueueBytesMax">,
): ThreadSettings | null {
  const { workerThreads = 0, workerData } = options;
  const asked: { created: number; running?: number } =
    typeof workerThreads === "object"
      ? readOptions(workerThreads, ["created", "running"], "use option workerThreads")
      : { created: workerThreads };
  const created = wholeNumber("workerThreads", asked.created, 0, createdMax);
  if (created === 0) return null;
  const { running = created } = asked;
  wholeNumber("workerThreads.running", running, 1, created);
  if (options.network !== undefined) throw invalidOption("network", "cannot be used on worker threads");
  if (sendQueueBytesMax > BYTES_MAX) {
    const why = `must be at most ${BYTES_MAX} on worker threads, packetBytesMax and its header included`;
    throw invalidOption("sendQueueBytesMax", why);
  }
  if (created > 1 && options.path !== undefined) {
    throw invalidOption("workerThreads", "only one thread can serve a path: local sockets cannot be moved");
  }
  if (created > 1 && !canMoveSockets()) {
    const why = "more than one needs a Node that can move sockets (24.20 and later, 26.6 and later)";
    throw invalidOption("workerThreads", why);
  }
  return { created, running, workerData };
}

function packetBytesMaxOf(given: number | undefined, { header, defaults }: ClassSettings): number {
  if (given !== undefined) return wholeNumber("packetBytesMax", given, 1, header.payloadLimit);
  return Math.min(header.payloadDefaultMax ?? defaults.packetBytesMax, header.payloadLimit);
}

function sendQueueBytesMaxOf(
  given: number | undefined,
  frameBytesMax: number,
  defaults: LinkDefaults,
): number {
  if (given === undefined) return Math.max(defaults.sendQueueBytesMax, frameBytesMax);
  wholeNumber("sendQueueBytesMax", given, 1, Number.MAX_SAFE_INTEGER);
  if (given < frameBytesMax) {
    throw invalidOption("sendQueueBytesMax", `must hold one frame of packetBytesMax, ${frameBytesMax} bytes`);
  }
  return given;
}

function heartbeatOf(heartbeat: LinkOptions["heartbeat"], byDefault: boolean): HeartbeatSettings | false {
  if (heartbeat === false || (heartbeat === undefined && !byDefault)) return false;
  if (heartbeat !== undefined && !isObject(heartbeat))
    throw invalidOption("heartbeat", `must be false or { intervalMs, timeoutMs }, is ${show(heartbeat)}`);
  const asked = readOptions(heartbeat ?? {}, ["intervalMs", "timeoutMs"], "use option heartbeat");
  const given = { ...HEARTBEAT, ...asked };
  const intervalMs = milliseconds("heartbeat.intervalMs", given.intervalMs, 1);
  const timeoutMs = milliseconds("heartbeat.timeoutMs", given.timeoutMs, 1);
  if (timeoutMs <= intervalMs)
    throw invalidOption("heartbeat.timeoutMs", "must be longer than heartbeat.intervalMs");
  return { intervalMs, timeoutMs };
}

function reconnectOf(reconnect: LinkClientOptions["reconnect"]): ReconnectSettings | false {
  if (reconnect === undefined || reconnect === false) return false;
  const given = reconnect === true ? {} : reconnect;
  if (!isObject(given)) {
    const why = `must be true, false or { minDelayMs, maxDelayMs }, is ${show(given)}`;
    throw invalidOption("reconnect", why);
  }
  const asked = readOptions(given, ["minDelayMs", "maxDelayMs"], "use option reconnect");
  const byDefault = LINK_DEFAULTS.reconnect;
  const minDelayMs = milliseconds("reconnect.minDelayMs", { ...byDefault, ...asked }.minDelayMs, 1);
  const maxDelayMs = milliseconds(
    "reconnect.maxDelayMs",
    asked.maxDelayMs === undefined ? Math.max(byDefault.maxDelayMs, minDelayMs) : asked.maxDelayMs,
    minDelayMs,
  );
  return { minDelayMs, maxDelayMs };
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

function addressOf(
  ipName: string,
  ip: string | undefined,
  port: number | undefined,
  path: string | undefined,
  portMin: number,
): Address {
  if (path !== undefined) {
    if (ip !== undefined) throw invalidOption(ipName, "has no meaning with path");
    if (port !== undefined) throw invalidOption("port", "has no meaning with path");
    return { path: text("path", path) };
  }
  if (port === undefined)
    throw new LanError("OPTION_INVALID", "Cannot use option port: it is needed, or path");
  return {
    ip: text(ipName, ip === undefined ? LINK_DEFAULTS.ip : ip),
    port: wholeNumber("port", port, portMin, 65_535),
  };
}

function allowOf({ allow, path }: LinkServerOptions): readonly string[] | null {
  if (allow === undefined) return null;
  if (path !== undefined) throw invalidOption("allow", "has no meaning with path");
  return addresses("allow", allow);
}

/** A list of addresses and CIDR ranges. @throws LanError OPTION_INVALID */
export function addresses(name: string, given: unknown): readonly string[] {
  const entries: unknown = Array.isArray(given) ? [...given] : given;
  addressList(name, entries); // throws where an entry is neither
  return entries as string[];
}

function networkOf(network: Network | undefined): Network {
  if (network === undefined) return tcpNetwork;
  const functions = [network?.listen, network?.dial, network?.clock?.nowMs, network?.clock?.after];
  if (functions.some((each) => typeof each !== "function")) {
    throw invalidOption("network", "must be a network, such as lanwire/testing has");
  }
  return network;
}

/** What only looks like one throws here. */
function isSignal(signal: unknown): boolean {
  return signal instanceof AbortSignal && typeof signal.aborted === "boolean";
}
