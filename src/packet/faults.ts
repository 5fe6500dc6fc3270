/**
 * The errors of a packet, made out of line so that the hot methods stay small. Each names the field kind,
 * the position in the content (from its first byte, whatever memory it lies in) and the sizes.
 */
import { isUint8Array } from "node:util/types";
import { LanError } from "../base/errors.ts";

/** What a field is called in messages: the method's name behind `write` or `read`. */
export type FieldKind =
  | "Uint8"
  | "Int8"
  | "Uint16"
  | "Int16"
  | "Uint32"
  | "Int32"
  | "BigUint64"
  | "BigInt64"
  | "Float32"
  | "Float64"
  | "Bool"
  | "Bytes"
  | "String"
  | "WString"
  | "FixedBytes"
  | "FixedWString";

/** What fits each kind, as messages say it. */
const FITS: Record<FieldKind, string> = {
  Uint8: "an integer from 0 to 255",
  Int8: "an integer from -128 to 127",
  Uint16: "an integer from 0 to 65535",
  Int16: "an integer from -32768 to 32767",
  Uint32: "an integer from 0 to 4294967295",
  Int32: "an integer from -2147483648 to 2147483647",
  BigUint64: "a bigint from 0n to 18446744073709551615n",
  BigInt64: "a bigint from -9223372036854775808n to 9223372036854775807n",
  Float32: "a number within single precision",
  Float64: "a number",
  Bool: "a boolean",
  Bytes: "a Uint8Array",
  String: "a string",
  WString: "a string",
  FixedBytes: "a Uint8Array",
  FixedWString: "a string",
};

export function optionInvalid(option: string, wanted: string, got: unknown): LanError {
  return new LanError("OPTION_INVALID", `Cannot make a Packet: ${option} is ${wanted}, got ${show(got)}`);
}

export function notBytes(got: unknown): LanError {
  return new LanError(
    "PACKET_VALUE_OUT_OF_RANGE",
    `Cannot make a Packet: from() takes a Uint8Array, got ${show(got)}`,
  );
}

export function outOfRange(kind: FieldKind, at: number, value: unknown): LanError {
  return new LanError(
    "PACKET_VALUE_OUT_OF_RANGE",
    `Cannot write ${kind} at byte ${at}: it takes ${FITS[kind]}, got ${show(value)}`,
  );
}

/** A byte length or width, given to `write` or `read`, that no field can have. */
export function sizeOutOfRange(
  operation: "write" | "read",
  kind: FieldKind,
  at: number,
  size: unknown,
): LanError {
  return new LanError(
    "PACKET_VALUE_OUT_OF_RANGE",
    `Cannot ${operation} ${kind} at byte ${at}: its size is ${FITS.Uint32}, got ${show(size)}`,
  );
}

export function textTooLong(kind: FieldKind, at: number, size: string, most: string): LanError {
  return new LanError(
    "PACKET_TEXT_TOO_LONG",
    `Cannot write ${kind} at byte ${at}: ${size} do not fit, at most ${most} do`,
  );
}

export function textInvalid(operation: "write" | "read", kind: FieldKind, at: number, why: string): LanError {
  return new LanError("PACKET_TEXT_INVALID", `Cannot ${operation} ${kind} at byte ${at}: ${why}`);
}

export function pastEnd(kind: FieldKind, at: number, wanted: number, remaining: number): LanError {
  return new LanError(
    "PACKET_READ_PAST_END",
    `Cannot read ${kind} at byte ${at}: it takes ${wanted} bytes, ${remaining} remain`,
  );
}

export function tooLarge(kind: FieldKind, at: number, byteLength: number, maxBytes: number): LanError {
  return new LanError(
    "PACKET_TOO_LARGE",
    `Cannot write ${kind} at byte ${at}: with its ${byteLength} bytes the packet would pass its maximum of ${maxBytes}`,
  );
}

export function readOnly(operation: string, length: number): LanError {
  return new LanError(
    "PACKET_READ_ONLY",
    `Cannot ${operation}: this packet of ${length} bytes was received; copy() gives one that can be written`,
  );
}

/** A value for a message: short, and without calling anything of the value's own. */
function show(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "boolean":
    case "undefined":
      return String(value);
    case "bigint":
      // Printing takes quadratic time, and this one may be of any size.
      return BigInt.asIntN(128, value) === value ? `${value}n` : "a bigint of more than 128 bits";
    case "string":
      return `a string of ${value.length} units`;
    case "object":
      if (value === null) return "null";
      return isUint8Array(value) ? `a Uint8Array of ${value.length} bytes` : "an object";
    default:
      return `a ${typeof value}`;
  }
}
