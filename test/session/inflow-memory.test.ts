/** What a session may hold of what arrived while its onRecv is pending: bytes, and the memory behind them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { Counters } from "../../src/base/counters.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import type { Packet } from "../../src/index.ts";
import { Inflow, type InflowHost } from "../../src/session/inflow.ts";
import { Lateness } from "../../src/session/lateness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";
import { heldBytes } from "../framing/memory.ts";
import { frame } from "../framing/streams.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const FORMAT = { lengthBytes: 4, endian: "little" } as const;
const HEADER = lengthHeader(FORMAT);
const BEAT = Buffer.alloc(HEADER.byteLength);
/** One read of small packets. */
const ONE_READ_BYTES = 32 * KIB;
const PACKET_BYTES_MAX = 3 * MIB;
/** What a held packet is charged beside its bytes. */
const CHARGE_BYTES = 128;

/** A session whose onRecv never ends, until it is told to. */
class Stuck implements InflowHost {
  readonly isOpen = true;
  readonly delivers = true;
  readonly handled: Packet[] = [];
  isPaused = false;
  readonly inflow: Inflow;
  #end: () => void = () => {};

  constructor(pool: ReceivePool, receiveQueueBytesMax: number) {
    const settings = {
      header: HEADER,
      packetBytesMax: PACKET_BYTES_MAX,
      receiveQueueBytesMax,
      heartbeat: { intervalMs: 1, timeoutMs: 2 },
      pace: null,
    } as unknown as SessionSettings;
    const lateness = new Lateness();
    const context = { settings, clock: systemClock, counters: new Counters(), receivePool: pool, lateness };
    this.inflow = new Inflow(this, context);
  }

  onOverPace(): void {}

  mayDeliver(): boolean {
    return true;
  }
  handOver(packet: Packet): Promise<void> {
    this.handled.push(packet);
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  pauseReading(): void {
    this.isPaused = true;
  }
  resumeReading(): void {
    this.isPaused = false;
  }
  onAllDelivered(): void {}

  /** The handler is done. */
  async end(): Promise<void> {
    this.#end();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Reads as the transport does, until all of it is here or reading stopped; tells how much that was. */
  read(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && !this.isPaused) {
      const memory = this.inflow.readBuffer();
      const count = Math.min(memory.length, bytes.length - at);
      memory.set(bytes.subarray(at, at + count));
      at += count;
      this.inflow.commit(count);
    }
    return at;
  }
}

/** What a queue may cost that had no packet longer than `length`, by docs/reliability.md. */
function boundBytes(receiveQueueBytesMax: number, length: number): number {
  const slab = Math.max(MIB, HEADER.byteLength + length);
  return receiveQueueBytesMax + ONE_READ_BYTES + 2 * slab;
}

describe("while onRecv is pending, what a session holds", () => {
  for (const length of [1, 60, 1000, 30_000, 3 * MIB]) {
    it(`is at most receiveQueueBytesMax and one read: packets of ${length} bytes`, async () => {
      const pool = new ReceivePool();
      let stuck: Stuck | undefined;
      const payload = new Uint8Array(length);
      const chunk = Buffer.concat(
        Array.from({ length: Math.ceil(MIB / (length + 4)) }, () => frame(FORMAT, payload)),
      );
      const held = await heldBytes(() => {
        stuck = new Stuck(pool, MIB);
        for (let n = 0; n < 20 && !stuck.isPaused; n++) stuck.read(chunk);
        return stuck;
      });
      assert.ok(stuck!.isPaused, "reading stopped");
      const arrived = stuck!.inflow.bytesReceived;
      const charged = arrived + (stuck!.inflow.packetsReceived - 1) * CHARGE_BYTES;
      const read = ONE_READ_BYTES * (1 + CHARGE_BYTES / (length + HEADER.byteLength));
      assert.ok(charged <= MIB + read + length + HEADER.byteLength, `${charged} bytes are charged`);
      assert.ok(held <= boundBytes(MIB, length), `${(held / MIB).toFixed(2)} MiB`);
    });
  }

  it("counts signs of life between its packets too: a slab of them is held by one packet", async () => {
    const pool = new ReceivePool();
    const beats = Buffer.concat(Array.from({ length: (200 * KIB) / BEAT.length }, () => BEAT));
    const chunk = Buffer.concat([frame(FORMAT, new Uint8Array(1)), beats]);
    let stuck: Stuck | undefined;
    const held = await heldBytes(() => {
      stuck = new Stuck(pool, MIB);
      for (let n = 0; n < 100 && !stuck.isPaused; n++) stuck.read(chunk);
      return stuck;
    });
    assert.ok(held <= boundBytes(MIB, 1), `${(held / MIB).toFixed(2)} MiB`);
    assert.ok(stuck!.isPaused, "reading stopped");
    for (let n = 0; n < 20; n++) await stuck!.end();
    assert.equal(stuck!.isPaused, false, "what was held is handed over, and reading goes on");
    assert.ok(stuck!.read(chunk) > 0);
  });

  it("keeps no memory of other sessions alive, packet by packet", async () => {
    const pool = new ReceivePool();
    const other = new Stuck(pool, MIB);
    const small = frame(FORMAT, Buffer.from("a small packet"));
    let stuck: Stuck | undefined;
    const held = await heldBytes(() => {
      stuck = new Stuck(pool, MIB);
      for (let n = 0; n < 200; n++) {
        stuck.read(small); // one of its own, now and then
        for (let bytes = 0; bytes < 70 * KIB; bytes += 2000) {
          other.read(frame(FORMAT, new Uint8Array(1996))); // between those of others
          other.inflow.release();
          void other.end();
        }
      }
      other.handled.length = 0;
      return stuck;
    });
    assert.ok(held <= 3 * MIB, `${(held / MIB).toFixed(2)} MiB for 200 small packets`);
    for (let n = 0; n < 200; n++) await stuck!.end();
    assert.equal(stuck!.handled.length, 200);
    for (const packet of stuck!.handled) {
      assert.ok(packet.readOnly);
      assert.equal(Buffer.from(packet.bytes).toString(), "a small packet");
    }
  });
});
