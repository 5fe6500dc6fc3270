import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Timer } from "../../src/base/clock.ts";
import { VIRTUAL_EPOCH_MS, VirtualClock } from "../../src/testing.ts";

function recorder(clock: VirtualClock): {
  readonly log: string[];
  readonly note: (what: string) => () => void;
} {
  const log: string[] = [];
  return { log, note: (what) => () => log.push(`${clock.nowMs()} ${what}`) };
}

describe("VirtualClock", () => {
  it("starts at 0 and at a fixed date, and stands still", async () => {
    const clock = new VirtualClock();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(clock.nowMs(), 0);
    assert.equal(clock.epochMs(), Date.UTC(2026, 0, 1));
    await clock.advance(1500);
    assert.equal(clock.nowMs(), 1500);
    assert.equal(clock.epochMs(), VIRTUAL_EPOCH_MS + 1500);
  });

  it("runs tasks by time, and by creation where the time is the same", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.after(20, note("c"));
    clock.after(10, note("a"));
    clock.after(20, note("d"));
    clock.after(10, () => {
      note("b")();
      clock.after(0, note("follows b"));
      clock.after(10, note("e"));
    });
    await clock.advance(15);
    assert.deepEqual(log, ["10 a", "10 b", "10 follows b"]);
    assert.equal(clock.nowMs(), 15);
    await clock.advance(5);
    assert.deepEqual(log.slice(3), ["20 c", "20 d", "20 e"]);
  });

  it("runs any set of tasks in the order (time, creation), without those that were cancelled", async () => {
    const tasks = fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 20 }), cancelled: fc.boolean() }));
    const property = fc.asyncProperty(tasks, async (given) => {
      const clock = new VirtualClock();
      const ran: number[] = [];
      const timers: Timer[] = given.map(({ delayMs }, index) => clock.after(delayMs, () => ran.push(index)));
      for (const [index, { cancelled }] of given.entries()) if (cancelled) timers[index]!.cancel();
      await clock.advance(20);
      const indexes = [...given.keys()].filter((index) => !given[index]!.cancelled);
      assert.deepEqual(
        ran,
        indexes.sort((a, b) => given[a]!.delayMs - given[b]!.delayMs || a - b),
      );
      assert.equal(clock.pendingTimers, 0);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("lets ticks and promises settle between two tasks of the same time", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.after(5, () => {
      process.nextTick(note("tick"));
      void Promise.resolve().then(() => Promise.resolve().then(note("promise")));
    });
    clock.after(5, note("second task"));
    await clock.advance(5);
    assert.deepEqual(log, ["5 tick", "5 promise", "5 second task"]);
  });

  it("lets an immediate of the application act before the time moves on", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.after(5, () => setImmediate(() => clock.after(0, note("from an immediate"))));
    clock.after(6, note("later"));
    await clock.advance(10);
    assert.deepEqual(log, ["5 from an immediate", "6 later"]);
  });

  it("runs what is due now by itself, later, and waits with everything else", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.after(1, note("not yet"));
    const done = new Promise<void>((resolve) => {
      clock.after(0, note("now"));
      clock.after(-5, resolve);
    });
    assert.deepEqual(log, []);
    await done;
    assert.deepEqual(log, ["0 now"]);
  });

  it("runs afterPendingReads behind everything that is due now and what it leads to", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.afterPendingReads(note("judged"));
    clock.afterPendingReads(note("cancelled")).cancel();
    clock.after(0, () => clock.after(0, () => clock.after(0, note("read"))));
    await clock.advance(0);
    assert.deepEqual(log, ["0 read", "0 judged"]);
  });

  it("cancel is idempotent, also after the call", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    const ran = clock.after(1, note("ran"));
    const not = clock.after(2, note("did not run"));
    not.cancel();
    not.cancel();
    await clock.advance(3);
    ran.cancel();
    assert.deepEqual(log, ["1 ran"]);
  });

  it("block moves the time at once; what came due runs late, in order", async () => {
    const clock = new VirtualClock();
    const { log, note } = recorder(clock);
    clock.after(30, note("deadline"));
    clock.after(10, () => {
      clock.block(100);
      note("blocked")();
    });
    clock.after(20, note("heartbeat"));
    await clock.advance(50);
    assert.deepEqual(log, ["110 blocked", "110 heartbeat", "110 deadline"]);
    assert.equal(clock.nowMs(), 110);
  });

  it("refuses a second mover, and options that do not exist", async () => {
    const clock = new VirtualClock();
    const moving = clock.advance(1);
    await assert.rejects(clock.advance(1), /another advance\(\) or until\(\)/);
    await moving;
    await assert.rejects(clock.advance(-1), { code: "OPTION_INVALID" });
    assert.throws(() => new VirtualClock({ speed: 2 } as object), { code: "OPTION_UNKNOWN" });
  });

  it("tells when the time cannot move because the present never ends", async () => {
    const clock = new VirtualClock({ tasksPerInstantMax: 100 });
    let goesOn = true;
    const again = (): void => void (goesOn && clock.after(0, again));
    again();
    await assert.rejects(clock.advance(1), /Cannot move the clock past 0 ms: 100 tasks ran/);
    goesOn = false;
  });
});

describe("VirtualClock.until", () => {
  it("moves the time as far as a promise needs, and gives its value", async () => {
    const clock = new VirtualClock();
    const goal = new Promise<string>((resolve) => clock.after(250, () => resolve("there")));
    clock.after(900, assert.fail);
    assert.equal(await clock.until(goal), "there");
    assert.equal(clock.nowMs(), 250);
  });

  it("passes a rejection on", async () => {
    const clock = new VirtualClock();
    const goal = new Promise((_, reject) => clock.after(5, () => reject(new Error("broke"))));
    await assert.rejects(clock.until(goal), /broke/);
  });

  it("moves the time until a function answers true, and not at all where it does already", async () => {
    const clock = new VirtualClock();
    let count = 0;
    const tick = (): void => {
      count++;
      clock.after(10, tick);
    };
    tick();
    await clock.until(() => count === 4);
    assert.equal(clock.nowMs(), 30);
    await clock.until(() => true);
    assert.equal(clock.nowMs(), 30);
  });

  it("rejects when nothing is scheduled any more", async () => {
    const clock = new VirtualClock();
    clock.after(40, () => {});
    await assert.rejects(
      clock.until(new Promise(() => {})),
      /nothing is scheduled any more \(virtual time 40 ms\)/,
    );
  });

  it("rejects when its limit has passed, five minutes by default", async () => {
    const clock = new VirtualClock();
    const tick = (): void => void clock.after(60, tick);
    tick();
    await assert.rejects(
      clock.until(() => false, { limitMs: 100 }),
      /limitMs 100 has passed and 1 tasks are scheduled/,
    );
    assert.equal(clock.nowMs(), 100);
    await assert.rejects(
      clock.until(() => false),
      /limitMs 300000 has passed/,
    );
  });
});
