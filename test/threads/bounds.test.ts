/** The formulas of docs/reliability.md about what threads share and what is on its way between them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COUNTER_CELLS } from "../../src/base/counters.ts";
import { Packet, type SessionId } from "../../src/index.ts";
import { Random } from "../../src/testing.ts";
import { BatchWriter } from "../../src/threads/mail-batch.ts";
import { Reservations } from "../../src/threads/reservations.ts";
import { allocateShared } from "../../src/threads/shared-memory.ts";
import { viewShared } from "../../src/threads/shared-view.ts";
import { AT_ONCE_MS } from "../support/platform.ts";
import { ObedientClient } from "./fixtures/obedient-client.ts";
import { ObedientServer } from "./fixtures/obedient-server.ts";

const KIB = 1024;
/** Counters and turns of 31 threads: the same for every server. */
const FIXED_BYTES = 24 * KIB;

describe("the shared tables", () => {
  it("take maxSessions * (580 + 24 * (created + 1)) bytes, and an index of names of at most 16 bytes per session", () => {
    assert.ok(31 * (8 * COUNTER_CELLS + 16) + 32 <= FIXED_BYTES);
    for (const maxSessions of [1, 2, 3, 100, 1000, 1024, 1025, 50_000]) {
      for (const created of [1, 2, 8, 30]) {
        const tables = Object.values(allocateShared(maxSessions, created)).filter(
          (each) => each instanceof SharedArrayBuffer,
        );
        const bytes = tables.reduce((sum, { byteLength }) => sum + byteLength, 0);
        const places = maxSessions * (580 + 24 * (created + 1));
        assert.ok(bytes > places, `${bytes} for ${maxSessions} places and ${created} threads`);
        assert.ok(
          bytes <= places + 16 * maxSessions + FIXED_BYTES,
          `${bytes} for ${maxSessions} and ${created}`,
        );
      }
    }
  });
});

describe("sendQueueBytesMax on worker threads", () => {
  const refused = {
    code: "OPTION_INVALID",
    message: /sendQueueBytesMax.*at most 2147483647 on worker threads/,
  };

  it("of 2 GiB or more is refused, as given and by packetBytesMax", async () => {
    for (const size of [{ sendQueueBytesMax: 2 ** 31 }, { packetBytesMax: 2 ** 31 - 4 }]) {
      await assert.rejects(new ObedientServer().start({ port: 0, workerThreads: 1, ...size }), refused);
      await assert.rejects(new ObedientClient().connect({ port: 1, workerThreads: 1, ...size }), refused);
    }
  });

  it("of a byte less is taken, and on the caller's thread more is too", async (t) => {
    for (const options of [
      { workerThreads: 1, sendQueueBytesMax: 2 ** 31 - 1 },
      { sendQueueBytesMax: 2 ** 31 },
    ]) {
      const server = new ObedientServer();
      await server.start({ port: 0, ...options });
      t.after(() => server.stop({ drainMs: AT_ONCE_MS }));
    }
  });
});

describe("packets on their way to a session of another thread", () => {
  it("are at most 262 143, and no byte more than fits its queue", () => {
    const { memory, registry } = viewShared(allocateShared(1, 1), 1);
    const id = registry.reserve(1)!;
    const reservations = new Reservations(memory);
    reservations.open(id);
    let taken = 0;
    while (reservations.reserve(id, 5, 2 ** 31) === "taken") taken++;
    assert.equal(taken, 262_143);
    reservations.open(id);
    assert.equal(reservations.reserve(id, 1001, 1000), "full");
    assert.equal(reservations.reserve(id, 1000, 1000), "taken");
    assert.equal(reservations.reserve(id, 1, 1000), "full");
    reservations.open(id);
    assert.equal(reservations.reserve(id, 2 ** 31 - 1, 2 ** 40), "taken");
    assert.equal(reservations.reserve(id, 1, 2 ** 40), "full");
    assert.equal(reservations.take(id, 1, 2 ** 40), false);
  });

  it("cross in batches of at most 256 KiB, or of one packet and 12 bytes, and at most twice what they hold", (t) => {
    const seed = 3;
    t.diagnostic(`seed ${seed}`);
    const random = new Random(seed);
    const writer = new BatchWriter();
    const packet = new Packet();
    let batches = 0;
    let largest = 0;
    const finish = (): void => {
      const { bytes, byteLength } = writer.finish();
      assert.ok(byteLength <= bytes.byteLength);
      assert.ok(bytes.byteLength <= Math.max(256 * KIB, 12 + largest), `${bytes.byteLength} bytes`);
      assert.ok(bytes.byteLength <= 2 * byteLength, `${bytes.byteLength} bytes for ${byteLength}`);
      batches++;
      largest = 0;
    };
    for (let n = 0; n < 5000; n++) {
      const length = random.integer(0, random.chance(0.99) ? 4000 : 500_000);
      packet.clear().writeBytes(new Uint8Array(length));
      if (!writer.hasRoom(packet, null)) finish();
      largest = Math.max(largest, length);
      writer.append((n + 2 ** 20) as SessionId, packet, null);
      if (n > 2500 && random.chance(0.1)) finish(); // a turn ends
    }
    assert.ok(batches > 20);
  });
});
