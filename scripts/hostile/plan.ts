/** Who comes, from where, and how each has to end. */
import { readFileSync } from "node:fs";
import type { LeaveReason, NetServerOptions, RefusalReason } from "../../src/index.ts";

/** How a connection behaves. What each does is in acts.ts. */
export interface Role {
  /** The server with TLS, or the one with Net frames in clear. */
  readonly to: "plain" | "tls";
  /** How many there are at the same moment. */
  readonly count: number;
  /** What the server has to end their sessions with; null where it has no reason to. */
  readonly leaves: LeaveReason | null;
  /** What else their sessions may end with, since they go by themselves. */
  readonly orWith: readonly LeaveReason[];
  /** Why the server has to refuse some of them; null where it lets all in. */
  readonly refused: RefusalReason | null;
}

const GO: readonly LeaveReason[] = ["peer-closed", "reset"];
/** The third byte of the first kind's addresses. */
const FIRST_OCTET = 10;
const NO_SESSION = { leaves: null, orWith: [] } as const;

function plain(count: number, leaves: LeaveReason | null): Role {
  return { to: "plain", count, leaves, orWith: GO, refused: null };
}

function noTls(count: number): Role {
  return { to: "tls", count, ...NO_SESSION, refused: "tls-failed" };
}

function secured(count: number, leaves: LeaveReason | null, orWith: readonly LeaveReason[] = GO): Role {
  return { to: "tls", count, leaves, orWith, refused: null };
}

export type Kind =
  | "replay"
  | "a byte at a time"
  | "just under the packets' pace"
  | "just under the bytes' pace"
  | "leaves while the server broadcasts"
  | "half a frame, FIN, RST"
  | "impossible length"
  | "checksum off by one"
  | "TLS where there is none"
  | "just over the packets' pace"
  | "just over the bytes' pace"
  | "says nothing"
  | "a first packet that never ends"
  | "one packet in the last moment"
  | "reads no echo"
  | "comes and goes from one address"
  | "comes and goes from many addresses"
  | "a crowd behind one address"
  | "a denied address"
  | "frames in clear"
  | "a hello of rubbish"
  | "a hello a byte at a time"
  | "no hello"
  | "renegotiates"
  | "a record of rubbish"
  | "cuts TLS off";

const ROLES: Readonly<Record<Kind, Role>> = {
  // Valid bytes.
  replay: plain(20, null),
  "a byte at a time": plain(20, null),
  "just under the packets' pace": plain(8, null),
  "just under the bytes' pace": plain(4, null),
  "leaves while the server broadcasts": plain(20, null),
  // What no frame begins or ends with.
  "half a frame, FIN, RST": plain(20, "peer-closed"),
  "impossible length": plain(20, "frame-too-large"),
  "checksum off by one": plain(20, "frame-checksum-wrong"),
  "TLS where there is none": plain(20, "frame-code-wrong"),
  // Too much, too little, too late.
  "just over the packets' pace": plain(8, "over-pace"),
  "just over the bytes' pace": plain(4, "over-pace"),
  "says nothing": plain(20, "first-packet-timeout"),
  "a first packet that never ends": plain(20, "first-packet-timeout"),
  "one packet in the last moment": plain(20, "idle-timeout"),
  "reads no echo": plain(8, "send-stalled"),
  // Doors.
  "comes and goes from one address": { ...plain(16, null), refused: "accepts-per-second" },
  "comes and goes from many addresses": plain(32, null),
  "a crowd behind one address": { ...plain(100, "first-packet-timeout"), refused: "sessions-per-address" },
  "a denied address": { to: "plain", count: 8, ...NO_SESSION, refused: "denied" },
  // Where TLS is spoken.
  "frames in clear": noTls(10),
  "a hello of rubbish": noTls(10),
  "a hello a byte at a time": noTls(10),
  "no hello": noTls(10),
  // OpenSSL says no, and most hang up; who has asked too often is hung up on.
  renegotiates: secured(4, null, [...GO, "connection-failed"]),
  "a record of rubbish": secured(10, "connection-failed"),
  "cuts TLS off": secured(10, "reset", []),
};

export const KINDS: readonly Kind[] = Object.keys(ROLES) as Kind[];

export function roleOf(kind: Kind): Role {
  return ROLES[kind];
}

/** Limits of a server on an open network, so tight that each is reached within seconds. */
type Limits = Required<
  Pick<
    NetServerOptions,
    | "packetBytesMax"
    | "handshakeTimeoutMs"
    | "firstPacketTimeoutMs"
    | "packetsPerSecondMax"
    | "bytesPerSecondMax"
  >
> &
  NetServerOptions;

export const LIMITS: Limits = {
  packetBytesMax: 60_000,
  maxSessions: 4000,
  sessionsPerAddressMax: 60,
  acceptsPerSecondMax: 100,
  handshakeTimeoutMs: 1500,
  firstPacketTimeoutMs: 1500,
  idleTimeoutMs: 3000,
  partialFrameTimeoutMs: 5000,
  sendStallMs: 1500,
  packetsPerSecondMax: 200,
  bytesPerSecondMax: 1024 * 1024,
  deny: [`127.0.${octetOf("a denied address")}.0/24`],
};

/** What the first byte of a packet says. */
export const ECHO = 1;
export const NEWS = 2;

/** Of the healthy, one in so many comes by TLS. */
export const TLS_EVERY = 10;
const ADDRESSES = 250;

/** Where the healthy come from. */
export function userAddress(index: number): string {
  return `127.0.1.${1 + (index % ADDRESSES)}`;
}

/** Each kind has a net of its own, so that the server can tell. */
export function addressOf(kind: Kind, index: number): string {
  const isOne = kind === "comes and goes from one address" || kind === "a crowd behind one address";
  return `127.0.${octetOf(kind)}.${isOne ? 1 : 1 + (index % ADDRESSES)}`;
}

/** Whose address this is; undefined for one of the healthy. */
export function kindOf(ip: string): Kind | undefined {
  return KINDS[Number(ip.split(".")[2]) - FIRST_OCTET];
}

function octetOf(kind: Kind): number {
  return FIRST_OCTET + KINDS.indexOf(kind);
}

/** A file of the certificates that the tests have. */
export function pem(file: string): string {
  return readFileSync(new URL(`../../test/net/fixtures/certificates/${file}`, import.meta.url), "utf8");
}
