/** Room in a packet: each kind of field takes what it needs, to the byte, and no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet } from "../../src/packet/packet.ts";
import { assertRefuses } from "./assertions.ts";

interface Write {
  readonly kind: string;
  readonly byteLength: number;
  readonly write: (packet: Packet) => Packet;
}

const WRITES: readonly Write[] = [
  { kind: "Uint8", byteLength: 1, write: (packet) => packet.writeUint8(1) },
  { kind: "Int8", byteLength: 1, write: (packet) => packet.writeInt8(1) },
  { kind: "Uint16", byteLength: 2, write: (packet) => packet.writeUint16(1) },
  { kind: "Int16", byteLength: 2, write: (packet) => packet.writeInt16(1) },
  { kind: "Uint32", byteLength: 4, write: (packet) => packet.writeUint32(1) },
  { kind: "Int32", byteLength: 4, write: (packet) => packet.writeInt32(1) },
  { kind: "BigUint64", byteLength: 8, write: (packet) => packet.writeBigUint64(1n) },
  { kind: "BigInt64", byteLength: 8, write: (packet) => packet.writeBigInt64(1n) },
  { kind: "Float32", byteLength: 4, write: (packet) => packet.writeFloat32(1) },
  { kind: "Float64", byteLength: 8, write: (packet) => packet.writeFloat64(1) },
  { kind: "Bool", byteLength: 1, write: (packet) => packet.writeBool(true) },
  { kind: "Bytes", byteLength: 5, write: (packet) => packet.writeBytes(new Uint8Array(5)) },
  { kind: "FixedBytes", byteLength: 6, write: (packet) => packet.writeFixedBytes(new Uint8Array(5), 6) },
  { kind: "String", byteLength: 6, write: (packet) => packet.writeString("abcd") },
  { kind: "String", byteLength: 8, write: (packet) => packet.writeString("\u20ac\u20ac") },
  { kind: "String", byteLength: 42, write: (packet) => packet.writeString("x".repeat(40)) },
  { kind: "WString", byteLength: 10, write: (packet) => packet.writeWString("abcd") },
  { kind: "WString", byteLength: 82, write: (packet) => packet.writeWString("x".repeat(40)) },
  { kind: "FixedWString", byteLength: 12, write: (packet) => packet.writeFixedWString("abcd", 6) },
];

test("a field that fills the packet to the last byte leaves it where it is; one more byte moves it", () => {
  for (const { kind, byteLength, write } of WRITES) {
    const packet = new Packet(1 + byteLength).writeUint8(7);
    const { byteOffset } = packet.bytes;
    write(packet);
    assert.equal(packet.length, 1 + byteLength);
    assert.equal(packet.bytes.byteOffset, byteOffset, kind);
    packet.writeUint8(8);
    assert.notEqual(packet.bytes.byteOffset, byteOffset, kind);
    assert.deepEqual([packet.bytes[0], packet.bytes.at(-1), packet.length], [7, 8, 2 + byteLength]);
  }
});

test("a field that would pass the packet's maximum by a byte is refused, and said by name", () => {
  for (const { kind, byteLength, write } of WRITES) {
    const why = `with its ${byteLength} bytes the packet would pass its maximum of ${byteLength}`;
    const packet = new Packet(byteLength, byteLength).writeUint8(0);
    const words = new RegExp(`^Cannot write ${kind} at byte 1: ${why}$`);
    assertRefuses(packet, "PACKET_TOO_LARGE", () => write(packet), words);
    assert.equal(write(new Packet(0, byteLength)).length, byteLength);
  }
});

test("a packet doubles, or takes what is needed, up to its maximum", () => {
  const sizes = (steps: readonly number[], capacity: number, maxBytes: number): number[] => {
    const packet = new Packet(capacity, maxBytes);
    return steps.map((step) => packet.writeBytes(new Uint8Array(step)).bytes.buffer.byteLength);
  };
  assert.deepEqual(sizes([4096, 1, 96], 4096, 2 ** 20), [4096, 8192, 8192]);
  assert.deepEqual(sizes([4096, 5120], 4096, 2 ** 20), [4096, 9216]);
  assert.deepEqual(sizes([4096, 4096, 1], 4096, 9216), [4096, 8192, 9216]);
});
