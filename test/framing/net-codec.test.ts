/** The Net codec against the formulas themselves: the byte transform, whole frames, and streams however they are cut. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { LanError } from "../../src/base/errors.ts";
import { decodeFrames } from "../../src/framing/decode-frames.ts";
import { type LengthHeader, lengthHeader, netHeader } from "../../src/framing/length-header.ts";
import { decode, encode, openFrame, sealFrame } from "../../src/framing/net-codec.ts";
import { ReceiveBuffer, ReceivePool } from "../../src/framing/receive-buffer.ts";
import { encodeFrame, SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet } from "../../src/packet/packet.ts";
import { AGREED, checksum, decoded, encoded, NET_HEADER_BYTES, netFrame } from "../support/net-frames.ts";
import { effortOf } from "./memory.ts";
import { CUTS, content, contents, payloadLengths, pieces, stream } from "./streams.ts";

const LONGEST = 65_535;
const BYTE = fc.integer({ min: 0, max: 255 });
/** What both sides agree on, and a randKey. */
const KEYS = fc.record({ code: BYTE, key: BYTE, randKey: BYTE });

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** `random` for a library that shall choose this randKey. */
function choosing(randKey: number): () => number {
  return () => randKey / 256;
}

test("vector: the byte transform alone, key a9, randKey 31", () => {
  const text = "aaaaaaaaaabbbbbbbbbbcccccccccc1234567890abcdefghijklmn\0";
  const expected =
    "f943958c5ff3f744b1874623adb51e01c1a31e3fb480181bb2ac360b8c9c4a5e84847a0e7484720c16a88268c6ac72748620325086042d";
  assert.equal(
    Buffer.from(encoded(0xa9, 0x31, Buffer.from(text))).toString("hex"),
    expected,
    "the reference",
  );
  const bytes = Buffer.from(text);
  encode(0xa9, 0x31, viewOf(bytes), 0, bytes.length);
  assert.equal(bytes.toString("hex"), expected);
  decode(0xa9, 0x31, viewOf(bytes), 0, bytes.length);
  assert.equal(bytes.toString(), text);
});

test("vector: a frame, code 77, key 32, randKey 5a", () => {
  const payload = Buffer.from("214e01000000", "hex");
  const expected = "7706005a18ea522250e1d0";
  const agreed = { code: 0x77, key: 0x32 };
  assert.equal(Buffer.from(netFrame(payload, 0x5a, agreed)).toString("hex"), expected, "the reference");
  const made = encodeFrame(netHeader(0x77, 0x32), Packet.from(payload), choosing(0x5a));
  assert.equal(Buffer.from(made!).toString("hex"), expected);
  const bytes = Buffer.from(expected, "hex");
  assert.ok(openFrame(0x32, viewOf(bytes), 0, bytes.length));
  assert.deepEqual(bytes.subarray(NET_HEADER_BYTES), payload);
});

test("every length to 300 bytes and those around every boundary, all payload bytes: as the formulas say", () => {
  const lengths = [...Array(301).keys(), 4095, 4096, 16_384, 65_527, 65_528, 65_531, 65_532, LONGEST];
  for (const length of lengths) {
    for (const [key, randKey] of [
      [0, 0],
      [0xff, 0xff],
      [0x32, length & 0xff],
    ] as const) {
      const payload = content(length, length);
      const expected = netFrame(payload, randKey, { code: 1, key });
      // In the middle of other memory, which stays as it is.
      const bytes = Buffer.alloc(expected.length + 20, 0xee);
      bytes.set(expected.subarray(0, 3), 10);
      bytes.set(payload, 10 + NET_HEADER_BYTES);
      const end = 10 + expected.length;
      sealFrame(key, randKey, viewOf(bytes), 10, end);
      assert.ok(bytes.subarray(10, end).equals(expected), `${length} bytes`);
      assert.ok(openFrame(key, viewOf(bytes), 10, end), `${length} bytes`);
      assert.ok(bytes.subarray(10 + NET_HEADER_BYTES, end).equals(payload), `${length} bytes`);
      assert.ok(bytes.subarray(0, 10).every((byte) => byte === 0xee));
      assert.ok(bytes.subarray(end).every((byte) => byte === 0xee));
    }
  }
});

