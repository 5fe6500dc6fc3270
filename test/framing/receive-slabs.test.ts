/** ReceiveBuffer and ReceivePool, to the byte: where each read goes, and when a slab is left for another. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FramingFormat, lengthHeader } from "../../src/framing/length-header.ts";
import { ReceiveBuffer, ReceivePool } from "../../src/framing/receive-buffer.ts";
import { Receiver } from "./receiver.ts";
import { content, contents, frame, stream } from "./streams.ts";

const U32: FramingFormat = { lengthBytes: 4, endian: "little" };
const KIB = 1024;
const READ_BYTES_MAX = 32 * KIB;
const SLAB_BYTES_MIN = 64 * KIB;
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** Frames of `byteLength` bytes together, each of 500 or what is left. */
function frames(byteLength: number): Buffer {
  const lengths: number[] = [];
  for (let left = byteLength; left > 0; left -= 500) lengths.push(Math.min(left, 500) - 4);
  return stream(U32, contents(lengths));
}

/** Where `bytes`, in reads of `readBytes`, were put: each time it is another slab, and where in it. */
function places(bytes: Uint8Array, readBytes: number): string[] {
  const receiver = new Receiver(U32);
  const changes: string[] = [];
  let last: unknown;
  for (let at = 0; at < bytes.length; ) {
    const count = receiver.read(bytes.subarray(at, at + readBytes));
    const { buffer, byteOffset } = receiver.lastRead;
    if (buffer !== last) changes.push(`byte ${at}: ${buffer.byteLength} at ${byteOffset}`);
    last = buffer;
    at += count;
  }
  return changes;
}

describe("the pool", () => {
  test("puts what quiet sessions read one behind the other, until a slab has no room", () => {
    const pool = new ReceivePool();
    assert.equal(pool.scratch.length, READ_BYTES_MAX);
    const settle = (byteLength: number, fill: number) => {
      pool.scratch.fill(fill, 0, byteLength);
      return pool.settle(byteLength);
    };
    const slab = settle(10, 1);
    assert.deepEqual([slab.bytes.length, slab.fill], [SLAB_BYTES_MIN, 10]);
    assert.deepEqual([slab.view.buffer, slab.view.byteLength], [slab.bytes.buffer, SLAB_BYTES_MIN]);
    assert.equal(settle(READ_BYTES_MAX, 2), slab);
    assert.equal(settle(SLAB_BYTES_MIN - READ_BYTES_MAX - 10, 3), slab); // to the last byte
    assert.equal(slab.fill, SLAB_BYTES_MIN);
    assert.deepEqual([slab.bytes[9], slab.bytes[10], slab.bytes.at(-1)], [1, 2, 3]);
    const next = settle(1, 4);
    assert.notEqual(next, slab);
    assert.deepEqual([next.fill, next.bytes[0], slab.bytes[0]], [1, 4, 1]);
  });

  test("goes on in the slab with the most room of those that come back", () => {
    const pool = new ReceivePool();
    const [first] = [pool.settle(100)];
    pool.lease();
    const second = pool.settle(200);
    assert.notEqual(second, first);
    pool.giveBack(first); // more room
    assert.equal(pool.settle(100), first); // now as full as the other
    pool.giveBack(second);
    assert.equal(pool.settle(1), first);
    pool.lease();
    pool.giveBack(second); // better than none
    assert.equal(pool.settle(1), second);
  });
});

