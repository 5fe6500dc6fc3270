/**
 * Streams with every length header, honest and lying, whole and broken off, cut in every way: what is decoded is
 * what a second, simple reading of the stream says, whatever memory the bytes arrive in.
 */
import assert from "node:assert/strict";
import { LanError } from "../../../src/base/errors.ts";
import { decodeFrames, type FrameSink } from "../../../src/framing/decode-frames.ts";
import { type FramingFormat, type LengthHeader, lengthHeader } from "../../../src/framing/length-header.ts";
import { ReceiveBuffer, ReceivePool } from "../../../src/framing/receive-buffer.ts";
import type { Random } from "../../../src/testing.ts";
import type { FuzzTarget, Note } from "./target.ts";

const FORMATS: readonly Required<Omit<FramingFormat, "packetBytesMax">>[] = ([1, 2, 3, 4] as const).flatMap(
  (lengthBytes) =>
    (["little", "big"] as const).flatMap((endian) =>
      [false, true].map((includesHeader) => ({ lengthBytes, endian, includesHeader })),
    ),
);
const HEADERS: readonly LengthHeader[] = FORMATS.map(lengthHeader);
const STREAM_BYTES_MAX = 300_000;
/** Streams up to this long are cut at every byte, some of them. */
const CUT_EVERYWHERE_BYTES_MAX = 100;
const STREAM = Buffer.alloc(STREAM_BYTES_MAX);
const VIEW = new DataView(STREAM.buffer, STREAM.byteOffset, STREAM.length);

export const decoder: FuzzTarget = {
  name: "decoder",
  module: import.meta.url,
  share: 30,
  begin() {
    const pool = new ReceivePool();
    return (random, note) => oneStream(random, pool, note);
  },
};

/** What a stream means. */
interface Reading {
  /** Begin and end of each payload, one behind the other. */
  readonly bounds: number[];
  /** Why it cannot be read further. */
  readonly broken: "FRAME_TOO_LARGE" | "FRAME_INVALID" | undefined;
  /** Where the frame begins that is not whole. */
  readonly rest: number;
}

function oneStream(random: Random, pool: ReceivePool, note: Note | undefined): void {
  const which = random.integer(0, FORMATS.length - 1);
  const format = FORMATS[which]!;
  const limit = 256 ** format.lengthBytes - 1 - (format.includesHeader ? format.lengthBytes : 0);
  const packetBytesMax = Math.min(
    limit,
    random.chance(0.5) ? random.integer(1, 300) : random.pick([1, 65_535, limit]),
  );
  const begin = random.integer(0, 9);
  const end = makeStream(random, format, packetBytesMax, begin);
  const reading = read(format, packetBytesMax, begin, end);
  note?.(
    `${JSON.stringify(format)}, packetBytesMax ${packetBytesMax}, ${end - begin} bytes, means ${JSON.stringify(reading)}`,
  );
  note?.(STREAM.subarray(begin, Math.min(end, begin + 2000)).toString("hex"));
  decodeWhole(HEADERS[which]!, packetBytesMax, begin, end, reading, random);
  const fresh = (): ReceiveBuffer => new ReceiveBuffer(HEADERS[which]!, packetBytesMax, pool);
  inRandomPieces(fresh(), begin, end, reading, random, note);
  if (end - begin <= CUT_EVERYWHERE_BYTES_MAX && random.chance(0.1)) {
    for (let cut = begin; cut <= end; cut++)
      receive(fresh(), begin, end, reading, Number.MAX_SAFE_INTEGER, (at) => (at < cut ? cut : end) - at);
  }
}

/** Frames, most of them in order; returns where they end. */
function makeStream(
  random: Random,
  format: (typeof FORMATS)[number],
  packetBytesMax: number,
  begin: number,
): number {
  const { lengthBytes, includesHeader } = format;
  let at = begin;
  for (let frames = random.integer(0, 8); frames > 0; frames--) {
    const longest = random.chance(0.9) ? 40 : random.chance(0.9) ? 1000 : 100_000;
    const length = Math.min(random.integer(0, longest), packetBytesMax, STREAM_BYTES_MAX - at - 16);
    if (length < 0) break;
    let told = length + (includesHeader ? lengthBytes : 0);
    if (random.chance(0.08)) told = lie(random, told, packetBytesMax);
    writeDigits(format, at, told);
    at += lengthBytes;
    // Content that differs from place to place, cheaply.
    for (let i = at; i < at + Math.min(length, 64); i++) STREAM[i] = (i * 7 + length) & 0xff;
    at += length;
  }
  if (random.chance(0.1))
    for (let noise = random.integer(1, 12); noise > 0; noise--) STREAM[at++] = random.uint32() >>> 24;
  if (random.chance(0.1) && at > begin) STREAM[random.integer(begin, at - 1)]! ^= 1 << random.integer(0, 7);
  return random.chance(0.3) ? random.integer(begin, at) : at;
}

function lie(random: Random, told: number, packetBytesMax: number): number {
  const kind = random.integer(0, 4);
  if (kind === 0) return told + random.integer(-3, 3);
  if (kind === 1) return random.integer(0, 4);
  if (kind === 2) return packetBytesMax + random.integer(-2, 6);
  if (kind === 3) return random.uint32();
  return 0xffffffff;
}

