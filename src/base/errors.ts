/**
 * The one error type and the one table of codes.
 *
 * Expected outcomes (queue full, session gone) are return values, never errors. Everything else is a
 * `LanError` whose `code` never changes its meaning; its message reads "Cannot X: why".
 */

import type { SessionId } from "./session-id.ts";

/** Every code a `LanError` can carry, and what it means. `docs/errors.md` is checked against this table. */
export const ERROR_CODES = {
  OPTION_UNKNOWN: "An option that does not exist was given; the message names it.",
  OPTION_INVALID: "An option's value is of the wrong type, out of range, or contradicts another option.",
  ALREADY_RUNNING: "start() or connect() was called while the instance is starting, running or stopping.",
  LISTEN_FAILED: "The address could not be bound; `cause` is the system's error.",
  ACCEPT_FAILED: "The listening socket reported an error; sessions that exist go on.",
  DESCRIPTORS_TOO_FEW:
    "The process may not open as many descriptors as `maxSessions` needs: beyond that, accepting will fail. Raise the limit (`ulimit -n`).",
  CONNECT_FAILED: "The server could not be reached; `cause` is the system's error.",
  CONNECT_TIMEOUT: "No connection was made within `connectTimeoutMs`.",
  CONNECT_ABORTED: "Connecting was ended by `signal` or by disconnect().",
  CONNECTION_FAILED: "An open connection failed with a system error other than a reset; `cause` has it.",
  FRAME_TOO_LARGE: "A peer announced a frame longer than `packetBytesMax`; its session is reset.",
  FRAME_INVALID:
    "A peer sent a length that no frame can have (shorter than its own header); its session is reset.",
  FRAME_CODE_WRONG: "A peer sent a Net frame with another `code`; its session is reset.",
  FRAME_CHECKSUM_WRONG: "A peer sent a Net frame whose checksum is wrong; its session is reset.",
  TLS_FAILED:
    "A TLS handshake failed or took too long; `cause` says why. The connection is closed and counted as refused.",
  EVENT_THREW: "An event of the subclass threw or rejected; `cause` is what it threw.",
  HOST_ID_INVALID: "A host id is empty or longer than 255 UTF-16 units.",
  PACKET_TOO_LARGE: "A packet is longer than `packetBytesMax`, or would grow past its own maximum.",
  PACKET_EMPTY: "An empty packet was sent on a link with heartbeats, where an empty frame is a heartbeat.",
  PACKET_READ_PAST_END: "A read wants more bytes than remain.",
  PACKET_VALUE_OUT_OF_RANGE: "A value does not fit the field's type, or is of the wrong type.",
  PACKET_TEXT_TOO_LONG: "A text or byte string does not fit its length prefix or its fixed width.",
  PACKET_TEXT_INVALID:
    "Received bytes are not valid text of the field's encoding, or a text cannot be carried by it (a lone surrogate in UTF-8, a NUL in a fixed-width field).",
  PACKET_INVALID: "What was given to be sent is no Packet.",
  THREAD_MODULE_MISSING:
    "Worker threads are asked for and the class does not say `static module = import.meta.url`.",
  THREAD_MODULE_FAILED: "The class's module could not be loaded on a thread; `cause` says why.",
  THREAD_CLASS_NOT_EXPORTED:
    "The class's module does not export the class, so a thread cannot make an instance.",
  THREAD_STARTED_IN_MODULE: "start() or connect() is called at the top of a module that a thread loads.",
  THREAD_DIED:
    "A worker thread died; `cause` says of what. Its sessions are counted out, and another takes its place.",
  HISTORY_FAILED:
    "A monitor's history file cannot be opened or written, or is no such file; `cause` says why.",
  REPORT_FAILED: "A monitor agent could not sample its figures this second; `cause` says why.",
  PACKET_READ_ONLY: "A received packet was written to; copy() gives one that can be.",
} as const;

/** A stable error code; see `ERROR_CODES`. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What every failure in lanwire is. */
export class LanError extends Error {
  override readonly name = "LanError";
  /** Stable; safe to switch on. */
  readonly code: ErrorCode;
  /** The session the failure belongs to, where there is one. */
  readonly sessionId: SessionId | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { sessionId?: SessionId | undefined; cause?: unknown } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.code = code;
    this.sessionId = details.sessionId;
  }
}

/**
 * What a peer sent is at fault, not a line of code: no stack is taken, which would be most of what such a peer costs.
 */
export function peersError(code: ErrorCode, message: string, sessionId?: SessionId): LanError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new LanError(code, message, { sessionId });
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
