/** What the handle and the threads' instances answer, whichever thread owns the session that is meant. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ServerStats, SessionStats } from "../../src/index.ts";
import { ObedientServer, type Order } from "./fixtures/obedient-server.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL } from "./fixtures/waiting.ts";

/** A server with one link on each of two threads. */
async function twoThreads(t: TestContext): Promise<{ rig: Rig; one: Link; two: Link }> {
  const rig = await Rig.start(t, { workerThreads: 2 });
  const [one, two] = await rig.joinMany(2);
  assert.deepEqual([one!.thread, two!.thread], [1, 2]);
  return { rig, one: one!, two: two! };
}

describe("start() on threads", () => {
  for (const workerThreads of [1, { created: 1 }, { created: 2, running: 1 }]) {
    const options = typeof workerThreads === "object" && workerThreads.created > 1 ? SEVERAL : {};
    it(`serves with workerThreads ${JSON.stringify(workerThreads)}`, options, async (t) => {
      const rig = await Rig.start(t, { workerThreads });
      const link = await rig.join();
      assert.equal(await link.peer.ask("=hello"), "=hello");
      assert.ok(link.thread >= 1);
    });
  }

  for (const [workerThreads, code, name] of [
    [-1, "OPTION_INVALID", /workerThreads/],
    [1.5, "OPTION_INVALID", /workerThreads/],
    [31, "OPTION_INVALID", /workerThreads/],
    [{ created: 2, running: 3 }, "OPTION_INVALID", /workerThreads\.running/],
    [{ created: 2, running: 0 }, "OPTION_INVALID", /workerThreads\.running/],
    [{ created: 2, runing: 1 }, "OPTION_UNKNOWN", /runing/],
  ] as const) {
    it(`refuses workerThreads ${JSON.stringify(workerThreads)}`, async () => {
      const started = new ObedientServer().start({ port: 0, workerThreads: workerThreads as number });
      await assert.rejects(started, { code, message: name });
    });
  }

  it("runs events on the threads, none on the handle", SEVERAL, async (t) => {
    const { rig, one, two } = await twoThreads(t);
    for (const link of [one, two]) {
      link.peer.send("hello");
      const { thread } = await rig.told("recv", ({ id }) => id === link.id);
      assert.equal(thread, link.thread);
      link.peer.socket.end();
      const left = await rig.told("leave", ({ id }) => id === link.id);
      assert.deepEqual([left.thread, left.leave.reason], [link.thread, "peer-closed"]);
    }
    assert.deepEqual(
      rig.reports.filter(({ thread }) => thread === 0),
      [],
    );
  });

  it("tells onClientJoin the thread and the addresses", SEVERAL, async (t) => {
    const { rig, two } = await twoThreads(t);
    const { client, thread } = await rig.told("join", ({ id }) => id === two.id);
    assert.deepEqual(
      { ...client, acceptedAtMs: 0 },
      {
        ip: "127.0.0.1",
        port: two.peer.port,
        localIp: "127.0.0.1",
        localPort: rig.address.port,
        acceptedAtMs: 0,
        thread: 2,
      },
    );
    assert.equal(thread, 2);
    assert.ok(Math.abs(client.acceptedAtMs - Date.now()) < 60_000);
  });
});

describe("a session of any thread, asked for by id and by host id", SEVERAL, () => {
  it("from the handle, from each thread, and inside events", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    for (const asker of ASKERS) {
      for (const owner of [1, 2] as const) {
        await t.test(`from ${asker}, session on thread ${owner}`, () => everyCall(rig, asker, owner));
      }
    }
  });

  it("disconnect with now resets, from the handle and from another thread", async (t) => {
    const { rig, one, two } = await twoThreads(t);
    assert.equal(rig.server.disconnect(one.id, { now: true }), true);
    assert.equal(await one.peer.closed, "ECONNRESET");
    assert.equal(await rig.ask(1, { order: "disconnect", target: two.id, now: true }), true);
    assert.equal(await two.peer.closed, "ECONNRESET");
  });

  it("disconnect on the handle ends sending at once, and says false the second time", async (t) => {
    const { rig, two } = await twoThreads(t);
    assert.equal(rig.server.disconnect(two.id), true);
    assert.equal(rig.server.disconnect(two.id), false);
    assert.equal(await rig.ask(0, { order: "sendPacket", target: two.id, text: "behind" }), false);
    assert.equal(rig.server.setHostId(two.id, "late"), false);
    await two.peer.closed;
    assert.deepEqual(two.peer.payloads, []);
  });
});

/** Who asks: the handle, each thread outside events, each thread in an event. */
const ASKERS = [
  "the handle",
  "thread 1",
  "thread 2",
  "an event on thread 1",
  "an event on thread 2",
] as const;