function writeDigits({ lengthBytes, endian }: FramingFormat, at: number, value: number): void {
  for (let i = 0; i < lengthBytes; i++) {
    const digit = Math.floor((value < 0 ? value + 2 ** 32 : value) / 256 ** i) & 0xff;
    STREAM[endian === "little" ? at + i : at + lengthBytes - 1 - i] = digit;
  }
}

/** The second, simple reading. */
function read(format: (typeof FORMATS)[number], packetBytesMax: number, begin: number, end: number): Reading {
  const { lengthBytes, endian, includesHeader } = format;
  const bounds: number[] = [];
  for (let at = begin; ; ) {
    if (end - at < lengthBytes) return { bounds, broken: undefined, rest: at };
    const told =
      endian === "little" ? STREAM.readUIntLE(at, lengthBytes) : STREAM.readUIntBE(at, lengthBytes);
    const length = includesHeader ? told - lengthBytes : told;
    if (length < 0) return { bounds, broken: "FRAME_INVALID", rest: at };
    if (length > packetBytesMax) return { bounds, broken: "FRAME_TOO_LARGE", rest: at };
    if (end - at - lengthBytes < length) return { bounds, broken: undefined, rest: at };
    bounds.push(at + lengthBytes, at + lengthBytes + length);
    at += lengthBytes + length;
  }
}

/** Keeps bounds until it has enough. */
class Bounds implements FrameSink {
  readonly kept: number[] = [];
  readonly #enough: number;

  constructor(enough: number) {
    this.#enough = enough;
  }

  onFrame(start: number, end: number): boolean {
    this.kept.push(start, end);
    return this.kept.length < this.#enough;
  }
}

function decodeWhole(
  header: LengthHeader,
  packetBytesMax: number,
  begin: number,
  end: number,
  { bounds, broken, rest }: Reading,
  random: Random,
): void {
  const stopsAt = random.chance(0.2) ? 2 * random.integer(1, 4) : Number.MAX_SAFE_INTEGER;
  const sink = new Bounds(stopsAt);
  const stops = bounds.length >= stopsAt;
  let code: string | undefined;
  let returned = -1;
  try {
    returned = decodeFrames(header, packetBytesMax, VIEW, begin, end, sink);
  } catch (error) {
    code = codeOf(error);
  }
  assert.equal(code, stops ? undefined : broken, "how decoding ended");
  if (code === undefined) assert.equal(returned, stops ? bounds[stopsAt - 1] : rest, "what is left over");
  assertSameNumbers(sink.kept, stops ? bounds.slice(0, stopsAt) : bounds);
}

function inRandomPieces(
  buffer: ReceiveBuffer,
  begin: number,
  end: number,
  reading: Reading,
  random: Random,
  note: Note | undefined,
): void {
  const longest = random.pick([1, 3, 20, 1500, 70_000, STREAM_BYTES_MAX]);
  const isTiny = longest < 20 && end - begin > 2000; // byte by byte takes too long there
  const limit = random.chance(0.1) ? random.integer(1, 5000) : Number.MAX_SAFE_INTEGER;
  note?.(`in pieces of up to ${longest}, read ${limit} at a time`);
  receive(buffer, begin, end, reading, limit, () => (isTiny ? 1000 : random.integer(1, longest)));
}

/** The stream arrives in pieces; every packet is held against the stream once all of it is there. */
function receive(
  buffer: ReceiveBuffer,
  begin: number,
  end: number,
  { bounds, broken, rest }: Reading,
  limit: number,
  pieceAt: (at: number) => number,
): void {
  const kept: Uint8Array[] = [];
  const sink: FrameSink = {
    onFrame(start, stop) {
      kept.push(buffer.slab.bytes.subarray(start, stop));
      return true;
    },
  };
  let code: string | undefined;
  let at = begin;
  while (at < end && code === undefined) {
    const memory = buffer.readBuffer(limit);
    assert.ok(memory.length >= 1 && memory.length <= limit, "a read buffer has room, and not too much");
    const count = Math.min(end - at, memory.length, pieceAt(at));
    memory.set(STREAM.subarray(at, at + count));
    at += count;
    try {
      buffer.commit(count, sink);
    } catch (error) {
      code = codeOf(error);
    }
  }
  assert.equal(code, broken, "how receiving ended");
  assert.equal(2 * kept.length, bounds.length, "packets");
  for (let i = 0; i < kept.length; i++) {
    const sent = STREAM.subarray(bounds[2 * i]!, bounds[2 * i + 1]!);
    assert.ok(sent.equals(kept[i]!), `packet ${i} is what was sent`);
  }
  if (broken === undefined) assert.equal(buffer.partialBytes, end - rest, "what is not whole");
  buffer.release();
}

function codeOf(error: unknown): string {
  if (error instanceof LanError) return error.code;
  throw error;
}

function assertSameNumbers(got: readonly number[], wanted: readonly number[]): void {
  assert.equal(got.length, wanted.length, "frames");
  for (let i = 0; i < got.length; i++) assert.equal(got[i], wanted[i], "a frame's place");
}
