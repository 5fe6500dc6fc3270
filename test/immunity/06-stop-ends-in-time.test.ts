/** Row 6. Whoever is connected, and whatever they do: stop() ends in time, and then it is quiet. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet } from "../../src/index.ts";
import { type Address, MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { CANNOT_FREEZE, PATIENCE } from "../support/platform.ts";
import { waitedMs, waitedWithOthersMs, waitsMs } from "../support/processor.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL, SLOWNESS } from "../threads/fixtures/waiting.ts";
import { Child } from "./fixtures/child.ts";
import { frame, header } from "./fixtures/frames.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { silentPeer } from "./fixtures/silent-peer.ts";
import { stallingPeer } from "./fixtures/stalling-peer.ts";
import type { Stopped, StoppingServerArgs } from "./fixtures/stopping-server.ts";

/** How long a process may take from its last work to its exit. */
const EXIT_MS = 1000 * SLOWNESS * PATIENCE;
/** By how much stop() may take longer than its drain. What it waited for a processor that others had is not its own. */
const BEYOND_MS = 100 * PATIENCE;
const STALLING_BYTES = 12_000_000;

/** Connects `peers` to a server in a process of its own, stops it, and checks that it ends by itself. */
async function stops(
  t: TestContext,
  drainMs: number,
  bytesPerSession: number,
  peers: readonly ((address: Address, child: Child) => Promise<unknown>)[],
): Promise<Stopped> {
  const args: StoppingServerArgs = { drainMs, bytesPerSession };
  const child = new Child(t, "stopping-server.ts", args);
  const address = { ip: "127.0.0.1", port: await child.next<number>() };
  for (const connect of peers) {
    const connected = connect(address, child);
    await child.next(); // it has joined
    await connected;
  }
  child.tell("stop");
  const stopped = await child.next<Stopped>();
  const stoppedAtMs = performance.now();
  assert.equal(await child.ended, 0, child.errorText); // 3 where events came after stop()
  const exitMs = performance.now() - stoppedAtMs;
  assert.ok(exitMs < EXIT_MS, `it lived for ${exitMs} ms more`);
  const { tookMs, waitedMs: waited } = stopped;
  assert.ok(tookMs - waited <= drainMs + BEYOND_MS, `stop took ${tookMs} ms, of which it waited ${waited}`);
  assert.equal(stopped.joins, peers.length);
  assert.deepEqual(
    stopped.reasons,
    peers.map(() => "server-stopped"),
  );
  return stopped;
}

/** Peers that never close, whatever the server does. */
const idle = (address: Address): Promise<RawPeer> => RawPeer.dial(tcpNetwork, address);
const silent = (address: Address): Promise<RawPeer> => silentPeer(tcpNetwork, address);
const stalling = (address: Address): Promise<RawPeer> => stallingPeer(tcpNetwork, address);
const midFrame = async (address: Address): Promise<void> => {
  const peer = await RawPeer.dial(tcpNetwork, address);
  await peer.send(Buffer.concat([header(1000), Buffer.alloc(500)]));
};
/** Its packet is being handled, by a promise that never settles. */
const beingHandled = async (address: Address, child: Child): Promise<void> => {
  const peer = await RawPeer.dial(tcpNetwork, address);
  await peer.send(frame("work"));
  assert.equal(await child.next(), "received");
};
/** A process that was frozen: its kernel answers, it does not. None where no process can be. */
function frozen(t: TestContext): ((address: Address) => Promise<void>)[] {
  if (CANNOT_FREEZE !== false) {
    t.diagnostic(`without a frozen peer: ${CANNOT_FREEZE}`);
    return [];
  }
  const freezes = async (address: Address): Promise<void> => {
    const child = new Child(t, "beating-peer.ts", {
      port: (address as { port: number }).port,
      clients: 1,
      intervalMs: 50,
    });
    await child.next();
    child.kill("SIGSTOP");
  };
  return [freezes];
}

const BAD_PEERS = [idle, silent, midFrame, beingHandled, idle, midFrame];

test("stop({ drainMs }) with idle, mid-frame and half-open peers resolves within drainMs + 100 ms, calls no event afterwards, and the process exits by itself", async (t) => {
  const { tookMs } = await stops(t, 200, 0, [...BAD_PEERS, ...frozen(t)]);
  assert.ok(tookMs >= 195, "those that do not answer are waited for");
});

test("the same with peers that are stalled with a full queue", async (t) => {
  await stops(t, 200, STALLING_BYTES, [stalling, stalling, ...frozen(t)]);
});

test("the same with drainMs 0, and all of them", async (t) => {
  await stops(t, 0, STALLING_BYTES, [stalling, idle, midFrame, silent]);
});