test("encode and decode are the formulas, for any key, randKey, content and place", () => {
  const size = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 200 }) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: LONGEST }) },
  );
  fc.assert(
    fc.property(KEYS, size, fc.nat({ max: 9 }), fc.nat(), ({ key, randKey }, length, margin, seed) => {
      const clear = content(seed, length);
      const bytes = Buffer.alloc(margin + length + 5, 0xee);
      bytes.set(clear, margin);
      encode(key, randKey, viewOf(bytes), margin, margin + length);
      const part = bytes.subarray(margin, margin + length);
      assert.ok(part.equals(encoded(key, randKey, clear)));
      assert.ok(clear.equals(decoded(key, randKey, part)));
      const sum = decode(key, randKey, viewOf(bytes), margin, margin + length);
      assert.ok(part.equals(clear));
      if (length > 0) assert.equal(sum, checksum(clear.subarray(1)));
      assert.ok(bytes.subarray(0, margin).every((byte) => byte === 0xee));
      assert.ok(bytes.subarray(margin + length).every((byte) => byte === 0xee));
    }),
    { numRuns: 300 },
  );
});

/** What a session reads, however the bytes are cut; the memory is a pool's, as on a thread with other sessions. */
function received(header: LengthHeader, wire: Uint8Array, cuts: readonly number[], max: number): Buffer[] {
  const buffer = new ReceiveBuffer(header, max, new ReceivePool());
  const frames: Buffer[] = [];
  const sink = {
    onFrame: (start: number, end: number): boolean =>
      frames.push(Buffer.from(buffer.slab.bytes.subarray(start, end))) > 0,
  };
  for (const piece of pieces(wire, cuts)) {
    for (let at = 0; at < piece.length; ) {
      const room = buffer.readBuffer(Number.MAX_SAFE_INTEGER);
      const count = Math.min(room.length, piece.length - at);
      room.set(piece.subarray(at, at + count));
      at += count;
      buffer.commit(count, sink);
    }
  }
  assert.equal(buffer.partialBytes, 0);
  return frames;
}

/**
 * Made by a program in Python, from the formulas: code, key, randKey, payload bytes, and the frame, in hex, or the SHA-256
 * of a long one. The payload's byte i is 7 i² + 3 i + its length.
 */
