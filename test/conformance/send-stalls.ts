/** Bytes that wait and that the kernel does not take: a peer that stalls is given up, a slow one is not. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { clog, frameBytes } from "../support/clog.ts";
import { numbered, utf8 } from "../support/frames.ts";
import { PATIENCE } from "../support/platform.ts";
import type { Subject } from "./suite.ts";

const STALL_MS = 300 * PATIENCE;

export const sendStalls: Subject = {
  name: "send stalls",
  tests(tell) {
    tell(
      "send-stalled: bytes were waiting and the kernel completed no write for sendStallMs",
      async (world) => {
        const { server, taken, sent } = await clog(world, { sendStallMs: 300 });
        const { leave } = await server.event("leave");
        assert.equal(leave?.reason, "send-stalled");
        assert.equal(leave.notSent.packets, taken() - sent());
        assert.equal(leave.notSent.bytes, (taken() - sent()) * frameBytes(world));
        assert(leave.notSent.packets > 0);
      },
    );

    tell("send-stalled: the client leaves the same way", async (world) => {
      const fill = { do: "fill", size: 60_000 } as const;
      const { client, peer } = await world.rawServed(
        { heartbeat: false, packetBytesMax: 60_000, sendQueueBytesMax: 600_040, sendStallMs: 300 },
        [{ on: "sendReady", do: [fill] }],
      );
      peer.pause();
      await client.command(fill);
      const { leave } = await client.event("leave");
      assert.equal(leave?.reason, "send-stalled");
      assert(leave.notSent.packets > 0);
    });

    tell("send-stalled: a peer with nothing to take is no stalled one", async (world) => {
      const options = { heartbeat: false, sendStallMs: 60 } as const;
      const { server, sessionId, peer } = await world.rawPair({ options });
      server.server.sendPacket(sessionId, Packet.from(utf8("taken")));
      await world.until(peer.receivedAtLeast(9));
      await world.pass(200);
      assert.equal(server.log.of("leave").length, 0);
    });

    tell("send-stalled: a peer that reads slowly is no stalled one", async (world) => {
      const { server, peer } = await clog(world, { sendStallMs: STALL_MS });
      const first = world.nowMs();
      while (world.nowMs() - first < 2 * STALL_MS) {
        const sends = server.log.of("send").length;
        peer.resume();
        await world.until(() => server.log.of("send").length > sends);
        peer.pause();
        await world.pass(STALL_MS / 6);
      }
      assert.equal(server.log.of("leave").length, 0);
    });

    tell("send-stalled: the others lose nothing", async (world) => {
      const { server } = await clog(world, { sendStallMs: 200 }, [
        { on: "recv", session: 2, do: [{ do: "echo" }] },
      ]);
      const client = await world.client(server, { heartbeat: false });
      await server.event("leave");
      for (let n = 0; n < 10; n++) client.client.sendPacket(Packet.from(numbered(n, 100)));
      await client.event("recv", { nth: 10 });
    });

    tell(
      "send-stalled: 30 000 ms by default",
      async (world) => {
        const { server } = await clog(world);
        await world.pass(29_000);
        assert.equal(server.log.of("leave").length, 0);
        await world.pass(7_000);
        assert.equal((await server.event("leave")).leave?.reason, "send-stalled");
      },
      "virtual time",
    );
  },
};
