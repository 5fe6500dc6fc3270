/** Inflow: packets in order, one handler at a time, and reading that stops where too much waits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { Counters } from "../../src/base/counters.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Inflow, type InflowHost } from "../../src/session/inflow.ts";
import { Lateness } from "../../src/session/lateness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";

const CHARGE_BYTES = 128;
const SCRATCH_BYTES = 32 * 1024;

/** A host that notes what it is told, and whose handlers end when a test says. */
class Host implements InflowHost {
  isOpen = true;
  delivers = true;
  hasTurn = true;
  handlersPend = false;
  readonly handed: number[] = [];
  readonly calls: string[] = [];
  /** Done at each packet, from inside the handler. */
  onPacket: () => void = () => {};
  #endHandler: () => void = () => {};

  mayDeliver(): boolean {
    return this.hasTurn;
  }
  handOver(packet: Packet): Promise<void> | undefined {
    this.handed.push(packet.length === 0 ? -1 : packet.bytes[0]!);
    this.onPacket();
    if (!this.handlersPend) return undefined;
    return new Promise((resolve) => {
      this.#endHandler = resolve;
    });
  }
  pauseReading(): void {
    this.calls.push("pause");
  }
  resumeReading(): void {
    this.calls.push("resume");
  }
  onAllDelivered(): void {
    this.calls.push("all delivered");
  }
  onOverPace(): void {
    this.calls.push("over pace");
  }

  /** Ends the handler that is pending, and lets what follows from it happen. */
  async endHandler(): Promise<void> {
    this.#endHandler();
    await new Promise(setImmediate);
  }
}

function inflow(settings: Partial<SessionSettings> = {}) {
  const host = new Host();
  const counters = new Counters();
  const all: SessionSettings = {
    header: lengthHeader("u16le"),
    packetBytesMax: 2000,
    sendQueueBytesMax: 1000,
    receiveQueueBytesMax: 1000,
    heartbeat: { intervalMs: 100, timeoutMs: 100 },
    partialFrameTimeoutMs: 100,
    sendStallMs: 100,
    disconnectDrainMs: 100,
    firstPacketTimeoutMs: 0,
    idleTimeoutMs: 0,
    pace: null,
    ...settings,
  };
  const shared = { receivePool: new ReceivePool(), lateness: new Lateness() };
  const context = { settings: all, clock: systemClock, counters, ...shared };
  return { host, counters, inflow: new Inflow(host, context) };
}

/** A frame whose payload begins with `tag`. */
function frame(tag: number, byteLength: number = 1): Buffer {
  const bytes = Buffer.alloc(2 + byteLength, tag);
  bytes.writeUint16LE(byteLength);
  return bytes;
}

/** One read that brings `bytes`. */
function arrives(to: Inflow, ...frames: readonly Uint8Array[]): void {
  const bytes = Buffer.concat(frames);
  const room = to.readBuffer();
  assert.ok(room.length >= bytes.length, `room for ${room.length} of ${bytes.length} bytes`);
  room.set(bytes);
  to.commit(bytes.length);
}

const EMPTY = frame(0, 0);

test("packets are handed over in the order they arrived, and counted with their bytes", () => {
  const { host, counters, inflow: flow } = inflow();
  arrives(flow, frame(1), frame(2), frame(3).subarray(0, 1));
  assert.deepEqual(host.handed, [1, 2]);
  assert.equal(flow.partialBytes, 1);
  assert.deepEqual([flow.packetsReceived, flow.bytesReceived], [2, 7]);
  assert.deepEqual(counters.received, { packets: 2, bytes: 7 });
  arrives(flow, frame(3).subarray(1));
  assert.deepEqual(host.handed, [1, 2, 3]);
  assert.deepEqual(counters.received, { packets: 3, bytes: 9 });
  assert.deepEqual([flow.partialBytes, flow.holds, flow.reading], [0, false, true]);
});

