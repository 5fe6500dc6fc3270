/** onWorkerThreadBegin and onWorkerThreadEnd: around each batch of events, on each thread. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Counters } from "../../src/base/counters.ts";
import { EventCaller } from "../../src/engine/event-caller.ts";
import { EndHookedServer, HookedServer } from "./fixtures/hooked-server.ts";
import { Rig } from "./fixtures/rig.ts";
import { SEVERAL } from "./fixtures/waiting.ts";

describe("the batch hooks", () => {
  for (const workerThreads of [2, { created: 2, running: 1 }]) {
    it(
      `alternate strictly on each thread, with every event between: ${JSON.stringify(workerThreads)}`,
      SEVERAL,
      async (t) => {
        const rig = await Rig.start(t, { workerThreads, sendQueueBytesMax: 2 ** 21 }, HookedServer);
        const links = await rig.joinMany(4);
        for (const { peer } of links) for (let i = 0; i < 20; i++) peer.send(`packet ${i}`);
        await rig.until(() => rig.all("recv").length === 80, "all packets are handled");
        // A refused packet and its onSendReady, on the other thread; an event that throws; orders; leaves.
        const [one, two, three, four] = links;
        two!.peer.socket.pause();
        await rig.askInEvent(one!, { order: "fill", target: two!.id, count: 10_000, bytes: 20_000 });
        two!.peer.onPayload = () => {};
        two!.peer.socket.resume();
        await rig.told("sendReady", ({ thread }) => thread === 1);
        rig.order(three!.peer, { order: "throw" });
        await rig.told("error", ({ code }) => code === "EVENT_THREW");
        four!.peer.reset();
        for (const { peer } of links) peer.socket.end();
        await rig.until(() => rig.all("leave").length === 4, "all leave");
        await rig.server.stop();
        await rig.until(() => rig.all("begin").length === rig.all("end").length, "the last batch has ended");

        for (const thread of [1, 2]) {
          const told = rig.reports.filter((report) => report.thread === thread).map((report) => report.told);
          let inBatch = false;
          let eventsInBatch = 0;
          let batches = 0;
          for (const name of told) {
            if (name === "answer" || name === "mark") continue; // not events
            assert.equal(
              name === "begin",
              !inBatch,
              `${name} ${inBatch ? "in" : "outside"} a batch: ${told}`,
            );
            if (name === "begin") {
              inBatch = true;
              eventsInBatch = 0;
            } else if (name === "end") {
              inBatch = false;
              batches++;
              assert.ok(eventsInBatch >= 0);
            } else {
              eventsInBatch++;
            }
          }
          assert.equal(inBatch, false);
          assert.ok(batches > 3, `${batches}`);
        }
        assert.deepEqual(
          rig.reports.filter(({ told, thread }) => thread === 0 && (told === "begin" || told === "end")),
          [],
          "none on the handle",
        );
      },
    );
  }

  it("may be overridden one without the other", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 1 }, EndHookedServer);
    const { peer } = await rig.join();
    peer.send("hello");
    await rig.told("recv");
    await rig.until(() => rig.reports.at(-1)?.told === "end", "an end follows");
  });

  it("cost nothing where neither is overridden: they are not called, and no batch is made", () => {
    const called: string[] = [];
    const events = {
      onError: () => called.push("onError"),
      onWorkerThreadBegin: () => called.push("begin"),
      onWorkerThreadEnd: () => called.push("end"),
    };
    const { nextTick } = process;
    let ticks = 0;
    process.nextTick = (...args: Parameters<typeof nextTick>) => {
      ticks++;
      nextTick(...args);
    };
    try {
      const caller = new EventCaller(events, new Counters(), false, null);
      caller.call("event", undefined, () => called.push("event"));
      assert.equal(caller.enter(), true);
    } finally {
      process.nextTick = nextTick;
    }
    assert.deepEqual([called, ticks], [["event"], 0]);
  });
});
