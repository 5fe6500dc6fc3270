/** In whose slab a session's frames lie, and what becomes of it once the session is gone. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type FramingFormat, lengthHeader } from "../../src/framing/length-header.ts";
import { ReceiveBuffer, ReceivePool } from "../../src/framing/receive-buffer.ts";
import { Receiver } from "./receiver.ts";
import { content, frame } from "./streams.ts";

const U32: FramingFormat = { lengthBytes: 4, endian: "little" };
const KIB = 1024;
const SLAB_BYTES_MIN = 64 * KIB;
const SPARE_MAX = 16;

/** Whether others have bytes in the slab, asked at each frame. */
class Asking {
  readonly buffer: ReceiveBuffer;
  readonly answers: boolean[] = [];

  constructor(pool: ReceivePool = new ReceivePool()) {
    this.buffer = new ReceiveBuffer(lengthHeader(U32), 1024 * KIB, pool);
  }

  /** One read; the answers of its frames. */
  reads(bytes: Uint8Array): boolean[] {
    this.buffer.readBuffer(Number.MAX_SAFE_INTEGER).set(bytes);
    const onFrame = (): boolean => this.answers.push(this.buffer.isShared) > 0;
    this.buffer.commit(bytes.length, { onFrame });
    return this.answers.splice(0);
  }
}

describe("a slab is shared", () => {
  test("while the session is quiet, and while it is busy in the one it was quiet in", () => {
    const session = new Asking();
    assert.deepEqual(session.reads(frame(U32, content(1, 100))), [true]);
    assert.deepEqual(session.reads(frame(U32, content(2, 5000))), [true]); // busy from here on
    assert.deepEqual(session.reads(frame(U32, content(3, 5000))), [true]);
  });

  test("no more once a frame has taken one of its own, until the session is quiet again", () => {
    const session = new Asking();
    const long = frame(U32, content(1, 100_000));
    session.reads(long.subarray(0, 30_000));
    session.reads(long.subarray(30_000, 60_000));
    assert.deepEqual(session.reads(long.subarray(60_000)), [false]);
    assert.deepEqual(session.reads(frame(U32, content(2, 5000))), [false]);
    assert.deepEqual(session.reads(frame(U32, content(3, 100))), [false]); // quiet from here on
    assert.deepEqual(session.reads(frame(U32, content(4, 100))), [true]);
  });
});

describe("the slab of a session that ended inside a frame", () => {
  /** A session that holds `byteLength` bytes of a frame, and that nobody else has a slab with. */
  function begun(pool: ReceivePool, byteLength: number, frameBytes: number = 500 * KIB): Receiver {
    const receiver = new Receiver(U32, { pool });
    const bytes = frame(U32, content(1, frameBytes));
    for (let at = 0; at < byteLength; )
      at += receiver.read(bytes.subarray(at, Math.min(byteLength, at + 8 * KIB)));
    return receiver;
  }

  const slabOf = (receiver: Receiver): ArrayBufferLike => receiver.buffer.readBuffer(KIB).buffer;

  test("serves the next where more than half of it is free", () => {
    for (const [used, serves] of [
      [SLAB_BYTES_MIN / 2 - 1, true],
      [SLAB_BYTES_MIN / 2, false],
    ] as const) {
      const pool = new ReceivePool();
      const gone = begun(pool, used);
      const slab = slabOf(gone);
      gone.buffer.end();
      assert.equal(gone.buffer.partialBytes, 0);
      assert.equal(slabOf(begun(pool, 100)) === slab, serves, `${used} bytes used`);
    }
  });

  test("is the collector's where it is a large one", () => {
    const pool = new ReceivePool();
    const gone = begun(pool, 70 * KIB);
    const slab = slabOf(gone);
    assert.ok(slab.byteLength > SLAB_BYTES_MIN);
    gone.buffer.end();
    const next = begun(pool, 100);
    assert.ok(slabOf(next) !== slab);
    assert.equal(slabOf(next).byteLength, SLAB_BYTES_MIN);
  });

  test("is kept for as many as a thread keeps, and no more", () => {
    const pool = new ReceivePool();
    const gone = Array.from({ length: SPARE_MAX + 4 }, () => begun(pool, 100));
    const slabs = new Set(gone.map(slabOf));
    assert.equal(slabs.size, SPARE_MAX + 4);
    for (const { buffer } of gone) buffer.end();
    const next = Array.from({ length: SPARE_MAX + 4 }, () => slabOf(begun(pool, 100)));
    assert.equal(next.filter((slab) => slabs.has(slab)).length, SPARE_MAX);
  });

  test("is nobody's where there was none, and is given once", () => {
    const pool = new ReceivePool();
    new ReceiveBuffer(lengthHeader(U32), 1000, pool).end();
    const gone = begun(pool, 100);
    const slab = slabOf(gone);
    gone.buffer.end();
    gone.buffer.end();
    const next = [begun(pool, 100), begun(pool, 100)].map(slabOf);
    assert.deepEqual([next[0] === slab, next[1] === slab], [true, false]);
  });
});