test("an empty frame is a heartbeat where heartbeats are on, and a packet where they are off", () => {
  const on = inflow();
  arrives(on.inflow, frame(1));
  assert.equal(on.inflow.peerBeats, false);
  arrives(on.inflow, EMPTY, frame(2));
  assert.equal(on.inflow.peerBeats, true);
  assert.deepEqual(on.host.handed, [1, 2]);
  assert.deepEqual(on.counters.received, { packets: 2, bytes: 8 });

  const off = inflow({ heartbeat: false });
  arrives(off.inflow, EMPTY, frame(2));
  assert.equal(off.inflow.peerBeats, false);
  assert.deepEqual(off.host.handed, [-1, 2]);
});

test("one handler at a time: what arrives meanwhile waits, and follows in order", async () => {
  const { host, inflow: flow } = inflow();
  host.handlersPend = true;
  arrives(flow, frame(1), frame(2));
  arrives(flow, frame(3));
  assert.deepEqual([host.handed, flow.holds], [[1], true]);
  flow.deliverHeld(); // a handler is pending
  assert.deepEqual(host.handed, [1]);
  await host.endHandler();
  assert.deepEqual([host.handed, flow.holds], [[1, 2], true]);
  host.handlersPend = false;
  await host.endHandler();
  assert.deepEqual([host.handed, flow.holds], [[1, 2, 3], false]);
  arrives(flow, frame(4));
  assert.deepEqual(host.handed, [1, 2, 3, 4]);
});

test("without the turn packets wait, and none overtakes them once it has come", () => {
  const { host, inflow: flow } = inflow();
  host.hasTurn = false;
  arrives(flow, frame(1), frame(2));
  assert.deepEqual([host.handed, flow.holds], [[], true]);
  flow.deliverHeld();
  assert.deepEqual(host.handed, []);
  host.hasTurn = true;
  arrives(flow, frame(3)); // behind those that wait
  assert.deepEqual(host.handed, []);
  host.onPacket = () => {
    host.hasTurn = host.handed.length < 2;
  };
  flow.deliverHeld();
  assert.deepEqual(host.handed, [1, 2]);
  host.hasTurn = true;
  host.onPacket = () => {};
  flow.deliverHeld();
  assert.deepEqual([host.handed, flow.holds], [[1, 2, 3], false]);
});

test("where the host takes no more, decoding stops and nothing that waits is handed over", () => {
  const { host, inflow: flow } = inflow();
  host.onPacket = () => {
    host.isOpen = host.delivers = false;
  };
  arrives(flow, frame(1), frame(2), frame(3));
  assert.deepEqual(host.handed, [1]);
  assert.equal(flow.packetsReceived, 1);

  const waiting = inflow();
  waiting.host.hasTurn = false;
  arrives(waiting.inflow, frame(1));
  waiting.host.hasTurn = true;
  waiting.host.delivers = false;
  waiting.inflow.deliverHeld();
  assert.deepEqual(waiting.host.handed, []);
});

test("reading stops once what waits reaches the mark, and begins again at half of it", () => {
  const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 1000 });
  host.hasTurn = false;
  arrives(flow, frame(1, 1000 - 1 - 2 * CHARGE_BYTES - 100), frame(2, 100)); // 999 with their charge
  assert.deepEqual([host.calls, flow.reading], [[], true]);
  arrives(flow, EMPTY.subarray(0, 1)); // a broken frame counts, too
  assert.deepEqual([host.calls, flow.reading], [["pause"], false]);
  arrives(flow, EMPTY.subarray(1)); // one read was under way
  arrives(flow, EMPTY.subarray(0, 1));
  assert.deepEqual(host.calls, ["pause"]);

  host.hasTurn = true;
  host.onPacket = () => {
    host.hasTurn = false;
  };
  flow.deliverHeld();
  assert.deepEqual(host.handed, [1]);
  assert.deepEqual([host.calls, flow.reading], [["pause", "resume"], true]);
  host.hasTurn = true;
  flow.deliverHeld();
  assert.deepEqual(host.calls, ["pause", "resume", "all delivered"]);
});

