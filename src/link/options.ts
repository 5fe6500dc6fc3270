/**
 * The options that all classes have: names with their units, and the defaults that no class has otherwise. What differs (the framing, the defaults, options of its own) a class adds.
 */
import type { ReconnectSettings } from "../engine/link-settings.ts";
import type { Framing } from "../framing/length-header.ts";
import type { HeartbeatSettings } from "../session/settings.ts";
import type { Network } from "../transport/connection.ts";

/** Options that all classes and both sides have. Everything has a default: docs/options.md has them by class. */
export interface LinkOptions {
  /** The length header in front of every payload. Both sides of a link must agree. */
  framing?: Framing;
  /** The longest payload that is sent or received. At most, and by default where that is less, the limit of the header or of the preset's stack. */
  packetBytesMax?: number;
  /**
   * Bytes that a session may have taken and not yet handed to the kernel; `sendPacket` says false beyond.
   * By default never less than one packet of `packetBytesMax`. On worker threads at most 2 147 483 647.
   */
  sendQueueBytesMax?: number;
  /** Bytes that may wait while an asynchronous `onRecv` is busy; then the session's reading stops. */
  receiveQueueBytesMax?: number;
  /** Empty frames as signs of life, or false. Where they are asked for: `{ intervalMs: 5000, timeoutMs: 15000 }`. */
  heartbeat?: { intervalMs?: number; timeoutMs?: number } | false;
  /** How long a frame may be unfinished without a byte arriving. Default 30 000 ms. */
  partialFrameTimeoutMs?: number;
  /** How long bytes may wait without a write completing (one carries about 1 MiB). Default 30 000 ms. */
  sendStallMs?: number;
  /** How long `disconnect` lets taken packets out before it resets. Default 5 000 ms. */
  disconnectDrainMs?: number;
  /** Idle time before the first TCP keepalive probe, at least 1000 ms; 0 for none. Default 30 000 ms. */
  keepAliveMs?: number;
  /** Nagle's algorithm. Default false: each write goes out at once. */
  nagle?: boolean;
  /**
   * Threads of its own for sessions and events: how many are created, and how many may be in events at the same
   * moment (default: all). 0 runs everything on the caller's thread. A client has one session, so 0 or 1.
   * The subclass says `static module = import.meta.url`. Default 0. See docs/threads.md.
   */
  workerThreads?: number | { created: number; running?: number };
  /**
   * What the subclass reads as `this.workerData` (structured clone; ports in it move), or a function that makes
   * it for each thread (0 is the caller's). Default undefined.
   */
  workerData?: unknown;
  /**
   * Microseconds that a thread keeps polling after its last activity before it sleeps: quicker round trips for
   * one core. Default 0, at most 1 000 000.
   */
  busyPollMicros?: number;
  /** Where links are made: the sockets of this machine (default), or the in-memory network of `lanwire/testing`. */
  network?: Network;
}

/** Options of every server's `start`. */
export interface LinkServerOptions extends LinkOptions {
  /** The address to listen on. Default loopback, `"127.0.0.1"`: opening an interface is the application's decision. */
  ip?: string;
  /** The port to listen on; 0 lets the system choose. Needed unless there is a `path`. */
  port?: number;
  /** A Unix socket or Windows named pipe, instead of `ip` and `port`. */
  path?: string;
  /** Connections that the kernel may hold before they are accepted. Default 511. */
  backlog?: number;
  /** Sessions at the same time; a connection beyond is refused. */
  maxSessions?: number;
  /** Addresses and CIDR ranges that may connect. Default: all. An IPv4-mapped address is the IPv4 address. */
  allow?: readonly string[];
}

/** Options of every client's `connect`. */
export interface LinkClientOptions extends LinkOptions {
  /** The server's address. Default loopback, `"127.0.0.1"`. */
  serverIp?: string;
  /** The server's port. Needed unless there is a `path`. */
  port?: number;
  /** The server's Unix socket or Windows named pipe, instead of `serverIp` and `port`. */
  path?: string;
  /** The local address to connect from: the interface that the link shall use. Default: the system's choice. */
  bindIp?: string;
  /** The local port to connect from. Default: the system's choice. */
  bindPort?: number;
  /** How long one attempt to connect may take. Default 5 000 ms. */
  connectTimeoutMs?: number;
  /** Ends connecting and reconnecting. A session that exists goes on. */
  signal?: AbortSignal;
  /**
   * Whether to connect again after a failure or a leave, with exponential backoff and full jitter. Default false;
   * true or `{}` is `{ minDelayMs: 100, maxDelayMs: 10_000 }`.
   */
  reconnect?: { minDelayMs?: number; maxDelayMs?: number } | boolean;
}

/** How long `disconnect` and `stop` let taken packets out. */
export const DISCONNECT_DRAIN_MS = 5000;

/** What heartbeats are where they are on and nothing else is said. */
export const HEARTBEAT: HeartbeatSettings = Object.freeze({ intervalMs: 5000, timeoutMs: 15_000 });

/** What holds where an option is not given; the options' own docs say what depends on what. */
export interface LinkDefaults {
  readonly packetBytesMax: number;
  readonly sendQueueBytesMax: number;
  readonly receiveQueueBytesMax: number;
  readonly heartbeat: HeartbeatSettings | false;
  readonly partialFrameTimeoutMs: number;
  readonly sendStallMs: number;
  readonly disconnectDrainMs: number;
  readonly keepAliveMs: number;
  readonly nagle: boolean;
  readonly workerThreads: 0;
  readonly busyPollMicros: number;
  readonly ip: string;
  readonly backlog: number;
  readonly maxSessions: number;
  readonly connectTimeoutMs: number;
  readonly reconnect: ReconnectSettings;
}

/** The defaults that no class has otherwise. */
export const LINK_DEFAULTS: Pick<LinkDefaults, CommonDefault> = {
  partialFrameTimeoutMs: 30_000,
  sendStallMs: 30_000,
  disconnectDrainMs: DISCONNECT_DRAIN_MS,
  keepAliveMs: 30_000,
  nagle: false,
  workerThreads: 0,
  busyPollMicros: 0,
  ip: "127.0.0.1",
  connectTimeoutMs: 5000,
  reconnect: Object.freeze({ minDelayMs: 100, maxDelayMs: 10_000 }),
};

type CommonDefault =
  | "partialFrameTimeoutMs"
  | "sendStallMs"
  | "disconnectDrainMs"
  | "keepAliveMs"
  | "nagle"
  | "workerThreads"
  | "busyPollMicros"
  | "ip"
  | "connectTimeoutMs"
  | "reconnect";

const LINK_NAMES = [
  "framing",
  "packetBytesMax",
  "sendQueueBytesMax",
  "receiveQueueBytesMax",
  "heartbeat",
  "partialFrameTimeoutMs",
  "sendStallMs",
  "disconnectDrainMs",
  "keepAliveMs",
  "nagle",
  "workerThreads",
  "workerData",
  "busyPollMicros",
  "network",
] as const;
/** The names of the options of `start` that all classes have. */
export const SERVER_NAMES: readonly string[] = [
  ...LINK_NAMES,
  "ip",
  "port",
  "path",
  "backlog",
  "maxSessions",
  "allow",
];
/** The names of the options of `connect` that all classes have. */
export const CLIENT_NAMES: readonly string[] = [
  ...LINK_NAMES,
  "serverIp",
  "port",
  "path",
  "bindIp",
  "bindPort",
  "connectTimeoutMs",
  "signal",
  "reconnect",
];
