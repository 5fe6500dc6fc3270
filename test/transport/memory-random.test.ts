import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/testing.ts";

const seeds = fc.maxSafeNat();

describe("Random", () => {
  it("gives the same numbers for the same seed, for ever", () => {
    const random = new Random(1);
    const drawn = Array.from({ length: 4 }, () => random.uint32());
    assert.deepEqual(drawn, [3397128216, 1174787676, 1790186930, 2964661617]);
  });

  it("gives other numbers for every other seed", () => {
    fc.assert(
      fc.property(seeds, seeds, (one, other) => {
        fc.pre(one !== other);
        assert.notDeepEqual(new Random(one).bytes(16), new Random(other).bytes(16));
      }),
    );
  });

  it("forks are the same however much was drawn, and differ by label", () => {
    fc.assert(
      fc.property(seeds, fc.nat(50), fc.nat(), (seed, draws, label) => {
        const random = new Random(seed);
        for (let drawn = 0; drawn < draws; drawn++) random.uint32();
        const fork = random.fork(label).bytes(16);
        assert.deepEqual(fork, new Random(seed).fork(label).bytes(16));
        assert.notDeepEqual(fork, random.fork(label + 1).bytes(16));
      }),
    );
  });

  it("stays in its bounds and reaches them", () => {
    const random = new Random(7);
    const rolls = Array.from({ length: 600 }, () => random.integer(1, 6));
    assert.deepEqual([...new Set(rolls)].sort(), [1, 2, 3, 4, 5, 6]);
    const floats = Array.from({ length: 1000 }, () => random.float());
    assert(floats.every((float) => float >= 0 && float < 1));
    const mean = floats.reduce((sum, float) => sum + float, 0) / floats.length;
    assert(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`);
    assert(!random.chance(0) && random.chance(1));
    assert(["a", "b"].includes(random.pick(["a", "b"])));
  });
});
