/** Figures for people and monitoring: snapshots of what the counters hold, and rates between two of them. */
import type { Counters, Traffic } from "../base/counters.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { SessionFigures } from "../session/crossing.ts";
import { LEAVE_REASON_ORDER, type LeaveReason } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { REFUSAL_REASON_ORDER, type RefusalReason } from "./admission.ts";

/** What both sides count since `start` or `connect`. Bytes are bytes on the wire, headers and heartbeats included. */
interface LinkStats {
  /** When this was taken: milliseconds since 1970-01-01 UTC. */
  readonly atMs: number;
  /** Sessions at this moment, those that are leaving included. */
  readonly sessions: number;
  readonly received: Traffic;
  /** Handed to the kernel by completed writes. */
  readonly sent: Traffic;
  /** Taken and not yet handed to the kernel, at this moment. */
  readonly queuedBytes: number;
  /** How many sessions left, by reason: with `sessions` they add up to all that ever joined. */
  readonly left: Partial<Record<LeaveReason, number>>;
  /** How often each error was reported. */
  readonly errors: Partial<Record<ErrorCode, number>>;
}

export interface ServerStats extends LinkStats {
  /** Connections that became sessions, ever. */
  readonly accepted: number;
  /** Connections that were refused, ever. */
  readonly refused: number;
  /** The same by reason. */
  readonly refusedBy: Partial<Record<RefusalReason, number>>;
}

export interface ClientStats extends LinkStats {
  /** Connections that joined, ever: more than one after a reconnect. */
  readonly joined: number;
}

/** One session's figures. */
export interface SessionStats {
  readonly sessionId: SessionId;
  readonly hostId: HostId | undefined;
  readonly received: Traffic;
  readonly sent: Traffic;
  readonly queuedBytes: number;
}

/** What grew between two snapshots, per second. */
export interface Rates {
  readonly received: Traffic;
  readonly sent: Traffic;
}

export function serverStats(
  counters: Counters,
  sessions: number,
  queuedBytes: number,
  atMs: number,
): ServerStats {
  const { accepted, refused } = counters;
  const refusedBy = counted(REFUSAL_REASON_ORDER, (kind) => counters.refusedAs(kind));
  return { ...linkStats(counters, sessions, queuedBytes, atMs), accepted, refused, refusedBy };
}

export function clientStats(
  counters: Counters,
  sessions: number,
  queuedBytes: number,
  atMs: number,
): ClientStats {
  return { ...linkStats(counters, sessions, queuedBytes, atMs), joined: counters.accepted };
}

function linkStats(counters: Counters, sessions: number, queuedBytes: number, atMs: number): LinkStats {
  const { received, sent, errors } = counters;
  return {
    atMs,
    sessions,
    received,
    sent,
    queuedBytes,
    left: counted(LEAVE_REASON_ORDER, (kind) => counters.left(kind)),
    errors,
  };
}

/** How often each of `reasons` was counted, those that never were left out. */
function counted<Reason extends string>(
  reasons: readonly Reason[],
  countOf: (kind: number) => number,
): Partial<Record<Reason, number>> {
  const all = reasons.map((reason, kind) => [reason, countOf(kind)] as const);
  return Object.fromEntries(all.filter(([, count]) => count > 0)) as Partial<Record<Reason, number>>;
}

export function sessionStats(session: SessionFigures, hostId: HostId | undefined): SessionStats {
  const { id, received, sent, queuedBytes } = session;
  return { sessionId: id, hostId, received, sent, queuedBytes };
}

/**
 * What grew from `before` to `after`, per second. Zero where no time passed between them.
 * @param before - an earlier `stats()` of the same server or client.
 */
export function rates(before: LinkStats, after: LinkStats): Rates {
  const seconds = (after.atMs - before.atMs) / 1000;
  const perSecond = (grown: number): number => (seconds > 0 ? grown / seconds : 0);
  const traffic = (from: Traffic, to: Traffic): Traffic => ({
    packets: perSecond(to.packets - from.packets),
    bytes: perSecond(to.bytes - from.bytes),
  });
  return { received: traffic(before.received, after.received), sent: traffic(before.sent, after.sent) };
}
