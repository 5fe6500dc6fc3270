/** Packets for sessions of other threads: order, bounds, and that each one taken is accounted for. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { NumberedReceiver } from "./fixtures/numbered.ts";
import type { Peer } from "./fixtures/peer.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { SEVERAL, turnUntil } from "./fixtures/waiting.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const HEADER_BYTES = 4;

/** A server on `created` threads and a link on the last of them. */
async function lastThread(t: TestContext, created: number): Promise<{ rig: Rig; link: Link }> {
  const rig = await Rig.start(t, {
    workerThreads: created,
    packetBytesMax: 512 * KIB,
    sendQueueBytesMax: 4 * MIB,
  });
  const links = await rig.joinMany(created);
  const link = links.at(-1)!;
  assert.equal(link.thread, created);
  return { rig, link };
}

describe("crossing", () => {
  it("keeps the order per sender and session over 100 000 packets from the handle", async (t) => {
    const { rig, link } = await lastThread(t, 1);
    const received = receiveNumbered(link.peer, 100_000);
    const stream = { order: "stream", target: link.id, sender: 0, count: 100_000 } as const;
    const began = performance.now();
    const refusals = await rig.ask(0, stream);
    await received;
    t.diagnostic(
      `${Math.round(100_000 / ((performance.now() - began) / 1000))} packets/s, refused ${refusals} times`,
    );
  });

  it(
    "keeps the order per sender and session over 100 000 packets from another thread",
    SEVERAL,
    async (t) => {
      const { rig, link } = await lastThread(t, 2);
      const received = receiveNumbered(link.peer, 100_000);
      await rig.ask(1, { order: "stream", target: link.id, sender: 1, count: 100_000 });
      await received;
    },
  );

  it(
    "keeps each sender's order where the handle and three threads send to the same two sessions",
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, {
        workerThreads: 3,
        packetBytesMax: 512 * KIB,
        sendQueueBytesMax: MIB,
      });
      const [, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
      const received = [receiveNumbered(two.peer, 40_000), receiveNumbered(three.peer, 40_000)];
      const sent = [0, 1, 2, 3].flatMap((sender) =>
        [two, three].map(({ id }) => rig.ask(sender, { order: "stream", target: id, sender, count: 10_000 })),
      );
      await Promise.all(sent);
      await Promise.all(received);
    },
  );

  for (const sender of [0, 1] as const) {
    const who = sender === 0 ? "the handle" : "another thread";
    it(`a peer that does not read costs ${who} no more than sendQueueBytesMax`, SEVERAL, async (t) => {
      const rig = await Rig.start(t, {
        workerThreads: 2,
        packetBytesMax: 64 * KIB,
        sendQueueBytesMax: MIB,
      });
      const [, link] = (await rig.joinMany(2)) as [Link, Link];
      link.peer.socket.pause();
      const fill = { order: "fill", target: link.id, count: 100_000, bytes: 10_000 } as const;
      // Until many refusals in a row, with the owner's answers in between: nothing more fits. The kernel may take a
      // write late, and then more does.
      let taken = 0;
      for (let refused = 0; refused < 20; ) {
        const now = (await rig.ask(sender, fill)) as number;
        taken += now;
        refused = now === 0 && rig.server.stats().queuedBytes > MIB / 2 ? refused + 1 : 0;
        await rig.ask(2, { order: "getSessionCount" });
      }
      const stats = rig.server.stats();
      const queuedBytes = taken * (HEADER_BYTES + fill.bytes) - stats.sent.bytes;
      assert.ok(queuedBytes <= MIB, `${queuedBytes} bytes wait`);
      assert.ok(queuedBytes > MIB / 2, `${queuedBytes} bytes wait`);
      assert.equal(stats.queuedBytes, queuedBytes);
      assert.equal(rig.server.sessionStats(link.id)?.queuedBytes, queuedBytes);

      // It reads again: everything comes, and then the refused one is told.
      let received = 0;
      link.peer.onPayload = () => received++;
      link.peer.socket.resume();
      await turnUntil(() => received === taken, "all that was taken arrives");
      const ready = await rig.told("sendReady");
      assert.deepEqual([ready.thread, ready.id], [sender, link.id]);
      assert.ok(((await rig.ask(sender, { ...fill, count: 10 })) as number) === 10);
    });
  }

  it(
    "a session that is full says no to everybody, and tells everybody whom it told no",
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, { workerThreads: 2, packetBytesMax: 64 * KIB, sendQueueBytesMax: MIB });
      const [, link] = (await rig.joinMany(2)) as [Link, Link];
      link.peer.socket.pause();
      const fill = { order: "fill", target: link.id, count: 100_000, bytes: 10_000 } as const;
      const senders = [0, 1, 2];
      let taken = 0;
      for (let refused = 0; refused < 20; ) {
        const now = await Promise.all(senders.map((sender) => rig.ask(sender, fill) as Promise<number>));
        taken += sum(now);
        refused = sum(now) === 0 ? refused + 1 : 0;
      }
      const queuedBytes = taken * (HEADER_BYTES + fill.bytes) - rig.server.stats().sent.bytes;
      assert.ok(queuedBytes <= MIB, `${queuedBytes} bytes wait`);
      link.peer.onPayload = () => {};
      const before = rig.all("sendReady").length; // there was room in between, while the kernel still took some
      const told = (): Set<number> =>
        new Set(
          rig
            .all("sendReady")
            .slice(before)
            .map(({ thread }) => thread),
        );
      link.peer.socket.resume();
      await rig.until(() => told().size === 3, "all three are told");
    },
  );
});

