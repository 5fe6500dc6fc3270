/** Why a session ended, and what was lost with it: the closed set that `onClientLeave` and `onLeaveServer` tell. */
import type { ErrorCode, LanError } from "../base/errors.ts";

/** Every reason and what it means. `docs/liveness-and-failure.md` is checked against this table. */
export const LEAVE_REASONS = {
  "peer-closed":
    "The peer closed in order (FIN). Packets that arrived before were handed over first, for up to `disconnectDrainMs`.",
  reset: "The peer reset the connection (RST), or it broke while we wrote to it.",
  "connection-failed":
    "The system reported another failure of the connection (keepalive gave up, no route, ...).",
  "heartbeat-timeout": "A peer that sends heartbeats sent no byte for `heartbeat.timeoutMs`.",
  "partial-frame-timeout": "A frame was begun and no byte of it arrived for `partialFrameTimeoutMs`.",
  "send-stalled": "Bytes were waiting and the kernel completed no write for `sendStallMs`.",
  "frame-too-large": "The peer announced a frame longer than `packetBytesMax`.",
  "frame-invalid": "The peer sent a length that no frame can have.",
  "frame-code-wrong": "The peer sent a Net frame with another `code`.",
  "frame-checksum-wrong":
    "The peer sent a Net frame whose checksum is wrong: damaged, or encoded with another `key`.",
  "first-packet-timeout": "The peer sent no packet for `firstPacketTimeoutMs` after it joined.",
  "idle-timeout": "The peer sent no packet for `idleTimeoutMs`.",
  "over-pace": "The peer sent more than `packetsPerSecondMax` or `bytesPerSecondMax`.",
  disconnected: "The application called disconnect().",
  "server-stopped": "The application called stop().",
  "thread-died": "The worker thread that the session lived on died.",
} as const;

export type LeaveReason = keyof typeof LEAVE_REASONS;

/** The reasons in the order in which counters hold them. */
export const LEAVE_REASON_ORDER: readonly LeaveReason[] = Object.keys(LEAVE_REASONS) as LeaveReason[];

/**
 * What was taken by `sendPacket` and not handed to the kernel by a completed write. Bytes count headers too. Of the
 * write that was under way the kernel, and the peer, may have a part all the same.
 */
export interface NotSent {
  readonly packets: number;
  readonly bytes: number;
}

/**
 * How a session ended. What the kernel had taken from a link that then broke is unknowable without an
 * answer from the peer, so nothing here calls it delivered.
 */
export interface Leave {
  readonly reason: LeaveReason;
  readonly notSent: NotSent;
  /** The system's error, where there was one. */
  readonly cause?: Error;
}

/** Why a connection ended that nobody here closed. */
export function reasonOf(error: NodeJS.ErrnoException | undefined): LeaveReason {
  if (error === undefined) return "peer-closed";
  return RESET_CODES.has(error.code ?? "") ? "reset" : "connection-failed";
}

const RESET_CODES = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "EOF"]); // EOF: Windows' named pipes

/** How a session leaves whose peer's bytes make no frames. */
export function reasonOfBroken({ code }: LanError): LeaveReason {
  return BROKEN_STREAM[code] ?? "frame-invalid";
}

const BROKEN_STREAM: Partial<Record<ErrorCode, LeaveReason>> = {
  FRAME_TOO_LARGE: "frame-too-large",
  FRAME_CODE_WRONG: "frame-code-wrong",
  FRAME_CHECKSUM_WRONG: "frame-checksum-wrong",
};
