/** What packet tests share: hex, received packets, and what a failing call must leave alone. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type ErrorCode, LanError } from "../../src/base/errors.ts";
import { type Packet, receivedPacket } from "../../src/packet/packet.ts";

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

/** `content` as it lies in a receive slab, between other packets' bytes. */
export function receive(content: Uint8Array): { packet: Packet; slab: Buffer } {
  // A slab that does not begin where its ArrayBuffer does, and noise on both sides of the packet.
  const slab = Buffer.from(new ArrayBuffer(content.length + 40), 8, content.length + 24).fill(0xee);
  slab.set(content, 5);
  const view = new DataView(slab.buffer, slab.byteOffset, slab.length);
  return { packet: receivedPacket(slab, view, 5, 5 + content.length), slab };
}

/** `call` throws a LanError with `code`, in words that say what could not be done. */
export function assertThrows(code: ErrorCode, call: () => unknown, words: RegExp = /^Cannot /): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof LanError, `${String(error)} is a LanError`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, /^Cannot [a-zA-Z0-9 ]+: /);
    assert.match(error.message, words);
    return true;
  });
}

/** The same, and the packet is as it was before. */
export function assertRefuses(
  packet: Packet,
  code: ErrorCode,
  call: () => unknown,
  words: RegExp = /^Cannot /,
): void {
  const before = { content: hex(packet.bytes), length: packet.length, remaining: packet.remaining };
  assertThrows(code, call, words);
  const after = { content: hex(packet.bytes), length: packet.length, remaining: packet.remaining };
  assert.deepEqual(after, before);
}
