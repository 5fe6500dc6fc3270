/** Liveness: what each sign of life does to each verdict, to the millisecond. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { Liveness, type Signs, sweepIntervalMs } from "../../src/session/liveness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";

const SETTINGS: SessionSettings = {
  header: lengthHeader("u32le"),
  packetBytesMax: 1000,
  sendQueueBytesMax: 1000,
  receiveQueueBytesMax: 1000,
  heartbeat: { intervalMs: 400, timeoutMs: 1600 },
  partialFrameTimeoutMs: 2400,
  sendStallMs: 3200,
  disconnectDrainMs: 1000,
  firstPacketTimeoutMs: 0,
  idleTimeoutMs: 0,
  pace: null,
};
const BEGAN_MS = 10_000;

/** A session's counts, and its liveness as swept at the times a test says. */
class Patient {
  signs: Signs = {
    bytesReceived: 0,
    packetsReceived: 0,
    bytesQueued: 0,
    writesCompleted: 0,
    queuedBytes: 0,
    partialBytes: 0,
    reading: true,
    peerBeats: false,
  };
  readonly #liveness: Liveness;

  constructor(settings: Partial<SessionSettings> = {}) {
    this.#liveness = new Liveness({ ...SETTINGS, ...settings }, BEGAN_MS);
  }

  /** Notes `changes` at `afterMs`. */
  sweep(afterMs: number, changes: Partial<Signs> = {}): this {
    this.signs = { ...this.signs, ...changes };
    this.#liveness.observe(this.signs, BEGAN_MS + afterMs);
    return this;
  }

  verdict(afterMs: number): string | undefined {
    return this.#liveness.verdict(this.signs, BEGAN_MS + afterMs);
  }

  heartbeatDue(afterMs: number, sweepMs: number): boolean {
    return this.#liveness.heartbeatDue(BEGAN_MS + afterMs, sweepMs);
  }
}

test("a peer that beats is silent for as long as no byte arrived, and leaves past the timeout", () => {
  const patient = new Patient().sweep(0, { peerBeats: true });
  assert.equal(patient.verdict(1600), undefined);
  assert.equal(patient.verdict(1601), "heartbeat-timeout");
  patient.sweep(1000, { bytesReceived: 4 }).sweep(1500);
  assert.equal(patient.verdict(2600), undefined);
  assert.equal(patient.verdict(2601), "heartbeat-timeout");
});

test("what a session begins with is seen by its first sweep, which is late", () => {
  const silent = new Patient().sweep(100, { peerBeats: true });
  assert.equal(silent.verdict(1601), "heartbeat-timeout"); // read from the beginning, and nothing came
  const sending = new Patient().sweep(100, { queuedBytes: 10, bytesQueued: 10 });
  assert.equal(sending.verdict(3300), undefined); // since when it waits, nobody looked
  assert.equal(sending.verdict(3301), "send-stalled");
});

test("a queue that is found empty is not stalled, however long it took", () => {
  const patient = new Patient().sweep(0, { queuedBytes: 10, bytesQueued: 10 });
  assert.equal(patient.sweep(5000, { queuedBytes: 0 }).verdict(5000), undefined);
});

test("a peer has its time for a first packet, and from one to the next; heartbeats are none", () => {
  const first = new Patient({ firstPacketTimeoutMs: 2000 }).sweep(1000, { bytesReceived: 4 });
  assert.equal(first.verdict(2000), undefined);
  assert.equal(first.verdict(2001), "first-packet-timeout");
  first.sweep(2001, { packetsReceived: 1 });
  assert.equal(first.sweep(50_000).verdict(50_000), undefined); // it sent one

  const idle = new Patient({ idleTimeoutMs: 2000 }).sweep(1000, { packetsReceived: 5 });
  idle.sweep(2500, { bytesReceived: 4 });
  assert.equal(idle.verdict(3000), undefined);
  assert.equal(idle.verdict(3001), "idle-timeout");
  idle.sweep(2900, { packetsReceived: 6 });
  assert.equal(idle.verdict(4900), undefined);
  assert.equal(idle.verdict(4901), "idle-timeout");
  assert.equal(new Patient().sweep(1_000_000).verdict(1_000_000), undefined); // no limit
});

test("a side that does not read waits for no packet", () => {
  const patient = new Patient({ idleTimeoutMs: 2000 }).sweep(0, { packetsReceived: 1 });
  patient.sweep(5000, { reading: false });
  assert.equal(patient.verdict(7000), undefined);
  patient.sweep(6000, { reading: true }); // since when, nobody looked: from here on
  assert.equal(patient.verdict(8000), undefined);
  assert.equal(patient.sweep(7000).verdict(8001), "idle-timeout");
});

