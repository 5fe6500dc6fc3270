/**
 * Random bytes, read by every method in random order with good and impossible sizes: each gives what a second,
 * simple reading gives, or fails with the same code and leaves the cursor where it was.
 */
import assert from "node:assert/strict";
import { type ErrorCode, LanError } from "../../../src/base/errors.ts";
import { Packet, receivedPacket } from "../../../src/packet/packet.ts";
import type { Random } from "../../../src/testing.ts";
import type { FuzzTarget, Note } from "./target.ts";

const SLAB = Buffer.alloc(200_000);
const SLAB_VIEW = new DataView(SLAB.buffer, SLAB.byteOffset, SLAB.length);
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const IMPOSSIBLE: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  2 ** 32,
  Number.POSITIVE_INFINITY,
  "4",
  4n,
  null,
  undefined,
  {},
  -0.5,
  2 ** 53,
  true,
];
const SAMPLES: readonly Buffer[] = [
  "",
  "server-1",
  "ÄÖÜ ß",
  "한국어",
  "🙂🙃",
  "\ufeffBOM",
  "x".repeat(24),
  "é".repeat(13),
  "y".repeat(25),
].flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")]);

export const reader: FuzzTarget = {
  name: "reader",
  module: import.meta.url,
  share: 25,
  begin: () => onePacket,
};

function onePacket(random: Random, note?: Note): void {
  const start = random.integer(0, 40);
  const length = fill(random, start);
  const bytes = SLAB.subarray(start, start + length);
  const packet = make(random, start, length, note);
  note?.(`${length} bytes: ${bytes.subarray(0, 500).toString("hex")}`);
  const model = new Model(bytes);
  for (let steps = random.integer(1, 16); steps > 0; steps--) step(random, packet, model, note);
  assert.equal(packet.length, length);
  assert.ok(bytes.equals(packet.bytes), "the content is what it was");
}

/** Random bytes, some of them text with a length before it; returns how many. */
function fill(random: Random, start: number): number {
  const length = random.chance(0.97)
    ? random.integer(0, 60)
    : random.integer(0, random.chance(0.9) ? 2000 : 100_000);
  const isNoise = random.chance(0.5);
  for (let at = start; at < start + length; at++)
    SLAB[at] = isNoise || random.chance(0.2) ? random.uint32() >>> 24 : 0;
  for (let texts = random.integer(0, 3); texts > 0; texts--) {
    const text = random.pick(SAMPLES);
    const at = start + random.integer(0, Math.max(0, length - text.length - 2));
    SLAB.writeUInt16LE((text.length + (random.chance(0.2) ? random.integer(-1, 2) : 0)) & 0xffff, at);
    text.copy(SLAB, at + 2);
  }
  return length;
}

function make(random: Random, start: number, length: number, note: Note | undefined): Packet {
  const how = random.integer(0, 3);
  note?.(["received", "from()", "copy() of a received one", "written"][how]!);
  if (how === 0) return receivedPacket(SLAB, SLAB_VIEW, start, start + length);
  const bytes = SLAB.subarray(start, start + length);
  if (how === 1) return Packet.from(bytes);
  if (how === 2) return receivedPacket(SLAB, SLAB_VIEW, start, start + length).copy();
  return new Packet(random.integer(0, 16)).writeBytes(bytes);
}

/** One call on both; they must agree. */
function step(random: Random, packet: Packet, model: Model, note: Note | undefined): void {
  const [name, takesSize] = random.pick(METHODS);
  const argument = takesSize ? sizeFor(random, packet) : random.chance(0.3) ? random.chance(0.5) : undefined;
  const before = packet.remaining;
  const got = attempt(() => (packet[name] as (argument: unknown) => unknown)(argument));
  const wanted = attempt(() => model[name](argument as never));
  note?.(`${name}(${String(argument)}): ${show(wanted)}`);
  if ("code" in got || "code" in wanted) {
    const isSame = "code" in got && "code" in wanted && got.code === wanted.code;
    assert.ok(isSame, `${name}(${String(argument)}): ${show(got)}, not ${show(wanted)}`);
    assert.equal(packet.remaining, before, `${name} left the cursor alone`);
  } else if (name !== "rewind") {
    assertSame(got.value, wanted.value, name);
  }
  assert.equal(packet.remaining, model.remaining, `${name}: what remains`);
}

function sizeFor(random: Random, packet: Packet): unknown {
  if (random.chance(0.1)) return random.pick(IMPOSSIBLE);
  if (random.chance(0.05)) return random.uint32();
  return random.integer(0, Math.floor(packet.remaining * 1.2));
}

type Outcome = { readonly value: unknown } | { readonly code: string };

