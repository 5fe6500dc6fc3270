/** What waits keeps no other sessions' bytes alive but for one slab, and what lies between counts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { Counters } from "../../src/base/counters.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Inflow, type InflowHost } from "../../src/session/inflow.ts";
import { Lateness } from "../../src/session/lateness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";

const CHARGE_BYTES = 128;
const SLAB_BYTES = 64 * 1024;
const BEAT = Buffer.alloc(2);

/** A session that waits for its thread's turn, beside others that share its pool. */
class Waiting implements InflowHost {
  readonly isOpen = true;
  readonly delivers = true;
  hasTurn = false;
  isPaused = false;
  readonly packets: Packet[] = [];
  readonly pool: ReceivePool;
  readonly inflow: Inflow;

  constructor(pool: ReceivePool = new ReceivePool(), receiveQueueBytesMax: number = 1024 * 1024) {
    this.pool = pool;
    const settings = {
      header: lengthHeader("u16le"),
      packetBytesMax: 60_000,
      receiveQueueBytesMax,
      heartbeat: { intervalMs: 1, timeoutMs: 2 },
      pace: null,
    } as unknown as SessionSettings;
    const shared = { clock: systemClock, counters: new Counters(), lateness: new Lateness() };
    this.inflow = new Inflow(this, { settings, receivePool: pool, ...shared });
  }

  /** One read of packets of these lengths, whose bytes are `tag`. */
  reads(tag: number, ...byteLengths: readonly number[]): void {
    this.readsBytes(...byteLengths.map((byteLength) => packet(tag, byteLength)));
  }
  readsBytes(...parts: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(parts);
    this.inflow.readBuffer().set(bytes);
    this.inflow.commit(bytes.length);
  }
  /** The turn comes, and goes. */
  turnComes(): Packet[] {
    this.hasTurn = true;
    this.inflow.deliverHeld();
    this.hasTurn = false;
    return this.packets.splice(0);
  }

  mayDeliver(): boolean {
    return this.hasTurn;
  }
  handOver(packet: Packet): undefined {
    this.packets.push(packet);
  }
  pauseReading(): void {
    this.isPaused = true;
  }
  resumeReading(): void {
    this.isPaused = false;
  }
  onAllDelivered(): void {}
  onOverPace(): void {}
}

function packet(tag: number, byteLength: number): Buffer {
  const bytes = Buffer.alloc(2 + byteLength, tag);
  bytes.writeUInt16LE(byteLength);
  return bytes;
}

/** Fills the slab that quiet sessions share, so that the next read settles in another. */
function nextSlab(pool: ReceivePool): void {
  pool.settle(32 * 1024);
  pool.settle(32 * 1024);
}

const bufferBytes = (packets: readonly Packet[]): number[] =>
  packets.map(({ bytes }) => bytes.buffer.byteLength);
const tags = (packets: readonly Packet[]): string[] =>
  packets.map(({ bytes }) => `${bytes.length} of ${[...new Set(bytes)]}`);

describe("packets that wait in a slab that others share", () => {
  test("stay where they arrived while it is the slab of the first, and move from every other", () => {
    const waiting = new Waiting();
    waiting.reads(1, 100, 50);
    waiting.reads(2, 70);
    nextSlab(waiting.pool);
    waiting.reads(3, 300, 0, 40);
    waiting.reads(4, 30);
    const delivered = waiting.turnComes();
    assert.deepEqual(tags(delivered), ["100 of 1", "50 of 1", "70 of 2", "300 of 3", "40 of 3", "30 of 4"]);
    assert.deepEqual(bufferBytes(delivered), [SLAB_BYTES, SLAB_BYTES, SLAB_BYTES, 300, 40, 30]);
  });

  test("begin anew once nothing waits: the first of them stays again", () => {
    const waiting = new Waiting();
    waiting.reads(1, 100);
    waiting.turnComes();
    nextSlab(waiting.pool);
    waiting.reads(2, 100, 50);
    assert.deepEqual(bufferBytes(waiting.turnComes()), [SLAB_BYTES, SLAB_BYTES]);
  });

  test("stay in a slab of the session's own, whatever waited before", () => {
    const waiting = new Waiting();
    waiting.reads(1, 100);
    // A frame that does not fit into what is left of the shared slab takes one of its own.
    waiting.readsBytes(packet(2, 40_000).subarray(0, 30_000));
    waiting.readsBytes(packet(2, 40_000).subarray(30_000));
    waiting.readsBytes(packet(3, 50_000).subarray(0, 25_000));
    waiting.readsBytes(packet(3, 50_000).subarray(25_000), packet(4, 1000));
    const delivered = waiting.turnComes();
    assert.deepEqual(tags(delivered), ["100 of 1", "40000 of 2", "50000 of 3", "1000 of 4"]);
    const [, , own, last] = delivered.map(({ bytes }) => bytes.buffer);
    assert.ok(last === own);
    assert.ok(own!.byteLength >= 51_000);
  });
});

describe("heartbeats behind packets that wait", () => {
  test("count with them, for they lie in the same memory", () => {
    const waiting = new Waiting(new ReceivePool(), 1000);
    waiting.reads(1, 1000 - CHARGE_BYTES - 4);
    waiting.readsBytes(BEAT);
    assert.equal(waiting.isPaused, false);
    waiting.readsBytes(BEAT);
    assert.equal(waiting.isPaused, true);
  });

  test("count no more once nothing waits, nor where nothing did", () => {
    const waiting = new Waiting(new ReceivePool(), 1000);
    for (let n = 0; n < 3; n++) {
      for (let beats = 0; beats < 600; beats++) waiting.readsBytes(BEAT);
      waiting.reads(1, 400);
      for (let beats = 0; beats < 200; beats++) waiting.readsBytes(BEAT);
      assert.equal(waiting.isPaused, false, `round ${n}`);
      assert.equal(waiting.turnComes().length, 1);
    }
  });
});

test("end() gives the rest of a slab to others, and forgets what waits and what is not whole", () => {
  const pool = new ReceivePool();
  const gone = new Waiting(pool);
  gone.readsBytes(packet(1, 10), packet(1, 30_000).subarray(0, 100));
  assert.equal(gone.inflow.holds, true);
  const { buffer } = gone.inflow.readBuffer();
  gone.inflow.end();
  assert.deepEqual([gone.inflow.partialBytes, gone.inflow.holds], [0, false]);
  const next = new Waiting(pool);
  next.readsBytes(packet(2, 30_000).subarray(0, 100));
  assert.ok(next.inflow.readBuffer().buffer === buffer);
});
