/** ReceiveBuffer and ReceivePool: the same frames however the stream is cut, and memory that packets may keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FramingFormat } from "../../src/framing/length-header.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceiveBuffer, ReceivePool } from "../../src/framing/receive-buffer.ts";
import { effortOf, heldBytes } from "./memory.ts";
import { assertSame, Receiver } from "./receiver.ts";
import {
  CUTS,
  content,
  contents,
  FORMATS,
  formatName,
  frame,
  headerBytes,
  payloadLengths,
  payloadLimit,
  stream,
} from "./streams.ts";

const U32: FramingFormat = { lengthBytes: 4, endian: "little" };
const KIB = 1024;
const MIB = 1024 * KIB;
/** Made before the measurements, so that its scratch is not counted. */
const QUIET_POOL = new ReceivePool();

for (const format of FORMATS) {
  test(`${formatName(format)}: however a stream is cut, the same frames, and they stay what they were`, () => {
    const lengths = payloadLengths(Math.min(300 * KIB, payloadLimit(format)), 12);
    fc.assert(
      fc.property(lengths, CUTS, fc.boolean(), (lengths, cuts, asksEarly) => {
        const payloads = contents(lengths);
        const receiver = new Receiver(format, { asksEarly }).feed(stream(format, payloads), cuts);
        assertSame(receiver.kept, payloads);
        assert.equal(receiver.buffer.partialBytes, 0);
      }),
      { numRuns: 25 },
    );
  });
}

test("partialBytes is what arrived of the frame that is not whole", () => {
  fc.assert(
    fc.property(payloadLengths(300 * KIB, 10), CUTS, (lengths, cuts) => {
      const frames = contents(lengths).map((payload) => frame(U32, payload));
      const ends = frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length);
      const receiver = new Receiver(U32);
      let arrived = 0;
      for (let i = 0; arrived < ends.at(-1)!; i++) {
        const rest = Buffer.concat(frames).subarray(arrived, arrived + cuts[i % cuts.length]! + 2000);
        arrived += receiver.read(rest);
        const begin = ends.findLast((end) => end <= arrived) ?? 0;
        assert.equal(receiver.buffer.partialBytes, arrived - begin);
      }
    }),
    { numRuns: 30 },
  );
});

test("a read buffer is never longer than the limit, and frames come all the same", () => {
  fc.assert(
    fc.property(payloadLengths(20 * KIB, 10), fc.integer({ min: 1, max: 5000 }), (lengths, limitBytes) => {
      const payloads = contents(lengths);
      const receiver = new Receiver(U32);
      const bytes = stream(U32, payloads);
      for (let at = 0; at < bytes.length; ) at += receiver.read(bytes.subarray(at), limitBytes);
      assertSame(receiver.kept, payloads);
    }),
    { numRuns: 40 },
  );
});

test("sessions that share a pool get their own frames, and kept ones never change", () => {
  const sessions = fc.array(fc.tuple(payloadLengths(200 * KIB, 20), fc.option(CUTS), fc.boolean()), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(sessions, fc.array(fc.nat(), { minLength: 1, maxLength: 100 }), (sessions, turns) => {
      const pool = new ReceivePool();
      const links = sessions.map(([lengths, cuts, asksEarly], i) => {
        const payloads = lengths.map((length, j) => content(i * 1000 + j, length));
        // Frame by frame, or cut anywhere; byte by byte is slow where every byte is a turn of its own.
        const cutsOfTurns = cuts?.map((cut) => Math.max(cut, 300)) ?? lengths.map((length) => length + 4);
        const receiver = new Receiver(U32, { pool, asksEarly });
        return { payloads, bytes: stream(U32, payloads), cuts: cutsOfTurns, receiver, at: 0, reads: 0 };
      });
      for (let turn = 0; links.some(({ at, bytes }) => at < bytes.length); turn++) {
        const waiting = links.filter(({ at, bytes }) => at < bytes.length);
        const link = waiting[turns[turn % turns.length]! % waiting.length]!;
        const { receiver, bytes, cuts } = link;
        link.at += receiver.read(bytes.subarray(link.at, link.at + cuts[link.reads++ % cuts.length]!));
      }
      for (const { receiver, payloads } of links) assertSame(receiver.kept, payloads);
    }),
    { numRuns: 60 },
  );
});

test("release() leaves kept packets alone, and the pool goes on for others", () => {
  fc.assert(
    fc.property(payloadLengths(100 * KIB, 5), payloadLengths(100 * KIB, 5), CUTS, (first, second, cuts) => {
      const pool = new ReceivePool();
      const [before, after] = [contents(first), contents(second)];
      const released = new Receiver(U32, { pool }).feed(stream(U32, before), cuts);
      released.read(frame(U32, content(7, 50 * KIB)).subarray(0, 100));
      released.buffer.release();
      assert.equal(released.buffer.partialBytes, 0);
      const next = new Receiver(U32, { pool }).feed(stream(U32, after), cuts);
      assertSame(released.kept, before);
      assertSame(next.kept, after);
    }),
    { numRuns: 40 },
  );
});

