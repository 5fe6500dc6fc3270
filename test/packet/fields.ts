/**
 * Every kind of field: how it is written and read, what fits it, what does not, and the bytes that it must
 * become, worked out another way than Packet does it (DataView, Buffer.from, TextEncoder).
 */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { ErrorCode } from "../../src/base/errors.ts";
import type { Packet } from "../../src/packet/packet.ts";

/** One value of one kind, ready to be written and read. */
export interface Field {
  readonly kind: string;
  /** What reading gives. */
  readonly value: unknown;
  readonly bytes: Uint8Array;
  write(packet: Packet): Packet;
  read(packet: Packet): unknown;
}

/** A write that must throw. */
export interface Refusal {
  readonly kind: string;
  readonly given: unknown;
  readonly code: ErrorCode;
  write(packet: Packet): Packet;
}

interface NumberKind<T extends number | bigint> {
  readonly kind: string;
  readonly byteLength: number;
  readonly fits: fc.Arbitrary<T>;
  /** The numbers next to the range, and others that do not fit. */
  readonly beyond: readonly T[];
  write(packet: Packet, value: T, littleEndian?: boolean): Packet;
  read(packet: Packet, littleEndian?: boolean): T;
  encode(view: DataView, value: T, littleEndian: boolean): void;
}

const NO_INTEGERS = [0.5, -0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53];

function integers(
  kind: "Uint8" | "Int8" | "Uint16" | "Int16" | "Uint32" | "Int32",
  byteLength: number,
  min: number,
  max: number,
): NumberKind<number> {
  return {
    kind,
    byteLength,
    fits: fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, 0)),
    beyond: [min - 1, max + 1, ...NO_INTEGERS],
    write: (packet, value, littleEndian) => packet[`write${kind}`](value, littleEndian),
    read: (packet, littleEndian) => packet[`read${kind}`](littleEndian),
    encode: (view, value, littleEndian) => view[`set${kind}`](0, value, littleEndian),
  };
}

function bigints(kind: "BigUint64" | "BigInt64", min: bigint, max: bigint): NumberKind<bigint> {
  return {
    kind,
    byteLength: 8,
    fits: fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n)),
    beyond: [min - 1n, max + 1n, 2n ** 64n, -(2n ** 64n), 2n ** 4000n],
    write: (packet, value, littleEndian) => packet[`write${kind}`](value, littleEndian),
    read: (packet, littleEndian) => packet[`read${kind}`](littleEndian),
    encode: (view, value, littleEndian) => view[`set${kind}`](0, value, littleEndian),
  };
}

function floats(
  kind: "Float32" | "Float64",
  byteLength: number,
  fits: fc.Arbitrary<number>,
  beyond: number[],
): NumberKind<number> {
  return {
    kind,
    byteLength,
    fits,
    beyond,
    write: (packet, value, littleEndian) => packet[`write${kind}`](value, littleEndian),
    read: (packet, littleEndian) => packet[`read${kind}`](littleEndian),
    encode: (view, value, littleEndian) => view[`set${kind}`](0, value, littleEndian),
  };
}

export const INTEGER_KINDS: readonly NumberKind<number>[] = [
  integers("Uint8", 1, 0, 255),
  integers("Int8", 1, -128, 127),
  integers("Uint16", 2, 0, 65535),
  integers("Int16", 2, -32768, 32767),
  integers("Uint32", 4, 0, 4294967295),
  integers("Int32", 4, -2147483648, 2147483647),
];
export const BIGINT_KINDS: readonly NumberKind<bigint>[] = [
  bigints("BigUint64", 0n, 2n ** 64n - 1n),
  bigints("BigInt64", -(2n ** 63n), 2n ** 63n - 1n),
];
export const FLOAT_KINDS: readonly NumberKind<number>[] = [
  floats("Float32", 4, fc.float(), [3.5e38, -3.5e38, Number.MAX_VALUE]),
  floats("Float64", 8, fc.double(), []),
];