/** Each call of the interface by one asker, for a session of `owner`, with a link of its own on each thread. */
async function everyCall(rig: Rig, asker: (typeof ASKERS)[number], owner: 1 | 2): Promise<void> {
  const [one, two] = (await rig.joinMany(2)) as [Link, Link];
  assert.deepEqual([one.thread, two.thread], [1, 2]);
  const [link, other] = owner === 1 ? [one, two] : [two, one];
  const ask = (order: Order): Promise<unknown> => {
    if (asker === "the handle") return rig.ask(0, order);
    const at = asker.endsWith("1") ? 1 : 2;
    return asker.startsWith("an event") ? rig.askInEvent(at === 1 ? one : two, order) : rig.ask(at, order);
  };
  const before = rig.server.stats();

  assert.equal(await ask({ order: "getSessionCount" }), 2);
  assert.equal(await ask({ order: "sendPacket", target: link.id, text: "by id" }), true);
  assert.equal(await link.peer.next(), "by id");

  assert.equal(await ask({ order: "sendPacket", target: "northern", text: "nobody" }), false);
  assert.equal(await ask({ order: "setHostId", id: link.id, hostId: "northern" }), true);
  assert.equal(await ask({ order: "setHostId", id: other.id, hostId: "northern" }), false);
  assert.equal(await ask({ order: "setHostId", id: other.id, hostId: "northern", replace: true }), true);
  assert.equal(await ask({ order: "setHostId", id: link.id, hostId: "southern" }), true);
  assert.equal(await ask({ order: "sendPacket", target: "southern", text: "by name" }), true);
  assert.equal(await link.peer.next(), "by name");
  assert.equal(await ask({ order: "sendPacket", target: "northern", text: "to the other" }), true);
  assert.equal(await other.peer.next(), "to the other");

  assert.equal(await ask({ order: "broadcast", text: "to all" }), 2);
  assert.deepEqual(await Promise.all([link.peer.next(), other.peer.next()]), ["to all", "to all"]);
  assert.equal(await ask({ order: "broadcast", text: "to one", targets: ["southern", "nobody"] }), 1);
  assert.equal(await link.peer.next(), "to one");

  // The kernel has a packet a moment before its completed write is counted.
  const sent = async (): Promise<number> => ((await ask({ order: "stats" })) as ServerStats).sent.packets;
  while ((await sent()) < before.sent.packets + 6);
  assert.equal(await sent(), before.sent.packets + 6);
  for (const target of [link.id, "southern"]) {
    const figures = (await ask({ order: "sessionStats", target })) as SessionStats;
    assert.deepEqual([figures.sessionId, figures.hostId, figures.queuedBytes], [link.id, "southern", 0]);
    assert.equal(figures.sent.packets, 4);
  }
  const stats = (await ask({ order: "stats" })) as ServerStats;
  assert.deepEqual([stats.accepted - before.accepted, stats.sessions], [0, 2]);

  assert.equal(await ask({ order: "disconnect", target: "southern" }), true);
  await link.peer.closed;
  const { leave } = await rig.told("leave", ({ id }) => id === link.id);
  assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
  assert.equal(rig.server.getSessionCount(), 1);

  if (asker !== `an event on thread ${owner}`) {
    for (const target of [link.id, "southern"]) {
      assert.equal(await ask({ order: "disconnect", target }), false);
      assert.equal(await ask({ order: "sendPacket", target, text: "too late" }), false);
      assert.equal(await ask({ order: "sessionStats", target }), undefined);
    }
    assert.equal(await ask({ order: "setHostId", id: link.id, hostId: "western" }), false);
  }
  other.peer.socket.end();
  await rig.sessionsAre(0);
}

describe("onSendReady", SEVERAL, () => {
  for (const refused of [0, 1] as const) {
    const who = refused === 0 ? "the handle" : "another thread";
    it(`is raised on ${who} whose packet was refused, and nowhere else`, async (t) => {
      const rig = await Rig.start(t, {
        workerThreads: 2,
        packetBytesMax: 64 * 1024,
        sendQueueBytesMax: 1024 * 1024,
      });
      const [, two] = await rig.joinMany(2);
      const { peer, id, thread } = two!;
      assert.equal(thread, 2);
      peer.socket.pause();
      const fill = { order: "fill", target: id, count: 100_000, bytes: 32 * 1024 } as const;
      const taken = (await rig.ask(refused, fill)) as number;
      assert.ok(taken < fill.count);
      peer.onPayload = () => {};
      peer.socket.resume();
      const ready = await rig.told("sendReady");
      assert.deepEqual([ready.id, ready.thread], [id, refused]);
      assert.equal(await rig.ask(refused, { order: "sendPacket", target: id, text: "again" }), true);
      assert.equal(rig.all("sendReady").length, 1);
    });
  }
});
