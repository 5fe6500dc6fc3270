/** stop: every thread ends, every leave runs, in time, and nothing keeps the process up. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { PATIENCE } from "../support/platform.ts";
import { waitedWithOthersMs, waitsMs } from "../support/processor.ts";
import { EchoLoop } from "./fixtures/echo-loop.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL, SLOWNESS, turnUntil, within } from "./fixtures/waiting.ts";

/** What stop may take beyond its drainMs. What its threads waited for a processor that others had is not its own. */
const BEYOND_MS = 100 * PATIENCE;

describe("stop() on the handle", () => {
  it(
    "ends every session on every thread with a leave there, and the server may start again",
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, { workerThreads: 3 });
      const links = await rig.joinMany(9);
      const before = rig.address.port;
      const { took } = await timed(() => rig.server.stop({ drainMs: 1000 }));
      assert.ok(took < 1000, `${took} ms, though nothing had to drain`);
      for (const { id, thread, peer } of links) {
        const left = await rig.told("leave", (report) => report.id === id);
        assert.deepEqual([left.thread, left.leave.reason], [thread, "server-stopped"]);
        assert.equal(await peer.closed, undefined, "in order, not reset");
      }
      assert.equal(rig.all("leave").length, 9);
      assert.equal(rig.server.getSessionCount(), 0);
      await assert.rejects(rig.dial(), { code: "ECONNREFUSED" });

      rig.address = await rig.server.start({ port: before, workerThreads: 1, heartbeat: false });
      assert.equal(rig.address.port, before);
      const peer = await rig.dial();
      assert.equal(await peer.ask("=again"), "=again");
    },
  );

  it(
    "lets out what was taken on the handle before it, and what other threads had taken",
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, { workerThreads: 2 });
      const [, two] = (await rig.joinMany(2)) as [Link, Link];
      const fill = { order: "fill", target: two.id, count: 500, bytes: 1000 } as const;
      assert.equal(await rig.ask(1, fill), 500);
      assert.equal(await rig.ask(0, fill), 500);
      await rig.server.stop({ drainMs: 5000 });
      await two.peer.closed;
      assert.equal(two.peer.payloads.length, 1000);
      const { leave } = await rig.told("leave", ({ id }) => id === two.id);
      assert.deepEqual(leave, { reason: "server-stopped", notSent: { packets: 0, bytes: 0 } });
    },
  );

  it(
    "resolves in time with peers that do not read, and those leave with what was not sent",
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, { workerThreads: 2 });
      const links = await rig.joinMany(2);
      let taken = 0;
      for (const { id, peer } of links) {
        peer.socket.pause();
        for (let now = 1; now > 0; ) {
          now = (await rig.ask(0, { order: "fill", target: id, count: 10_000, bytes: 30_000 })) as number;
          taken += now;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const { took, waited } = await timed(() => rig.server.stop({ drainMs: 200 }));
      t.diagnostic(`${took.toFixed(1)} ms with drainMs 200`);
      assert.ok(took >= 199 && took - waited < 200 + BEYOND_MS, `${took} ms, waited ${waited}`);
      await rig.until(() => rig.all("leave").length === 2, "both leaves are heard of");
      const notSent = rig.all("leave").reduce((sum, { leave }) => sum + leave.notSent.packets, 0);
      assert.ok(notSent > 0 && notSent < taken);
    },
  );

  const STUCK = {
    "an endless loop": { order: "spinForever" },
    "an endless loop that asks for names": { order: "askForever" },
  } as const;
  for (const [name, order] of Object.entries(STUCK)) {
    it(
      `resolves in time with a thread in ${name}; its sessions are counted out, the others leave`,
      SEVERAL,
      async (t) => {
        const rig = await Rig.start(t, { workerThreads: 2 });
        const links = await rig.joinMany(4);
        const stuck = links.filter(({ thread }) => thread === 2);
        assert.equal(rig.server.setHostId(links[0]!.id, "somebody"), true);
        rig.order(stuck[0]!.peer, order);
        await rig.told("mark");
        const { took, waited } = await timed(() => rig.server.stop({ drainMs: 100 }));
        t.diagnostic(`${took.toFixed(1)} ms with drainMs 100`);
        assert.ok(took - waited < 100 + BEYOND_MS, `${took} ms, waited ${waited}`);
        await rig.until(() => rig.all("leave").length === 4, "every leave is heard of");
        const leaves = links.map(({ id }) => rig.all("leave").filter((report) => report.id === id));
        assert.deepEqual(
          leaves.map((all) => all.map(({ thread, leave }) => [thread, leave.reason])),
          links.map(({ thread }) => [[thread === 2 ? 0 : 1, "server-stopped"]]),
        );
      },
    );
  }

  it("resolves in time, with every leave, where a stuck thread has the only turn", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: { created: 3, running: 1 } });
    const links = await rig.joinMany(6);
    rig.order(links[1]!.peer, { order: "spinForever" });
    await rig.told("mark");
    // Some leave before stop, and their leaves wait for the turn.
    links[0]!.peer.socket.end();
    links[2]!.peer.reset();
    await turnUntil(() => rig.server.getSessionCount() === 4, "the places of two are free");
    const { took, waited } = await timed(() => rig.server.stop({ drainMs: 100 }));
    t.diagnostic(`${took.toFixed(1)} ms with drainMs 100`);
    assert.ok(took - waited < 100 + BEYOND_MS, `${took} ms, waited ${waited}`);
    await rig.until(() => rig.all("leave").length === 6, "every leave is heard of");
    assert.deepEqual(new Set(rig.all("leave").map(({ id }) => id)), new Set(links.map(({ id }) => id)));
  });

  it("right after start resolves in time", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const { took, waited } = await timed(() => rig.server.stop({ drainMs: 0 }));
    t.diagnostic(`${took.toFixed(1)} ms with drainMs 0`);
    assert.ok(took - waited < BEYOND_MS, `${took} ms, waited ${waited}`);
  });

  it("right after a thread died, and while its place is empty, resolves in time", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    for (let death = 0; death < 3; death++) {
      const { peer } = await rig.servedBy(2);
      rig.order(peer, { order: "exit" });
      await rig.until(() => rig.all("error").length === death + 1, "the death is told");
    }
    const { took, waited } = await timed(() => rig.server.stop({ drainMs: 50 }));
    assert.ok(took - waited < 50 + BEYOND_MS, `${took} ms, waited ${waited}`);
    await rig.until(() => rig.all("leave").length === rig.all("join").length, "every leave is heard of");
  });

  it("with a thread that dies meanwhile resolves, and its sessions leave as stopped", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    two.peer.socket.pause();
    await rig.ask(0, { order: "fill", target: two.id, count: 10_000, bytes: 30_000 });
    await rig.hold(two, { order: "exit" });
    const stopped = rig.server.stop({ drainMs: 5000 });
    rig.letGo(two);
    await stopped;
    for (const link of [one, two]) {
      const { leave } = await rig.told("leave", ({ id }) => id === link.id);
      assert.equal(leave.reason, "server-stopped");
    }
  });

  it("called twice, and by a thread meanwhile, is one stop", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 1 });
    const { peer } = await rig.join();
    rig.order(peer, { order: "stop" });
    await Promise.all([rig.server.stop(), rig.server.stop()]);
    await rig.told("leave");
    assert.equal(rig.all("leave").length, 1);
  });

  it("leaves no event behind it, though traffic went on", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const links = await rig.joinMany(4);
    const loops = links.map(({ peer }) => new EchoLoop(peer));
    await Promise.all(loops.map((loop) => loop.goRound(100)));
    await rig.server.stop({ drainMs: 1000 });
    await Promise.all(links.map(({ peer }) => peer.closed));
    // What the threads had said is here once their ports' messages have come.
    await turnUntil(() => rig.all("leave").length === 4, "all leaves are heard of");
  });
});

