/** Net frames in a session's queue, to the byte and the packet: one by one, and encoded once for many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeFrames } from "../../src/framing/decode-frames.ts";
import { lengthHeader, netHeader } from "../../src/framing/length-header.ts";
import { encodeFrame, SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet } from "../../src/packet/packet.ts";
import { AGREED, netFrame } from "../support/net-frames.ts";
import { content } from "./streams.ts";

const HEADER = netHeader(AGREED.code, AGREED.key);
const SMALL_SLAB_BYTES = 4 * 1024;
const RAND_KEY = 0x5a;

const random = (): number => RAND_KEY / 256;

/** All that waits, in one write or several, and what these tell when they are done. */
function written(buffer: SendBuffer): { bytes: Buffer; packets: number; chunks: number } {
  const parts: Buffer[] = [];
  let packets = 0;
  for (let chunks = buffer.beginWrite(); chunks !== null; chunks = buffer.beginWrite()) {
    parts.push(...chunks.map((chunk) => Buffer.from(chunk)));
    packets += buffer.completeWrite().packets;
  }
  return { bytes: Buffer.concat(parts), packets, chunks: parts.length };
}

const frames = (payloads: readonly Uint8Array[]): Buffer =>
  Buffer.concat(payloads.map((payload) => netFrame(payload, RAND_KEY)));

test("packets and frames that were encoded for many count alike, and leave in their order", () => {
  const buffer = new SendBuffer(HEADER, new SendPool(), random);
  const payloads = [10, 300, 0, 5000, 20_000, 70].map((byteLength, seed) => content(seed, byteLength));
  for (const [i, payload] of payloads.entries()) {
    const packet = Packet.from(payload);
    if (i % 2 === 0) buffer.append(packet);
    else buffer.appendFrame(encodeFrame(HEADER, packet, random)!);
    const { length } = frames(payloads.slice(0, i + 1));
    assert.deepEqual([buffer.queuedPackets, buffer.queuedBytes], [i + 1, length]);
    assert.deepEqual(buffer.unsent, { packets: i + 1, bytes: length });
  }
  const { bytes, packets } = written(buffer);
  assert.ok(bytes.equals(frames(payloads)));
  assert.equal(packets, payloads.length);
  assert.deepEqual([buffer.queuedPackets, buffer.queuedBytes], [0, 0]);
});

test("a frame that was encoded for many is copied: it serves the next session as it is", () => {
  const payload = content(1, 100);
  const frame = encodeFrame(HEADER, Packet.from(payload), random)!;
  for (let session = 0; session < 3; session++) {
    const buffer = new SendBuffer(HEADER, new SendPool(), random);
    buffer.appendFrame(frame);
    buffer.append(Packet.from(payload));
    assert.ok(written(buffer).bytes.equals(frames([payload, payload])));
  }
});

test("a frame goes into what is left of its slab where it fits to the byte, and one byte more does not", () => {
  for (const [more, chunks] of [
    [0, 1],
    [1, 2],
  ] as const) {
    const buffer = new SendBuffer(HEADER, new SendPool(), random);
    const lengths = [1000, SMALL_SLAB_BYTES - (1000 + HEADER.byteLength) - HEADER.byteLength + more];
    const payloads = lengths.map((byteLength, seed) => content(seed, byteLength));
    for (const payload of payloads) buffer.append(Packet.from(payload));
    const all = written(buffer);
    assert.equal(all.chunks, chunks);
    assert.ok(all.bytes.equals(frames(payloads)));
  }
});

test("a slab holds what it is asked for, also where that is more than the pool has; such a one is not kept", () => {
  const pool = new SendPool();
  for (const byteLength of [65_541, 300_000, 5_000_000]) {
    const slab = pool.take(byteLength);
    assert.ok(slab.bytes.length >= byteLength);
    pool.giveBack(slab);
  }
  const large = pool.take(5_000_000);
  pool.giveBack(large);
  assert.ok(pool.take(5_000_000) !== large);
});

test("where frames are a length alone nothing is encoded for many", () => {
  assert.equal(encodeFrame(lengthHeader("u32le"), Packet.from(content(1, 10)), random), null);
});

test("a queue that was released tells what was lost, and writes no more to the slab that others have", () => {
  const pool = new SendPool();
  const gone = new SendBuffer(HEADER, pool, random);
  const payload = content(1, 100);
  gone.append(Packet.from(payload));
  gone.release();
  const bytes = HEADER.byteLength + 100;
  assert.deepEqual(gone.unsent, { packets: 1, bytes });
  assert.deepEqual([gone.queuedPackets, gone.queuedBytes], [1, bytes]);
  const other = new SendBuffer(HEADER, pool, random); // in the same slab
  other.append(Packet.from(payload));
  gone.append(Packet.from(content(2, 100)));
  assert.ok(written(other).bytes.equals(frames([payload])));
});

/** Decodes `bytes[start, end)`; answers the first offset that was not handed over. */
function decodedTo(bytes: Uint8Array, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeFrames(HEADER, 1000, view, start, end, { onFrame: () => true });
}

test("of a frame that has begun only bytes that are there are judged, wherever it lies", () => {
  const whole = netFrame(content(1, 50), RAND_KEY);
  const before = Buffer.alloc(2000, 0xff);
  const begun = Buffer.concat([before, whole, Buffer.of(AGREED.code), Buffer.alloc(100, 0xff)]);
  const at = before.length + whole.length;
  for (const there of [0, 1, 2])
    assert.equal(decodedTo(Buffer.from(begun), before.length, at + there), at, `${there} bytes are there`);
  assert.throws(() => decodedTo(Buffer.from(begun), before.length, at + 3), { code: "FRAME_TOO_LARGE" });
});

test("a stream that is broken says by what, as a sentence", () => {
  const other = netFrame(content(1, 600), RAND_KEY, { ...AGREED, code: AGREED.code + 1 });
  assert.throws(() => decodedTo(other, 0, other.length), {
    code: "FRAME_CODE_WRONG",
    message: "Cannot decode a frame: it begins with another code",
  });
  const damaged = Buffer.from(netFrame(content(1, 600), RAND_KEY));
  damaged.writeUInt8(damaged.readUInt8(4) ^ 1, 4);
  assert.throws(() => decodedTo(damaged, 0, damaged.length), {
    code: "FRAME_CHECKSUM_WRONG",
    message: "Cannot decode a frame: its checksum is wrong",
  });
});
