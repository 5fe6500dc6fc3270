/** decodeFrames(): a frame, "need more bytes", or "this stream is broken"; whatever the bytes and their place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LanError } from "../../src/base/errors.ts";
import { decodeFrames, frameBytes } from "../../src/framing/decode-frames.ts";
import { type FramingFormat, lengthHeader } from "../../src/framing/length-header.ts";
import {
  contents,
  FORMATS,
  formatName,
  headerBytes,
  payloadLengths,
  payloadLimit,
  stream,
} from "./streams.ts";

const U16: FramingFormat = { lengthBytes: 2, endian: "little" };

interface Decoded {
  readonly frames: Buffer[];
  readonly next: number;
  readonly error: LanError | undefined;
}

/** What decodeFrames makes of `bytes[start, end)`; `framesMax` is when the sink says stop. */
function decode(
  format: FramingFormat,
  bytes: Buffer,
  { start = 0, end = bytes.length, max = payloadLimit(format), framesMax = Number.MAX_SAFE_INTEGER } = {},
): Decoded {
  const frames: Buffer[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sink = {
    onFrame: (from: number, to: number): boolean => frames.push(bytes.subarray(from, to)) < framesMax,
  };
  try {
    const next = decodeFrames(lengthHeader(format), max, view, start, end, sink);
    return { frames, next, error: undefined };
  } catch (error) {
    assert.ok(error instanceof LanError);
    return { frames, next: Number.NaN, error };
  }
}

for (const format of FORMATS) {
  test(`${formatName(format)}: any part of a stream yields the frames that are whole in it, where they lie`, () => {
    const lengths = payloadLengths(Math.min(300 * 1024, payloadLimit(format)));
    const margins = fc.nat({ max: 9 });
    fc.assert(
      fc.property(lengths, margins, fc.double({ min: 0, max: 1, noNaN: true }), (lengths, margin, part) => {
        const payloads = contents(lengths);
        const whole = stream(format, payloads);
        const bytes = Buffer.concat([Buffer.alloc(margin, 0xee), whole, Buffer.alloc(9, 0xee)]);
        const end = margin + Math.floor(part * whole.length);
        const ends = lengths.map((_, i) => margin + stream(format, payloads.slice(0, i + 1)).length);
        const count = ends.filter((frameEnd) => frameEnd <= end).length;

        const { frames, next, error } = decode(format, bytes, { start: margin, end });
        assert.equal(error, undefined);
        assert.equal(next, count === 0 ? margin : ends[count - 1]);
        assert.equal(frames.length, count);
        for (const [i, frame] of frames.entries()) assert.ok(frame.equals(payloads[i]!));
        for (const frame of frames) assert.equal(frame.buffer, bytes.buffer);
      }),
      { numRuns: 40 },
    );
  });
}

test("a sink that says stop gets no further frame, and the offset behind its last one is returned", () => {
  const bytes = stream(U16, contents([3, 4, 5]));
  for (const framesMax of [1, 2]) {
    const { frames, next } = decode(U16, bytes, { framesMax });
    assert.equal(frames.length, framesMax);
    assert.equal(next, stream(U16, contents([3, 4, 5].slice(0, framesMax))).length);
  }
});

test("behind the frame where the sink said stop nothing is looked at, not even a broken header", () => {
  const bytes = Buffer.concat([stream(U16, contents([3])), Buffer.from(headerBytes(U16, 101))]);
  assert.equal(decode(U16, bytes, { max: 100, framesMax: 1 }).error, undefined);
});

for (const format of FORMATS) {
  const max = 100;
  const counted = format.includesHeader ? format.lengthBytes : 0;

  test(`${formatName(format)}: a payload over packetBytesMax is refused from the header alone`, () => {
    const fits = decode(format, Buffer.from(headerBytes(format, max + counted)), { max });
    assert.deepEqual([fits.error, fits.next], [undefined, 0]);
    const { error } = decode(format, Buffer.from(headerBytes(format, max + counted + 1)), { max });
    assert.equal(error?.code, "FRAME_TOO_LARGE");
    assert.match(error.message, /101 bytes announced, packetBytesMax is 100/);
    assert.doesNotMatch(error.stack!, /\n\s+at /); // a peer that breaks its stream again and again shall cost no stacks
  });

  test(`${formatName(format)}: frames before a broken one are handed over`, () => {
    const payloads = contents([0, 7, max]);
    const broken = Buffer.concat([
      stream(format, payloads),
      Buffer.from(headerBytes(format, max + counted + 1)),
    ]);
    const { frames, error } = decode(format, broken, { max });
    assert.equal(error?.code, "FRAME_TOO_LARGE");
    assert.deepEqual(frames, payloads);
  });

  if (counted > 0) {
    test(`${formatName(format)}: a length that does not even count its own header is refused`, () => {
      for (let value = 0; value < counted; value++) {
        const { error } = decode(format, Buffer.from(headerBytes(format, value)));
        assert.equal(error?.code, "FRAME_INVALID", String(value));
        assert.equal(error.message, "Cannot decode a frame: its length is shorter than its own header");
      }
      assert.deepEqual(decode(format, Buffer.from(headerBytes(format, counted))).frames.length, 1);
    });
  }

  test(`${formatName(format)}: frameBytes() tells the header's size until that is whole, then the frame's`, () => {
    const bytes = stream(format, contents([77]));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const behind = new DataView(Uint8Array.from([...Buffer.alloc(9, 0xee), ...bytes]).buffer);
    for (let end = 0; end < bytes.length; end++) {
      const expected = end < format.lengthBytes ? format.lengthBytes : bytes.length;
      assert.equal(frameBytes(lengthHeader(format), view, 0, end), expected);
      assert.equal(frameBytes(lengthHeader(format), behind, 9, 9 + end), expected);
    }
  });
}