test("a peer that never beat may be silent, and so may any with heartbeats off", () => {
  assert.equal(new Patient().sweep(1_000_000).verdict(1_000_000), undefined);
  const off = new Patient({ heartbeat: false }).sweep(1_000_000, { peerBeats: true });
  assert.equal(off.verdict(1_000_000), undefined);
});

test("a side that does not read cannot miss anything", () => {
  const patient = new Patient().sweep(0, { peerBeats: true, partialBytes: 1, reading: false });
  patient.sweep(50_000);
  assert.equal(patient.verdict(51_600), undefined);
  patient.sweep(51_000, { reading: true }); // since when, nobody looked: from here on
  assert.equal(patient.verdict(52_600), undefined);
  assert.equal(patient.verdict(52_601), "heartbeat-timeout");
});

test("a broken frame leaves once no byte of it arrived for too long, and a whole one never", () => {
  const patient = new Patient().sweep(100, { partialBytes: 1, bytesReceived: 5 }).sweep(2400);
  assert.equal(patient.verdict(2500), undefined);
  assert.equal(patient.verdict(2501), "partial-frame-timeout");
  patient.sweep(2400, { partialBytes: 2, bytesReceived: 6 }).sweep(4800);
  assert.equal(patient.verdict(4800), undefined);
  assert.equal(patient.verdict(4801), "partial-frame-timeout");
  patient.sweep(1_000_000, { partialBytes: 0 });
  assert.equal(patient.verdict(1_000_000), undefined);
});

test("sending stalls where bytes wait and no write completes, and an empty queue never does", () => {
  const patient = new Patient().sweep(1000);
  patient.sweep(2000, { queuedBytes: 10, bytesQueued: 10 });
  assert.equal(patient.verdict(5200), undefined); // since when they wait, nobody looked: from the look that saw them
  assert.equal(patient.verdict(5201), "send-stalled");
  patient.sweep(4000, { writesCompleted: 1, queuedBytes: 5 }).sweep(5000);
  assert.equal(patient.verdict(7200), undefined);
  assert.equal(patient.verdict(7201), "send-stalled");
  patient.sweep(7201, { writesCompleted: 2, queuedBytes: 0 }).sweep(50_000);
  assert.equal(patient.verdict(53_200), undefined);
});

test("a heartbeat is due where nothing else was queued and the next sweep would be too late", () => {
  const patient = new Patient().sweep(0, { bytesQueued: 4 });
  assert.equal(patient.heartbeatDue(300, 100), false);
  assert.equal(patient.heartbeatDue(301, 100), true);
  patient.sweep(300, { bytesQueued: 8 }).sweep(350, { writesCompleted: 1 });
  assert.equal(patient.heartbeatDue(600, 100), false);
  assert.equal(patient.heartbeatDue(601, 100), true);
  assert.equal(new Patient({ heartbeat: false }).heartbeatDue(1_000_000, 100), false);
});

test("a sweep comes eight times in the shortest timeout, at most each second and never less than 5 ms apart", () => {
  assert.equal(sweepIntervalMs(SETTINGS), 50);
  assert.equal(sweepIntervalMs({ ...SETTINGS, heartbeat: { intervalMs: 4000, timeoutMs: 80 } }), 10);
  assert.equal(sweepIntervalMs({ ...SETTINGS, heartbeat: false }), 300);
  assert.equal(sweepIntervalMs({ ...SETTINGS, heartbeat: false, sendStallMs: 800 }), 100);
  assert.equal(sweepIntervalMs({ ...SETTINGS, sendStallMs: 8 }), 5);
  const patience = { partialFrameTimeoutMs: 30_000, sendStallMs: 30_000 };
  const patient = { ...SETTINGS, ...patience, heartbeat: false } as const;
  assert.equal(sweepIntervalMs(patient), 1000);
  assert.equal(sweepIntervalMs({ ...patient, firstPacketTimeoutMs: 400 }), 50);
  assert.equal(sweepIntervalMs({ ...patient, idleTimeoutMs: 320 }), 40);
  const pace = { packetsPerSecondMax: 1, bytesPerSecondMax: 0, overPace: "wait" } as const;
  assert.equal(sweepIntervalMs({ ...patient, pace }), 125); // an eighth of a second's share
});
