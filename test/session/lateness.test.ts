/** What a thread that was blocked knows of it, and what a pace makes of that. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Lateness } from "../../src/session/lateness.ts";
import { Pace } from "../../src/session/pace.ts";

describe("Lateness", () => {
  it("is nothing for a timer in time, or hardly late, or never set", () => {
    const lateness = new Lateness();
    assert.equal(lateness.lateMs(1e9), 0);
    lateness.expect(1000, 900);
    assert.deepEqual([lateness.lateMs(950), lateness.lateMs(1000), lateness.lateMs(1099)], [0, 0, 0]);
    lateness.expect(1150, 1099);
    assert.equal(lateness.lateMs(1140), 0);
    assert.equal(lateness.lateMs(1250), 100); // the least that counts
    lateness.expect(1300, 1250);
    assert.equal(lateness.lateMs(1251), 100);
  });

  it("is known before the timer has come, and as long again after it", () => {
    const lateness = new Lateness();
    lateness.expect(1000, 900);
    assert.equal(lateness.lateMs(3500), 2500);
    lateness.expect(3600, 3500); // it came
    assert.deepEqual([lateness.lateMs(3501), lateness.lateMs(5999)], [2500, 2500]);
    lateness.expect(7000, 3600);
    assert.deepEqual([lateness.lateMs(5999), lateness.lateMs(6000)], [2500, 0]);
  });

  it("a shorter one in the wake of a longer one takes nothing away", () => {
    const lateness = new Lateness();
    lateness.expect(1000, 900);
    lateness.expect(3050, 3000); // 2000 late
    lateness.expect(3300, 3200); // 150 late
    assert.equal(lateness.lateMs(3201), 2000);
  });
});

describe("Pace of a thread that was blocked", () => {
  const PACE = { packetsPerSecondMax: 100, bytesPerSecondMax: 0, overPace: "leave" } as const;

  function blocked() {
    const lateness = new Lateness();
    lateness.expect(1000, 990);
    const pace = new Pace(PACE, 0, lateness);
    assert.equal(pace.overMs(90, 900, 900), 0);
    return { lateness, pace };
  }

  it("forgives what came meanwhile, in one read or several", () => {
    const { lateness, pace } = blocked();
    assert.equal(pace.overMs(90 + 200, 3000, 4000), 0);
    lateness.expect(4100, 4000);
    assert.equal(pace.overMs(90 + 310, 5000, 4010), 0);
  });

  it("forgives no more than that", () => {
    assert.ok(blocked().pace.overMs(90 + 420, 5000, 4000) > 0);
  });

  it("forgives nothing for a silence before that", () => {
    for (const [packets, isOver] of [
      [300, false], // a second's share, and that of the two seconds that it was blocked
      [301, true],
    ] as const) {
      const { lateness, pace } = blocked();
      for (let nowMs = 1000; nowMs < 61_000; nowMs += 1000) lateness.expect(nowMs + 1000, nowMs);
      assert.equal(pace.overMs(90 + packets, 4000, 63_000) > 0, isOver, `${packets} packets`);
    }
  });

  it("keeps nothing of it for later", () => {
    const { lateness, pace } = blocked();
    assert.equal(pace.overMs(91, 910, 4000), 0);
    lateness.expect(8000, 4000);
    assert.equal(pace.overMs(92, 920, 7500), 0);
    assert.ok(pace.overMs(92 + 101, 3000, 7501) > 0);
  });

  it("begins with it where the session did", () => {
    const lateness = new Lateness();
    lateness.expect(1000, 990);
    const pace = new Pace(PACE, 4000, lateness);
    assert.equal(pace.overMs(350, 3500, 4000), 0);
  });
});
