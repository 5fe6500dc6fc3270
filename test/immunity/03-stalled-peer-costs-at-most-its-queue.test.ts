/** Row 3. A peer that stops reading is its own problem: it costs what its queue may hold, and nobody else anything. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet } from "../../src/index.ts";
import { MemoryNetwork } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL, turnUntil } from "../threads/fixtures/waiting.ts";
import type { BeatingPeerArgs } from "./fixtures/beating-peer.ts";
import { Child } from "./fixtures/child.ts";
import { unframe } from "./fixtures/frames.ts";
import { RecordingServer } from "./fixtures/recording.ts";
import type { StalledQueueArgs, StalledQueueResult } from "./fixtures/stalled-queue.ts";
import { stallingPeer } from "./fixtures/stalling-peer.ts";

const LIMIT_BYTES = 32 * 1024 * 1024;
/** Of a comparison of round trips: more than the least where the machine has other work. */
const ROUNDS_MIN = 8;
const ROUNDS_MAX = 40;

/** Three times the limit is sent to a stalling-peer in a process of its own. */
async function costsAtMostTheLimit(
  t: TestContext,
  args: Omit<StalledQueueArgs, "limitBytes">,
): Promise<void> {
  const child = new Child(t, "stalled-queue.ts", { ...args, limitBytes: LIMIT_BYTES }, ["--expose-gc"]);
  const result = await child.next<StalledQueueResult>();
  assert.equal(await child.ended, 0, child.errorText);
  assert.ok(result.refused > 0);
  assert.ok(result.queuedBytes <= LIMIT_BYTES && result.queuedBytes > LIMIT_BYTES * 0.9);
  assert.ok(result.memoryBytes <= LIMIT_BYTES * 1.1, `${times(result.memoryBytes)} in use`);
  // What the other kinds leave behind on the way, as garbage, is resident too, and not this session's.
  if (args.kind === "written") {
    assert.ok(result.rssBytes <= LIMIT_BYTES * 1.1, `${times(result.rssBytes)} resident`);
  }
}

function times(bytes: number): string {
  return `${(bytes / LIMIT_BYTES).toFixed(3)} times the queue's limit`;
}

test("a peer that stops reading costs at most the send-queue limit (+10 %): packets of 512 bytes", (t) =>
  costsAtMostTheLimit(t, { kind: "written", packetBytes: 512 }));

test("the same with packets that are nearly large, of which few fit into a slab", (t) =>
  costsAtMostTheLimit(t, { kind: "written", packetBytes: 16_383 }));

test("the same with large packets, queued by reference", (t) =>
  costsAtMostTheLimit(t, { kind: "written", packetBytes: 65_536 }));

test("the same with large packets whose memory grew field by field past their content", (t) =>
  costsAtMostTheLimit(t, { kind: "grown", packetBytes: 70_000 }));

test("the same with received packets that are passed on, one of eight that arrived together", (t) =>
  costsAtMostTheLimit(t, { kind: "relayed", packetBytes: 16_384, oneOf: 8 }));

