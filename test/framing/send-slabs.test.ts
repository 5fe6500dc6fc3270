/** SendBuffer and SendPool, to the byte: which payloads share slabs, where they are cut, and which slabs are kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FramingFormat, lengthHeader } from "../../src/framing/length-header.ts";
import { LARGE_PAYLOAD_BYTES, SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet, receivedPacket } from "../../src/packet/packet.ts";
import { effortOf } from "./memory.ts";
import { content, stream } from "./streams.ts";

const U32: FramingFormat = { lengthBytes: 4, endian: "little" };
const KIB = 1024;
const MIB = 1024 * KIB;
const SMALL_SLAB_BYTES = 4 * KIB;
const LARGE_SLAB_BYTES = 64 * KIB;
const LARGEST_SLAB_BYTES = 128 * KIB;

/** A pool that notes what it is asked for. */
class NotedPool extends SendPool {
  readonly asked: number[] = [];
  out = 0;

  override take(byteLength: number): ReturnType<SendPool["take"]> {
    this.asked.push(byteLength);
    this.out++;
    return super.take(byteLength);
  }
  override giveBack(slab: Parameters<SendPool["giveBack"]>[0]): void {
    this.out--;
    super.giveBack(slab);
  }
}

function queue(pool: SendPool = new SendPool()): SendBuffer {
  return new SendBuffer(lengthHeader("u32le"), pool);
}

/** A packet of `byteLength` bytes in a buffer of `heldBytes`. */
function received(byteLength: number, heldBytes: number = byteLength): Packet {
  const slab = Buffer.from(new ArrayBuffer(heldBytes));
  return receivedPacket(slab, new DataView(slab.buffer), 0, byteLength);
}

/** Appends small frames of `byteLength` bytes together. */
function append(buffer: SendBuffer, byteLength: number): void {
  for (let left = byteLength; left > 0; left -= 500)
    buffer.append(Packet.from(content(left, Math.min(left, 500) - 4)));
}

/** The lengths of the chunks that wait, write by write. */
function chunksOf(buffer: SendBuffer): number[][] {
  const writes: number[][] = [];
  for (let chunks = buffer.beginWrite(); chunks !== null; chunks = buffer.beginWrite()) {
    writes.push(chunks.map(({ length }) => length));
    buffer.completeWrite();
  }
  return writes;
}