const FOREIGN: readonly (readonly [number, number, number, number, string])[] = [
  [0x00, 0x00, 0x00, 0, "0000000000"],
  [0x00, 0x00, 0x00, 1, "000100000100"],
  [0x00, 0x00, 0x00, 2, "000200000e031c"],
  [0x00, 0x00, 0x00, 300, "f868c275314a3786d33c53dc0fcd0a211607e5945a8b48ab5b7514f852386a62"],
  [0x00, 0x00, 0x00, 65535, "f7c6ec5642dd6e1aaec50effbd0fb70acd6e89fa87171e27fa7246f7c36e41c2"],
  [0xff, 0xff, 0xff, 0, "ff0000ff00"],
  [0xff, 0xff, 0xff, 1, "ff0100ff0101"],
  [0xff, 0xff, 0xff, 2, "ff0200ff0e0207"],
  [0xff, 0xff, 0xff, 300, "e27bacd622609709c02213b79a12ed6639eed9d327c100f84b9eb71f69af2772"],
  [0xff, 0xff, 0xff, 65535, "b86af78a918b26d3864f40fac144f8f95954be5bff130c7067d597377db99901"],
  [0xe5, 0x1b, 0xc4, 0, "e50000c4d9"],
  [0xe5, 0x1b, 0xc4, 1, "e50100c4d87e"],
  [0xe5, 0x1b, 0xc4, 2, "e50200c4d767d3"],
  [0xe5, 0x1b, 0xc4, 300, "d3ad66b493172197d690c41dd76c9468435479f6af19fd8e32c2ada40040ece2"],
  [0xe5, 0x1b, 0xc4, 65535, "01bc8932ad7f5b5384d3b7e199e7c8ecdbc9325767831c2d3a70f48b3819e2d6"],
  [0x01, 0xff, 0x00, 0, "0100000001"],
  [0x01, 0xff, 0x00, 1, "010100000002"],
  [0x01, 0xff, 0x00, 2, "010200000f031f"],
  [0x01, 0xff, 0x00, 300, "cd1fcac84906cf4732e4f65e18313cedef43a360c4dd4f2c3f50e895cd6b1961"],
  [0x01, 0xff, 0x00, 65535, "55084ce54a1ba64c81c59c0927726ab698b41ffbb21c3676c3b1cf9ed413963e"],
  [0x57, 0x00, 0xfe, 0, "570000fefe"],
  [0x57, 0x00, 0xfe, 1, "570100fefffe"],
  [0x57, 0x00, 0xfe, 2, "570200fef001fc"],
  [0x57, 0x00, 0xfe, 300, "d4883a11366b616c526c77c2e4abd99fd79f57e8821b3e9aa468151e11c61e19"],
  [0x57, 0x00, 0xfe, 65535, "418f0b3d9126080f1e5c8e60dcb95396adbbe38fba26e6a096717e8041f7d776"],
];

test("frames of a foreign program, up to the longest: the same bytes are made, and understood", () => {
  for (const [code, key, randKey, length, expected] of FOREIGN) {
    const what = `code ${code}, key ${key}, randKey ${randKey}, ${length} bytes`;
    const payload = Buffer.from(Uint8Array.from({ length }, (_, i) => (7 * i * i + 3 * i + length) % 256));
    const header = netHeader(code, key);
    const made = Buffer.from(encodeFrame(header, Packet.from(payload), choosing(randKey))!);
    assert.equal(
      length < 3 ? made.toString("hex") : createHash("sha256").update(made).digest("hex"),
      expected,
      what,
    );
    const [got, ...more] = received(header, made, [Number.MAX_SAFE_INTEGER], LONGEST);
    assert.ok(got?.equals(payload), what);
    assert.deepEqual(more, []);
  }
});

test("a stream of frames, each with its own randKey, arrives whole however it is cut", () => {
  fc.assert(
    fc.property(
      KEYS,
      payloadLengths(LONGEST, 12),
      CUTS,
      fc.array(BYTE, { minLength: 1 }),
      (agreed, lengths, cuts, randKeys) => {
        const payloads = contents(lengths);
        const frames = payloads.map((payload, i) =>
          netFrame(payload, randKeys[i % randKeys.length]!, agreed),
        );
        const got = received(netHeader(agreed.code, agreed.key), Buffer.concat(frames), cuts, LONGEST);
        assert.equal(got.length, payloads.length);
        for (const [i, frame] of got.entries()) assert.ok(frame.equals(payloads[i]!), `frame ${i}`);
      },
    ),
    { numRuns: 60 },
  );
});