// Copies.

test("a busy session's frame that arrived whole is never copied", () => {
  fc.assert(
    fc.property(payloadLengths(30 * KIB, 40), fc.array(fc.integer({ min: 8, max: 100 })), (lengths, cuts) => {
      const receiver = new Receiver(U32);
      const payloads = contents([60 * KIB, ...lengths]);
      const bytes = stream(U32, payloads);
      const readKibs = [...cuts, 64];
      for (let at = 0, reads = 0; at < bytes.length; reads++) {
        const first = receiver.kept.length;
        const wasWhole = receiver.buffer.partialBytes === 0;
        at += receiver.read(bytes.subarray(at, at + readKibs[reads % readKibs.length]! * KIB));
        if (reads === 0) continue; // the read that showed the session busy
        const { lastRead } = receiver;
        for (const packet of receiver.kept.slice(wasWhole ? first : first + 1)) {
          assert.ok(packet.buffer === lastRead.buffer);
          const offset = packet.byteOffset - lastRead.byteOffset;
          assert.ok(offset >= 0 && offset + packet.length <= lastRead.length);
        }
      }
      assertSame(receiver.kept, payloads);
    }),
    { numRuns: 60 },
  );
});

test("a read that is short because the slab ended is no sign that a session turned quiet", () => {
  const bytes = stream(U32, contents(Array(16 * KIB).fill(60))); // frames of 64 bytes fill slabs to the brim
  const receiver = new Receiver(U32).feed(bytes.subarray(0, 64 * KIB));
  const { moved } = effortOf(() => {
    // Reads of 62 KiB and 10 bytes end within a frame; the last of each slab brings what there is room for.
    for (let at = 64 * KIB; at < bytes.length; ) {
      const room = receiver.buffer.readBuffer(62 * KIB + 10);
      const count = Math.min(room.length, bytes.length - at);
      bytes.copy(room, 0, at, at + count);
      receiver.buffer.commit(count, receiver);
      at += count;
    }
  });
  const intoReadBuffers = bytes.length - 64 * KIB;
  assert.equal(moved - intoReadBuffers, 0);
});

test("the second half of a large broken frame is read to where the packet lies", () => {
  for (const kib of [100, 300, 1023]) {
    for (const readBytes of [500, 9000, 64 * KIB]) {
      const payload = content(1, kib * KIB);
      const bytes = frame(U32, payload);
      const receiver = new Receiver(U32);
      const reads: { at: number; memory: Uint8Array }[] = [];
      for (let at = 0; at < bytes.length; ) {
        const count = receiver.read(bytes.subarray(at, at + readBytes));
        reads.push({ at, memory: receiver.lastRead });
        at += count;
      }
      const packet = receiver.kept[0]!;
      assertSame(receiver.kept, [payload]);
      for (const { at, memory } of reads.filter(({ at }) => at > bytes.length / 2 + readBytes)) {
        assert.ok(memory.buffer === packet.buffer, `${kib} KiB in reads of ${readBytes}: byte ${at}`);
        assert.equal(memory.byteOffset - packet.byteOffset, at - 4);
      }
    }
  }
});

for (const readBytes of [1, 64, 1460, 64 * KIB]) {
  test(`reads of ${readBytes} bytes: what is moved and allocated is linear in what arrives`, () => {
    const shapes = {
      ...(readBytes > 1 ? { "one frame of 1 MiB": [MIB] } : {}),
      "one frame of 300 KiB": [300 * KIB],
      "frames just over a slab": [65_533, 65_533],
      "small frames": Array(3000).fill(90) as number[],
      "a mixture": [10, 200 * KIB, 0, 5000, 70 * KIB, 3, 3, 30 * KIB],
    };
    for (const [name, lengths] of Object.entries(shapes)) {
      const bytes = stream(U32, contents(lengths));
      const { moved, allocated } = effortOf(() => {
        const receiver = new Receiver(U32);
        for (let at = 0; at < bytes.length; ) at += receiver.read(bytes.subarray(at, at + readBytes));
        assert.equal(receiver.kept.length, lengths.length);
      });
      const once = bytes.length; // the copy into the read buffer, which the kernel makes in real life
      assert.ok(moved - once <= 3 * bytes.length, `${name}: moved ${moved - once} of ${bytes.length} bytes`);
      const bound = 4 * bytes.length + 256 * KIB;
      assert.ok(allocated <= bound, `${name}: allocated ${allocated} for ${bytes.length} bytes`);
    }
  });
}

