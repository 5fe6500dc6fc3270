/** The formulas of docs/reliability.md about the memory of queues and pools, held against the memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool, type Slab } from "../../src/framing/receive-buffer.ts";
import { SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet } from "../../src/index.ts";
import { returnMemory } from "../../src/packet/memory.ts";
import { lendBytes } from "../../src/packet/packet.ts";
import { heldBytes } from "./memory.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEADER = lengthHeader("u32le");

describe("a full send queue", () => {
  const sendQueueBytesMax = 8 * MIB;
  for (const length of [1, 100, 512, 1020, 1023, 1024, 4000, 16_383, 16_384, 70_000, 3 * MIB]) {
    it(`takes at most 1.1 times sendQueueBytesMax and 128 KiB of memory: packets of ${length} bytes`, async () => {
      const fresh = new Uint8Array(length);
      const held = await heldBytes(() => {
        const buffer = new SendBuffer(HEADER, new SendPool());
        const packet = new Packet(Math.min(length, 64 * KIB));
        while (buffer.queuedBytes + HEADER.byteLength + length <= sendQueueBytesMax) {
          buffer.append(packet.clear().writeBytes(fresh));
          // A write is under way for a part of it, as in life.
          if (!buffer.writing && buffer.queuedBytes > MIB) buffer.beginWrite();
        }
        return [buffer, packet];
      });
      assert.ok(held > sendQueueBytesMax / 4, "something was measured");
      assert.ok(held <= 1.1 * sendQueueBytesMax + 128 * KIB, `${(held / MIB).toFixed(2)} MiB`);
    });
  }
});

describe("what a thread keeps for reuse", () => {
  it("is at most 20 MiB of send slabs, however many come back", async () => {
    const pool = new SendPool();
    const held = await heldBytes(() => {
      const small = Array.from({ length: 3000 }, () => pool.take(4 * KIB));
      const large = Array.from({ length: 700 }, () => pool.take(5 * KIB));
      const largest = Array.from({ length: 100 }, () => pool.take(65 * KIB));
      for (const slab of [...small, ...large, ...largest]) pool.giveBack(slab);
      return pool;
    });
    assert.ok(held > 19 * MIB && held <= 20 * MIB + 4 * KIB, `${(held / MIB).toFixed(2)} MiB`);
  });

  it("is at most one receive slab, however many come back", async () => {
    const pool = new ReceivePool();
    const held = await heldBytes(() => {
      for (let n = 0; n < 50; n++) {
        const bytes = Buffer.allocUnsafeSlow(MIB);
        const slab: Slab = { bytes, view: new DataView(bytes.buffer), fill: n };
        pool.giveBack(slab);
      }
      return pool;
    });
    assert.ok(held <= MIB, `${(held / MIB).toFixed(2)} MiB`);
  });

  it("is at most 16 MiB of packets' buffers, however many come back", async () => {
    const fresh = new Uint8Array(MIB);
    const held = await heldBytes(() => {
      const packet = new Packet(MIB);
      const lent = Array.from({ length: 50 }, () => lendBytes(packet.clear().writeBytes(fresh)));
      packet.clear();
      for (const bytes of lent) returnMemory(bytes);
      return undefined;
    });
    assert.ok(held > 15 * MIB && held <= 16 * MIB + 64 * KIB, `${(held / MIB).toFixed(2)} MiB`);
  });
});