describe("slabs", () => {
  test("are of three sizes: up to 4 KiB small, up to 64 KiB large, above it twice that", () => {
    const pool = new SendPool();
    for (const [asked, got] of [
      [1, SMALL_SLAB_BYTES],
      [SMALL_SLAB_BYTES, SMALL_SLAB_BYTES],
      [SMALL_SLAB_BYTES + 1, LARGE_SLAB_BYTES],
      [LARGE_SLAB_BYTES, LARGE_SLAB_BYTES],
      [LARGE_SLAB_BYTES + 1, LARGEST_SLAB_BYTES],
    ] as const) {
      const { bytes, view } = pool.take(asked);
      assert.equal(bytes.length, got);
      assert.deepEqual([view.buffer, view.byteOffset, view.byteLength], [bytes.buffer, 0, got]);
    }
  });

  test("that came back serve again, each for its size, up to 1024, 192 and 32", () => {
    for (const [byteLength, most] of [
      [SMALL_SLAB_BYTES, 1024],
      [LARGE_SLAB_BYTES, 192],
      [LARGEST_SLAB_BYTES, 32],
    ] as const) {
      const pool = new SendPool();
      const slabs = Array.from({ length: most + 10 }, () => pool.take(byteLength));
      for (const slab of slabs) pool.giveBack(slab);
      const { allocated } = effortOf(() => {
        for (let n = 0; n < most; n++) assert.equal(pool.take(byteLength).bytes.length, byteLength);
      });
      assert.equal(allocated, 0);
      assert.equal(effortOf(() => pool.take(byteLength)).allocated, byteLength);
    }
  });

  test("a queue begins with a small one, goes on with large ones, and begins again as large as it ended", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    append(buffer, 5000);
    assert.deepEqual(pool.asked, [SMALL_SLAB_BYTES, LARGE_SLAB_BYTES]);
    buffer.beginWrite();
    buffer.completeWrite(); // 5000 bytes
    assert.equal(pool.out, 0);
    buffer.append(Packet.from(content(1, 10)));
    assert.equal(pool.asked.at(-1), LARGE_SLAB_BYTES);
    buffer.beginWrite();
    buffer.completeWrite(); // 14 bytes: small again
    buffer.append(Packet.from(content(1, 10)));
    assert.equal(pool.asked.at(-1), SMALL_SLAB_BYTES);
  });

  test("a queue that does not fit into a large one goes on, and begins again, with the largest", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    append(buffer, 5000 + LARGE_SLAB_BYTES);
    assert.deepEqual(pool.asked, [SMALL_SLAB_BYTES, LARGE_SLAB_BYTES, LARGEST_SLAB_BYTES]);
    append(buffer, LARGEST_SLAB_BYTES);
    assert.equal(pool.asked.at(-1), LARGEST_SLAB_BYTES);
    buffer.beginWrite();
    buffer.completeWrite();
    append(buffer, LARGE_SLAB_BYTES);
    assert.equal(pool.asked.at(-1), LARGEST_SLAB_BYTES);
    buffer.beginWrite();
    buffer.completeWrite(); // 64 KiB
    append(buffer, 10);
    assert.equal(pool.asked.at(-1), LARGE_SLAB_BYTES);
    buffer.beginWrite();
    buffer.completeWrite();
    assert.equal(pool.out, 0);
  });

  test("a write of exactly 4 KiB is small", () => {
    for (const [byteLength, next] of [
      [SMALL_SLAB_BYTES, SMALL_SLAB_BYTES],
      [SMALL_SLAB_BYTES + 1, LARGE_SLAB_BYTES],
    ] as const) {
      const pool = new NotedPool();
      const buffer = queue(pool);
      append(buffer, 5000);
      buffer.beginWrite();
      append(buffer, byteLength);
      buffer.completeWrite(); // 5000 bytes; the queue goes on
      buffer.beginWrite();
      assert.deepEqual(buffer.completeWrite().bytes, byteLength);
      buffer.append(Packet.from(content(1, 10)));
      assert.equal(pool.asked.at(-1), next);
    }
  });

  test("a frame that fills its slab to the last byte opens no other", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    for (let n = 0; n < 4; n++) buffer.append(Packet.from(content(n, 1020)));
    assert.equal(pool.asked.length, 1);
    buffer.append(Packet.from(content(1, 1)));
    assert.equal(pool.asked.length, 2);
    assert.deepEqual(chunksOf(buffer), [[4096, 5]]);
    assert.equal(pool.out, 0);
  });

  test("a slab goes on behind a payload that goes by reference, and is given back once", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    append(buffer, 500);
    buffer.append(received(20_000));
    append(buffer, 500);
    assert.equal(pool.asked.length, 1);
    assert.deepEqual(chunksOf(buffer), [[504, 20_000, 500]]);
    assert.equal(pool.out, 0);
  });

  test("a slab whose bytes are all written is given back once, when it is full or the queue is empty", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    for (let n = 0; n < 4; n++) buffer.append(Packet.from(content(n, 1020)));
    buffer.beginWrite();
    buffer.append(Packet.from(content(1, 1))); // the full slab retires with nothing more in it
    assert.equal(pool.out, 2);
    buffer.completeWrite();
    buffer.beginWrite();
    buffer.completeWrite();
    assert.equal(pool.out, 0);
    assert.equal(buffer.queuedBytes, 0);
  });
});

describe("payloads", () => {
  test("below 1 KiB lie in one slab whole; from there on they fill slabs to the brim", () => {
    for (const [byteLength, chunks] of [
      [1023, [4096 - 504, 4 + 1023]],
      [1024, [4096, 4 + 1024 - 504]],
    ] as const) {
      const buffer = queue();
      append(buffer, 4096 - 504);
      buffer.append(Packet.from(content(1, byteLength)));
      assert.deepEqual(chunksOf(buffer), [chunks]);
    }
  });

  test("from 16 KiB on go by reference, behind their header; below they are copied", () => {
    assert.equal(LARGE_PAYLOAD_BYTES, 16_384);
    const copied = queue();
    copied.append(received(16_383));
    assert.deepEqual(chunksOf(copied), [[4096, 16_387 - 4096]]);
    const referred = queue();
    const packet = received(16_384);
    referred.append(packet);
    const chunks = referred.beginWrite()!;
    assert.deepEqual(
      chunks.map(({ length }) => length),
      [4, 16_384],
    );
    assert.equal(chunks[1], packet.bytes);
  });

  test("whose memory holds more than a twentieth of something else are copied, so that it is not kept alive", () => {
    const byteLength = 20_000;
    for (const [held, isReferred] of [
      [byteLength, true],
      [21_000, true],
      [21_001, false],
      [200_000, false],
    ] as const) {
      const buffer = queue();
      buffer.append(received(byteLength, held));
      const chunks = buffer.beginWrite()!;
      assert.equal(chunks.at(-1)!.length === byteLength, isReferred, `${held} bytes held`);
      assert.deepEqual(buffer.completeWrite(), { packets: 1, bytes: byteLength + 4 });
    }
  });

  test("a header of a large payload that finds its slab full opens the next", () => {
    const buffer = queue();
    for (let n = 0; n < 4; n++) buffer.append(Packet.from(content(n, 1020)));
    buffer.append(received(20_000));
    assert.deepEqual(chunksOf(buffer), [[4096, 4, 20_000]]);
  });
});