test("at exactly half of the mark reading begins again, one byte above it does not", () => {
  for (const [left, resumes] of [
    [500, true],
    [501, false],
  ] as const) {
    const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 1000 });
    host.hasTurn = false;
    arrives(flow, frame(1, 600), frame(2, left - CHARGE_BYTES));
    assert.equal(flow.reading, false);
    host.hasTurn = true;
    host.onPacket = () => {
      host.hasTurn = false;
    };
    flow.deliverHeld();
    assert.deepEqual(host.handed, [1]);
    assert.equal(flow.reading, resumes, `${left} bytes left`);
  }
});

test("a broken frame alone never stops reading, however long", () => {
  const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 1000 });
  arrives(flow, frame(1, 1900).subarray(0, 1500));
  assert.deepEqual([host.calls, flow.partialBytes], [[], 1500]);
  arrives(flow, frame(1, 1900).subarray(1500));
  assert.deepEqual(host.handed, [1]);
});

test("a broken frame behind a pending handler stops it", () => {
  const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 1000 });
  host.handlersPend = true;
  arrives(flow, frame(1), frame(2, 1900).subarray(0, 1000));
  assert.deepEqual([host.handed, host.calls], [[1], ["pause"]]);
});

test("a read takes all it can while nothing waits, and no more than what is missing to the mark otherwise", async () => {
  const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 1000 });
  assert.equal(flow.readBuffer().length, SCRATCH_BYTES);
  host.handlersPend = true;
  arrives(flow, frame(1));
  assert.equal(flow.readBuffer().length, 1000); // a handler is pending
  arrives(flow, frame(2, 300));
  assert.equal(flow.readBuffer().length, 1000 - 300 - CHARGE_BYTES);
  arrives(flow, frame(3, 1000 - 300 - 2 * CHARGE_BYTES - 2));
  assert.equal(flow.readBuffer().length, 2);
  arrives(flow, frame(4, 2000).subarray(0, 2));
  assert.equal(flow.readBuffer().length, 1); // never empty
  host.handlersPend = false;
  await host.endHandler();
  assert.deepEqual(host.handed, [1, 2, 3]);
  assert.ok(flow.readBuffer().length > 1000);

  const waiting = inflow({ receiveQueueBytesMax: 1000 });
  waiting.host.hasTurn = false;
  arrives(waiting.inflow, frame(1, 100)); // no handler, but a packet that waits
  assert.equal(waiting.inflow.readBuffer().length, 1000 - 100 - CHARGE_BYTES);
});

test("a broken stream: what came before it is handed over and counted", () => {
  const { host, counters, inflow: flow } = inflow();
  const room = flow.readBuffer();
  const bytes = Buffer.concat([frame(1), Buffer.of(0xff, 0xff)]);
  room.set(bytes);
  assert.throws(() => flow.commit(bytes.length), { code: "FRAME_TOO_LARGE" });
  assert.deepEqual(host.handed, [1]);
  assert.deepEqual(counters.received, { packets: 1, bytes: 5 });
});

test("discard() counts bytes and hands nothing over", () => {
  const { host, counters, inflow: flow } = inflow();
  flow.readBuffer().set(frame(1));
  flow.discard(3);
  assert.deepEqual([host.handed, flow.packetsReceived, flow.bytesReceived], [[], 0, 3]);
  assert.deepEqual(counters.received, { packets: 0, bytes: 3 });
});

test("abandon() forgets what waits and reads on; release() forgets it and does nothing else", () => {
  for (const end of ["abandon", "release"] as const) {
    const { host, inflow: flow } = inflow({ receiveQueueBytesMax: 500 });
    host.hasTurn = false;
    arrives(flow, frame(1, 400), frame(2, 10).subarray(0, 5));
    assert.deepEqual(host.calls, ["pause"]);
    flow[end]();
    assert.deepEqual([flow.holds, flow.partialBytes], [false, 0]);
    assert.deepEqual(host.calls, end === "abandon" ? ["pause", "resume"] : ["pause"]);
  }
  const reading = inflow();
  reading.inflow.abandon(); // reading already
  assert.deepEqual(reading.host.calls, []);
});
