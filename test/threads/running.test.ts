/** How many threads are in events at the same moment, and what goes on on a thread that waits for its turn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { COUNT, COUNT_CELLS, CrowdedServer } from "./fixtures/crowded-server.ts";
import { EchoLoop } from "./fixtures/echo-loop.ts";
import { frame, Peer } from "./fixtures/peer.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL, turnUntil } from "./fixtures/waiting.ts";

const KIB = 1024;

describe("running", SEVERAL, () => {
  for (const running of [1, 2, 4]) {
    it(`${running} of 4: no more threads are ever in events, and every thread has its turns`, async (t) => {
      const counts = new Int32Array(new SharedArrayBuffer(4 * COUNT_CELLS));
      const server = new CrowdedServer();
      t.after(() => server.stop({ drainMs: 0 }));
      const workerThreads = { created: 4, running };
      const where = await server.start({
        port: 0,
        workerThreads,
        heartbeat: false,
        workerData: counts.buffer,
      });
      const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.dial(where)));
      await turnUntil(() => server.getSessionCount() === 8, "all are there");
      const before = eventsPerThread(counts);
      const loops = peers.map((peer) => new EchoLoop(peer));
      await turnUntil(() => loops.reduce((sum, { received }) => sum + received, 0) >= 800, "800 echoes");
      const shares = eventsPerThread(counts).map((events, i) => events - before[i]!);
      await Promise.all(loops.map((loop) => loop.stop()));
      for (const { socket } of peers) socket.end();
      await Promise.all(peers.map(({ closed }) => closed));
      await server.stop();

      const batches = [1, 2, 3, 4].map((thread) => counts[COUNT.batches + thread]);
      t.diagnostic(
        `most at once: ${counts[COUNT.mostInEvents]}; events: ${shares.join(", ")}; batches: ${batches.join(", ")}`,
      );
      assert.equal(counts[COUNT.inEvents], 0);
      assert.equal(counts[COUNT.mostInEvents], running, "as many as may, and no more");
      assert.equal(counts[COUNT.strayEvents], 0, "no event outside a batch");
      const fair = shares.reduce((sum, share) => sum + share, 0) / 4;
      for (const share of shares) assert.ok(share > fair / 2 && share < fair * 2, `${shares}`);
    });
  }

  it("a thread that waits sends, beats, and is not blamed for it", async (t) => {
    const rig = await Rig.start(t, {
      workerThreads: { created: 2, running: 1 },
      heartbeat: { intervalMs: 40, timeoutMs: 400 },
    });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    const beating = setInterval(() => two.peer.send(""), 40);
    t.after(() => clearInterval(beating));
    await rig.hold(one);
    // Thread 2 waits from here on: it has a packet to tell.
    two.peer.send("for a handler");
    await turnUntil(
      () => (rig.server.sessionStats(two.id)?.received.packets ?? 0) > 0,
      "thread 2 has read it",
    );
    const beats = two.peer.heartbeats;
    for (let i = 0; i < 10; i++) {
      assert.equal(await rig.ask(0, { order: "sendPacket", target: two.id, text: `sent ${i}` }), true);
      assert.equal(await two.peer.next(), `sent ${i}`);
    }
    await turnUntil(() => two.peer.heartbeats >= beats + 5, "heartbeats go out");
    assert.deepEqual(rig.all("recv"), [], "all that while it waited");
    rig.letGo(one);
    const { text, thread } = await rig.told("recv");
    assert.deepEqual([text, thread], ["for a handler", 2]);
    assert.deepEqual(rig.all("leave"), []);
    assert.equal(await two.peer.ask("=still here"), "=still here");
  });

  it("an accepting thread that waits serves who came meanwhile, once it has its turn", async (t) => {
    const rig = await Rig.start(t, { workerThreads: { created: 2, running: 1 }, maxSessions: 10 });
    const [, two] = (await rig.joinMany(2)) as [Link, Link];
    await rig.hold(two);
    const before = rig.all("request").length;
    const peers = await Promise.all(Array.from({ length: 20 }, () => rig.dial()));
    for (let turn = 0; turn < 20; turn++) await rig.ask(1, { order: "getSessionCount" }); // its loop turns
    assert.equal(rig.all("request").length, before, "nobody was asked while it waited");
    rig.letGo(two);
    await rig.sessionsAre(10);
    await turnUntil(() => rig.server.stats().refused === 12, "those who find no place are refused");
    await turnUntil(() => peers.filter(({ socket }) => socket.closed).length === 12, "and reset");
    assert.equal(rig.server.getSessionCount(), 10);
  });

  it("a thread that waits reads no more than receiveQueueBytesMax per session", async (t) => {
    const receiveQueueBytesMax = 128 * KIB;
    const rig = await Rig.start(t, { workerThreads: { created: 2, running: 1 }, receiveQueueBytesMax });
    const [one, two, , four] = (await rig.joinMany(4)) as [Link, Link, Link, Link];
    assert.deepEqual([two.thread, four.thread], [2, 2]);
    await rig.hold(one);
    const sent = 1500;
    const flood = Buffer.concat(Array.from({ length: sent }, () => frame("x".repeat(1000))));
    for (const { peer } of [two, four]) peer.socket.write(flood);
    const read = (link: Link): number => rig.server.sessionStats(link.id)?.received.bytes ?? 0;
    for (const link of [two, four]) {
      await turnUntil(() => read(link) > receiveQueueBytesMax / 2, "it reads");
    }
    for (let turn = 0; turn < 50; turn++) await rig.ask(2, { order: "getSessionCount" }); // its loop turns
    const most = Math.max(read(two), read(four));
    t.diagnostic(`read while it waited: ${most} bytes per session at most`);
    assert.ok(most <= receiveQueueBytesMax + 64 * KIB, `${most}`);
    assert.deepEqual(rig.all("recv"), []);
    rig.letGo(one);
    // Nothing is lost: it goes on with its turn.
    await rig.until(() => rig.all("recv").length === 2 * sent, "everything is handled");
    for (const { text } of rig.all("recv")) assert.equal(text.length, 1000);
  });

  it("a thread that dies in a handler gives its turn back", async (t) => {
    const rig = await Rig.start(t, { workerThreads: { created: 3, running: 1 } });
    const [one, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    await rig.hold(two, { order: "exit" });
    one.peer.send("waits 1");
    three.peer.send("waits 3");
    for (const { id } of [one, three]) {
      await turnUntil(() => (rig.server.sessionStats(id)?.received.packets ?? 0) > 0, "its thread waits");
    }
    rig.letGo(two);
    await rig.until(() => rig.all("recv").length === 2, "both have their turns after the death");
    const fresh = await rig.servedBy(2);
    for (const { peer } of [one, three, fresh]) assert.equal(await peer.ask("=on"), "=on");
  });

  it("a thread that dies while it waits leaves the line", async (t) => {
    const rig = await Rig.start(t, { workerThreads: { created: 3, running: 1 } });
    const [one, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    await rig.hold(one);
    two.peer.send("waits first");
    await turnUntil(() => (rig.server.sessionStats(two.id)?.received.packets ?? 0) > 0, "thread 2 waits");
    three.peer.send("waits second");
    await turnUntil(() => (rig.server.sessionStats(three.id)?.received.packets ?? 0) > 0, "thread 3 waits");
    rig.tell(2, { order: "exit" }); // outside events
    await rig.told("error", ({ code }) => code === "THREAD_DIED");
    assert.deepEqual(rig.all("answer"), [], "while thread 1 had the turn");
    rig.letGo(one);
    const { text, thread } = await rig.told("recv");
    assert.deepEqual([text, thread], ["waits second", 3]);
    const { leave } = await rig.told("leave", ({ id }) => id === two.id);
    assert.equal(leave.reason, "thread-died");
    const fresh = await rig.servedBy(2);
    for (const { peer } of [one, three, fresh]) assert.equal(await peer.ask("=on"), "=on");
  });
});

describe("leaves that wait for a turn", SEVERAL, () => {
  it("are told by the handle where their thread dies first, as they were: reason, and once", async (t) => {
    const rig = await Rig.start(t, { workerThreads: { created: 3, running: 1 }, maxSessions: 5 });
    const links = await rig.joinMany(5);
    const [one, two, three, , five] = links as [Link, Link, Link, Link, Link];
    assert.deepEqual([two.thread, three.thread, five.thread], [2, 3, 2]);
    await rig.hold(three);
    two.peer.reset();
    five.peer.socket.end();
    await rig.sessionsAre(3);
    rig.tell(2, { order: "exit" }); // outside events
    await rig.told("error", ({ code }) => code === "THREAD_DIED");
    const leaves = [two, five].map(({ id }) => rig.all("leave").filter((report) => report.id === id));
    assert.deepEqual(
      leaves.map((all) => all.map(({ thread, leave }) => [thread, leave.reason])),
      [[[0, "reset"]], [[0, "peer-closed"]]],
    );
    rig.letGo(three);
    // Their places are free again.
    const fresh = [await rig.servedBy(2), await rig.servedBy(2)];
    assert.equal(rig.server.getSessionCount(), 5);
    for (const { peer } of [one, three, ...fresh]) assert.equal(await peer.ask("=on"), "=on");
  });
});

function eventsPerThread(counts: Int32Array): number[] {
  return [1, 2, 3, 4].map((thread) => Atomics.load(counts, COUNT.events + thread));
}
