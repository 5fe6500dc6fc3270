/** Row 9. Frames made to hurt: a flood of empty ones, lengths that nobody may announce, halves that never end. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Framing } from "../../src/index.ts";
import { MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { byteAtATimePeer } from "./fixtures/byte-at-a-time-peer.ts";
import { frame, header } from "./fixtures/frames.ts";
import { memoryBytes } from "./fixtures/memory.ts";
import { RecordingServer } from "./fixtures/recording.ts";
import { turnsUntil } from "./fixtures/turns.ts";

const MEGABYTE = 1024 * 1024;
const EMPTY_FRAMES = MEGABYTE / 4;

async function listening(
  t: TestContext,
  options: Partial<Parameters<RecordingServer["start"]>[0]>,
): Promise<{ server: RecordingServer; address: { ip: string; port: number } }> {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  return { server, address: { ip, port } };
}

function stackDepth(): number {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  const depth = new Error("only to count").stack!.split("\n").length;
  Error.stackTraceLimit = limit;
  return depth;
}

const HANDLERS = {
  "a handler that returns nothing": () => {},
  "an async handler that never waits": async () => {},
};

for (const [which, handle] of Object.entries(HANDLERS)) {
  test(`1 MB of empty frames in one chunk grows no stack and lets the loop turn: ${which}`, async (t) => {
    const { server, address } = await listening(t, { heartbeat: false });
    const peer = await RawPeer.dial(tcpNetwork, address);
    const id = await server.joined();
    let count = 0;
    let turns = 0;
    const depths: number[] = [];
    const turn = (): void => {
      turns++;
      if (count < EMPTY_FRAMES) setImmediate(turn);
    };
    const done = new Promise<number>((resolve) => {
      // In place of the recording event, whose bookkeeping is nothing to do 262 144 times.
      server.onRecv = (_id, packet) => {
        assert.equal(packet.length, 0);
        count++;
        if (count === 1) setImmediate(turn);
        if (count % 50_000 === 10) depths.push(stackDepth());
        if (count === EMPTY_FRAMES) resolve(turns);
        return handle();
      };
      server.onError = () => {};
    });
    void peer.send(Buffer.alloc(MEGABYTE));
    assert.ok((await done) >= 1, "the loop did not turn");
    assert.ok(Math.max(...depths) <= depths[0]! + 10, `the stack grew: ${depths}`);
    assert.equal(server.sessionStats(id)!.received.packets, EMPTY_FRAMES);
    peer.reset();
  });
}

test("1 MB of heartbeats in one chunk is taken as such, and what follows arrives", async (t) => {
  const { server, address } = await listening(t, {});
  const peer = await RawPeer.dial(tcpNetwork, address);
  void peer.send(Buffer.concat([Buffer.alloc(MEGABYTE), frame("behind")]));
  await server.until(() => server.packets.length === 1);
  assert.equal(Buffer.from(server.packets[0]!.packet.bytes).toString(), "behind");
  assert.equal(server.leaves.length, 0);
  peer.reset();
});

const FORBIDDEN: readonly {
  readonly what: string;
  readonly framing: Framing;
  readonly bytes: readonly number[];
  readonly reason: string;
}[] = [
  { what: "4 GiB", framing: "u32le", bytes: [0xff, 0xff, 0xff, 0xff], reason: "frame-too-large" },
  { what: "one byte too many", framing: "u32le", bytes: [0xe9, 3, 0, 0], reason: "frame-too-large" },
  { what: "one byte too many", framing: "u16be", bytes: [3, 0xe9], reason: "frame-too-large" },
  { what: "16 MiB", framing: "u24be", bytes: [0xff, 0xff, 0xff], reason: "frame-too-large" },
  {
    what: "less than the header itself",
    framing: { lengthBytes: 4, endian: "little", includesHeader: true },
    bytes: [3, 0, 0, 0],
    reason: "frame-invalid",
  },
];

for (const { what, framing, bytes, reason } of FORBIDDEN) {
  const name = typeof framing === "string" ? framing : "u32le with its header";
  test(`a forbidden length is refused from the header alone, before any allocation: ${what}, ${name}`, async (t) => {
    const { server, address } = await listening(t, { framing, packetBytesMax: 1000 });
    const peers: RawPeer[] = [];
    for (let i = 0; i < 20; i++) peers.push(await RawPeer.dial(tcpNetwork, address));
    await server.joined(20);
    for (const peer of peers) await peer.send(Uint8Array.from(bytes.slice(0, -1)));
    await turnsUntil(() => server.stats().received.bytes === 20 * (bytes.length - 1));
    const before = (await memoryBytes()).buffers;
    for (const peer of peers) void peer.send(Uint8Array.from(bytes.slice(-1)));
    await server.until(() => server.leaves.length === 20);
    const grown = (await memoryBytes()).buffers - before;
    assert.ok(grown < 100_000, `${grown} bytes were allocated`);
    assert.deepEqual(new Set(server.leaves.map(({ leave }) => leave.reason)), new Set([reason]));
    assert.equal(server.errors.length, 20);
    for (const peer of peers) assert.equal((await peer.closed)?.code, "ECONNRESET");
  });
}

test("a length that is allowed allocates nothing either, until its bytes arrive", async (t) => {
  const { server, address } = await listening(t, { packetBytesMax: 512 * MEGABYTE });
  const peers: RawPeer[] = [];
  for (let i = 0; i < 20; i++) peers.push(await RawPeer.dial(tcpNetwork, address));
  await server.joined(20);
  const before = (await memoryBytes()).buffers;
  for (const peer of peers) await peer.send(Buffer.concat([header(512 * MEGABYTE), Buffer.alloc(100)]));
  await turnsUntil(() => server.stats().received.bytes === 20 * 104);
  const grown = (await memoryBytes()).buffers - before;
  assert.ok(grown < 20 * 70_000, `${grown} bytes for 20 sessions`);
  assert.equal(server.leaves.length, 0);
  for (const peer of peers) peer.reset();
});

test("a stalled partial frame is reaped, a slow but moving one survives", async (t) => {
  const network = new MemoryNetwork();
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const server = new RecordingServer();
  await server.start({ network, ...address, partialFrameTimeoutMs: 30_000 });
  t.after(() => server.stop({ drainMs: 0 }));
  const whole = frame("slow but moving");
  const moving = await clock.until(byteAtATimePeer(network, address, whole, 29_000));
  const stalled = await clock.until(RawPeer.dial(network, address));
  const inHeader = await clock.until(RawPeer.dial(network, address));
  const quiet = await clock.until(RawPeer.dial(network, address));
  await clock.until(server.joined(4));
  const [movingId, stalledId, inHeaderId] = server.joins;
  void stalled.send(whole.subarray(0, 10));
  void inHeader.send(whole.subarray(0, 3));

  const startMs = clock.nowMs();
  await clock.until(() => server.leaves.length === 2);
  const tookMs = clock.nowMs() - startMs;
  assert.ok(tookMs >= 30_000 && tookMs <= 32_100, `reaped after ${tookMs} ms`); // late by two sweeps at most
  for (const id of [stalledId!, inHeaderId!])
    assert.equal(server.leaveOf(id)!.reason, "partial-frame-timeout");

  assert.ok(await clock.until(moving.sent, { limitMs: 1_000_000 }));
  await clock.until(() => server.packets.length === 1);
  assert.equal(server.packets[0]!.sessionId, movingId);
  assert.equal(Buffer.from(server.packets[0]!.packet.bytes).toString(), "slow but moving");
  await clock.advance(120_000); // between frames a peer may be quiet as long as it likes
  assert.equal(server.leaves.length, 2);
  moving.peer.reset();
  quiet.reset();
});

test("the same over real sockets, beside a session that is not disturbed", async (t) => {
  const { server, address } = await listening(t, { partialFrameTimeoutMs: 250 });
  const whole = frame("0123456789abcdef");
  const stalled = await RawPeer.dial(tcpNetwork, address);
  await server.joined();
  await stalled.send(whole.subarray(0, 7));
  const moving = await byteAtATimePeer(tcpNetwork, address, whole, 40);
  const id = await server.joined();
  assert.equal((await server.left(id)).reason, "partial-frame-timeout");
  assert.equal((await stalled.closed)?.code, "ECONNRESET");
  assert.ok(await moving.sent); // it took more than twice the timeout
  await server.until(() => server.packets.length === 1);
  assert.equal(server.leaves.length, 1);
  moving.peer.reset();
});

test("all of it at once on a worker thread, beside a session that is not disturbed", async (t) => {
  const options = { heartbeat: {}, packetBytesMax: 1000, partialFrameTimeoutMs: 500 };
  const rig = await Rig.start(t, { workerThreads: 1, ...options });
  const [good, flooding, forbidden, stalled] = (await rig.joinMany(4)) as [Link, Link, Link, Link];
  flooding.peer.socket.write(Buffer.concat([Buffer.alloc(MEGABYTE), frame("=behind")]));
  forbidden.peer.socket.write(header(1001));
  stalled.peer.socket.write(frame("0123456789").subarray(0, 7));
  assert.equal(await good.peer.ask("=good"), "=good");
  assert.equal(await flooding.peer.next(), "=behind");
  await rig.until(() => rig.all("leave").length === 2, "two leave");
  const reasons = new Map(rig.all("leave").map(({ id, leave }) => [id, leave.reason]));
  assert.equal(reasons.get(forbidden.id), "frame-too-large");
  assert.equal(reasons.get(stalled.id), "partial-frame-timeout");
  for (const { peer } of [forbidden, stalled]) assert.equal(await peer.closed, "ECONNRESET");
  assert.equal(await good.peer.ask("=still good"), "=still good");
});
