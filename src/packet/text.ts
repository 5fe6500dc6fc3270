/**
 * Text to bytes and back, for the text fields of a packet. Each direction has two ways with one result: a
 * loop for short text, where a call into the runtime costs more than the work, and the runtime for the rest.
 *
 * UTF-8 carries no lone surrogate, so text with one is refused. UTF-16LE carries any string as it is, as the
 * C++ peers' WCHAR arrays do. A byte order mark is a character like any other, both ways.
 */
import { Buffer } from "node:buffer";

/** Up to this many UTF-16 units the loops are the faster way (measured: they meet between 20 and 50). */
export const SHORT_UNITS = 24;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Writes `text` from `at` if it is ASCII; answers false where it is not (bytes after `at` are then any). */
export function putAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[at + i] = unit;
  }
  return true;
}

/** Bytes of well-formed `text` in UTF-8. */
export function utf8ByteLength(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Writes well-formed `text`, `byteLength` bytes in UTF-8, from `at`. */
export function putUtf8(text: string, bytes: Uint8Array, at: number, byteLength: number): void {
  utf8Encoder.encodeInto(text, bytes.subarray(at, at + byteLength));
}

/** The text in `byteLength` bytes of UTF-8 from `at`, or undefined where they are not valid UTF-8. */
export function takeUtf8(bytes: Uint8Array, at: number, byteLength: number): string | undefined {
  if (byteLength <= SHORT_UNITS) {
    let text = "";
    let i = 0;
    for (; i < byteLength; i++) {
      const unit = bytes[at + i]!;
      if (unit > 0x7f) break;
      text += String.fromCharCode(unit);
    }
    if (i === byteLength) return text;
  }
  try {
    return utf8Decoder.decode(bytes.subarray(at, at + byteLength));
  } catch {
    return undefined;
  }
}

/** Writes `text` in UTF-16LE from `at`: two bytes a unit. */
export function putUtf16(text: string, bytes: Uint8Array, at: number): void {
  if (text.length > SHORT_UNITS) {
    asBuffer(bytes, at, text.length * 2).write(text, "utf16le");
    return;
  }
  for (let i = 0, to = at; i < text.length; i++, to += 2) {
    const unit = text.charCodeAt(i);
    bytes[to] = unit;
    bytes[to + 1] = unit >> 8;
  }
}

/** The text of `units` UTF-16LE units from `at`. */
export function takeUtf16(bytes: Uint8Array, at: number, units: number): string {
  if (units > SHORT_UNITS) return asBuffer(bytes, at, units * 2).toString("utf16le");
  let text = "";
  for (let from = at; from < at + units * 2; from += 2) {
    text += String.fromCharCode(bytes[from]! | (bytes[from + 1]! << 8));
  }
  return text;
}

/** How many of the `units` UTF-16LE units from `at` come before the first NUL. */
export function unitsBeforeNul(bytes: Uint8Array, at: number, units: number): number {
  for (let i = 0, from = at; i < units; i++, from += 2) {
    if (bytes[from] === 0 && bytes[from + 1] === 0) return i;
  }
  return units;
}

function asBuffer(bytes: Uint8Array, at: number, byteLength: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, byteLength);
}
