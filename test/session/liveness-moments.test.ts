/** Judgements of liveness come late by at most two sweeps, and never early, wherever between two sweeps a thing began. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { Liveness, type Signs, sweepIntervalMs } from "../../src/session/liveness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";

const SETTINGS: SessionSettings = {
  header: lengthHeader("u32le"),
  packetBytesMax: 1000,
  sendQueueBytesMax: 10_000,
  receiveQueueBytesMax: 1000,
  heartbeat: { intervalMs: 1000, timeoutMs: 3050 },
  partialFrameTimeoutMs: 8000,
  sendStallMs: 2050, // no multiple of a sweep
  disconnectDrainMs: 0,
  firstPacketTimeoutMs: 0,
  idleTimeoutMs: 0,
  pace: null,
};
const SWEEP_MS = sweepIntervalMs(SETTINGS);

/** An idle link whose peer has beaten. */
const IDLE: Signs = {
  bytesReceived: 4,
  packetsReceived: 0,
  bytesQueued: 4,
  writesCompleted: 1,
  queuedBytes: 0,
  partialBytes: 0,
  reading: true,
  peerBeats: true,
};

/** Sweeps until a verdict; `signsAt` says how the session looks at a time. Answers when, and what. */
function judged(signsAt: (nowMs: number) => Signs, fromMs: number): { atMs: number; reason: string } {
  const liveness = new Liveness(SETTINGS, 0);
  for (let nowMs = SWEEP_MS; nowMs < fromMs + 60_000; nowMs += SWEEP_MS) {
    liveness.observe(signsAt(nowMs), nowMs);
    const reason = liveness.verdict(signsAt(nowMs), nowMs);
    if (reason !== undefined) return { atMs: nowMs, reason };
  }
  assert.fail("nothing was judged");
}

/** The first and last moment of a sweep interval, and some between, a long while after the link began. */
const MOMENTS: readonly number[] = [0.01, 0.3, 0.6, 0.99].map((part) => (100 + part) * SWEEP_MS);

/** Bytes go on arriving, so that silence is no subject. */
const heard = (nowMs: number): Pick<Signs, "bytesReceived"> => ({ bytesReceived: nowMs });

for (const sinceMs of MOMENTS) {
  test(`a write that stalls from ${sinceMs} ms on is judged behind sendStallMs`, () => {
    const { atMs, reason } = judged(
      (nowMs) => ({ ...IDLE, ...heard(nowMs), queuedBytes: nowMs < sinceMs ? 0 : 500 }),
      sinceMs,
    );
    assert.equal(reason, "send-stalled");
    assertInTime(atMs - sinceMs, SETTINGS.sendStallMs);
  });

  test(`silence from ${sinceMs} ms on, where reading went on, is judged behind heartbeat.timeoutMs`, () => {
    const { atMs, reason } = judged((nowMs) => ({ ...IDLE, reading: nowMs >= sinceMs }), sinceMs);
    assert.equal(reason, "heartbeat-timeout");
    assertInTime(atMs - sinceMs, 3050);
  });
}

function assertInTime(tookMs: number, limitMs: number): void {
  assert(tookMs > limitMs, `judged ${limitMs - tookMs} ms early`);
  assert(tookMs <= limitMs + 2 * SWEEP_MS, `judged ${tookMs - limitMs} ms late`);
}