describe("what was taken from other threads and the session's end", () => {
  it("disconnect from the handle goes behind its packets", SEVERAL, async (t) => {
    const { rig, link } = await lastThread(t, 2);
    const taken = await rig.ask(0, { order: "fill", target: link.id, count: 1000, bytes: 2000 });
    assert.equal(taken, 1000);
    assert.equal(rig.server.disconnect(link.id), true);
    await link.peer.closed;
    assert.equal(link.peer.payloads.length, 1000);
    const { leave } = await rig.told("leave");
    assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
  });

  it("disconnect with now from the handle: received + notSent is what was taken", SEVERAL, async (t) => {
    const { rig, link } = await lastThread(t, 2);
    const fill = { order: "fill", target: link.id, count: 100, bytes: 500 } as const;
    assert.equal(await rig.ask(0, fill), 100);
    await turnUntil(() => link.peer.payloads.length === 100, "the first hundred arrive");
    await turnUntil(() => rig.server.stats().sent.packets === 100, "their writes are counted");
    assert.equal(await rig.ask(0, fill), 100);
    assert.equal(rig.server.disconnect(link.id, { now: true }), true);
    await link.peer.closed;
    const { leave } = await rig.told("leave");
    const received = link.peer.payloads.length;
    assert.deepEqual(leave, {
      reason: "disconnected",
      notSent: { packets: 200 - received, bytes: (200 - received) * (HEADER_BYTES + 500) },
    });
  });

  const ENDINGS: Record<string, (rig: Rig, link: Link) => unknown> = {
    "the peer closes": (_, { peer }) => peer.socket.end(),
    "the peer resets": (_, { peer }) => peer.reset(),
    "the handle disconnects": (rig, { id }) => rig.server.disconnect(id),
    "the handle disconnects with now": (rig, { id }) => rig.server.disconnect(id, { now: true }),
    "another thread disconnects": (rig, { id }) => rig.ask(1, { order: "disconnect", target: id }),
    "its thread disconnects with now": (rig, { id }) =>
      rig.ask(2, { order: "disconnect", target: id, now: true }),
  };

  it("taken is sent plus notSent, exactly, whoever sends and however it ends", SEVERAL, async (t) => {
    const rig = await Rig.start(t, {
      workerThreads: 3,
      packetBytesMax: 64 * KIB,
      sendQueueBytesMax: MIB,
      disconnectDrainMs: 100,
    });
    // Places on thread 1 and 3 are kept, so that each link that is made now lives on thread 2.
    const [, first] = (await rig.joinMany(3)) as [Link, Link, Link];
    first.peer.reset();
    await rig.sessionsAre(2);
    for (const [ending, end] of Object.entries(ENDINGS)) {
      for (const reads of [true, false]) {
        await t.test(`${ending}, the peer ${reads ? "reads" : "does not read"}`, () =>
          accounts(rig, end, reads),
        );
      }
    }
  });
});

/** The handle and all three threads send until the session is gone; then the books must balance. */
async function accounts(rig: Rig, end: (rig: Rig, link: Link) => unknown, reads: boolean): Promise<void> {
  const before = rig.server.stats();
  const link = await rig.join();
  assert.equal(link.thread, 2);
  let isOver = false;
  const taken = { packets: 0, bytes: 0 };
  if (reads) link.peer.onPayload = () => {};
  else link.peer.socket.pause();
  const send = async (sender: number): Promise<void> => {
    const fill = { order: "fill", target: link.id, count: 200, bytes: 100 + 3000 * sender } as const;
    while (!isOver) {
      const packets = (await rig.ask(sender, fill)) as number;
      taken.packets += packets;
      taken.bytes += packets * (HEADER_BYTES + fill.bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const sending = Promise.all([0, 1, 2, 3].map(send));
  await turnUntil(() => taken.packets > 2000 || (!reads && taken.bytes > MIB), "a good deal was taken");
  await end(rig, link);
  // A peer that only ended its half does not read what would end the other.
  link.peer.onPayload = () => {};
  const { leave } = await rig.told("leave", ({ id }) => id === link.id);
  isOver = true;
  await sending;
  link.peer.socket.destroy();
  const after = rig.server.stats();
  const sent = {
    packets: after.sent.packets - before.sent.packets,
    bytes: after.sent.bytes - before.sent.bytes,
  };
  assert.deepEqual(
    { packets: sent.packets + leave.notSent.packets, bytes: sent.bytes + leave.notSent.bytes },
    taken,
  );
}

function receiveNumbered(peer: Peer, count: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const receiver = new NumberedReceiver();
  peer.onPayload = (payload) => {
    try {
      receiver.take(payload);
      if (receiver.received === count) resolve();
    } catch (error) {
      reject(error);
    }
  };
  void peer.closed.then(() => reject(new Error(`the connection ended after ${receiver.received} packets`)));
  return promise;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
