/** Many sessions are judged a few at a time: what is due for all of them at once must not stop the loop for long. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Sweeper } from "../../src/engine/sweeper.ts";
import { LanServer } from "../../src/index.ts";
import { MemoryNetwork, RawPeer, type Timer, VirtualClock } from "../../src/testing.ts";

const INTERVAL_MS = 125;
const AT_ONCE_MAX = 16;

/** Stands for a session; counts its sweeps. */
class Swept {
  readonly atMs: number[] = [];
  sweep(nowMs: number, sweepMs: number): void {
    assert.equal(sweepMs, INTERVAL_MS);
    this.atMs.push(nowMs);
  }
}

/** Time cannot be waited for backwards: Node warns of it. */
class PickyClock extends VirtualClock {
  override after(delayMs: number, task: () => void): Timer {
    assert.ok(delayMs >= 0, `a delay of ${delayMs} ms`);
    return super.after(delayMs, task);
  }
}

/** A sweeper over `count` of `slots`, and what was swept at each moment. */
function sweeping(slots: number, isThere: (slot: number) => boolean) {
  const clock = new PickyClock();
  const table = Array.from({ length: slots }, (_, slot) => (isThere(slot) ? new Swept() : undefined));
  const sweeper = new Sweeper(clock, INTERVAL_MS, {
    get slots() {
      return table.length;
    },
    at: (slot) => table[slot],
  });
  sweeper.start();
  return { clock, table, sweeper, there: () => table.filter((each) => each !== undefined) };
}

function countByMoment(swept: readonly Swept[]): number[] {
  const counts = new Map<number, number>();
  for (const { atMs } of swept) for (const ms of atMs) counts.set(ms, (counts.get(ms) ?? 0) + 1);
  return [...counts.values()];
}

describe("the sweeper", () => {
  it("sweeps every session once per interval, and 16 at once at the most", async () => {
    for (const slots of [1, 16, 17, 100, 1000, 1024]) {
      const { clock, there, sweeper } = sweeping(slots, () => true);
      await clock.advance(INTERVAL_MS * 10.99);
      sweeper.stop();
      for (const { atMs } of there()) {
        assert.equal(atMs.length, 10, `of ${slots}`);
        for (let i = 1; i < atMs.length; i++)
          assert.ok(Math.abs(atMs[i]! - atMs[i - 1]! - INTERVAL_MS) < 0.001);
      }
      assert.ok(Math.max(...countByMoment(there())) <= AT_ONCE_MAX, `of ${slots}`);
      assert.equal(clock.pendingTimers, 0);
    }
  });

  it("goes on in slices of an equal size where there are more than 1024", async () => {
    const { clock, there } = sweeping(10_000, () => true);
    await clock.advance(INTERVAL_MS * 3.99);
    for (const { atMs } of there()) assert.equal(atMs.length, 3);
    assert.ok(Math.max(...countByMoment(there())) <= 160);
  });

  it("wakes up once per interval where there are few", async () => {
    const { clock, there } = sweeping(16, (slot) => slot % 2 === 0);
    await clock.advance(INTERVAL_MS * 10.5);
    assert.equal(countByMoment(there()).length, 10);
  });

  it("finds sessions that join while it is under way", async () => {
    const { clock, table, there } = sweeping(1, () => true);
    await clock.advance(INTERVAL_MS * 1.5);
    for (let i = 0; i < 999; i++) table.push(new Swept());
    await clock.advance(INTERVAL_MS * 10);
    for (const { atMs } of there().slice(1)) assert.ok(atMs.length >= 9 && atMs.length <= 10);
    assert.equal(table[0]!.atMs.length, 11);
  });

  it("waits no negative time where a sweep comes later than the next was due", async () => {
    const { clock } = sweeping(32, () => true);
    await clock.advance(INTERVAL_MS); // the first slice; the second is due 2 ms later
    clock.block(INTERVAL_MS * 3);
    await clock.advance(INTERVAL_MS * 2);
  });

  it("catches up at once after the thread was blocked, and sweeps nobody twice for it", async () => {
    const { clock, there } = sweeping(1000, () => true);
    await clock.advance(INTERVAL_MS * 1.5);
    clock.block(INTERVAL_MS * 20);
    await clock.advance(0);
    for (const { atMs } of there()) assert.ok(atMs.length <= 2);
    await clock.advance(INTERVAL_MS);
    for (const { atMs } of there()) assert.ok(atMs.length >= 2 && atMs.length <= 3);
  });
});

class Quiet extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

describe("sessions that joined at the same time", () => {
  it("do not send their heartbeats at the same time", async () => {
    const network = new MemoryNetwork();
    const server = new Quiet();
    await server.start({ network, port: 7000 });
    const peers = await Promise.all(
      Array.from({ length: 300 }, () => RawPeer.dial(network, { ip: "127.0.0.1", port: 7000 })),
    );
    await network.clock.advance(1);
    const bytes = (): number => peers.reduce((sum, peer) => sum + peer.received.length, 0);
    let atOnce = 0;
    for (let before = bytes(), ms = 0; ms < 6000; ms++) {
      await network.clock.advance(1);
      const now = bytes();
      atOnce = Math.max(atOnce, (now - before) / 4);
      before = now;
    }
    assert.equal(bytes(), 300 * 2 * 4); // the first, and one more each
    assert.ok(atOnce <= AT_ONCE_MAX, `${atOnce} at once`);
    await network.clock.until(server.stop({ drainMs: 0 }));
  });
});