describe("a quiet session", () => {
  test("reads into the scratch, no more than it may", () => {
    const pool = new ReceivePool();
    const receiver = new Receiver(U32, { pool });
    assert.equal(receiver.buffer.readBuffer(UNLIMITED), pool.scratch);
    assert.equal(receiver.buffer.readBuffer(READ_BYTES_MAX), pool.scratch);
    const less = receiver.buffer.readBuffer(READ_BYTES_MAX - 1);
    assert.deepEqual([less.buffer, less.length], [pool.scratch.buffer, READ_BYTES_MAX - 1]);
    assert.equal(receiver.buffer.readBuffer(1).length, 1);
  });

  test("turns busy with a read of 4 KiB, or with one that leaves something over, and quiet with a smaller one", () => {
    const pool = new ReceivePool();
    const receiver = new Receiver(U32, { pool });
    const isQuiet = (): boolean => receiver.buffer.readBuffer(UNLIMITED) === pool.scratch;
    receiver.read(frames(4 * KIB - 1));
    assert.equal(isQuiet(), true);
    receiver.read(frames(4 * KIB));
    assert.equal(isQuiet(), false);
    receiver.read(frames(4 * KIB));
    assert.equal(isQuiet(), false);
    receiver.read(frames(4 * KIB - 1));
    assert.equal(isQuiet(), true);
    receiver.read(frame(U32, content(1, 10)).subarray(0, 13));
    assert.deepEqual([isQuiet(), receiver.buffer.partialBytes], [false, 13]);
    receiver.read(frame(U32, content(1, 10)).subarray(13));
    assert.deepEqual([isQuiet(), receiver.buffer.partialBytes], [true, 0]);
  });

  test("is quiet though its small read filled the shared slab to the last byte", () => {
    const pool = new ReceivePool();
    pool.settle(READ_BYTES_MAX);
    pool.settle(READ_BYTES_MAX - 10);
    const receiver = new Receiver(U32, { pool });
    receiver.read(frames(10));
    assert.ok(receiver.buffer.readBuffer(UNLIMITED) === pool.scratch);
  });

  test("gives its slab back, and the next goes on there", () => {
    const pool = new ReceivePool();
    const busy = new Receiver(U32, { pool });
    busy.read(frames(5000));
    busy.read(frames(100));
    const other = new Receiver(U32, { pool });
    other.read(frames(100));
    assert.ok(other.kept[0]!.buffer === busy.kept[0]!.buffer);
    assert.equal(other.kept[0]!.byteOffset, 5104);
  });

  test("keeps the slab that quiet ones share while another is busy in its own", () => {
    const pool = new ReceivePool();
    const [busy, quiet] = [new Receiver(U32, { pool }), new Receiver(U32, { pool })];
    busy.read(frames(5000));
    quiet.read(frames(100));
    busy.read(frames(5000));
    quiet.read(frames(100));
    assert.ok(quiet.kept[1]!.buffer === quiet.kept[0]!.buffer);
  });

  test("gives its slab back to the others, and another's bytes follow its own", () => {
    const pool = new ReceivePool();
    const busy = new Receiver(U32, { pool });
    busy.read(frames(5000));
    const other = new Receiver(U32, { pool });
    other.read(frames(100)); // the first slab is leased
    assert.notEqual(other.kept[0]!.buffer, busy.kept[0]!.buffer);
    busy.read(frames(100)); // quiet: its slab comes back, but the other has more room
    other.read(frames(100));
    assert.equal(other.kept[1]!.buffer, other.kept[0]!.buffer);
  });
});

describe("a busy session", () => {
  test("reads behind what it has, 32 KiB at a time, or the rest of a slab for a larger frame", () => {
    for (const [frameBytes, room] of [
      [READ_BYTES_MAX, READ_BYTES_MAX],
      [READ_BYTES_MAX + 1, SLAB_BYTES_MIN - 100],
    ] as const) {
      const receiver = new Receiver(U32);
      receiver.read(frame(U32, content(1, frameBytes - 4)).subarray(0, 100));
      const next = receiver.buffer.readBuffer(UNLIMITED);
      assert.deepEqual([next.byteOffset, next.length], [100, room], `a frame of ${frameBytes}`);
      assert.equal(receiver.buffer.readBuffer(7).length, 7);
    }
  });

  test("reads no further than its slab", () => {
    const receiver = new Receiver(U32);
    receiver.read(frames(READ_BYTES_MAX));
    receiver.read(frames(20_000));
    const next = receiver.buffer.readBuffer(UNLIMITED);
    assert.deepEqual([next.byteOffset, next.length], [52_768, SLAB_BYTES_MIN - 52_768]);
  });

  test("leaves a slab with less than 4 KiB of room, and not one with as much", () => {
    for (const [room, stays] of [
      [4 * KIB, true],
      [4 * KIB - 1, false],
    ] as const) {
      const receiver = new Receiver(U32);
      receiver.read(frames(READ_BYTES_MAX));
      receiver.read(frames(SLAB_BYTES_MIN - READ_BYTES_MAX - room));
      const next = receiver.buffer.readBuffer(UNLIMITED);
      assert.equal(next.buffer === receiver.lastRead.buffer, stays, `${room} bytes of room`);
      assert.equal(next.byteOffset, stays ? SLAB_BYTES_MIN - room : 0);
    }
  });

  test("earns slabs of double size with reads of 32 KiB that fill the ones before, up to 1 MiB", () => {
    const flow = stream(U32, contents(Array(4096).fill(1020)));
    assert.deepEqual(places(flow, READ_BYTES_MAX), [
      "byte 0: 32768 at 0",
      "byte 32768: 65536 at 32768",
      "byte 65536: 131072 at 0",
      "byte 196608: 262144 at 0",
      "byte 458752: 524288 at 0",
      "byte 983040: 1048576 at 0",
      "byte 2031616: 1048576 at 0",
      "byte 3080192: 1048576 at 0",
      "byte 4128768: 1048576 at 0",
    ]);
    assert.deepEqual(places(flow.subarray(0, 200_000), READ_BYTES_MAX - 1), [
      "byte 0: 32768 at 0",
      "byte 32767: 65536 at 32767",
      "byte 65536: 65536 at 0",
      "byte 131072: 65536 at 0",
      "byte 196608: 65536 at 0",
    ]);
  });

  test("that turned quiet begins to earn anew", () => {
    const receiver = new Receiver(U32);
    receiver.feed(frames(300_000), [READ_BYTES_MAX]);
    assert.ok(receiver.buffer.readBuffer(UNLIMITED).buffer.byteLength > SLAB_BYTES_MIN);
    receiver.read(frames(10));
    receiver.feed(frames(70_000), [10_000]);
    assert.equal(receiver.buffer.readBuffer(UNLIMITED).buffer.byteLength, SLAB_BYTES_MIN);
  });
});