function numberFields<T extends number | bigint>(of: NumberKind<T>): fc.Arbitrary<Field> {
  return fc.tuple(of.fits, fc.constantFrom(true, false, undefined)).map(([value, littleEndian]) => {
    const bytes = new Uint8Array(of.byteLength);
    of.encode(new DataView(bytes.buffer), value, littleEndian ?? true);
    return {
      kind: `${of.kind} ${littleEndian === false ? "big-endian" : "little-endian"}`,
      value,
      bytes,
      write: (packet) => of.write(packet, value, littleEndian),
      read: (packet) => of.read(packet, littleEndian),
    };
  });
}

/** A u16 byte length, then the text. */
export function prefixed(text: Uint8Array): Uint8Array {
  const prefix = [text.length & 0xff, text.length >> 8];
  return Uint8Array.from([...prefix, ...text]);
}

export function utf16(text: string): Uint8Array {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return Uint8Array.from(units.flatMap((unit) => [unit & 0xff, unit >> 8]));
}

function padded(bytes: Uint8Array, width: number): Uint8Array {
  const field = new Uint8Array(width);
  field.set(bytes);
  return field;
}

// Lengths on both sides of where short text ends and the runtime's encoders begin.
const ASCII = fc.string({ unit: "grapheme-ascii", maxLength: 60 });
const LATIN1 = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const WELL_FORMED = fc.string({ unit: "binary", maxLength: 60 });
/** Any UTF-16 units, also lone surrogates. */
const ANY_UNITS = fc
  .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff })), { maxLength: 60 })
  .map((units) => String.fromCharCode(...units));
const BYTES = fc.uint8Array({ maxLength: 90 });

const bytesField: fc.Arbitrary<Field> = BYTES.map((value) => ({
  kind: "Bytes",
  value: Uint8Array.from(value),
  bytes: value,
  write: (packet) => packet.writeBytes(value),
  read: (packet) => packet.readBytes(value.length).slice(),
}));

const fixedBytesField: fc.Arbitrary<Field> = fc.tuple(BYTES, fc.nat(20)).map(([value, more]) => {
  const bytes = padded(value, value.length + more);
  return {
    kind: "FixedBytes",
    value: bytes,
    bytes,
    write: (packet) => packet.writeFixedBytes(value, bytes.length),
    read: (packet) => packet.readFixedBytes(bytes.length).slice(),
  };
});

const stringField: fc.Arbitrary<Field> = fc.oneof(ASCII, LATIN1, WELL_FORMED).map((value) => ({
  kind: "String",
  value,
  bytes: prefixed(Buffer.from(value, "utf8")),
  write: (packet) => packet.writeString(value),
  read: (packet) => packet.readString(),
}));

const wstringField: fc.Arbitrary<Field> = fc.oneof(ASCII, ANY_UNITS).map((value) => ({
  kind: "WString",
  value,
  bytes: prefixed(utf16(value)),
  write: (packet) => packet.writeWString(value),
  read: (packet) => packet.readWString(),
}));

const fixedWStringField: fc.Arbitrary<Field> = fc
  .tuple(fc.oneof(ASCII, ANY_UNITS), fc.nat(20))
  .map(([any, more]) => {
    const value = any.replaceAll("\0", "x");
    const width = value.length + more;
    return {
      kind: "FixedWString",
      value,
      bytes: padded(utf16(value), width * 2),
      write: (packet) => packet.writeFixedWString(value, width),
      read: (packet) => packet.readFixedWString(width),
    };
  });

const boolField: fc.Arbitrary<Field> = fc.boolean().map((value) => ({
  kind: "Bool",
  value,
  bytes: Uint8Array.of(value ? 1 : 0),
  write: (packet) => packet.writeBool(value),
  read: (packet) => packet.readBool(),
}));

/** Any field of any kind, in either byte order. */
export const anyField: fc.Arbitrary<Field> = fc.oneof(
  ...INTEGER_KINDS.map(numberFields),
  ...BIGINT_KINDS.map(numberFields),
  ...FLOAT_KINDS.map(numberFields),
  boolField,
  bytesField,
  fixedBytesField,
  stringField,
  wstringField,
  fixedWStringField,
);

