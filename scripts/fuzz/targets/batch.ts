/**
 * Packets on their way between threads: what is written into batches is what is read from them, for any packets
 * and any ids; and bytes that are no batch are an internal error at once, never a packet with bytes of something else,
 * a hang, or a crash later.
 */
import assert, { AssertionError } from "node:assert/strict";
import { Packet, receivedPacket } from "../../../src/packet/packet.ts";
import type { SessionId } from "../../../src/session/session-id.ts";
import type { Random } from "../../../src/testing.ts";
import { type Batch, BatchWriter, readBatch } from "../../../src/threads/mail-batch.ts";
import type { FuzzTarget, Note } from "./target.ts";

const RECORD_HEADER_BYTES = 12;
const NOISE = Buffer.alloc(400_000);
const NOISE_VIEW = new DataView(NOISE.buffer, NOISE.byteOffset, NOISE.length);
for (let at = 0; at < NOISE.length; at++) NOISE[at] = Math.imul(at, 0x9e3779b1) >>> 24;

export const batch: FuzzTarget = {
  name: "batch",
  module: import.meta.url,
  share: 15,
  begin() {
    const writer = new BatchWriter(); // its size follows what it held
    return (random, note) => oneBatch(random, writer, note);
  },
};

interface Sent {
  readonly id: SessionId;
  readonly at: number;
  readonly length: number;
}

function oneBatch(random: Random, writer: BatchWriter, note: Note | undefined): void {
  const sent: Sent[] = [];
  const batches: Batch[] = [];
  const finish = (): void => {
    const finished = writer.finish();
    assert.ok(finished.byteLength <= finished.bytes.byteLength);
    checkIds(finished.ids, finished);
    // As a port does it: whoever still had the buffer has nothing.
    batches.push({ bytes: finished.bytes.transfer(), byteLength: finished.byteLength });
  };
  const sameId = random.chance(0.3) ? idFrom(random) : undefined;
  for (let packets = random.integer(1, 12); packets > 0; packets--) {
    const one = { id: sameId ?? idFrom(random), at: random.integer(0, 1000), length: lengthFrom(random) };
    const packet = packetOf(one, random);
    if (!writer.hasRoom(packet, null)) finish();
    writer.append(one.id, packet, null);
    sent.push(one);
    if (random.chance(0.1)) finish();
  }
  if (!writer.isEmpty) finish();
  note?.(`${JSON.stringify(sent)} in ${batches.length} batches`);
  const read = batches.flatMap((finished) => packetsOf(finished));
  assert.equal(read.length, sent.length, "packets");
  for (const [i, { id, packet }] of read.entries()) {
    const { id: wantedId, at, length } = sent[i]!;
    assert.ok(Object.is(id, wantedId), `the id of packet ${i}`);
    assert.ok(NOISE.subarray(at, at + length).equals(packet.bytes), `the bytes of packet ${i}`);
  }
  if (random.chance(0.5)) spoilt(random, random.pick(batches), note);
}

function idFrom(random: Random): SessionId {
  if (random.chance(0.9))
    return (random.integer(1, 2 ** 33) * 2 ** 20 + random.integer(0, 2 ** 20 - 1)) as SessionId;
  return random.pick([0, -1, 1, 2 ** 53 - 1, 2 ** 53, 0.5, Number.POSITIVE_INFINITY]) as SessionId;
}

function lengthFrom(random: Random): number {
  if (random.chance(0.95)) return random.integer(0, 120);
  return random.integer(0, random.chance(0.95) ? 5000 : 300_000);
}

function packetOf({ at, length }: Sent, random: Random): Packet {
  if (random.chance(0.5)) return receivedPacket(NOISE, NOISE_VIEW, at, at + length);
  return new Packet().writeBytes(NOISE.subarray(at, at + length));
}

/** The sessions that a batch names are those that it has packets for. */
function checkIds(ids: readonly SessionId[], finished: Batch): void {
  const named = new Set<number>(ids);
  const had = new Set<number>(packetsOf(finished).map(({ id }) => id));
  assert.deepEqual(named, had, "ids");
}

function packetsOf(finished: Batch): { readonly id: SessionId; readonly packet: Packet }[] {
  const read: { id: SessionId; packet: Packet }[] = [];
  readBatch(finished, (id, packet) => void read.push({ id, packet }));
  return read;
}

/** The same bytes with something wrong: whole packets within the batch come out, or an internal error. */
function spoilt(random: Random, { bytes, byteLength }: Batch, note: Note | undefined): void {
  const own = Buffer.from(bytes.slice(0, Math.min(bytes.byteLength, byteLength + 64)));
  const kind = random.integer(0, 3);
  let told = byteLength;
  if (kind === 0) told = random.integer(0, own.length);
  else if (kind === 1) told = byteLength + random.integer(1, 100);
  else if (kind === 2) for (let flips = random.integer(1, 4); flips > 0; flips--) flip(random, own);
  else NOISE.copy(own, 0, random.integer(0, 1000));
  note?.(`spoilt ${["cut", "too long", "flipped", "noise"][kind]}: ${told} of ${own.length} bytes`);
  const memory = new Uint8Array(own).buffer;
  let at = 0;
  try {
    readBatch({ bytes: memory, byteLength: told }, (_, packet) => {
      at += RECORD_HEADER_BYTES + packet.length;
      assert.equal(packet.bytes.length, packet.length);
      if (at > told || at > memory.byteLength) throw new Error("a packet has bytes behind its batch");
    });
    assert.equal(at, told);
  } catch (error) {
    if (!(error instanceof AssertionError) || error.generatedMessage) throw error;
  }
}

function flip(random: Random, bytes: Buffer): void {
  const at = random.integer(0, Math.min(bytes.length, 200) - 1);
  bytes[at] = bytes[at]! ^ (1 << random.integer(0, 7));
}
