/** The options of NetServer and NetClient: what all classes have, the Net frame, and the defaults of an open network. */
import { invalidOption, milliseconds, readable, readOptions, wholeNumber } from "../base/options.ts";
import type { ClientSettings, ServerSettings } from "../engine/link-settings.ts";
import { type LengthHeader, lengthHeader, netHeader } from "../framing/length-header.ts";
import {
  CLIENT_NAMES,
  LINK_DEFAULTS,
  type LinkClientOptions,
  type LinkDefaults,
  type LinkOptions,
  type LinkServerOptions,
  SERVER_NAMES,
} from "../link/options.ts";
import { addresses, type ClassSettings, clientSettings, serverSettings } from "../link/settings.ts";
import type { PaceSettings } from "../session/settings.ts";
import {
  type TlsClientOptions,
  type TlsServerOptions,
  tlsClientSettings,
  tlsServerSettings,
} from "./tls-options.ts";

/** Options that both sides have. Everything has a default: `NET_DEFAULTS`. */
export interface NetOptions extends LinkOptions {
  /** The first byte of every Net frame, 0 to 255: both sides agree on it for each service. Default 0x77. */
  code?: number;
  /** What Net frames are encoded with, 0 to 255. It obscures and finds damage; it is no security. Default 0x32. */
  key?: number;
}

/** Options of `NetServer.start`. */
export interface NetServerOptions extends LinkServerOptions, NetOptions {
  /** TLS, with clients' certificates by `requestCert` (mTLS). Default: bytes in clear. */
  tls?: TlsServerOptions;
  /** How long a client may take for the TLS handshake. Default 5 000 ms. */
  handshakeTimeoutMs?: number;
  /** Addresses and CIDR ranges that may not connect, whatever `allow` says. Default: none. */
  deny?: readonly string[];
  /** Sessions of one address at the same time (of IPv6 the first 64 bits count). Default 0: no limit. */
  sessionsPerAddressMax?: number;
  /** Connections of one address within a second. Default 0: no limit. */
  acceptsPerSecondMax?: number;
  /** How long a client may take for its first packet after the join. Default 30 000 ms; 0 for no limit. */
  firstPacketTimeoutMs?: number;
  /** How long a client may send no packet. Default 0: no limit. */
  idleTimeoutMs?: number;
  /** Packets that a client may send within a second. Default 0: no limit. */
  packetsPerSecondMax?: number;
  /** Bytes on the wire that a client may send within a second. Default 0: no limit. */
  bytesPerSecondMax?: number;
  /**
   * What happens to who sends more: `"leave"` ends its session, `"wait"` reads nothing more from it until its time has
   * come, so that it feels it and nothing is lost. Default `"leave"`.
   */
  overPace?: "leave" | "wait";
}

/** Options of `NetClient.connect`. */
export interface NetClientOptions extends LinkClientOptions, NetOptions {
  /** TLS, with a certificate of its own by `cert` and `key` (mTLS). Default: bytes in clear. */
  tls?: TlsClientOptions;
}

const KIB = 1024;

/** What holds where an option is not given; the options' own docs say what depends on what. */
export interface NetDefaults extends LinkDefaults {
  readonly code: number;
  readonly key: number;
  readonly handshakeTimeoutMs: number;
  readonly sessionsPerAddressMax: number;
  readonly acceptsPerSecondMax: number;
  readonly firstPacketTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly packetsPerSecondMax: number;
  readonly bytesPerSecondMax: number;
  readonly overPace: "leave";
}

export const NET_DEFAULTS: NetDefaults = Object.freeze({
  ...LINK_DEFAULTS,
  code: 0x77,
  key: 0x32,
  handshakeTimeoutMs: 5000,
  sessionsPerAddressMax: 0,
  acceptsPerSecondMax: 0,
  firstPacketTimeoutMs: 30_000,
  idleTimeoutMs: 0,
  packetsPerSecondMax: 0,
  bytesPerSecondMax: 0,
  overPace: "leave",
  packetBytesMax: 0xffff,
  sendQueueBytesMax: 256 * KIB,
  receiveQueueBytesMax: 64 * KIB,
  heartbeat: false,
  backlog: 4096,
  maxSessions: 10_000,
});

const NET_NAMES = ["code", "key", "tls"];
const NET_SERVER_NAMES = [
  ...NET_NAMES,
  "handshakeTimeoutMs",
  "deny",
  "sessionsPerAddressMax",
  "acceptsPerSecondMax",
  "firstPacketTimeoutMs",
  "idleTimeoutMs",
  "packetsPerSecondMax",
  "bytesPerSecondMax",
  "overPace",
];

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function netServerSettings(asked: NetServerOptions): ServerSettings {
  const options = readOptions(asked, [...SERVER_NAMES, ...NET_SERVER_NAMES], "start");
  const settings = serverSettings(options, netLinks(options));
  const given = { ...NET_DEFAULTS, deny: [], ...options };
  const handshakeTimeoutMs = milliseconds("handshakeTimeoutMs", given.handshakeTimeoutMs, 1);
  return Object.freeze({
    ...settings,
    deny: readable("deny", () => addresses("deny", given.deny)),
    sessionsPerAddressMax: limit("sessionsPerAddressMax", given.sessionsPerAddressMax),
    acceptsPerSecondMax: limit("acceptsPerSecondMax", given.acceptsPerSecondMax),
    firstPacketTimeoutMs: milliseconds("firstPacketTimeoutMs", given.firstPacketTimeoutMs),
    idleTimeoutMs: milliseconds("idleTimeoutMs", given.idleTimeoutMs),
    pace: paceOf(given),
    tellsDescriptors: true,
    tls: tlsServerSettings(options.tls, handshakeTimeoutMs, settings.network),
  });
}

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function netClientSettings(asked: NetClientOptions): ClientSettings {
  const options = readOptions(asked, [...CLIENT_NAMES, ...NET_NAMES], "connect");
  const settings = clientSettings(options, netLinks(options));
  return Object.freeze({ ...settings, tls: tlsClientSettings(options.tls, settings.network) });
}

function netHeaderOf(code: number = NET_DEFAULTS.code, key: number = NET_DEFAULTS.key): LengthHeader {
  return netHeader(code, key);
}

/** Net frames, or, where `framing` is given, a length alone. */
function netLinks({ framing, code, key }: NetOptions): ClassSettings {
  const about = { defaults: NET_DEFAULTS, beats: false };
  if (framing === undefined) return { ...about, header: netHeaderOf(code, key) };
  if (code !== undefined) throw invalidOption("code", "has no meaning with framing");
  if (key !== undefined) throw invalidOption("key", "has no meaning with framing");
  return { ...about, header: readable("framing", () => lengthHeader(framing)) };
}

function paceOf(
  given: Required<Pick<NetServerOptions, "packetsPerSecondMax" | "bytesPerSecondMax" | "overPace">>,
): PaceSettings | null {
  const packetsPerSecondMax = limit("packetsPerSecondMax", given.packetsPerSecondMax);
  const bytesPerSecondMax = limit("bytesPerSecondMax", given.bytesPerSecondMax);
  if (given.overPace !== "leave" && given.overPace !== "wait")
    throw invalidOption("overPace", 'must be "leave" or "wait"');
  if (packetsPerSecondMax === 0 && bytesPerSecondMax === 0) return null;
  return { packetsPerSecondMax, bytesPerSecondMax, overPace: given.overPace };
}

/** A limit, or 0 for none. */
function limit(name: string, value: unknown): number {
  return wholeNumber(name, value, 0, Number.MAX_SAFE_INTEGER);
}