test("what a session's queue makes of its packets is, byte for byte, what the formulas make", () => {
  fc.assert(
    fc.property(KEYS, payloadLengths(LONGEST, 20), fc.nat({ max: 3 }), (agreed, lengths, heartbeats) => {
      const { code, key, randKey } = agreed;
      let next = randKey;
      const send = new SendBuffer(netHeader(code, key), new SendPool(), () => (next++ % 256) / 256);
      const wire: Uint8Array[] = [];
      const flush = (): void => {
        for (let chunks = send.beginWrite(); chunks !== null; chunks = send.beginWrite()) {
          wire.push(...chunks.map((chunk) => Uint8Array.from(chunk))); // slabs are used again
          send.completeWrite();
        }
      };
      const expected: Uint8Array[] = [];
      const expect = (payload: Uint8Array): void => {
        expected.push(netFrame(payload, (randKey + expected.length) % 256, agreed));
      };
      for (let n = 0; n < heartbeats; n++) {
        send.appendHeartbeat();
        expect(new Uint8Array(0));
        flush();
      }
      const packet = new Packet();
      for (const [i, payload] of contents(lengths).entries()) {
        // Written here, or received: both are copied before they are encoded.
        send.append(i % 3 === 0 ? Packet.from(payload) : packet.clear().writeBytes(payload));
        expect(payload);
        if (i % 5 === 4) flush();
      }
      assert.equal(
        send.queuedBytes + wire.reduce((sum, { length }) => sum + length, 0),
        Buffer.concat(expected).length,
      );
      flush();
      assert.ok(Buffer.concat(wire).equals(Buffer.concat(expected)));
    }),
    { numRuns: 100 },
  );
});

test("the codec works in place: a payload is moved once on its way out, and nothing is allocated beside slabs", () => {
  const count = 500;
  const payload = content(1, 1000);
  const packet = Packet.from(payload);
  const send = new SendBuffer(netHeader(1, 2), new SendPool());
  const { moved, allocated } = effortOf(() => {
    for (let n = 0; n < count; n++) send.append(packet);
  });
  assert.equal(moved, count * payload.length);
  assert.ok(allocated < 1.1 * send.queuedBytes + 65_536, `${allocated} bytes for ${send.queuedBytes}`);
});

test("a frame that arrives is decoded where it lies: no byte is moved that a length alone would not have moved", () => {
  const payloads = contents([3000, 10, 700, 0, 60_000, 5, 30_000]);
  const agreed = { code: 1, key: 2 };
  const net = Buffer.concat(payloads.map((payload, n) => netFrame(payload, n, agreed)));
  // The same bytes on the wire: a header of four, and a payload that is one longer.
  const plain = stream(
    { lengthBytes: 4, endian: "little" },
    payloads.map((payload) => Buffer.concat([payload, Buffer.alloc(1)])),
  );
  assert.equal(net.length, plain.length);
  const read = (header: LengthHeader, wire: Buffer) => effortOf(() => committed(header, wire));
  const lengthAlone = lengthHeader("u32le");
  assert.deepEqual(read(netHeader(1, 2), net), read(lengthAlone, plain));
});

/** Reads of 1460 bytes; `fill` is no copy that counts. */
function committed(header: LengthHeader, wire: Buffer): void {
  const buffer = new ReceiveBuffer(header, LONGEST + 1, new ReceivePool());
  for (let at = 0; at < wire.length; ) {
    const room = buffer.readBuffer(1460);
    const count = Math.min(room.length, wire.length - at);
    for (let n = 0; n < count; n++) room[n] = wire[at + n]!;
    at += count;
    buffer.commit(count, { onFrame: () => true });
  }
}

interface Decoded {
  readonly frames: number[];
  readonly code: string | undefined;
}

function decodedFrames(bytes: Buffer, header: LengthHeader, max: number = LONGEST): Decoded {
  const frames: number[] = [];
  const sink = { onFrame: (start: number, end: number): boolean => frames.push(end - start) > 0 };
  try {
    decodeFrames(header, max, viewOf(bytes), 0, bytes.length, sink);
    return { frames, code: undefined };
  } catch (error) {
    assert.ok(error instanceof LanError);
    return { frames, code: error.code };
  }
}

const HEADER = netHeader(0x77, 0x32);

