/** A thread dies: who hears of it, what becomes of its sessions, what the others notice (nothing), who comes next. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { EchoLoop } from "./fixtures/echo-loop.ts";
import { type Order, packetOf } from "./fixtures/obedient-server.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL, SLOWNESS, turnUntil } from "./fixtures/waiting.ts";

/**
 * Heap of the threads, so that it is exhausted soon. Not less: Node allows 16 MiB more to end a thread in order,
 * and young objects alone can be that much at once.
 */
const HEAP_MIB = 192;
const PORT_BACK_MS = 100 * SLOWNESS;

const DEATHS: Record<string, { readonly order: Order; readonly cause: RegExp }> = {
  "an error thrown outside events": { order: { order: "throwLater" }, cause: /thrown outside events/ },
  "a rejection that nobody handles": {
    order: { order: "rejectUnhandled" },
    cause: /rejected and not handled/,
  },
  "process.exit in a handler": { order: { order: "exit" }, cause: /exited with code 7/ },
  "an exhausted heap": { order: { order: "fillHeap" }, cause: /ERR_WORKER_OUT_OF_MEMORY|memory/ },
};

/** Threads made from here on, in this process, have a small heap. */
function smallHeaps(t: TestContext): void {
  setFlagsFromString(`--max-old-space-size=${HEAP_MIB}`);
  t.after(() => setFlagsFromString("--max-old-space-size=0"));
}

