/** A packet whose content is lent: when its memory is its own again, and what it takes meanwhile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isLent, returnMemory } from "../../src/packet/memory.ts";
import { copyContent, heldBytes, lendBytes, Packet } from "../../src/packet/packet.ts";
import { hex, receive, unhex } from "./assertions.ts";

/** Buffers by number: two that hold the same bytes are two all the same. */
const numbers = new WeakMap<ArrayBufferLike, number>();
let buffers = 0;

/** Where the content lies. */
function placeOf({ bytes: { buffer, byteOffset } }: Packet): string {
  if (!numbers.has(buffer)) numbers.set(buffer, buffers++);
  return `byte ${byteOffset} of buffer ${numbers.get(buffer)}`;
}

/** Small packets from here on lie in a slab of which nothing is lent, and not at its start. */
function beginSlab(): void {
  for (let n = 0; n < 17; n++) new Packet(2048).writeUint8(n);
}

for (const capacity of [64, 4096]) {
  test(`of ${capacity} bytes, written to after its loans are back: it goes on where it is`, () => {
    beginSlab();
    const packet = new Packet(capacity).writeUint16(1).writeUint16(2);
    packet.readUint16();
    const place = placeOf(packet);
    const lent = [lendBytes(packet), lendBytes(packet)];
    assert.equal(isLent(lent[0]!), true);
    for (const bytes of lent) returnMemory(bytes);
    packet.writeUint16(3);
    assert.equal(placeOf(packet), place);
    assert.equal(hex(packet.bytes), "010002000300");
    assert.equal(packet.readUint16(), 2);
    packet.writeBytes(new Uint8Array(capacity - 6)); // to the last byte
    assert.equal(placeOf(packet), place);
    packet.writeUint8(1);
    assert.notEqual(placeOf(packet), place);
    assert.equal(packet.length, capacity + 1);
  });

  test(`of ${capacity} bytes, cleared after its loans are back: it serves the next content`, () => {
    beginSlab();
    const packet = new Packet(capacity).writeUint32(1);
    const place = placeOf(packet);
    returnMemory(lendBytes(packet));
    packet.clear().writeBytes(new Uint8Array(capacity).fill(7));
    assert.equal(placeOf(packet), place);
    assert.equal(hex(packet.bytes), "07".repeat(capacity));
  });

  test(`of ${capacity} bytes, with more written than it has room for: it grows, whether the loans are back or not`, () => {
    for (const back of [true, false]) {
      const packet = new Packet(capacity).writeUint32(1);
      const lent = lendBytes(packet);
      if (back) returnMemory(lent);
      packet.writeBytes(new Uint8Array(capacity));
      assert.equal(hex(packet.bytes), `01000000${"00".repeat(capacity)}`);
      assert.equal(hex(lent.slice(0, 4)), "01000000");
    }
  });

  test(`of ${capacity} bytes takes as much again, once, while a loan is out`, () => {
    beginSlab();
    const packet = new Packet(capacity).writeUint32(1);
    const first = placeOf(packet);
    lendBytes(packet);
    packet.clear().writeUint8(1);
    const second = placeOf(packet);
    assert.notDeepEqual(second, first);
    packet.writeBytes(new Uint8Array(capacity - 1));
    assert.equal(placeOf(packet), second);
    packet.writeUint8(1);
    assert.notEqual(placeOf(packet), second);
  });
}

test("content that fills its memory once the loans are back stays where it is, and one byte more harms no neighbour", () => {
  for (const [more, stays] of [
    [60, true],
    [61, false],
  ] as const) {
    beginSlab();
    const packet = new Packet(64).writeUint32(1);
    const neighbour = new Packet(64).writeBytes(new Uint8Array(64).fill(7));
    const place = placeOf(packet);
    returnMemory(lendBytes(packet));
    packet.writeBytes(new Uint8Array(more));
    assert.equal(placeOf(packet) === place, stays);
    assert.equal(hex(neighbour.bytes), "07".repeat(64));
  }
});

test("memory that a packet has gone on without serves another once it is back, and never two", () => {
  for (const goesOn of ["clears", "writes", "clears and writes"] as const) {
    const packet = new Packet(8192).writeUint8(1);
    const lent = lendBytes(packet);
    if (goesOn !== "writes") packet.clear();
    if (goesOn !== "clears") packet.writeUint8(2);
    returnMemory(lent);
    const next = new Packet(8192).writeUint8(3);
    assert.ok(next.bytes.buffer === lent.buffer, goesOn);
    packet.writeUint8(4);
    const third = new Packet(8192).writeUint8(5);
    assert.equal(new Set([packet, next, third].map(({ bytes }) => bytes.buffer)).size, 3, goesOn);
    assert.equal(next.readUint8(), 3);
  }
});

test("an empty packet may be lent and written to", () => {
  const packet = new Packet(8);
  const { length } = lendBytes(packet);
  assert.equal(length, 0);
  assert.equal(packet.writeUint32(1).readUint32(), 1);
  const cleared = new Packet(8).writeUint8(1).clear();
  returnMemory(lendBytes(cleared));
  assert.equal(cleared.writeUint32(1).readUint32(), 1);
});

test("a received packet is lent as it is, and its slab is nobody's loan", () => {
  const { packet, slab } = receive(unhex("0102"));
  const lent = lendBytes(packet);
  assert.equal(lent.buffer, slab.buffer);
  assert.equal(isLent(lent), false);
});

test("what stays alive with a content is all of the buffer that it lies in", () => {
  assert.equal(heldBytes(receive(unhex("0102")).packet), 26);
  assert.equal(heldBytes(new Packet(5120).writeUint8(1)), 5120);
  assert.equal(heldBytes(new Packet(50).writeUint8(1)), 32 * 1024);
  assert.equal(heldBytes(new Packet()), 0);
});

test("a small content is copied word by word, without a view of it; one above 96 bytes, received 512, is copied whole", () => {
  const received = (byteLength: number): Packet => receive(new Uint8Array(byteLength)).packet;
  const written = (byteLength: number): Packet => Packet.from(new Uint8Array(byteLength));
  for (const [make, byteLength, makesView] of [
    [received, 0, false],
    [received, 512, false],
    [received, 513, true],
    [written, 96, false],
    [written, 97, true],
  ] as const) {
    const packet = make(byteLength);
    let sets = 0;
    const target = new Uint8Array(600);
    target.set = () => void sets++;
    copyContent(packet, target, new DataView(target.buffer), 3);
    assert.equal(sets === 1, makesView, `${byteLength} bytes, ${make.name}`);
  }
});

test("a packet of one byte at the most is a packet like any other", () => {
  const packet = new Packet(undefined, 1);
  assert.equal(packet.readOnly, false);
  assert.equal(packet.writeUint8(7).readUint8(), 7);
  assert.equal(packet.copy().clear().writeUint8(8).readUint8(), 8);
  assert.equal(packet.clear().length, 0);
});

test("a copy of an empty packet takes no memory until it is written to", () => {
  const copy = new Packet(100).copy();
  assert.equal(heldBytes(copy), 0);
  assert.equal(copy.writeUint16(3).readUint16(), 3);
});