describe("stop() inside an event on a thread", () => {
  it("stops the whole server, with every leave", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const links = await rig.joinMany(4);
    rig.order(links[1]!.peer, { order: "stop", drainMs: 500 });
    await rig.until(() => rig.all("leave").length === 4, "all leave");
    for (const { peer } of links) await peer.closed;
    for (const { leave } of rig.all("leave")) assert.equal(leave.reason, "server-stopped");
    await turnUntil(() => rig.server.getSessionCount() === 0, "the handle counts none");
    await rig.server.stop();
    rig.address = await rig.server.start({ port: 0, heartbeat: false });
  });
});

describe("a process that had servers and clients on threads", () => {
  it("exits by itself once they have stopped, whatever happened to their threads", async () => {
    const file = fileURLToPath(new URL("./fixtures/lives.ts", import.meta.url));
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (piece: Buffer) => {
      text += piece;
    });
    try {
      const [code] = await within(once(child, "close"), "the process exits", () => text);
      assert.equal(code, 0, text);
      const overAtMs = Number(/over at (\d+)/.exec(text)?.[1]);
      const exitsAtMs = Number(/exits at (\d+)/.exec(text)?.[1]);
      assert.ok(exitsAtMs - overAtMs < 300 * SLOWNESS, text);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

/** Milliseconds that `run` takes, and what of them was waiting for a processor. */
async function timed(run: () => Promise<unknown>): Promise<{ took: number; waited: number }> {
  const before = waitsMs();
  const began = performance.now();
  await run();
  const took = performance.now() - began;
  return { took, waited: waitedWithOthersMs(before) };
}
