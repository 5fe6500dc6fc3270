/** onWorkerThreadBegin and onWorkerThreadEnd: around each batch of events. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { frame, numbered, utf8 } from "../support/frames.ts";
import type { EventRecord } from "../support/script.ts";
import type { World } from "../support/world.ts";
import type { Subject } from "./suite.ts";

const FRAMES = 500;

export const eventsAndBatches: Subject = {
  name: "batches of events",
  tests(tell) {
    tell("the server's events all lie between a begin and its end", async (world) => {
      const { server } = await busyServer(world);
      assertBatched(server.log.records);
    });

    tell("the client's events all lie between a begin and its end", async (world) => {
      const client = world.newClient([{ on: "recv", do: [{ do: "echo" }] }], { batched: true });
      const server = await world.server();
      await client.connect(server);
      const sessionId = await server.joined();
      for (let n = 0; n < 50; n++) server.server.sendPacket(sessionId, Packet.from(numbered(n, 40)));
      await server.event("recv", { nth: 50 });
      await client.disconnect();
      assertBatched(client.log.records);
    });

    tell(
      "a batch is all that one callback of the loop leads to: packets of one read share it",
      async (world) => {
        const { server } = await busyServer(world);
        const batches = server.log.records.filter(({ event }) => event === "begin").length;
        assert.equal(server.log.of("recv").length, FRAMES);
        assert(batches < FRAMES / 2, `${batches} batches`);
      },
    );

    tell("a batch has an event in it", async (world) => {
      const { server } = await busyServer(world);
      const { records } = server.log;
      for (const [at, { event }] of records.entries())
        if (event === "begin")
          assert.notEqual(records[at + 1]?.event, "end", `batch at record ${at} is empty`);
    });

    tell("disconnect and sendPacket in begin and end run no event inside them", async (world) => {
      const send = { do: "send", to: { joined: 1 }, bytes: utf8("x") } as const;
      const script = [
        { on: "begin", do: [send] },
        { on: "end", do: [send] },
        { on: "end", nth: 4, do: [{ do: "disconnect", to: { joined: 1 }, now: true }] },
      ] as const;
      const server = world.newServer(script, { batched: true });
      await server.start();
      const client = world.newClient([{ on: "join", do: [{ do: "send", bytes: utf8("y") }] }]);
      await client.connect(server).catch(() => {}); // the reset may come before it knows that it is connected
      await server.event("leave");
      assertBatched(server.log.records);
    });
  },
};

async function busyServer(world: World) {
  const server = world.newServer([{ on: "recv", do: [{ do: "echo" }] }], { batched: true });
  await server.start();
  const peer = await world.peer(server);
  void peer.send(Buffer.concat(Array.from({ length: FRAMES }, (_, n) => frame(numbered(n, 12)))));
  await server.event("recv", { nth: FRAMES });
  await world.until(peer.receivedAtLeast(FRAMES * 16));
  peer.end();
  await server.event("leave");
  await server.stop();
  return { server };
}

function assertBatched(records: readonly EventRecord[]): void {
  let inBatch = false;
  for (const { event } of records) {
    if (event === "begin") assert.equal(inBatch, false, "a batch began inside a batch");
    else assert.equal(inBatch, true, `"${event}" is in no batch`);
    inBatch = event !== "end";
  }
  assert.equal(inBatch, false, "the last batch did not end");
}