describe("writes", () => {
  test("end with the chunk that reaches 1 MiB, and very large payloads are chunks of 1 MiB", () => {
    const buffer = queue();
    buffer.append(received(2 * MIB + 5));
    buffer.append(received(MIB));
    buffer.append(received(20_000));
    assert.deepEqual(chunksOf(buffer), [[4, MIB], [MIB], [5, 4, MIB], [4, 20_000]]);
  });

  test("count a packet with its last byte", () => {
    const buffer = queue();
    buffer.append(received(2 * MIB + 5));
    buffer.append(Packet.from(content(1, 10)));
    assert.deepEqual(buffer.unsent, { packets: 2, bytes: 2 * MIB + 9 + 14 });
    const writes: unknown[] = [];
    while (buffer.beginWrite() !== null) writes.push(buffer.completeWrite());
    assert.deepEqual(writes, [
      { packets: 0, bytes: MIB + 4 },
      { packets: 0, bytes: MIB },
      { packets: 2, bytes: 5 + 14 },
    ]);
    assert.deepEqual(buffer.unsent, { packets: 0, bytes: 0 });
    assert.equal(buffer.writing, false);
  });

  test("carry each header before its payload; a heartbeat is an empty frame, and no packet", () => {
    const buffer = queue();
    buffer.appendHeartbeat();
    assert.deepEqual([buffer.queuedBytes, buffer.queuedPackets], [4, 0]);
    assert.deepEqual(buffer.unsent, { packets: 0, bytes: 0 });
    const payloads = [3, 1023, 2000, 16_384, 0].map((length, n) => content(n, length));
    for (const payload of payloads) buffer.append(Packet.from(payload));
    const expected = stream(U32, [Buffer.alloc(0), ...payloads]);
    assert.deepEqual([buffer.queuedBytes, buffer.queuedPackets], [expected.length, 5]);
    assert.deepEqual(buffer.unsent, { packets: 5, bytes: expected.length - 4 });
    assert.ok(Buffer.concat(buffer.beginWrite()!).equals(expected));
    assert.deepEqual(buffer.completeWrite(), { packets: 5, bytes: expected.length });
    assert.deepEqual([buffer.queuedBytes, buffer.queuedPackets], [0, 0]);
  });

  test("nothing waits, nothing is written", () => {
    const buffer = queue();
    assert.equal(buffer.beginWrite(), null);
    assert.equal(buffer.writing, false);
    buffer.append(Packet.from(content(1, 10)));
    buffer.beginWrite();
    assert.equal(buffer.writing, true);
    buffer.completeWrite();
    assert.equal(buffer.beginWrite(), null);
  });

  test("a packet's own memory is its again with the write of its last chunk, not before", () => {
    const buffer = queue();
    const packet = new Packet(2 ** 21).writeBytes(content(1, 2 ** 21));
    const memory = packet.bytes.buffer;
    buffer.append(packet);
    buffer.beginWrite();
    buffer.completeWrite(); // the first half
    assert.notEqual(packet.clear().writeUint8(1).bytes.buffer, memory);

    const again = new Packet(2 ** 21).writeBytes(content(1, 2 ** 21));
    const itsOwn = again.bytes.buffer;
    buffer.completeWrite();
    while (buffer.beginWrite() !== null) buffer.completeWrite();
    buffer.append(again);
    while (buffer.beginWrite() !== null) buffer.completeWrite();
    assert.equal(again.clear().writeUint8(1).bytes.buffer, itsOwn);
  });

  test("release() gives back the slabs of what waits, and none of what is being written", () => {
    const pool = new NotedPool();
    const buffer = queue(pool);
    const fill = (): void => {
      for (let n = 0; n < 300; n++) buffer.append(Packet.from(content(n, 1000)));
    };
    fill();
    const flight = new Set(buffer.beginWrite()!.map((chunk) => chunk.buffer));
    fill();
    buffer.append(received(LARGE_PAYLOAD_BYTES)); // by reference: the run before it shares its slab with the one behind
    fill();
    assert.ok(flight.size > 1 && pool.out > 2 * flight.size);
    buffer.release();
    assert.equal(pool.out, flight.size);
    for (let n = 0; n < 20; n++) assert.ok(!flight.has(pool.take(LARGE_SLAB_BYTES).bytes.buffer));
  });

  test("release() forgets what waits and what is being written, and keeps no slab", () => {
    const buffer = queue();
    for (let n = 0; n < 3; n++) buffer.append(Packet.from(content(n, 1000)));
    buffer.beginWrite();
    buffer.append(received(20_000));
    buffer.release();
    assert.equal(buffer.writing, false);
    assert.equal(buffer.beginWrite(), null);
  });

  test("release() of a queue that holds no slab gives none back", () => {
    const pool = new NotedPool();
    queue(pool).release();
    assert.equal(pool.out, 0);
  });
});