describe("the death of a thread", () => {
  it(
    "is told, its sessions are counted out, another takes its place, the rest goes on",
    SEVERAL,
    async (t) => {
      smallHeaps(t);
      const rig = await Rig.start(t, { workerThreads: 3 });
      const survivor = await rig.joinMany(3).then((links) => {
        const [one, two, three] = links as [Link, Link, Link];
        one.peer.socket.end();
        two.peer.socket.end();
        return three;
      });
      const echoes = new EchoLoop(survivor.peer);
      await rig.sessionsAre(1);
      let deaths = 0;
      for (const victim of [1, 2]) {
        for (const [name, { order, cause }] of Object.entries(DEATHS)) {
          await t.test(`thread ${victim} by ${name}`, async () => {
            // Two sessions on the victim; what goes to other threads is closed again.
            const links = (await rig.joinMany(4)).filter((link) => {
              if (link.thread !== victim) link.peer.socket.end();
              return link.thread === victim;
            });
            assert.equal(links.length, 2, `placed on ${victim}`);
            await rig.sessionsAre(3);
            await echoes.goRound(10);
            const before = rig.server.stats();

            rig.order(links[0]!.peer, order);
            for (const { id, peer } of links) {
              await peer.closed;
              const left = await rig.told("leave", (report) => report.id === id);
              assert.deepEqual([left.thread, left.leave.reason], [0, "thread-died"]);
              assert.ok(left.leave.cause instanceof Error);
              assert.match(String((left.leave.cause as { code?: string }).code ?? left.leave.cause), cause);
            }
            deaths++;
            await rig.until(() => rig.all("error").length === deaths, "the death is told");
            const told = rig.all("error").at(-1)!;
            assert.deepEqual([told.thread, told.code], [0, "THREAD_DIED"]);
            assert.match(told.message, new RegExp(`thread ${victim}`));
            assert.ok(told.cause instanceof Error);
            assert.match(`${(told.cause as { code?: string }).code} ${told.cause}`, cause);
            const after = rig.server.stats();
            assert.equal((after.left["thread-died"] ?? 0) - (before.left["thread-died"] ?? 0), 2);
            assert.equal(after.errors.THREAD_DIED, deaths);
            assert.equal(after.accepted, after.sessions + sum(Object.values(after.left)));

            (await rig.servedBy(victim)).peer.socket.end();
            await rig.sessionsAre(1);
            await echoes.goRound(10);
          });
        }
      }
      await echoes.stop();
      assert.equal(rig.all("leave").filter(({ id }) => id === survivor.id).length, 0);
      const isEven = (): boolean =>
        rig.all("join").length === rig.all("leave").length + rig.server.getSessionCount();
      await rig.until(isEven, "joins are leaves and sessions, once all threads have told");
    },
  );

  it("leaves its sessions' names and places to others", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2, maxSessions: 4 });
    const links = await rig.joinMany(4);
    for (const [i, { id }] of links.entries()) assert.equal(rig.server.setHostId(id, `host ${i}`), true);
    rig.order(links[1]!.peer, { order: "exit" });
    await rig.until(() => rig.all("leave").length === 2, "its sessions are counted out");
    for (const i of [1, 3]) {
      const { id } = links[i]!;
      for (const target of [id, `host ${i}`]) {
        assert.equal(await rig.ask(0, { order: "sendPacket", target, text: "late" }), false);
        assert.equal(await rig.ask(1, { order: "sendPacket", target, text: "late" }), false);
        assert.equal(rig.server.disconnect(target), false);
        assert.equal(rig.server.sessionStats(target), undefined);
      }
      assert.equal(rig.server.setHostId(id, "late"), false);
    }
    await rig.servedBy(2);
    const [come] = await rig.joinMany(1);
    assert.equal(rig.server.setHostId(come!.id, "host 1"), true);
    assert.equal(await rig.ask(1, { order: "sendPacket", target: "host 1", text: "by name" }), true);
    assert.equal(await come!.peer.next(), "by name");
    assert.equal(await rig.refused(), "ECONNRESET", "all four places are taken");
  });

  it("notSent counts what the handle had taken and the thread never saw", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 1 });
    const link = await rig.join();
    const { id, peer } = link;
    const fill = { order: "fill", target: id, count: 100, bytes: 500 } as const;
    assert.equal(await rig.ask(0, fill), 100);
    await turnUntil(() => peer.payloads.length === 100, "the first hundred arrive");
    await turnUntil(() => rig.server.stats().sent.packets === 100, "their writes are counted");
    await rig.hold(link, { order: "exit" });
    assert.equal(await rig.ask(0, fill), 100);
    rig.letGo(link);
    const { leave } = await rig.told("leave");
    const sent = rig.server.stats().sent.packets;
    assert.deepEqual([leave.reason, leave.notSent.packets], ["thread-died", 200 - sent]);
    assert.equal(leave.notSent.bytes, (200 - sent) * 504);
  });

  it(
    "of a sender, out of memory, takes nothing away from a session of another thread for good",
    SEVERAL,
    async (t) => {
      smallHeaps(t);
      const rig = await Rig.start(t, {
        workerThreads: 2,
        packetBytesMax: 64 * 1024,
        sendQueueBytesMax: 1024 * 1024,
      });
      const [one, two] = (await rig.joinMany(2)) as [Link, Link];
      // Taken in the same turn as the end: never posted.
      const fill = { order: "fill", target: one.id, count: 50, bytes: 10_000 } as const;
      rig.order(two.peer, { order: "all", orders: [fill, { order: "fillHeap" }] });
      await rig.told("error", ({ code }) => code === "THREAD_DIED");
      one.peer.onPayload = () => {};
      await turnUntil(() => rig.server.sessionStats(one.id)?.queuedBytes === 0, "nothing is queued any more");
      const whole = (await rig.ask(0, { ...fill, count: 100 })) as number;
      assert.equal(whole, 100, "the whole queue is there again");
      const began = performance.now();
      rig.server.disconnect(one.id);
      await rig.told("leave", ({ id }) => id === one.id);
      assert.ok(performance.now() - began < 4000, "disconnect does not wait for what never comes");
    },
  );

  it("of threads that die again and again is answered with longer and longer pauses", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    const echoes = new EchoLoop(one.peer);
    rig.doomed = 2;
    const diedAtMs: number[] = [];
    rig.order(two.peer, { order: "exit" });
    for (let death = 1; death <= 6; death++) {
      await rig.until(() => rig.all("error").length === death, "the death is told");
      diedAtMs.push(performance.now());
    }
    rig.doomed = 0;
    const between = diedAtMs.slice(1).map((ms, i) => Math.round(ms - diedAtMs[i]!));
    t.diagnostic(`ms between deaths: ${between.join(", ")}`);
    for (const [i, pauseMs] of [200, 400, 800].entries()) assert.ok(between[i + 2]! >= pauseMs, `${between}`);
    await echoes.goRound(10);
    await rig.servedBy(2);
    await echoes.stop();
  });

  it("gives the same port back within 100 ms", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const fromNoticed: number[] = [];
    const fromKill: number[] = [];
    for (let round = 0; round < 5; round++) {
      const link = await rig.servedBy(1);
      // A thread that has settled is replaced at once, by one in reserve, once there is one.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const killedAtMs = performance.now();
      rig.order(link.peer, { order: "exit" });
      await rig.until(() => rig.all("error").length === round + 1, "the death is told");
      const noticedAtMs = performance.now();
      const peer = await rig.served();
      fromNoticed.push(performance.now() - noticedAtMs);
      fromKill.push(performance.now() - killedAtMs);
      peer.socket.end();
    }
    const show = (all: number[]): string => all.map((ms) => ms.toFixed(1)).join(", ");
    t.diagnostic(`at most ${PORT_BACK_MS.toFixed()} ms, as the machine is loaded`);
    t.diagnostic(
      `ms from the death noticed to an echo: ${show(fromNoticed)}; from the kill: ${show(fromKill)}`,
    );
    assert.ok(median(fromNoticed) <= PORT_BACK_MS, show(fromNoticed));
    assert.ok(median(fromKill) <= 2 * PORT_BACK_MS, show(fromKill));
  });

  it("gives a path back", async (t) => {
    const path =
      process.platform === "win32"
        ? `\\\\.\\pipe\\lanwire-death-${process.pid}`
        : `/tmp/lanwire-death-${process.pid}.sock`;
    const rig = await Rig.start(t, { workerThreads: 1, path });
    const peer = await rig.dial();
    assert.equal(await peer.ask("=before"), "=before");
    rig.order(peer, { order: "exit" });
    await peer.closed;
    await rig.told("error", ({ code }) => code === "THREAD_DIED");
    const back = await rig.served();
    back.socket.end();
  });
});

