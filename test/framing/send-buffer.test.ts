/** SendBuffer and SendPool: what goes out is what was taken, and the counts are exact at every step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FramingFormat, lengthHeader } from "../../src/framing/length-header.ts";
import { LARGE_PAYLOAD_BYTES, SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet, receivedPacket } from "../../src/packet/packet.ts";
import { effortOf } from "./memory.ts";
import { SendModel, WatchedPool } from "./send-model.ts";
import { content, FORMATS, formatName, frame, payloadLimit } from "./streams.ts";

const U32: FramingFormat = { lengthBytes: 4, endian: "little" };
const MIB = 1024 * 1024;
const PROGRESS_BYTES_MAX = 2 * MIB;

interface Step {
  /** For the report of a history that failed. */
  readonly name: string;
  readonly run: (model: SendModel, all: readonly SendModel[]) => void;
}

/** Steps with payloads of up to `max` bytes. */
function steps(max: number): fc.Arbitrary<Step> {
  const upTo = (limit: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: Math.min(limit, max) });
  const edges = [LARGE_PAYLOAD_BYTES, LARGE_PAYLOAD_BYTES - 1, MIB, MIB + 1, 65_532].filter((n) => n <= max);
  const lengths = fc.oneof(
    { weight: 6, arbitrary: upTo(300) },
    { weight: 4, arbitrary: upTo(LARGE_PAYLOAD_BYTES) },
    { weight: 3, arbitrary: upTo(100_000) },
    { weight: 1, arbitrary: upTo(5 * MIB) },
    { weight: 1, arbitrary: fc.constantFrom(0, ...edges) },
  );
  const append = fc
    .tuple(lengths, fc.constantFrom("clear" as const, "go on" as const, "new" as const))
    .map(([n, reuse]): Step => ({ name: `append ${n}, ${reuse}`, run: (model) => model.append(n, reuse) }));
  const twice = lengths.map(
    (n): Step => ({ name: `append ${n} twice`, run: (model) => model.appendTwice(n) }),
  );
  const shared = new Packet();
  const broadcast = fc.tuple(lengths, fc.nat()).map(
    ([n, seed]): Step => ({
      name: `broadcast ${n}`,
      run: (_model, all) => SendModel.appendToAll(all, shared, content(seed, n)),
    }),
  );
  const [begin, complete, beat] = (["beginWrite", "completeWrite", "appendHeartbeat"] as const).map((name) =>
    fc.constant<Step>({ name, run: (model) => model[name]() }),
  );
  return fc.oneof(
    { weight: 12, arbitrary: append },
    { weight: 1, arbitrary: twice },
    { weight: 2, arbitrary: broadcast },
    { weight: 5, arbitrary: begin! },
    { weight: 5, arbitrary: complete! },
    { weight: 2, arbitrary: beat! },
  );
}

/** Steps of three sessions, mixed. */
const history = (max: number): fc.Arbitrary<[number, Step][]> =>
  fc.array(fc.tuple(fc.nat({ max: 2 }), steps(max)), { minLength: 1, maxLength: 60, size: "max" });

for (const format of FORMATS) {
  test(`${formatName(format)}: whatever is appended and written in whatever order, the bytes and counts are right`, () => {
    fc.assert(
      fc.property(history(payloadLimit(format)), fc.nat({ max: 60 }), (history, releasedAt) => {
        const pool = new WatchedPool();
        const models = [0, 1, 2].map(() => new SendModel(format, pool));
        for (const [i, [which, { run }]] of history.entries()) {
          run(models[which]!, models);
          if (i === releasedAt) models[0]!.release();
          for (const model of models) model.check();
        }
        for (const model of models.slice(1)) drain(model);
        for (const model of models) model.check();
        if (!models[0]!.isReleased) drain(models[0]!);
        if (!models[0]!.isReleased) assert.equal(pool.slabsOut, 0, "every slab is back");
      }),
      { numRuns: 20 },
    );
  });
}

function drain(model: SendModel): void {
  for (let writes = 0; model.buffer.queuedBytes > 0; writes++) {
    assert.ok(writes < 10_000, "writing comes to an end");
    model.completeWrite();
    model.beginWrite();
  }
}

/** All writes until nothing waits, as what each carried. */
function writesOf(buffer: SendBuffer): Buffer[] {
  const writes: Buffer[] = [];
  for (let chunks = buffer.beginWrite(); chunks !== null; chunks = buffer.beginWrite()) {
    writes.push(Buffer.concat(chunks));
    buffer.completeWrite();
  }
  return writes;
}

/** All writes until nothing waits, without looking at them. */
function writeAll(buffer: SendBuffer): void {
  while (buffer.beginWrite() !== null) buffer.completeWrite();
}

function packetOf(bytes: Uint8Array): Packet {
  return Packet.from(bytes);
}

test("everything that a turn appended goes out in one write", () => {
  const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
  const payloads = [10, 0, 20_000, 300, 16_384, 5, 60_000, 200_000].map((n, i) => content(i, n));
  for (const payload of payloads) buffer.append(packetOf(payload));
  const writes = writesOf(buffer);
  assert.equal(writes.length, 1);
  assert.ok(writes[0]!.equals(Buffer.concat(payloads.map((payload) => frame(U32, payload)))));
});

