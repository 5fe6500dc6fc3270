/**
 * Whether a session still lives, judged at each sweep from what moved since the last one.
 *
 * The hot paths only count; the sweep (a few times per timeout, one timer for all sessions) compares the
 * counts with what it saw before and stamps the time. So a judgement is late by at most two sweeps, never early.
 *
 * Invariant: a verdict is never final at once. The caller lets pending reads and completions through
 * (`Clock.afterPendingReads`) and asks again: a thread that was blocked must not blame its peers.
 */
import type { LeaveReason } from "./leave.ts";
import type { SessionSettings } from "./settings.ts";

/** The counts of a session that the sweep compares. */
export interface Signs {
  /** Bytes received, ever. */
  readonly bytesReceived: number;
  /** Packets received, ever; heartbeats are none. */
  readonly packetsReceived: number;
  /** Bytes taken for sending, ever: heartbeats go only where nothing else did. */
  readonly bytesQueued: number;
  /** Writes completed, ever. */
  readonly writesCompleted: number;
  /** Bytes taken and not yet written. */
  readonly queuedBytes: number;
  /** Bytes of a frame that is not whole. */
  readonly partialBytes: number;
  /** Whether this side reads at the moment; a side that does not cannot miss anything. */
  readonly reading: boolean;
  /** Whether the peer has ever sent a heartbeat. */
  readonly peerBeats: boolean;
}

/** How often to sweep so that every timeout in `settings` is judged with an eighth of itself to spare. */
export function sweepIntervalMs(settings: SessionSettings): number {
  const { heartbeat, partialFrameTimeoutMs, sendStallMs, firstPacketTimeoutMs, idleTimeoutMs } = settings;
  const shortest = Math.min(
    partialFrameTimeoutMs,
    sendStallMs,
    ...[firstPacketTimeoutMs, idleTimeoutMs].filter((ms) => ms > 0),
    ...(settings.pace === null ? [] : [1000]), // of a blocked thread a second's share is much
    ...(heartbeat === false ? [] : [heartbeat.intervalMs, heartbeat.timeoutMs]),
  );
  return Math.max(5, Math.min(1000, shortest / 8));
}

export class Liveness {
  readonly #settings: SessionSettings;
  #received = 0;
  #packets = 0;
  #queued = 0;
  #writes = 0;
  /** What the last look saw: what began since then did so after it, so it counts from the next look on. */
  #wasReading = true;
  #wasEmpty = true;
  #receivedAtMs: number;
  #packetAtMs: number;
  #queuedAtMs: number;
  #writtenAtMs: number;

  constructor(settings: SessionSettings, nowMs: number) {
    this.#settings = settings;
    this.#receivedAtMs = this.#packetAtMs = this.#queuedAtMs = this.#writtenAtMs = nowMs;
  }

  /** Notes what moved since the last call. */
  observe(signs: Signs, nowMs: number): void {
    if (signs.bytesReceived !== this.#received || !signs.reading || !this.#wasReading) {
      this.#received = signs.bytesReceived;
      this.#receivedAtMs = nowMs;
    }
    if (signs.packetsReceived !== this.#packets || !signs.reading || !this.#wasReading) {
      this.#packets = signs.packetsReceived;
      this.#packetAtMs = nowMs;
    }
    if (signs.bytesQueued !== this.#queued) {
      this.#queued = signs.bytesQueued;
      this.#queuedAtMs = nowMs;
    }
    if (signs.writesCompleted !== this.#writes || signs.queuedBytes === 0 || this.#wasEmpty) {
      this.#writes = signs.writesCompleted;
      this.#writtenAtMs = nowMs;
    }
    this.#wasReading = signs.reading;
    this.#wasEmpty = signs.queuedBytes === 0;
  }

  /** What the session would have to leave for, as last observed. */
  verdict(signs: Signs, nowMs: number): LeaveReason | undefined {
    const { heartbeat, partialFrameTimeoutMs, sendStallMs, firstPacketTimeoutMs, idleTimeoutMs } =
      this.#settings;
    const silentMs = nowMs - this.#receivedAtMs;
    if (heartbeat !== false && signs.peerBeats && silentMs > heartbeat.timeoutMs) return "heartbeat-timeout";
    if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs) return "partial-frame-timeout";
    if (nowMs - this.#writtenAtMs > sendStallMs) return "send-stalled";
    const idleMs = nowMs - this.#packetAtMs;
    if (firstPacketTimeoutMs > 0 && signs.packetsReceived === 0 && idleMs > firstPacketTimeoutMs)
      return "first-packet-timeout";
    if (idleTimeoutMs > 0 && idleMs > idleTimeoutMs) return "idle-timeout";
    return undefined;
  }

  /** Whether the peer should hear from us before the next sweep. */
  heartbeatDue(nowMs: number, sweepMs: number): boolean {
    const { heartbeat } = this.#settings;
    return heartbeat !== false && nowMs - this.#queuedAtMs > heartbeat.intervalMs - sweepMs;
  }
}