test("a stalled session refuses packets, and takes them again, all in order, once its peer reads", async (t) => {
  const server = new RecordingServer();
  const options = { heartbeat: false, packetBytesMax: 10_000, sendQueueBytesMax: 1024 * 1024 } as const;
  const { ip, port } = await server.start({ port: 0, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  const peer = await stallingPeer(tcpNetwork, { ip, port });
  const id = await server.joined();
  let taken = 0;
  const push = (): boolean => {
    const packet = new Packet().writeUint32(taken).writeBytes(Buffer.alloc(taken % 5000));
    const wasTaken = server.sendPacket(id, packet);
    if (wasTaken) taken++;
    return wasTaken;
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  while (push()) if (taken % 100 === 0) await turn();
  assert.equal(server.sendReadies, 0);
  peer.resume();
  await server.until(() => server.sendReadies === 1);
  assert.ok(push(), "what was refused has room now");
  while (taken < 5000) {
    const { sendReadies } = server;
    if (!push()) await server.until(() => server.sendReadies > sendReadies);
  }
  let total = 0;
  for (let i = 0; i < taken; i++) total += 8 + (i % 5000);
  const { payloads } = unframe(await peer.receivedAtLeast(total));
  assert.equal(payloads.length, taken);
  for (const [i, payload] of payloads.entries()) assert.equal(payload.readUInt32LE(0), i);
});

test("beside a stalled session the others' p99 is unchanged", async (t) => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const echo: BeatingPeerArgs = { port, clients: 1, intervalMs: 5000 };
  const child = new Child(t, "beating-peer.ts", echo);
  await child.next();
  const healthy = await server.joined();
  const ping = new Packet().writeUint32(7);
  const large = Packet.from(Buffer.alloc(16_000));
  let echoed: () => void = () => {};
  server.handle = () => echoed();

  /** p99 of 300 round trips, each beside what is sent to `beside`. */
  const p99 = async (beside: (() => void) | undefined): Promise<number> => {
    const roundTrips: number[] = [];
    for (let i = 0; i < 300; i++) {
      const back = new Promise<void>((resolve) => {
        echoed = resolve;
      });
      const startMs = performance.now();
      beside?.();
      server.sendPacket(healthy, ping);
      await back;
      roundTrips.push(performance.now() - startMs);
    }
    return roundTrips.sort((a, b) => a - b)[297]!;
  };

  let [before, after] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const isUnchanged = (): boolean => after <= before * 2 + 0.5;
  // What else the machine does spoils rounds, but never all of them; a cost of ours would be in each.
  for (let round = 0; round < ROUNDS_MIN || (!isUnchanged() && round < ROUNDS_MAX); round++) {
    // Rounds alternate, each with a stalled peer of its own.
    before = Math.min(before, await p99(undefined));
    const peer = await stallingPeer(tcpNetwork, { ip, port });
    const stalled = await server.joined(round + 2);
    while (server.sendPacket(stalled, large)) await new Promise((resolve) => setImmediate(resolve));
    after = Math.min(after, await p99(() => void server.sendPacket(stalled, large)));
    peer.reset();
    assert.equal((await server.left(stalled)).reason, "reset");
  }
  t.diagnostic(`p99 alone ${before.toFixed(3)} ms, beside ${after.toFixed(3)} ms`);
  assert.ok(isUnchanged(), `p99 ${before} ms alone, ${after} ms beside a stalled session`);
});

test("who was refused a large packet is told once there is room for it, and not before", async (t) => {
  const MEGABYTE = 1024 * 1024;
  const network = new MemoryNetwork();
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const options = {
    packetBytesMax: 3 * MEGABYTE,
    sendQueueBytesMax: 4 * MEGABYTE,
    heartbeat: false,
  } as const;
  const server = new RecordingServer();
  await server.start({ network, ...address, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  const peer = await clock.until(stallingPeer(network, address));
  const id = await server.joined();
  const small = Packet.from(Buffer.alloc(100_000));
  const large = Packet.from(Buffer.alloc(3 * MEGABYTE));
  while (server.sendPacket(id, small)) await clock.advance(0);
  assert.equal(server.sendPacket(id, large), false);
  peer.resume(); // it takes several writes until as much is free
  await clock.until(() => server.sendReadies === 1);
  assert.ok(server.sendPacket(id, large), "there is room for what was refused");
  await clock.until(() => server.sessionStats(id)!.queuedBytes === 0);
  assert.equal(server.sendReadies, 1);
});

test(
  "a peer that stops reading has one queue for all threads: its own, another and the handle fill it together",
  SEVERAL,
  async (t) => {
    const sendQueueBytesMax = 1024 * 1024;
    const rig = await Rig.start(t, { workerThreads: 2, sendQueueBytesMax, packetBytesMax: 10_000 });
    const [, two] = (await rig.joinMany(2)) as [Link, Link];
    two.peer.socket.pause();
    /** Three times as much as there is room for, unless somebody says no. */
    const fill = { order: "fill", target: two.id, count: 3000, bytes: 1044 } as const;
    const bytesOf = (packets: number): number => packets * (4 + fill.bytes);

    // At the same moment: its own thread fills before it has heard of what the two others took.
    await rig.hold(two, fill);
    const others = Number(await rig.ask(0, fill)) + Number(await rig.ask(1, fill));
    assert.ok(bytesOf(others) <= sendQueueBytesMax && bytesOf(others + 1) > sendQueueBytesMax);
    rig.letGo(two);
    const [, own] = (await rig.told("answer", ({ answer }) => Array.isArray(answer))).answer as [
      unknown,
      number,
    ];
    assert.equal(own, 0);

    // For long: until the kernel takes no more either.
    let taken = others;
    let since = 0;
    for (let refused = 0; refused < 20; ) {
      since = rig.reports.length;
      let more = 0;
      for (const thread of [2, 1, 0]) more += (await rig.ask(thread, fill)) as number;
      taken += more;
      refused = more === 0 ? refused + 1 : 0;
      assert.ok(rig.server.sessionStats(two.id)!.queuedBytes <= sendQueueBytesMax);
    }
    const { queuedBytes, sent } = rig.server.sessionStats(two.id)!;
    assert.equal(queuedBytes, bytesOf(taken) - sent.bytes);
    assert.ok(bytesOf(1) > sendQueueBytesMax - queuedBytes);

    // Each of the three is told of room, and all that was taken arrives.
    let arrived = 0;
    two.peer.onPayload = () => void arrived++;
    two.peer.socket.resume();
    const told = (): number =>
      new Set(rig.reports.slice(since).flatMap((each) => (each.told === "sendReady" ? [each.thread] : [])))
        .size;
    await rig.until(() => told() === 3, "all three are told of room");
    await turnUntil(() => arrived === taken, "all that was taken has arrived");
  },
);

test("room that a session's own thread took ahead and did not use is there for the others once its turn is over", async (t) => {
  const sendQueueBytesMax = 1024 * 1024;
  const options = { workerThreads: 1, sendQueueBytesMax, packetBytesMax: sendQueueBytesMax - 4 };
  const rig = await Rig.start(t, options);
  const link = await rig.join();
  const fill = (frames: number, frameBytes: number) =>
    ({ order: "fill", target: link.id, count: frames, bytes: frameBytes - 4 }) as const;

  // In the middle of the turn in which its own thread sends: the handle has no room for all the rest, and is told of it.
  const marks = rig.all("mark").length;
  rig.order(link.peer, { order: "all", orders: [fill(100, 64), { order: "hold" }] });
  await rig.until(() => rig.all("mark").length > marks, "its thread has sent, and is held");
  assert.equal(await rig.ask(0, fill(1, sendQueueBytesMax - 6400)), 0);
  rig.letGo(link);
  assert.equal((await rig.told("sendReady")).thread, 0);

  // With nothing queued a packet of the whole queue has room.
  await turnUntil(() => rig.server.stats().sent.packets === 100, "all that its own thread sent is written");
  assert.equal(await rig.ask(0, fill(1, sendQueueBytesMax)), 1);
  await turnUntil(() => link.peer.payloads.length === 101, "all that was taken arrives");
});