test("a long queue goes out in writes that each are progress: none large, no header alone", () => {
  for (const lengths of [[MIB], [MIB, MIB, MIB], [5 * MIB], [100, 3 * MIB, 100], Array(300).fill(20_000)]) {
    const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
    for (const [i, n] of lengths.entries()) buffer.append(packetOf(content(i, n)));
    const sizes = writesOf(buffer).map(({ length }) => length);
    assert.ok(Math.max(...sizes) <= PROGRESS_BYTES_MAX, `writes of ${sizes}`);
    assert.ok(Math.min(...sizes.slice(0, -1), MIB) > 100, `writes of ${sizes}`);
  }
});

test("a slab that is full to its last byte, written in parts, is left and used again", () => {
  const pool = new WatchedPool();
  const [model, other] = [new SendModel(U32, pool), new SendModel(U32, pool)];
  const round = (): void => {
    for (let i = 0; i < 64; i++) model.append(1020, "clear"); // 64 KiB with headers
    model.beginWrite();
    model.append(10, "clear");
    other.append(1020, "clear");
    model.completeWrite();
    other.append(1020, "clear");
    other.beginWrite();
    model.append(1020, "clear");
    drain(model);
    drain(other);
  };
  for (let i = 0; i < 3; i++) {
    round();
    assert.equal(pool.slabsOut, 0);
  }
});

test("what is appended during a write waits for the next", () => {
  const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
  buffer.append(packetOf(content(1, 100)));
  const first = Buffer.concat(buffer.beginWrite()!);
  buffer.append(packetOf(content(2, 100)));
  assert.equal(buffer.queuedBytes, 208);
  assert.ok(first.equals(frame(U32, content(1, 100))));
  assert.deepEqual(buffer.completeWrite(), { packets: 1, bytes: 104 });
  assert.deepEqual(buffer.unsent, { packets: 1, bytes: 104 });
  assert.ok(writesOf(buffer)[0]!.equals(frame(U32, content(2, 100))));
});

test("a heartbeat counts as bytes under way, never as a packet and never as unsent", () => {
  const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
  buffer.appendHeartbeat();
  assert.equal(buffer.queuedBytes, 4);
  assert.deepEqual(buffer.unsent, { packets: 0, bytes: 0 });
  buffer.append(packetOf(content(1, 10)));
  assert.deepEqual(buffer.unsent, { packets: 1, bytes: 14 });
  assert.deepEqual([...Buffer.concat(buffer.beginWrite()!)].slice(0, 8), [0, 0, 0, 0, 10, 0, 0, 0]);
  assert.deepEqual(buffer.completeWrite(), { packets: 1, bytes: 18 });
});

test("a large payload goes out by reference, and a small one is copied once", () => {
  const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
  buffer.append(packetOf(content(0, 10))); // takes the slab
  const large = packetOf(content(1, LARGE_PAYLOAD_BYTES));
  const { moved, allocated } = effortOf(() => buffer.append(large));
  assert.deepEqual([moved, allocated], [0, 0]);
  assert.ok(buffer.beginWrite()!.some((chunk) => chunk.buffer === large.bytes.buffer));
});

test("a received packet is sent on as it is, large or small", () => {
  for (const length of [0, 10, LARGE_PAYLOAD_BYTES, 200_000]) {
    const slab = content(1, 300_000);
    const view = new DataView(slab.buffer, slab.byteOffset, slab.length);
    const received = receivedPacket(slab, view, 77, 77 + length);
    const buffer = new SendBuffer(lengthHeader(U32), new SendPool());
    buffer.append(received);
    buffer.append(received);
    const expected = frame(U32, slab.subarray(77, 77 + length));
    assert.ok(Buffer.concat(writesOf(buffer)).equals(Buffer.concat([expected, expected])));
  }
});

test("slabs are used again once their writes are done: a steady flow allocates nothing", () => {
  const pool = new SendPool();
  const buffers = Array.from({ length: 8 }, () => new SendBuffer(lengthHeader(U32), pool));
  const packet = packetOf(content(1, 1000));
  const turn = (): void => {
    for (const buffer of buffers) for (let i = 0; i < 200; i++) buffer.append(packet);
    for (const buffer of buffers) writeAll(buffer);
  };
  turn();
  const { allocated } = effortOf(() => {
    for (let i = 0; i < 20; i++) turn();
  });
  assert.equal(allocated, 0);
  for (const buffer of buffers) assert.deepEqual(buffer.unsent, { packets: 0, bytes: 0 });
});

test("a queue that is empty holds no slab: 1000 idle sessions share what a few need", () => {
  const pool = new SendPool();
  const packet = packetOf(content(1, 100));
  const { allocated } = effortOf(() => {
    for (let i = 0; i < 1000; i++) {
      const buffer = new SendBuffer(lengthHeader(U32), pool);
      buffer.append(packet);
      writeAll(buffer);
    }
  });
  assert.ok(allocated <= 64 * 1024, `${allocated} bytes allocated`);
});

test("slabs of a write that never completed are not used again", () => {
  const pool = new SendPool();
  const broken = new SendBuffer(lengthHeader(U32), pool);
  for (let i = 0; i < 300; i++) broken.append(packetOf(content(i, 1000)));
  const chunks = broken.beginWrite()!;
  const before = Buffer.concat(chunks);
  broken.release();
  for (let i = 0; i < 10; i++) {
    const next = new SendBuffer(lengthHeader(U32), pool);
    for (let j = 0; j < 300; j++) next.append(packetOf(content(1000 + j, 1000)));
    writesOf(next);
  }
  assert.ok(Buffer.concat(chunks).equals(before));
});