test("byte by byte, a frame of double size takes about double the time", () => {
  const msOf = (byteLength: number): number => {
    const bytes = frame(U32, content(1, byteLength));
    const times = Array.from({ length: 4 }, () => {
      const begin = performance.now();
      new Receiver(U32).feed(bytes, [1]);
      return performance.now() - begin;
    });
    return Math.min(...times);
  };
  msOf(32 * KIB); // compiles
  const [small, large] = [msOf(64 * KIB), msOf(256 * KIB)];
  assert.ok(
    large <= 4 * small * 2.5,
    `four times the bytes took ${(large / small).toFixed(1)} times as long`,
  );
});

// Memory.

test("a forbidden length is refused with the header's last byte, before any memory is taken", () => {
  const forbidden: [FramingFormat, number, string][] = [
    [U32, MIB + 1, "FRAME_TOO_LARGE"],
    [U32, 0xffffffff, "FRAME_TOO_LARGE"],
    [{ lengthBytes: 4, endian: "big" }, 0x80000000, "FRAME_TOO_LARGE"],
    [{ lengthBytes: 4, endian: "big", includesHeader: true }, 3, "FRAME_INVALID"],
  ];
  for (const [format, length, code] of forbidden) {
    for (const busy of [false, true]) {
      const receiver = new Receiver(format);
      receiver.feed(frame(format, content(1, busy ? 40 * KIB : 10)));
      const header = Buffer.from(headerBytes(format, length));
      const { allocated } = effortOf(() => {
        receiver.feed(header.subarray(0, 3));
        assert.throws(() => receiver.feed(header.subarray(3)), { code });
      });
      assert.ok(allocated <= 64 * KIB, `${allocated} bytes allocated`);
    }
  }
});

test("an announced length takes no memory: 1000 sessions hold the same for 1 MiB announced as for 1 KiB", async () => {
  const holding = (announced: number, arrived: number): Promise<number> => {
    const begun = frame(U32, content(1, announced)).subarray(0, arrived);
    return heldBytes(() => {
      const pool = new ReceivePool();
      return Array.from({ length: 1000 }, () => new Receiver(U32, { pool }).feed(begun).buffer);
    });
  };
  const small = await holding(KIB, 5);
  const large = await holding(MIB, 5);
  assert.ok(large <= small + MIB, `${large} bytes held for 1 MiB announced, ${small} for 1 KiB`);
  assert.ok(large <= 1000 * 64 * KIB + MIB, `${large} bytes held`);
});

test("a broken frame holds at most twice what arrived of it, beyond the first slab", async () => {
  const bytes = frame(U32, content(1, MIB));
  for (const arrived of [5, 60 * KIB, 70 * KIB, 130 * KIB, 300 * KIB, 513 * KIB, 900 * KIB]) {
    const held = await heldBytes(
      () => new Receiver(U32, { pool: QUIET_POOL }).feed(bytes.subarray(0, arrived), [1460]).buffer,
    );
    assert.ok(held <= 2 * arrived + 64 * KIB + 4 * KIB, `${held} bytes held for ${arrived} that arrived`);
  }
});

test("a quiet session holds no memory of its own", async () => {
  const pool = new ReceivePool();
  const [large, small] = [frame(U32, content(1, 200 * KIB)), frame(U32, content(2, 20))];
  const held = await heldBytes(() =>
    Array.from({ length: 1000 }, (_, i) => {
      const receiver = new Receiver(U32, { pool });
      if (i % 10 === 0) receiver.feed(large); // it was busy once
      return receiver.feed(small).buffer;
    }),
  );
  assert.ok(held <= 512 * KIB, `${held} bytes held by 1000 quiet sessions`);
});

test("a packet is not held together by its session: after release() only kept packets hold memory", async () => {
  const held = await heldBytes(() => {
    const buffer = new ReceiveBuffer(lengthHeader(U32), MIB, QUIET_POOL);
    const bytes = frame(U32, content(1, MIB));
    for (let at = 0; at < 900 * KIB; ) {
      const room = buffer.readBuffer(64 * KIB);
      bytes.copy(room, 0, at, at + room.length);
      at += room.length;
      buffer.commit(room.length, { onFrame: () => true });
    }
    buffer.release();
    return buffer;
  });
  assert.ok(held <= 64 * KIB, `${held} bytes held`);
});

test("release() inside a frame ends the stream: the next read has room, whatever was broken off", () => {
  const buffer = new ReceiveBuffer(lengthHeader(U32), MIB, new ReceivePool());
  const bytes = Buffer.concat(Array.from({ length: 60 }, (_, n) => frame(U32, content(n, 5000))));
  let frames = 0;
  const sink = {
    onFrame: (): boolean => {
      frames++;
      buffer.release();
      return false;
    },
  };
  const room = buffer.readBuffer(Number.MAX_SAFE_INTEGER);
  bytes.copy(room, 0, 0, room.length);
  buffer.commit(room.length, sink);
  assert.equal(frames, 1);
  assert.equal(buffer.partialBytes, 0);
  assert.ok(buffer.readBuffer(Number.MAX_SAFE_INTEGER).length > 0);
});
