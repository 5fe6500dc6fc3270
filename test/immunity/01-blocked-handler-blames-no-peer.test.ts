/** Row 1. A thread that did not look has no right to say that nobody spoke. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet } from "../../src/index.ts";
import { MemoryNetwork, type RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { turnUntil } from "../threads/fixtures/waiting.ts";
import type { BeatingPeerArgs } from "./fixtures/beating-peer.ts";
import { Child } from "./fixtures/child.ts";
import { HEARTBEAT } from "./fixtures/frames.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { silentPeer } from "./fixtures/silent-peer.ts";

function blockThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("a handler that blocks its thread for 3x the heartbeat timeout never makes the blocked side declare its peer dead", async (t) => {
  const heartbeat = { intervalMs: 40, timeoutMs: 300 };
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, heartbeat });
  t.after(() => server.stop({ drainMs: 0 }));

  const peer: BeatingPeerArgs = { port, clients: 3, intervalMs: heartbeat.intervalMs };
  const child = new Child(t, "beating-peer.ts", peer);
  const client = await RecordingClient.to({ port: await child.next<number>(), heartbeat });
  t.after(() => client.disconnect({ now: true }));
  await server.joined(3);
  const silent = await silentPeer(tcpNetwork, { ip, port });
  const silentId = await server.joined(4);

  // Both sides blame only peers that have sent a heartbeat: let everybody have done so.
  const alive = server.joins.slice(0, 3);
  await server.until(() => server.joins.every((id) => server.sessionStats(id)!.received.bytes > 0));

  // Two packets of one peer block the thread one after the other, as the echo of each comes back.
  let blocks = 0;
  server.handle = () => {
    if (++blocks <= 2) blockThread(3 * heartbeat.timeoutMs);
  };
  for (let i = 0; i < 2; i++) server.sendPacket(alive[0]!, Packet.from(Buffer.from("block")));
  await server.until(() => blocks >= 2);
  assert.equal((await server.left(silentId)).reason, "heartbeat-timeout"); // a late check still is a check
  await silent.closed;

  // Everybody else is still there, and answers.
  let echoes = 0;
  server.handle = () => void echoes++;
  for (const id of alive) assert.ok(server.sendPacket(id, Packet.from(Buffer.from("ping"))));
  assert.ok(client.sendPacket(Packet.from(Buffer.from("ping"))));
  await server.until(() => echoes === 3);
  await client.until(() => client.packets.length === 1);
  assert.equal(server.leaves.length, 1);
  assert.equal(client.leaves.length, 0);
});

test("after a block of any length only the peer that was really silent is declared dead", async (t) => {
  const heartbeat = { intervalMs: 5000, timeoutMs: 15_000 };
  const network = new MemoryNetwork({ latencyMs: 3 });
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const server = new RecordingServer();
  await server.start({ network, ...address, heartbeat });
  t.after(() => server.stop({ drainMs: 0 }));
  const peers: RawPeer[] = [];
  for (let i = 0; i < 20; i++) peers.push(await clock.until(silentPeer(network, address)));

  for (let round = 0; round < 40; round++) {
    // What they send now is on its way while the thread is blocked, and is read late, behind the timers.
    for (const peer of peers) void peer.send(HEARTBEAT);
    clock.block(heartbeat.timeoutMs * (1 + (round % 7)));
    await clock.advance(round * 97);
  }
  assert.equal(server.joins.length, 20);
  assert.equal(server.leaves.length, 0);

  for (const peer of peers.slice(1)) void peer.send(HEARTBEAT);
  clock.block(heartbeat.timeoutMs * 3);
  await clock.advance(0);
  const dead = server.leaves.map(({ sessionId, leave }) => [sessionId, leave.reason]);
  assert.deepEqual(dead, [[server.joins[0], "heartbeat-timeout"]]);
});

test("a worker thread that is held inside an event for 3x the heartbeat timeout blames no peer that beats", async (t) => {
  const heartbeat = { intervalMs: 100, timeoutMs: 1000 };
  const rig = await Rig.start(t, { workerThreads: 1, heartbeat });
  const links = await rig.joinMany(4);
  const [silent, ...alive] = links as [Link, ...Link[]];
  const beat = ({ peer }: Link): void => peer.send("");
  for (const link of links) beat(link);
  const hasBeaten = ({ id }: Link): boolean => (rig.server.sessionStats(id)?.received.bytes ?? 0) > 0;
  await turnUntil(() => links.every(hasBeaten), "the thread holds all of them to heartbeats");
  // A sweep sends heartbeats, too. The first that comes may have been under way, but the second says that the beats were
  // seen: bytes that were not seen before the block would excuse their peer behind it, whatever judges.
  const seen = links.map(({ peer }) => peer.heartbeats + 2);
  await turnUntil(() => links.every(({ peer }, i) => peer.heartbeats >= seen[i]!), "a sweep saw the beats");

  await rig.hold(alive[0]!);
  const beating = setInterval(() => alive.forEach(beat), heartbeat.intervalMs);
  t.after(() => clearInterval(beating));
  await new Promise((resolve) => setTimeout(resolve, 3 * heartbeat.timeoutMs)); // the block itself
  rig.letGo(alive[0]!);
  const { id, leave } = await rig.told("leave");
  assert.deepEqual([id, leave.reason], [silent.id, "heartbeat-timeout"]);
  for (const { peer } of alive) assert.equal(await peer.ask("=ping"), "=ping");
  assert.equal(rig.all("leave").length, 1);
});

test("a thread that was blocked while it connected joins once it looks", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const connectTimeoutMs = 50;
  const connecting = RecordingClient.to({ port, connectTimeoutMs });
  process.nextTick(() => blockThread(4 * connectTimeoutMs)); // behind the dial, before its answer is looked at
  const client = await connecting;
  t.after(() => client.disconnect({ now: true }));
  await server.joined();
  assert.equal(client.joins, 1);
});
