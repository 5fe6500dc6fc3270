/**
 * A session's own thread takes room in blocks: what others see of it, on real threads. Each access is stepped in
 * races-for-room.test.ts.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Order } from "./fixtures/obedient-server.ts";
import { type Link, Rig } from "./fixtures/rig.ts";
import { turnUntil } from "./fixtures/waiting.ts";

const MIB = 1024 * 1024;
const HEADER_BYTES = 4;
/** As many small packets as take a block and leave most of it. */
const COUNT = 100;
const FRAME_BYTES = 64;

async function one(t: TestContext): Promise<{ rig: Rig; link: Link }> {
  const rig = await Rig.start(t, {
    workerThreads: 1,
    packetBytesMax: MIB - HEADER_BYTES,
    sendQueueBytesMax: MIB,
  });
  return { rig, link: await rig.join() };
}

/** An order to send `count` packets. */
function fill({ id }: Link, count: number, frameBytes = FRAME_BYTES) {
  return { order: "fill", target: id, count, bytes: frameBytes - HEADER_BYTES } as const;
}

/** Its own thread sends, and stays in the event that it does so in, until it is let go; then it obeys `orders`. */
async function sendAndHold(rig: Rig, link: Link, ...orders: readonly Order[]): Promise<void> {
  const marks = rig.all("mark").length;
  rig.order(link.peer, { order: "all", orders: [fill(link, COUNT), { order: "hold" }, ...orders] });
  await rig.until(() => rig.all("mark").length > marks, "its thread has sent, and is held");
}

describe("a session whose own thread takes room ahead, in the middle of that thread's turn", () => {
  it("counts as queued what was sent, and not a byte more", async (t) => {
    const { rig, link } = await one(t);
    await sendAndHold(rig, link);
    assert.equal(rig.server.sessionStats(link.id)?.queuedBytes, COUNT * FRAME_BYTES);
    assert.equal(rig.server.stats().queuedBytes, COUNT * FRAME_BYTES);
    rig.letGo(link);
    await turnUntil(() => link.peer.payloads.length === COUNT, "all arrives");
  });

  it("may refuse others for what it has not spent, and tells them once the turn is over", async (t) => {
    const { rig, link } = await one(t);
    await sendAndHold(rig, link);
    const rest = fill(link, 1, MIB - COUNT * FRAME_BYTES);
    assert.equal(await rig.ask(0, rest), 0);
    assert.equal(rig.all("sendReady").length, 0);
    rig.letGo(link);
    const ready = await rig.told("sendReady");
    assert.deepEqual([ready.thread, ready.id], [0, link.id]);
    assert.equal(await rig.ask(0, rest), 1);
    await turnUntil(() => link.peer.payloads.length === COUNT + 1, "all that was taken arrives");
    await turnUntil(() => rig.server.stats().sent.packets === COUNT + 1, "it is counted");
    assert.equal(rig.server.stats().queuedBytes, 0);
    assert.equal(await rig.ask(0, fill(link, 1, MIB)), 1, "nothing of the block is left");
  });

  it("tells exactly what was not sent where it is cut off", async (t) => {
    const { rig, link } = await one(t);
    await sendAndHold(rig, link, { order: "disconnect", target: link.id, now: true });
    assert.equal(await rig.ask(0, fill(link, 50)), 50);
    rig.letGo(link);
    const packets = COUNT + 50;
    const { leave } = await rig.told("leave");
    assert.deepEqual(leave, {
      reason: "disconnected",
      notSent: { packets, bytes: packets * FRAME_BYTES },
    });
  });

  it("tells exactly what was not sent where its thread dies", async (t) => {
    const { rig, link } = await one(t);
    await sendAndHold(rig, link, { order: "exit" });
    assert.equal(await rig.ask(0, fill(link, 50)), 50);
    rig.letGo(link);
    const packets = COUNT + 50;
    const { leave } = await rig.told("leave");
    assert.equal(leave.reason, "thread-died");
    assert.deepEqual(leave.notSent, { packets, bytes: packets * FRAME_BYTES });
    const next = await rig.servedBy(1);
    await turnUntil(() => rig.server.sessionStats(next.id)?.queuedBytes === 0, "its answer is written");
    assert.equal(await rig.ask(0, fill(next, 1, MIB)), 1, "the place that follows has nothing of the block");
  });
});
