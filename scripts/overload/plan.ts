/**
 * Who takes part in the overload, and what must become of them. A source address tells the server who somebody is:
 * 127.0.<kind>.<1 to SPREAD>, which Linux has without being asked.
 */
import type { LanServerOptions, LeaveReason } from "../../src/index.ts";

export const KINDS = ["healthy", "storm", "deaf", "stuck", "trickling", "garbage"] as const;
export type Kind = (typeof KINDS)[number];

interface Role {
  readonly count: number;
  /** What they are thrown out with, each of them in each overload; null where the server has no reason to. */
  readonly thrownOutWith: LeaveReason | null;
  /** What else their sessions may end with, because they go by themselves. */
  readonly orWith: readonly LeaveReason[];
}

/** Everybody but the healthy is raw bytes on a socket, without heartbeats. */
export const ROLES: Readonly<Record<Kind, Role>> = {
  healthy: { count: 10, thrownOutWith: null, orWith: [] },
  /** Connect all at once, stay a moment, go in order or by a reset, and come back. */
  storm: { count: 1000, thrownOutWith: null, orWith: ["peer-closed", "reset"] },
  /** Never read; the server sends to them until it is refused. */
  deaf: { count: 100, thrownOutWith: "send-stalled", orWith: ["reset"] },
  /** Slow-loris that stop in the middle of a frame. */
  stuck: { count: 50, thrownOutWith: "partial-frame-timeout", orWith: ["reset"] },
  /** Slow-loris that send a byte of a frame now and then, for ever: slow is not dead. */
  trickling: { count: 50, thrownOutWith: null, orWith: ["reset"] },
  /** Send what is no frame, and come back. */
  garbage: { count: 100, thrownOutWith: "frame-too-large", orWith: ["reset"] },
};

const KIB = 1024;

export type Limits = Required<
  Pick<
    LanServerOptions,
    | "packetBytesMax"
    | "sendQueueBytesMax"
    | "receiveQueueBytesMax"
    | "maxSessions"
    | "partialFrameTimeoutMs"
    | "sendStallMs"
  >
>;

/** Limits for a server that trusts nobody; the figures of the time-outs fit into a few seconds. */
export const LIMITS: Limits = {
  packetBytesMax: 64 * KIB,
  sendQueueBytesMax: 256 * KIB,
  receiveQueueBytesMax: 256 * KIB,
  maxSessions: 1024,
  partialFrameTimeoutMs: 1000,
  sendStallMs: 2000,
};

/** Source addresses per kind: one alone has too few ports for those that come back all the time. */
const SPREAD = 16;

export function addressOf(kind: Kind, index: number): string {
  return `127.0.${KINDS.indexOf(kind) + 1}.${1 + (index % SPREAD)}`;
}

export function kindOf(ip: string): Kind {
  const kind = KINDS[Number(ip.split(".")[2]) - 1];
  if (kind === undefined) throw new Error(`nobody was to come from ${ip}`);
  return kind;
}