describe("the death of a thread, while another is too busy to hear of it", SEVERAL, () => {
  it("costs no connection that comes meanwhile its place", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2, maxSessions: 20 });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    await rig.hold(one);
    rig.order(two.peer, { order: "exit" });
    await rig.told("error", ({ code }) => code === "THREAD_DIED");
    await turnUntil(() => rig.assigned.length === 3, "another is thread 2");
    // The accepting thread still knows the dead one; connections wait in the kernel.
    const peers = await Promise.all(Array.from({ length: 8 }, () => rig.dial()));
    for (const peer of peers) peer.send("=hello");
    rig.letGo(one);
    await turnUntil(
      () => peers.every(({ payloads, socket }) => payloads.length === 1 || socket.closed),
      "all are served, or reset",
    );
    assert.equal(peers.filter(({ payloads }) => payloads.length === 1).length, 8, "served");
    assert.equal(rig.server.getSessionCount(), 9);
    for (const { socket } of peers) socket.destroy();
    await rig.sessionsAre(1);
  });

  it("costs no packet to a session of the thread that came in its place", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3 });
    const [one, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    assert.deepEqual([one.thread, two.thread, three.thread], [1, 2, 3]);
    const broadcast = { order: "broadcast", text: "to all" } as const;
    await rig.hold(three, broadcast);
    rig.order(two.peer, { order: "exit" });
    await rig.told("error", ({ code }) => code === "THREAD_DIED");
    await turnUntil(() => rig.assigned.length === 4, "another is thread 2");
    const come = await rig.servedBy(2);
    rig.letGo(three);
    const { answer } = await rig.told("answer", ({ thread }) => thread === 3);
    assert.deepEqual(answer, [undefined, 3]);
    for (const { peer } of [one, three, come]) assert.equal(await peer.next(), "to all");
    assert.equal(await three.peer.ask("=on"), "=on");
  });
});

describe(
  "the death of a thread that had taken packets for another's session and not posted them",
  SEVERAL,
  () => {
    const KIB = 1024;
    const SMALL_QUEUES = { workerThreads: 2, packetBytesMax: KIB, sendQueueBytesMax: 3 * KIB } as const;
    /** The thread of `filler` fills the session of `target` with less than a batch, and is held; let go, it exhausts its heap. */
    async function fillAndHold(rig: Rig, filler: Link, target: Link): Promise<void> {
      const fill: Order = { order: "fill", target: target.id, count: 1000, bytes: 200 };
      rig.order(filler.peer, { order: "all", orders: [fill, { order: "hold" }, { order: "fillHeap" }] });
      await rig.told("mark");
    }

    it("keeps no session from draining: it waits for nothing that cannot come", async (t) => {
      smallHeaps(t);
      const rig = await Rig.start(t, { ...SMALL_QUEUES, disconnectDrainMs: 600_000 });
      const [one, two] = (await rig.joinMany(2)) as [Link, Link];
      await fillAndHold(rig, two, one);
      assert.equal(rig.server.disconnect(one.id), true);
      // It drains: it takes nothing more.
      await turnUntil(() => !rig.server.setHostId(one.id, "too late"), "it leaves");
      rig.letGo(two);
      const { leave } = await rig.told("leave", ({ id }) => id === one.id);
      assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
      assert.equal(await one.peer.closed, undefined, "in order");
    });

    it("makes room, and who was refused is told", async (t) => {
      smallHeaps(t);
      const rig = await Rig.start(t, SMALL_QUEUES);
      const [one, two] = (await rig.joinMany(2)) as [Link, Link];
      await fillAndHold(rig, two, one);
      assert.equal(rig.server.sendPacket(one.id, packetOf("x".repeat(KIB))), false);
      rig.letGo(two);
      await rig.told("sendReady", ({ id, thread }) => id === one.id && thread === 0);
    });
  },
);

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