test("peers that read and close do not let stop() wait for drainMs", async (t) => {
  const client = (address: Address): Promise<RecordingClient> =>
    RecordingClient.to({ port: (address as { port: number }).port });
  const clients: RecordingClient[] = [];
  const connect = async (address: Address): Promise<void> => void clients.push(await client(address));
  const { tookMs } = await stops(t, 10_000, 300_000, [connect, connect]);
  assert.ok(tookMs < 2000);
  for (const { packets } of clients) assert.equal(packets.length, 3);
});

test("a peer that closed its side and reads nothing does not let stop() wait longer", async () => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, disconnectDrainMs: 60_000 });
  const sent: boolean[] = [];
  server.handle = (id) => {
    for (let i = 0; i < 100; i++) sent.push(server.sendPacket(id, Packet.from(Buffer.alloc(100_000))));
    return new Promise(() => {});
  };
  const peer = await stallingPeer(tcpNetwork, { ip, port });
  await peer.send(Buffer.concat([frame("first"), frame("second")]));
  peer.end();
  await server.until(() => sent.length === 100);
  const before = waitsMs();
  const startMs = performance.now();
  await server.stop({ drainMs: 100 });
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs - waitedMs(before) <= 100 + BEYOND_MS, `stop took ${tookMs} ms`);
  assert.equal(server.leaves[0]!.leave.reason, "server-stopped");
});

test("a session that already leaves in order can still be reset, at once and by stop()", async () => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, disconnectDrainMs: 60_000 });
  const peers = [await idle({ ip, port }), await idle({ ip, port }), await idle({ ip, port })];
  const [first, second, third] = [await server.joined(1), await server.joined(2), await server.joined(3)];
  // In the same turn, so that the goodbye has not even reached the kernel.
  assert.ok(server.disconnect(first) && server.disconnect(second) && server.disconnect(third));
  assert.ok(server.disconnect(second, { now: true }));
  await server.left(second);
  await peers[0]!.ended; // it has arrived here
  assert.ok(server.disconnect(first, { now: true }));
  await server.left(first);
  await server.stop({ drainMs: 0 });
  assert.deepEqual(
    server.leaves.map(({ leave }) => leave.reason),
    ["disconnected", "disconnected", "disconnected"],
  );
});

test("on a virtual clock stop() ends at drainMs sharp, also with links that went dead", async () => {
  const network = new MemoryNetwork({ latencyMs: 1 });
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const server = new RecordingServer();
  await server.start({ network, ...address });
  const options = { network, serverIp: address.ip, port: address.port };
  const clients: RecordingClient[] = [];
  for (let i = 0; i < 4; i++) clients.push(await clock.until(RecordingClient.to(options)));
  await clock.advance(10); // all have heard each other
  for (const link of network.links.slice(1)) link.halfOpen();
  for (const id of server.joins.slice(2)) server.sendPacket(id, Packet.from(Buffer.alloc(1_000_000)));
  await clock.advance(10);

  const startMs = clock.nowMs();
  await clock.until(server.stop({ drainMs: 700 }));
  assert.equal(clock.nowMs() - startMs, 700);
  assert.equal(server.leaves.length, 4);
  const { leaves, errors } = server;
  const heard = leaves.length + errors.length;
  await clock.advance(120_000);
  assert.equal(leaves.length + errors.length, heard);
  assert.equal(clients.filter((client) => client.leaves.length === 1).length, 4); // by their own timeouts
  assert.equal(clock.pendingTimers, 0);
});

test(
  "the same on worker threads, one of them stuck in an event: each session has its leave",
  SEVERAL,
  async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3, disconnectDrainMs: 60_000 });
    const links = await rig.joinMany(9);
    const [, , stuck, stalled, midFrame, leaving, ended] = links as [
      Link,
      Link,
      Link,
      Link,
      Link,
      Link,
      Link,
    ];
    stalled.peer.socket.pause();
    await rig.ask(0, { order: "fill", target: stalled.id, count: 1000, bytes: 10_000 });
    midFrame.peer.socket.write(header(1000));
    assert.ok(rig.server.disconnect(leaving.id));
    ended.peer.socket.pause();
    ended.peer.socket.end();
    rig.order(stuck.peer, { order: "spinForever" });
    await rig.told("mark");
    const before = waitsMs();
    const startMs = performance.now();
    await rig.server.stop({ drainMs: 200 });
    const tookMs = performance.now() - startMs;
    const waited = waitedWithOthersMs(before);
    assert.ok(tookMs - waited <= 200 + BEYOND_MS, `stop took ${tookMs} ms, of which it waited ${waited}`);
    await rig.until(() => rig.all("leave").length >= links.length, "every leave is told");
    assert.deepEqual(
      rig
        .all("leave")
        .map(({ id }) => id)
        .sort(),
      links.map(({ id }) => id).sort(),
    );
    assert.equal(rig.server.getSessionCount(), 0);
  },
);
