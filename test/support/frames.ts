/** Bytes for the wire, made and taken apart here without the library's own framing. */
import assert from "node:assert/strict";

/** A heartbeat of the default framing. */
export const EMPTY_FRAME: Uint8Array = new Uint8Array(4);
export const HEADER_BYTES = 4;

/** One frame of the default framing: u32 LE length, payload. */
export function frame(payload: Uint8Array): Uint8Array {
  return lengthPrefixed(payload, { lengthBytes: 4, endian: "little" });
}

export function lengthPrefixed(
  payload: Uint8Array,
  format: {
    readonly lengthBytes: number;
    readonly endian: "little" | "big";
    readonly includesHeader?: boolean;
  },
): Uint8Array {
  const { lengthBytes, endian, includesHeader = false } = format;
  const bytes = Buffer.alloc(lengthBytes + payload.length);
  const length = payload.length + (includesHeader ? lengthBytes : 0);
  if (endian === "little") bytes.writeUIntLE(length, 0, lengthBytes);
  else bytes.writeUIntBE(length, 0, lengthBytes);
  bytes.set(payload, lengthBytes);
  return bytes;
}

/** The payloads of a stream of the default framing; without `keepEmpty` those of heartbeats are left out. */
export function payloads(stream: Uint8Array, keepEmpty = false): Uint8Array[] {
  const found: Uint8Array[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  let at = 0;
  while (at + HEADER_BYTES <= stream.length) {
    const end = at + HEADER_BYTES + view.getUint32(at, true);
    if (end > stream.length) break;
    if (keepEmpty || end > at + HEADER_BYTES) found.push(stream.slice(at + HEADER_BYTES, end));
    at = end;
  }
  return found;
}

/** How many heartbeats a stream of the default framing has. */
export function heartbeats(stream: Uint8Array): number {
  return payloads(stream, true).filter(({ length }) => length === 0).length;
}

/** `size` (4 or more) bytes that begin with `number`, u32 LE, and differ from those of other numbers everywhere. */
export function numbered(number: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(number * 7 + 1);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

/** Asserts that `packets` are numbered(0), numbered(1), ... of `size` bytes: `count`, whole, in order, once. */
export function assertNumbered(packets: readonly Uint8Array[], count: number, size: number): void {
  assert.equal(packets.length, count);
  for (const [number, packet] of packets.entries())
    assert(Buffer.from(packet).equals(numbered(number, size)), `packet ${number} differs`);
}

/** `length` bytes with no period that a buffer's size could hide. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 8) * 17 + seed * 101) & 0xff;
  return bytes;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Equal contents, whatever kind of Uint8Array. */
export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array): void {
  if (actual === undefined) assert.fail("there are no bytes");
  if (actual.length > 64 && Buffer.from(actual).equals(expected)) return;
  assert.equal(Buffer.from(actual).toString("hex"), Buffer.from(expected).toString("hex"));
}
