/** Row 2. Any received byte is life: while a long message travels no heartbeat can, and none is needed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet } from "../../src/index.ts";
import { MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { Rig } from "../threads/fixtures/rig.ts";
import { turnUntil } from "../threads/fixtures/waiting.ts";
import { unframe } from "./fixtures/frames.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { slowWire } from "./fixtures/slow-wire.ts";

const MEGABYTE = 1_000_000;
const address = { ip: "10.0.0.1", port: 7000 };

/** Bytes that tell where they belong. */
function pattern(byteLength: number): Buffer {
  const bytes = Buffer.alloc(byteLength);
  for (let at = 0; at + 4 <= byteLength; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

test("a 100 MB message over a 1 MB/s link with a 5 s heartbeat timeout stays up", async (t) => {
  const network = new MemoryNetwork({ latencyMs: 1, onLink: (link) => link.slowRead(MEGABYTE) });
  const { clock } = network;
  const options = {
    network,
    packetBytesMax: 100 * MEGABYTE,
    heartbeat: { intervalMs: 1500, timeoutMs: 5000 },
  };
  const server = new RecordingServer();
  await server.start({ ...options, ...address });
  t.after(() => server.stop({ drainMs: 0 }));
  const connecting = RecordingClient.to({ ...options, serverIp: address.ip, port: address.port });
  const client = await clock.until(connecting);
  await clock.advance(7000); // each has heard the other's heartbeats and holds it to them

  const message = pattern(100 * MEGABYTE);
  const startMs = clock.nowMs();
  assert.ok(client.sendPacket(Packet.from(message)));
  await clock.until(() => server.packets.length + server.leaves.length + client.leaves.length > 0);
  const tookMs = clock.nowMs() - startMs;
  assert.ok(tookMs >= 99_000 && tookMs < 102_000, `took ${tookMs} ms`);
  assert.ok(message.equals(server.packets[0]!.packet.bytes));

  await clock.advance(20_000); // and it lives on
  assert.ok(client.sendPacket(Packet.from(message.subarray(0, 100))));
  await clock.until(() => server.packets.length === 2);
  assert.equal(server.leaves.length, 0);
  assert.equal(client.leaves.length, 0);
  await client.disconnect({ now: true });
});

test("heartbeats go between messages, never into one, and none is sent that is not needed", async (t) => {
  const network = new MemoryNetwork({ onLink: (link) => link.slowRead(MEGABYTE) });
  const { clock } = network;
  const listener = await RawPeer.listen(network, address);
  const heartbeat = { intervalMs: 1500, timeoutMs: 5000 };
  const packetBytesMax = 10 * MEGABYTE;
  const client = await clock.until(
    RecordingClient.to({ network, serverIp: address.ip, port: address.port, packetBytesMax, heartbeat }),
  );
  t.after(() => client.disconnect({ now: true }));
  const peer = await listener.next();

  const messages = [10 * MEGABYTE, 6 * MEGABYTE, 9 * MEGABYTE].map(pattern);
  for (const message of messages) {
    assert.ok(client.sendPacket(Packet.from(message)));
    await clock.until(() => client.stats().queuedBytes === 0);
    await clock.advance(4000); // quiet for 4 s: two heartbeats, or three where the window still emptied
  }
  const { payloads, rest } = unframe(peer.received);
  assert.equal(rest.length, 0);
  const shape = payloads.map((payload) => (payload.length === 0 ? "-" : payload.length / MEGABYTE));
  assert.match(shape.join(" "), /^- 10( -){2,3} 6( -){2,3} 9( -){2,3}$/);
  const whole = payloads.filter((payload) => payload.length > 0);
  for (const [i, message] of messages.entries()) assert.ok(message.equals(whole[i]!));
});

test("over real sockets, a message that takes several heartbeat timeouts stays up", async (t) => {
  const options = { packetBytesMax: 20 * MEGABYTE, heartbeat: { intervalMs: 60, timeoutMs: 300 } };
  const server = new RecordingServer();
  const { port } = await server.start({ ...options, port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const wire = await slowWire(t, port, 10 * MEGABYTE);
  const client = await RecordingClient.to({ ...options, port: wire.port });
  t.after(() => client.disconnect({ now: true }));
  const id = await server.joined();
  await server.until(() => server.sessionStats(id)!.received.bytes > 0);

  const message = pattern(10 * MEGABYTE);
  const startMs = performance.now();
  assert.ok(client.sendPacket(Packet.from(message)));
  await server.until(() => server.packets.length + server.leaves.length > 0);
  assert.ok(performance.now() - startMs > 2 * options.heartbeat.timeoutMs);
  assert.ok(message.equals(server.packets[0]!.packet.bytes));
  assert.equal(server.leaves.length + client.leaves.length, 0);
});

test("the same to a worker thread and back", async (t) => {
  const options = { packetBytesMax: 20 * MEGABYTE, heartbeat: { intervalMs: 200, timeoutMs: 1000 } };
  const rig = await Rig.start(t, { ...options, workerThreads: 1 });
  const wire = await slowWire(t, rig.address.port, 5 * MEGABYTE);
  const client = await RecordingClient.to({ ...options, port: wire.port });
  t.after(() => client.disconnect({ now: true }));
  const { id } = await rig.told("join");
  const hasBeaten = (): boolean => (rig.server.sessionStats(id)?.received.bytes ?? 0) > 0;
  await turnUntil(hasBeaten, "the thread holds the client to heartbeats");

  const message = pattern(12 * MEGABYTE);
  message[0] = 0x3d; // it sends that back
  const startMs = performance.now();
  assert.ok(client.sendPacket(Packet.from(message)));
  await client.until(() => client.packets.length + client.leaves.length > 0);
  assert.deepEqual([rig.all("leave"), client.leaves], [[], []]);
  assert.ok(performance.now() - startMs > 2 * 2 * options.heartbeat.timeoutMs);
  assert.ok(message.equals(client.packets[0]!.bytes));
});