/** Anything but a LanError is not an outcome. */
function attempt(call: () => unknown): Outcome {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof LanError || error instanceof Refusal) return { code: error.code };
    throw error;
  }
}

function assertSame(got: unknown, wanted: unknown, name: string): void {
  if (got instanceof Uint8Array)
    assert.ok(Buffer.compare(got, wanted as Uint8Array) === 0, `${name}: the bytes`);
  else assert.ok(Object.is(got, wanted), `${name}: ${String(got)} is ${String(wanted)}`);
}

function show(outcome: Outcome): string {
  if ("code" in outcome) return outcome.code;
  return outcome.value instanceof Uint8Array
    ? `${outcome.value.length} bytes`
    : String(outcome.value).slice(0, 60);
}

/** The methods of `Packet` that read, said a second time without care for speed. */
class Model {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  rewind(): void {
    this.#at = 0;
  }

  readUint8(): number {
    return this.#next(1).readUInt8();
  }
  readInt8(): number {
    return this.#next(1).readInt8();
  }
  readBool(): boolean {
    return this.#next(1).readUInt8() !== 0;
  }
  readUint16(little = true): number {
    return little ? this.#next(2).readUInt16LE() : this.#next(2).readUInt16BE();
  }
  readInt16(little = true): number {
    return little ? this.#next(2).readInt16LE() : this.#next(2).readInt16BE();
  }
  readUint32(little = true): number {
    return little ? this.#next(4).readUInt32LE() : this.#next(4).readUInt32BE();
  }
  readInt32(little = true): number {
    return little ? this.#next(4).readInt32LE() : this.#next(4).readInt32BE();
  }
  readBigUint64(little = true): bigint {
    return little ? this.#next(8).readBigUInt64LE() : this.#next(8).readBigUInt64BE();
  }
  readBigInt64(little = true): bigint {
    return little ? this.#next(8).readBigInt64LE() : this.#next(8).readBigInt64BE();
  }
  readFloat32(little = true): number {
    return little ? this.#next(4).readFloatLE() : this.#next(4).readFloatBE();
  }
  readFloat64(little = true): number {
    return little ? this.#next(8).readDoubleLE() : this.#next(8).readDoubleBE();
  }
  readBytes(size: number): Uint8Array {
    return this.#next(sizeOf(size));
  }
  readFixedBytes(size: number): Uint8Array {
    return this.#next(sizeOf(size));
  }

  readFixedWString(units: number): string {
    const text = this.#next(2 * sizeOf(units)).toString("utf16le");
    const nul = text.indexOf("\0");
    return nul === -1 ? text : text.slice(0, nul);
  }

  readString(): string {
    const field = this.#prefixed();
    try {
      const text = utf8.decode(field);
      this.#at += 2 + field.length;
      return text;
    } catch {
      throw new Refusal("PACKET_TEXT_INVALID");
    }
  }

  readWString(): string {
    const field = this.#prefixed();
    if (field.length % 2 === 1) throw new Refusal("PACKET_TEXT_INVALID");
    this.#at += 2 + field.length;
    return field.toString("utf16le");
  }

  #next(size: number): Buffer {
    if (size > this.remaining) throw new Refusal("PACKET_READ_PAST_END");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** The field behind a length; the cursor stays. */
  #prefixed(): Buffer {
    if (this.remaining < 2) throw new Refusal("PACKET_READ_PAST_END");
    const length = this.#bytes.readUInt16LE(this.#at);
    if (this.remaining < 2 + length) throw new Refusal("PACKET_READ_PAST_END");
    return this.#bytes.subarray(this.#at + 2, this.#at + 2 + length);
  }
}

function sizeOf(size: unknown): number {
  const isSize = typeof size === "number" && Number.isInteger(size) && size >= 0 && size < 2 ** 32;
  if (!isSize) throw new Refusal("PACKET_VALUE_OUT_OF_RANGE");
  return size;
}

/** What the model throws: no error, which would cost more than all else. */
class Refusal {
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    this.code = code;
  }
}

type Method = Exclude<keyof Model, "remaining">;

/** Every method that moves the read cursor, and whether it takes a size. */
const METHODS: readonly (readonly [name: Method, takesSize: boolean])[] = [
  ["rewind", false],
  ["readUint8", false],
  ["readInt8", false],
  ["readBool", false],
  ["readUint16", false],
  ["readInt16", false],
  ["readUint32", false],
  ["readInt32", false],
  ["readBigUint64", false],
  ["readBigInt64", false],
  ["readFloat32", false],
  ["readFloat64", false],
  ["readBytes", true],
  ["readFixedBytes", true],
  ["readFixedWString", true],
  ["readString", false],
  ["readWString", false],
];
