/** Races of real threads, each held inside a handler at a chosen point and let go when the others are where they should be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL } from "./fixtures/waiting.ts";

describe("threads held at chosen points", SEVERAL, () => {
  it("two claim one host id at the same moment: one has it, and only its session is reached by it", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    const won = { 1: 0, 2: 0 } as Record<number, number>;
    for (let round = 0; round < 50; round++) {
      const hostId = `host ${round}`;
      const before = rig.all("answer").length;
      for (const link of [one, two]) await rig.hold(link, { order: "setHostId", id: link.id, hostId });
      for (const link of round % 2 === 0 ? [one, two] : [two, one]) rig.letGo(link);
      await rig.until(() => rig.all("answer").length === before + 2, "both have asked");
      const answers = rig.all("answer").slice(before);
      const winners = answers.filter(({ answer }) => (answer as unknown[])[1] === true);
      assert.equal(winners.length, 1, JSON.stringify(answers));
      const winner = winners[0]!.thread === 1 ? one : two;
      won[winner.thread]! += 1;
      const loser = winner === one ? two : one;
      assert.equal(await rig.ask(loser.thread, { order: "sendPacket", target: hostId, text: hostId }), true);
      assert.equal(await winner.peer.next(), hostId);
      assert.deepEqual(loser.peer.payloads, []);
    }
    t.diagnostic(`won: ${JSON.stringify(won)}`);
  });

  it("one sends to a session that has left meanwhile, and whose slot another has: nobody gets it", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3, maxSessions: 3 });
    const [, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    assert.ok(rig.server.setHostId(two.id, "two"));
    const orders = [
      { order: "sendPacket", target: two.id, text: "too late" },
      { order: "disconnect", target: two.id },
      { order: "setHostId", id: two.id, hostId: "late" },
      { order: "sendPacket", target: "two", text: "too late" },
      { order: "getSessionCount" },
    ] as const;
    await rig.hold(three, ...orders);
    two.peer.reset();
    await rig.told("leave", ({ id }) => id === two.id);
    const next = await rig.join();
    assert.deepEqual([next.thread, next.id % 2 ** 20], [2, two.id % 2 ** 20], "the same slot");
    rig.letGo(three);
    const { answer } = await rig.told("answer", ({ thread }) => thread === 3);
    assert.deepEqual(answer, [undefined, false, false, false, false, 3]);
    assert.equal(await next.peer.ask("=mine"), "=mine");
    assert.equal(rig.server.sessionStats(next.id)?.hostId, undefined);
  });

  it("one sends while the session's thread cannot hear that its peer has gone: taken, and told as not sent", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3, maxSessions: 3 });
    const [, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    await rig.hold(two);
    two.peer.reset();
    await two.peer.closed;
    const fill = { order: "fill", target: two.id, count: 10, bytes: 100 } as const;
    assert.equal(await rig.ask(3, fill), 10);
    assert.equal(await rig.ask(0, fill), 10);
    const sent = rig.server.stats().sent.packets;
    rig.letGo(two);
    const { leave } = await rig.told("leave", ({ id }) => id === two.id);
    const { packets } = leave.notSent;
    assert.equal(packets + rig.server.stats().sent.packets - sent, 20);
    // The slot's next session has nothing of it.
    const next = await rig.join();
    assert.equal(next.id % 2 ** 20, two.id % 2 ** 20);
    assert.equal(rig.server.sessionStats(next.id)?.queuedBytes, 0);
    assert.equal(await next.peer.ask("=mine"), "=mine");
    assert.equal(await three.peer.ask("=on"), "=on");
  });

  it("stop comes while one is about to die: every session has one leave, whoever is first", async (t) => {
    for (const first of ["stop", "death"] as const) {
      const rig = await Rig.start(t, { workerThreads: 2 });
      const [one, two] = (await rig.joinMany(2)) as [Link, Link];
      await rig.hold(two, { order: "exit" });
      if (first === "death") {
        rig.letGo(two);
        await two.peer.closed;
      }
      const stopped = rig.server.stop({ drainMs: 2000 });
      if (first === "stop") {
        await one.peer.closed; // thread 1 has heard of it
        rig.letGo(two);
      }
      await stopped;
      await rig.until(() => rig.all("leave").length >= 2, "both leaves are told");
      assert.deepEqual(
        rig
          .all("leave")
          .map(({ id }) => id)
          .sort(),
        [one.id, two.id].sort(),
        first,
      );
      assert.equal(rig.server.getSessionCount(), 0);
    }
  });
});
