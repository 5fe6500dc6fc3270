/** busyPollMicros: a thread polls for so long after its last activity, and then sleeps. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rig } from "./fixtures/rig.ts";
import { SLOWNESS } from "./fixtures/waiting.ts";

const POLL_MS = 300;

describe("busyPollMicros", () => {
  it("keeps a thread awake that long after its last activity, and no longer; off by default", async (t) => {
    const busy: Record<string, number[]> = {};
    for (const [name, busyPollMicros] of Object.entries({ off: 0, on: POLL_MS * 1000 })) {
      const rig = await Rig.start(t, { workerThreads: 1, busyPollMicros });
      const { peer } = await rig.join();
      // The reserve is made once all is quiet, and takes its time.
      await pause(1500);
      for (let i = 0; i < 20; i++) assert.equal(await peer.ask("=go"), "=go");
      const polling = await busyPart(POLL_MS * 0.8);
      await pause(POLL_MS * 0.5);
      busy[name] = [polling, await busyPart(POLL_MS)];
      await rig.server.stop();
    }
    const [offSoon, offLater] = busy.off as [number, number];
    const [onSoon, onLater] = busy.on as [number, number];
    t.diagnostic(`part of a core, soon and later; off: ${offSoon}, ${offLater}; on: ${onSoon}, ${onLater}`);
    assert.ok(offSoon < 0.2 && offLater < 0.2, "nothing polls where it is not asked for");
    assert.ok(onSoon > 0.5 / SLOWNESS, "it polls");
    assert.ok(onLater < 0.2, "it has stopped by itself");
  });
});

/** The part of one core that this process uses for the next `ms`. */
async function busyPart(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  await pause(ms);
  const { user, system } = process.cpuUsage(before);
  return Number(((user + system) / 1000 / (performance.now() - began)).toFixed(2));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
