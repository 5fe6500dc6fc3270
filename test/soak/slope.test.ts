/** The judge of the soak: it must see a leak through the noise of a collector, and no leak where there is only noise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Sample, trendOf } from "../../scripts/soak/slope.ts";
import { Random } from "../../src/testing.ts";

const MIB = 1024 * 1024;
const BOUND = 24 * MIB;
const MINUTES = 10;

/** RSS as a collector makes it: a floor, garbage that grows and goes, now and then a peak for some seconds. */
function sawtooth(seed: number, floorAt: (minute: number) => number): Sample[] {
  const random = new Random(seed);
  const samples: Sample[] = [];
  let garbage = 0;
  let peak = 0;
  for (let second = 0; second < MINUTES * 60; second++) {
    garbage = random.chance(0.1) ? 0 : garbage + random.float() * 8 * MIB;
    peak = random.chance(0.01) ? 150 * MIB : Math.max(0, peak - 30 * MIB);
    const noise = random.float() * 6 * MIB;
    samples.push({ atMs: second * 1000, value: floorAt(second / 60) + garbage + peak + noise });
  }
  return samples;
}

describe("trendOf()", () => {
  it("sees no growth beyond the bound in noise", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { growth } = trendOf(sawtooth(seed, () => 120 * MIB));
      assert.ok(Math.abs(growth) < BOUND / 2, `seed ${seed}: ${growth / MIB} MiB`);
    }
  });

  it("sees a leak through the same noise", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const { growth, perMinute } = trendOf(sawtooth(seed, (minute) => (120 + 8 * minute) * MIB));
      assert.ok(growth > BOUND, `seed ${seed}: ${growth / MIB} MiB`);
      assert.ok(Math.abs(perMinute / MIB - 8) < 3, `seed ${seed}: ${perMinute / MIB} MiB a minute`);
    }
  });

  it("sees a leak of a byte per second exactly where there is no noise", () => {
    const samples = Array.from({ length: 601 }, (_, i) => ({ atMs: i * 1000, value: i }));
    const { perMinute, growth } = trendOf(samples);
    assert.ok(Math.abs(perMinute - 60) < 1e-6 && Math.abs(growth - 300) < 1e-6);
  });

  it("leaves out the first half, where pools fill", () => {
    const { growth } = trendOf(sawtooth(7, (minute) => Math.min(minute, 5) * 40 * MIB));
    assert.ok(Math.abs(growth) < BOUND / 2, `${growth / MIB} MiB`);
  });

  it("is not moved by four spoilt windows out of twelve", () => {
    const samples = Array.from({ length: 600 }, (_, i) => ({
      atMs: i * 1000,
      value: i > 300 && i < 400 ? 500 : 100,
    }));
    assert.equal(trendOf(samples).perMinute, 0);
  });

  it("does without some windows that nobody looked into", () => {
    const samples = Array.from({ length: 601 }, (_, i) => ({ atMs: i * 1000, value: i }));
    const { perMinute } = trendOf(samples.filter((_, i) => i < 400 || i > 450));
    assert.ok(Math.abs(perMinute - 60) < 10);
  });

  it("does not judge what it has not seen", () => {
    assert.throws(() => trendOf([]), /no samples/);
    const few = Array.from({ length: 5 }, (_, i) => ({ atMs: i * 1000, value: i }));
    assert.throws(() => trendOf(few), /windows have samples/);
  });
});
