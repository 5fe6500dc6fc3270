/** Memory of written packets: pieces of pool slabs, buffers of their own, loans, and what serves again. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Memory } from "../../src/packet/memory.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const POOL_BYTES = 32 * KIB;
const CHUNK_BYTES = 64 * KIB;

type MemoryRoom = typeof import("../../src/packet/memory.ts");
let rooms = 0;

/** The room as a thread finds it that has made no packet yet. */
function freshRoom(): Promise<MemoryRoom> {
  return import(`../../src/packet/memory.ts?fresh=${rooms++}`);
}

/** Two that are one, said without a description of a MiB. */
const isSame = (a: Memory, b: Memory): boolean => a === b;

/** Lends `memory`, has its packet go on without it, and gives the loan back. */
function goesOutAndBack(room: MemoryRoom, memory: Memory): void {
  room.lendMemory(memory.bytes);
  room.abandonMemory(memory);
  room.returnMemory(memory.bytes);
}

describe("takeMemory()", () => {
  test("begins with an empty piece as with any other", async () => {
    const { takeMemory, NO_MEMORY } = await freshRoom();
    const { bytes, start } = takeMemory(0);
    assert.ok(start <= bytes.length, `piece at ${start} of ${bytes.length} bytes`);
    bytes.set(new Uint8Array(0), start);
    assert.notEqual(bytes, NO_MEMORY.bytes);
    assert.equal(NO_MEMORY.bytes.length, 0);
  });

  test("gives small pieces of one slab, each on a word, until the next does not fit", async () => {
    const { takeMemory } = await freshRoom();
    const sizes = [1, 7, 8, 9, 0, 2 * KIB];
    const pieces = sizes.map(takeMemory);
    assert.deepEqual(
      pieces.map(({ start }) => start),
      [0, 8, 16, 24, 40, 40],
    );
    for (const { bytes, view } of pieces) {
      assert.equal(bytes.length, POOL_BYTES);
      assert.equal(bytes.buffer, pieces[0]!.bytes.buffer);
      assert.deepEqual([view.buffer, view.byteOffset, view.byteLength], [bytes.buffer, 0, POOL_BYTES]);
    }
    let last = pieces.at(-1)!;
    while (last.start + 2 * (2 * KIB) <= POOL_BYTES) last = takeMemory(2 * KIB);
    const next = takeMemory(2 * KIB);
    assert.notEqual(next.bytes.buffer, last.bytes.buffer);
    assert.equal(next.start, 0);
  });

  test("fills a slab to its last byte", async () => {
    const { takeMemory } = await freshRoom();
    const pieces = Array.from({ length: 16 }, () => takeMemory(2 * KIB));
    assert.equal(new Set(pieces.map(({ bytes }) => bytes.buffer)).size, 1);
    assert.equal(pieces.at(-1)!.start, 30 * KIB);
    assert.notEqual(takeMemory(1).bytes.buffer, pieces[0]!.bytes.buffer);
  });

  test("gives more than 2 KiB a buffer of its own, at most a 32nd longer", async () => {
    const { takeMemory } = await freshRoom();
    for (const byteLength of [2 * KIB + 1, 3000, 32 * KIB, 300_000, MIB, MIB + 1]) {
      const { bytes, view, start } = takeMemory(byteLength);
      const { length } = bytes;
      assert.ok(length >= byteLength && length <= (byteLength * 33) / 32, `${length} for ${byteLength}`);
      assert.deepEqual([bytes.buffer.byteLength, start], [length, 0]);
      assert.deepEqual([view.buffer, view.byteOffset, view.byteLength], [bytes.buffer, 0, length]);
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
    }
  });
});

describe("copyMemory()", () => {
  test("gives the first piece room of its own, however small it is", async () => {
    for (const byteLength of [0, 1]) {
      const { copyMemory } = await freshRoom();
      const { bytes, view, start } = copyMemory(byteLength);
      assert.deepEqual([bytes.length, start], [CHUNK_BYTES, 0]);
      assert.deepEqual([view.buffer, view.byteOffset, view.byteLength], [bytes.buffer, 0, CHUNK_BYTES]);
    }
  });

  test("fills a chunk to its last byte", async () => {
    const { copyMemory } = await freshRoom();
    const pieces = Array.from({ length: 32 }, () => copyMemory(2 * KIB));
    assert.equal(new Set(pieces.map(({ bytes }) => bytes.buffer)).size, 1);
    assert.equal(pieces.at(-1)!.start, CHUNK_BYTES - 2 * KIB);
    assert.notEqual(copyMemory(1).bytes.buffer, pieces[0]!.bytes.buffer);
  });
});

describe("a loan", () => {
  test("lasts until it came back as often as it was given", async () => {
    const { takeMemory, lendMemory, returnMemory, isLent } = await freshRoom();
    const { bytes } = takeMemory(4 * KIB);
    assert.equal(isLent(bytes), false);
    lendMemory(bytes);
    lendMemory(bytes);
    lendMemory(bytes.subarray(10)); // any view of it
    returnMemory(bytes);
    returnMemory(bytes.subarray(20));
    assert.equal(isLent(bytes), true);
    returnMemory(bytes);
    assert.equal(isLent(bytes), false);
    returnMemory(bytes); // of memory that is not lent: nothing
    assert.equal(isLent(bytes), false);
    lendMemory(bytes);
    returnMemory(bytes);
    assert.equal(isLent(bytes), false);
  });

  test("that is back lets memory serve again whose packet has gone on, and never before", async () => {
    const room = await freshRoom();
    const memory = room.takeMemory(4 * KIB);
    room.lendMemory(memory.bytes);
    room.lendMemory(memory.bytes);
    room.abandonMemory(memory);
    room.returnMemory(memory.bytes);
    assert.ok(!isSame(room.takeMemory(4 * KIB), memory));
    room.returnMemory(memory.bytes);
    assert.ok(!isSame(room.takeMemory(8 * KIB), memory));
    assert.ok(isSame(room.takeMemory(4 * KIB), memory));
    assert.ok(!isSame(room.takeMemory(4 * KIB), memory)); // it is out
  });

  test("that is back leaves memory to the packet that still has it", async () => {
    const room = await freshRoom();
    const memory = room.takeMemory(4 * KIB);
    room.abandonMemory(memory); // not lent: nothing
    room.lendMemory(memory.bytes);
    room.returnMemory(memory.bytes);
    assert.ok(!isSame(room.takeMemory(4 * KIB), memory));
  });
});

