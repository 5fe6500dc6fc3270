/** Which thread a session lives on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL } from "./fixtures/waiting.ts";

describe("placement", SEVERAL, () => {
  it("spreads links one by one, keeps the balance when some leave and others come", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 4 });
    const links = await rig.joinMany(4);
    assert.deepEqual(perThread(links), { 1: 1, 2: 1, 3: 1, 4: 1 });

    links.push(...(await rig.joinMany(60)));
    assert.deepEqual(perThread(links), { 1: 16, 2: 16, 3: 16, 4: 16 });
    for (const { id, thread } of links) {
      assert.equal(rig.all("join").find((join) => join.id === id)?.client.thread, thread);
    }

    // All of threads 2 and 3 leave; as many come, and find their places there.
    const gone = links.filter(({ thread }) => thread === 2 || thread === 3);
    for (const { peer } of gone) peer.socket.end();
    await rig.sessionsAre(32);
    const come = await rig.joinMany(32);
    assert.deepEqual(perThread(come), { 2: 16, 3: 16 });
    const stay = links.filter((link) => !gone.includes(link));
    assert.deepEqual(perThread([...stay, ...come]), { 1: 16, 2: 16, 3: 16, 4: 16 });
    for (const { peer } of [...stay, ...come]) assert.equal(await peer.ask("=still here"), "=still here");
  });

  it("spreads links that come at once", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 4 });
    const links = await Promise.all(Array.from({ length: 64 }, () => rig.join()));
    assert.deepEqual(perThread(links), { 1: 16, 2: 16, 3: 16, 4: 16 });
  });

  it("counts nobody twice and loses nobody when links come and break off at once", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3, maxSessions: 50 });
    for (let round = 0; round < 6; round++) {
      const peers = await Promise.all(Array.from({ length: 40 }, () => rig.dial()));
      for (const [i, peer] of peers.entries()) {
        if (i % 3 === 0) peer.reset();
        else if (i % 3 === 1) peer.socket.end();
        else peer.socket.destroy();
      }
      await Promise.all(peers.map(({ closed }) => closed));
    }
    const last = await rig.join(); // accepted behind all of them
    last.peer.socket.end();
    await rig.sessionsAre(0);
    const { accepted, refused, sessions } = rig.server.stats();
    // What the threads tell of them may still be on its way here.
    await rig.until(() => rig.all("leave").length >= accepted, "every session has its leave");
    assert.deepEqual([accepted, refused, sessions], [rig.all("join").length, 0, 0]);
    assert.equal(rig.all("leave").length, accepted);
    const asked = rig.all("request").length;
    assert.ok(asked <= 241 && asked >= accepted, `${asked} connections were asked about`);
    // No place is lost: all of them can be taken.
    assert.equal((await rig.joinMany(50)).length, 50);
  });

  it("refuses a connection over maxSessions, counted over all threads", async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2, maxSessions: 3 });
    const links = await rig.joinMany(3);
    assert.equal(await rig.refused(), "ECONNRESET");
    links[0]!.peer.socket.end();
    await rig.sessionsAre(2);
    await rig.join();
    assert.equal(rig.server.stats().refused, 1);
  });
});

function perThread(links: readonly Link[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { thread } of links) counts[thread] = (counts[thread] ?? 0) + 1;
  return counts;
}