const OUT_OF_RANGE = "PACKET_VALUE_OUT_OF_RANGE";

/** What no field takes, whatever its kind. */
const NO_VALUES: readonly unknown[] = [undefined, null, {}, [], () => 1, Symbol("x"), new Date(0)];

function wrongTypes(
  kind: string,
  given: readonly unknown[],
  write: (packet: Packet, value: never) => Packet,
) {
  return given.map((value): Refusal => {
    return { kind, given: value, code: OUT_OF_RANGE, write: (packet) => write(packet, value as never) };
  });
}

/** Every way that a write can be refused for what it is given. */
export const REFUSALS: readonly Refusal[] = [
  ...INTEGER_KINDS.flatMap((of) =>
    wrongTypes(of.kind, [...of.beyond, 1n, "1", true, ...NO_VALUES], (packet, value) =>
      of.write(packet, value),
    ),
  ),
  ...BIGINT_KINDS.flatMap((of) =>
    wrongTypes(of.kind, [...of.beyond, 1, "1", true, ...NO_VALUES], (packet, value) =>
      of.write(packet, value),
    ),
  ),
  ...FLOAT_KINDS.flatMap((of) =>
    wrongTypes(of.kind, [...of.beyond, 1n, "1", true, ...NO_VALUES], (packet, value) =>
      of.write(packet, value),
    ),
  ),
  ...wrongTypes("Bool", [0, 1, "true", ...NO_VALUES], (packet, value) => packet.writeBool(value)),
  ...wrongTypes(
    "Bytes",
    [1, "bytes", new ArrayBuffer(2), new Uint16Array(2), ...NO_VALUES],
    (packet, value) => packet.writeBytes(value),
  ),
  ...wrongTypes("FixedBytes", [1, "bytes", ...NO_VALUES], (packet, value) =>
    packet.writeFixedBytes(value, 4),
  ),
  ...wrongTypes("FixedBytes width", [-1, 1.5, 2 ** 32, "4", 4n, ...NO_VALUES], (packet, value) =>
    packet.writeFixedBytes(new Uint8Array(1), value),
  ),
  ...wrongTypes("String", [1, 1n, true, new Uint8Array(1), ...NO_VALUES], (packet, value) =>
    packet.writeString(value),
  ),
  ...wrongTypes("WString", [1, 1n, true, ...NO_VALUES], (packet, value) => packet.writeWString(value)),
  ...wrongTypes("FixedWString", [1, 1n, true, ...NO_VALUES], (packet, value) =>
    packet.writeFixedWString(value, 4),
  ),
  ...wrongTypes("FixedWString width", [-1, 1.5, 2 ** 32, "4", 4n, ...NO_VALUES], (packet, value) =>
    packet.writeFixedWString("text", value),
  ),
  tooLong("String", 65536, (packet) => packet.writeString("x".repeat(65536))),
  tooLong("String", "21846 x 3 bytes", (packet) => packet.writeString("\u20ac".repeat(21846))),
  tooLong("WString", 32768, (packet) => packet.writeWString("x".repeat(32768))),
  tooLong("FixedWString", 5, (packet) => packet.writeFixedWString("12345", 4)),
  tooLong("FixedBytes", 5, (packet) => packet.writeFixedBytes(new Uint8Array(5), 4)),
  invalid("String", "lone surrogate", (packet) => packet.writeString("a\ud800b")),
  invalid("String", "lone surrogate in long text", (packet) => packet.writeString(`${"x".repeat(50)}\udc00`)),
  invalid("FixedWString", "NUL inside", (packet) => packet.writeFixedWString("a\0b", 4)),
  invalid("FixedWString", "NUL at the end", (packet) => packet.writeFixedWString("ab\0", 4)),
];

function tooLong(kind: string, given: unknown, write: (packet: Packet) => Packet): Refusal {
  return { kind, given, code: "PACKET_TEXT_TOO_LONG", write };
}

function invalid(kind: string, given: unknown, write: (packet: Packet) => Packet): Refusal {
  return { kind, given, code: "PACKET_TEXT_INVALID", write };
}
