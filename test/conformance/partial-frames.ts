/** Frames that are begun and not finished: a stalled one is reaped, a slow but moving one survives. */
import assert from "node:assert/strict";
import { EMPTY_FRAME, frame, utf8 } from "../support/frames.ts";
import type { Subject } from "./suite.ts";

const TIMEOUT_MS = 120;
const OPTIONS = { partialFrameTimeoutMs: TIMEOUT_MS, heartbeat: false } as const;

export const partialFrames: Subject = {
  name: "partial frames",
  concurrency: 4,
  tests(tell) {
    for (const [what, byteLength] of [
      ["header", 2],
      ["payload", 7],
    ] as const) {
      tell(`partial-frame-timeout: a frame that stalls in its ${what} is reaped`, async (world) => {
        const { server, peer } = await world.rawPair({ options: OPTIONS });
        await world.until(peer.send(frame(utf8("never finished")).subarray(0, byteLength)));
        const before = world.nowMs();
        const { leave } = await server.event("leave");
        const tookMs = world.nowMs() - before;
        assert.equal(leave?.reason, "partial-frame-timeout");
        assert(tookMs > TIMEOUT_MS * 0.7 && tookMs < TIMEOUT_MS * 2 + 1500, `took ${tookMs} ms`);
        await world.until(peer.ended);
      });
    }

    tell("partial-frame-timeout: a slow but moving frame survives, however long it takes", async (world) => {
      const { server, peer } = await world.rawPair({ options: OPTIONS });
      const slow = frame(utf8("slow, moving"));
      for (let at = 0; at < slow.length; at++) {
        await world.until(peer.send(slow.subarray(at, at + 1)));
        await world.pass(TIMEOUT_MS / 6);
      }
      await server.event("recv");
      assert.equal(server.log.of("leave").length, 0);
    });

    tell("partial-frame-timeout: a peer that is idle between frames is left alone", async (world) => {
      const { server, peer } = await world.rawPair({ options: OPTIONS });
      await world.until(peer.send(frame(utf8("whole"))));
      await world.pass(TIMEOUT_MS * 2);
      await world.until(peer.send(frame(utf8("whole"))));
      await server.event("recv", { nth: 2 });
      assert.equal(server.log.of("leave").length, 0);
    });

    tell("partial-frame-timeout: heartbeats of our own do not keep a stalled frame alive", async (world) => {
      const options = { partialFrameTimeoutMs: TIMEOUT_MS, heartbeat: { intervalMs: 20, timeoutMs: 5000 } };
      const { server, peer } = await world.rawPair({ options });
      await world.until(peer.send(Buffer.concat([EMPTY_FRAME, frame(utf8("cut short")).subarray(0, 6)])));
      assert.equal((await server.event("leave")).leave?.reason, "partial-frame-timeout");
    });

    tell("partial-frame-timeout: the client reaps its server the same way", async (world) => {
      const { client, peer } = await world.rawServed(OPTIONS);
      await world.until(peer.send(frame(utf8("never finished")).subarray(0, 5)));
      assert.equal((await client.event("leave")).leave?.reason, "partial-frame-timeout");
    });

    tell(
      "partial-frame-timeout: 30 000 ms by default",
      async (world) => {
        const { server, peer } = await world.rawPair({ options: { heartbeat: false } });
        await world.until(peer.send(frame(utf8("never finished")).subarray(0, 5)));
        await world.pass(29_000);
        assert.equal(server.log.of("leave").length, 0);
        await world.pass(7_000);
        assert.equal((await server.event("leave")).leave?.reason, "partial-frame-timeout");
      },
      "virtual time",
    );
  },
};