describe("memory that serves again", () => {
  test("comes by length, the last one first", async () => {
    const room = await freshRoom();
    const [a, b, c] = [room.takeMemory(4 * KIB), room.takeMemory(4 * KIB), room.takeMemory(8 * KIB)];
    for (const memory of [a, b, c]) goesOutAndBack(room, memory);
    assert.ok(isSame(room.takeMemory(8 * KIB), c));
    assert.ok(isSame(room.takeMemory(4 * KIB), b));
    assert.ok(isSame(room.takeMemory(4 * KIB), a));
  });

  test("fits whatever length was asked for, and those a little below", async () => {
    const room = await freshRoom();
    for (const [first, second] of [
      [3000, 3000],
      [32 * KIB, 32 * KIB],
      [300_000, 299_990],
    ] as const) {
      const memory = room.takeMemory(first);
      goesOutAndBack(room, memory);
      assert.ok(isSame(room.takeMemory(second), memory), `${first} bytes`);
    }
  });

  test("is none whose length nobody asks for, nor what others have a part of", async () => {
    const room = await freshRoom();
    const odd = room.ownMemory(4 * KIB + 1);
    const piece = room.takeMemory(8);
    assert.deepEqual([piece.start, piece.bytes.length], [0, POOL_BYTES]);
    for (const memory of [odd, piece]) goesOutAndBack(room, memory);
    assert.notEqual(room.takeMemory(4 * KIB + 1).bytes.buffer, odd.bytes.buffer);
    assert.notEqual(room.takeMemory(POOL_BYTES).bytes.buffer, piece.bytes.buffer);
  });

  test("makes way for a length that none is kept of, where there is too much", async () => {
    const room = await freshRoom();
    const [small, large] = [room.takeMemory(MIB), room.takeMemory(16 * MIB)];
    goesOutAndBack(room, small);
    goesOutAndBack(room, large);
    assert.ok(isSame(room.takeMemory(16 * MIB), large));
    assert.ok(!isSame(room.takeMemory(MIB), small));
  });

  test("is 16 MiB at the most, and room is made again by what is taken", async () => {
    const room = await freshRoom();
    const comeBack = (count: number): Memory[] => {
      const memories = Array.from({ length: count }, () => room.ownMemory(MIB));
      for (const memory of memories) goesOutAndBack(room, memory);
      return memories;
    };
    for (let round = 0; round < 3; round++) {
      const back = comeBack(18);
      const taken = Array.from({ length: 18 }, () => room.takeMemory(MIB));
      assert.equal(taken.filter((memory) => back.includes(memory)).length, 16);
      assert.equal(taken.includes(back[16]!), false, "those that came last were too much");
    }
  });

  test("of one length costs the others nothing, however often it goes out and back", async () => {
    const room = await freshRoom();
    const other = room.takeMemory(2 * MIB);
    goesOutAndBack(room, other);
    const memory = room.takeMemory(MIB);
    for (let round = 0; round < 40; round++) {
      goesOutAndBack(room, memory);
      assert.ok(isSame(room.takeMemory(MIB), memory), `round ${round}`);
    }
    assert.ok(isSame(room.takeMemory(2 * MIB), other));
  });

  test("is kept though others fill the room, where none of its length is kept any more", async () => {
    const room = await freshRoom();
    const [memory, others] = [room.takeMemory(MIB), room.takeMemory(16 * MIB)];
    goesOutAndBack(room, memory);
    assert.ok(isSame(room.takeMemory(MIB), memory));
    goesOutAndBack(room, others);
    goesOutAndBack(room, memory);
    assert.ok(isSame(room.takeMemory(MIB), memory));
  });

  test("makes no way for what is not kept: a length that nobody asks for, or more than is kept at all", async () => {
    const room = await freshRoom();
    const kept = room.takeMemory(8 * MIB);
    goesOutAndBack(room, kept);
    goesOutAndBack(room, room.ownMemory(9 * MIB + 1));
    const tooLarge = room.takeMemory(17 * MIB);
    goesOutAndBack(room, tooLarge);
    assert.ok(!isSame(room.takeMemory(17 * MIB), tooLarge));
    assert.ok(isSame(room.takeMemory(8 * MIB), kept));
  });
});

test("copyWords() copies any length from anywhere to anywhere, and nothing beside it", async () => {
  const { copyWords } = await freshRoom();
  const source = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
  for (let length = 0; length <= 40; length++) {
    for (const [start, at] of [
      [0, 0],
      [3, 11],
      [8, 5],
    ] as const) {
      const target = new Uint8Array(64).fill(0xee);
      copyWords(new DataView(source.buffer), start, start + length, new DataView(target.buffer), at);
      const expected = new Uint8Array(64).fill(0xee);
      expected.set(source.subarray(start, start + length), at);
      assert.deepEqual(target, expected);
    }
  }
});