test("one flipped bit anywhere in checksum or payload is judged by the formulas: sums that agree pass, no others", (t) => {
  let passed = 0;
  let noticed = 0;
  for (const length of [0, 1, 6, 63, 300]) {
    const frame = netFrame(content(length, length), 0x5a);
    const before = netFrame(content(9, 9), 1);
    for (let at = 4; at < frame.length; at++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        const bytes = Buffer.concat([before, frame]);
        bytes[before.length + at]! ^= bit;
        const [sum, ...payload] = decoded(AGREED.key, 0x5a, bytes.subarray(before.length + 4));
        const agrees = sum === checksum(Uint8Array.from(payload));
        const { frames, code } = decodedFrames(bytes, HEADER);
        assert.equal(
          code,
          agrees ? undefined : "FRAME_CHECKSUM_WRONG",
          `bit ${bit} of byte ${at} of ${length}`,
        );
        assert.deepEqual(frames, agrees ? [9, length] : [9]);
        // The last byte has no byte behind it that could make up for it.
        if (at === frame.length - 1) assert.ok(!agrees);
        if (agrees) passed++;
        else noticed++;
      }
    }
  }
  // In long packets a third passes: the change of one byte comes back two bytes later, and the sum is one byte.
  t.diagnostic(`${passed} of ${passed + noticed} flipped bits passed`);
  assert.ok(passed > 0 && passed < noticed, `${passed} passed, ${noticed} were noticed`);
});

test("another key is noticed as a wrong checksum, another code as a wrong code from the first byte on", () => {
  const frame = Buffer.from(netFrame(content(1, 20), 7));
  assert.equal(decodedFrames(Buffer.from(frame), netHeader(0x77, 0x33)).code, "FRAME_CHECKSUM_WRONG");
  for (let bytes = 1; bytes <= frame.length; bytes++) {
    const begun = Buffer.from(frame.subarray(0, bytes));
    assert.equal(decodedFrames(begun, netHeader(0x78, 0x32)).code, "FRAME_CODE_WRONG", `${bytes} bytes`);
  }
});

test("a length over packetBytesMax is refused as soon as it is told", () => {
  const header = Buffer.from(netFrame(content(1, 1001), 7)).subarray(0, NET_HEADER_BYTES);
  for (let bytes = 1; bytes <= header.length; bytes++) {
    const begun = Buffer.from(header.subarray(0, bytes));
    const refused = bytes < 3 ? undefined : "FRAME_TOO_LARGE";
    assert.equal(decodedFrames(begun, HEADER, 1000).code, refused, `${bytes} bytes`);
    assert.equal(decodedFrames(begun, HEADER, 1001).code, undefined, `${bytes} bytes`);
  }
});

test("a wrong code is told before an impossible length", () => {
  assert.equal(
    decodedFrames(Buffer.from([0x47, 0x45, 0x54, 0x20, 0x2f]), HEADER, 100).code,
    "FRAME_CODE_WRONG",
  );
});

test("each frame is decoded once: what a sink stopped behind is still encoded", () => {
  const frames = [1, 2, 3].map((n) => netFrame(content(n, 20 * n), n));
  const bytes = Buffer.concat(frames);
  const sink = { onFrame: (): boolean => false };
  const next = decodeFrames(HEADER, LONGEST, viewOf(bytes), 0, bytes.length, sink);
  assert.equal(next, frames[0]!.length);
  assert.ok(bytes.subarray(5, next).equals(content(1, 20)));
  assert.ok(bytes.subarray(next).equals(Buffer.concat(frames.slice(1))));
});

for (const [name, code, key] of [
  ["code", 256, 0],
  ["code", -1, 0],
  ["code", 1.5, 0],
  ["key", 0, 256],
  ["key", 0, Number.NaN],
] as const) {
  test(`netHeader() refuses a ${name} that is no byte: ${name === "code" ? code : key}`, () => {
    assert.throws(() => netHeader(code, key), {
      code: "OPTION_INVALID",
      message: new RegExp(`option ${name}`),
    });
  });
}