describe("a broken frame that does not fit", () => {
  test("alone in its slab moves when that is full, to double the size, and at its half to where it fits", () => {
    assert.deepEqual(places(frame(U32, content(1, 300 * KIB)), 1000), [
      "byte 0: 32768 at 0",
      "byte 1000: 65536 at 1000",
      "byte 65536: 131072 at 65536",
      "byte 131072: 262144 at 131072",
      "byte 154072: 307204 at 154072",
    ]);
  });

  test("of a size that arrived whole before moves once, from its first slab to where it fits", () => {
    assert.deepEqual(places(stream(U32, contents([300 * KIB, 300 * KIB])), 1000).slice(5), [
      "byte 307204: 65536 at 0",
      "byte 372740: 307204 at 65536",
    ]);
  });

  test("behind others goes on there while it can double, and then moves to the front of another", () => {
    assert.deepEqual(places(stream(U32, contents([5000, 100_000])), 1000), [
      "byte 0: 32768 at 0",
      "byte 1000: 65536 at 1000",
      "byte 36000: 65536 at 30996",
      "byte 56000: 100004 at 50996",
    ]);
    assert.deepEqual(places(stream(U32, contents([40_000, 100_000])), 1000), [
      "byte 0: 32768 at 0",
      "byte 1000: 65536 at 1000",
      "byte 53000: 65536 at 12996",
      "byte 91000: 100004 at 50996",
    ]);
  });

  test("of a flow that earned large slabs moves at once to one that has room", () => {
    assert.deepEqual(places(stream(U32, contents(Array(4).fill(300 * KIB))), READ_BYTES_MAX), [
      "byte 0: 32768 at 0",
      "byte 32768: 65536 at 32768",
      "byte 65536: 131072 at 65536",
      "byte 131072: 262144 at 131072",
      "byte 163840: 524288 at 163840",
      "byte 327680: 1048576 at 20476",
    ]);
  });

  test("of a size that the flow's pace has earned moves at once, though it could go on where it is", () => {
    const receiver = new Receiver(U32);
    receiver.feed(frames(64 * KIB + 100 * KIB), [READ_BYTES_MAX]);
    const { buffer } = receiver.buffer.readBuffer(1);
    assert.equal(buffer.byteLength, 128 * KIB);
    receiver.read(frame(U32, content(1, 100_000)).subarray(0, 1000));
    const next = receiver.buffer.readBuffer(1);
    assert.ok(next.buffer !== buffer);
    assert.deepEqual([next.buffer.byteLength, next.byteOffset], [128 * KIB, 1000]);
  });

  test("that is let go of by who takes a frame ends the stream, and the next read begins with nothing", () => {
    const buffer = new ReceiveBuffer(lengthHeader(U32), 2000, new ReceivePool());
    const bytes = frames(10_000);
    buffer.readBuffer(UNLIMITED).set(bytes);
    const onFrame = (): boolean => {
      buffer.release();
      return false;
    };
    buffer.commit(bytes.length, { onFrame });
    assert.deepEqual([buffer.partialBytes, buffer.readBuffer(UNLIMITED).length], [0, READ_BYTES_MAX]);
  });

  test("of the smallest size serves others once its session's connection is gone, and not before", () => {
    const pool = new ReceivePool();
    const begun = frame(U32, content(1, 30 * KIB)).subarray(0, 100);
    const slabOf = (receiver: Receiver): ArrayBufferLike => receiver.buffer.readBuffer(KIB).buffer;
    const first = new Receiver(U32, { pool });
    first.read(begun);
    const slab = slabOf(first);
    first.buffer.release(); // a read under way may still write to it
    const second = new Receiver(U32, { pool });
    second.read(begun);
    assert.notEqual(slabOf(second), slab);
    first.buffer.end();
    const third = new Receiver(U32, { pool });
    third.read(begun);
    assert.equal(slabOf(third), slab);
  });

  test("ends with its session: after release() the next one begins with nothing", () => {
    const receiver = new Receiver(U32);
    receiver.feed(frame(U32, content(1, 300 * KIB)).subarray(0, 100_000));
    receiver.buffer.release();
    assert.equal(receiver.buffer.partialBytes, 0);
    assert.equal(receiver.buffer.slab.bytes.length, 0);
    receiver.read(frames(10));
    assert.equal(receiver.kept.length, 1);
  });
});
