/** Row 8. sendPacket answers at once and in order, wherever it is called from. */
import assert from "node:assert/strict";
import { readFile } from "node:fs";
import { test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Packet } from "../../src/index.ts";
import { IdleThreadedClient } from "./fixtures/idle-threaded-client.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";

test("1000 un-awaited sends from different call sites keep call order, and none is refused as busy", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const client = await RecordingClient.to({ port });
  t.after(() => client.disconnect({ now: true }));
  const id = await server.joined();
  /** What waits for a packet that the server sends. */
  const onEcho: (() => void)[] = [];
  client.handle = () => onEcho.shift()!();

  const order: number[] = [];
  let refused = 0;
  /** Some are small and copied, some large and queued by reference; one packet object serves all the small ones. */
  const shared = new Packet();
  const send = (site: number): void => {
    const call = order.push(site) - 1;
    const packet = call % 37 === 0 ? new Packet() : shared.clear();
    packet.writeUint32(call).writeUint32(site);
    if (call % 37 === 0) packet.writeBytes(new Uint8Array(16_384 + call * 50));
    if (!client.sendPacket(packet)) refused++;
  };

  const sites: ((done: () => void) => void)[] = [
    (done) => done(),
    (done) => process.nextTick(done),
    (done) => queueMicrotask(done),
    (done) => void Promise.resolve().then(done),
    (done) => setImmediate(done),
    (done) => setTimeout(done, 0),
    (done) => setTimeout(done, 2),
    (done) => readFile(import.meta.filename, done),
    (done) => {
      const { port1, port2 } = new MessageChannel();
      port1.once("message", () => {
        port1.close();
        done();
      });
      port2.postMessage(0);
    },
    (done) => client.until(() => client.sentBytes > 0).then(done), // from its own events
    (done) => server.until(() => server.packets.length > 0).then(done), // beside the other side's
    (done) => {
      onEcho.push(done);
      server.sendPacket(id, new Packet().writeUint8(1));
    },
  ];
  for (let i = 0; i < 1000; i++) {
    const site = i % sites.length;
    sites[site]!(() => send(site));
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await server.until(() => server.packets.length === 1000 - refused || server.leaves.length > 0);
  assert.deepEqual([server.leaves, server.errors], [[], []]);
  assert.equal(refused, 0);
  for (const [call, { packet }] of server.packets.entries())
    assert.deepEqual([packet.readUint32(), packet.readUint32()], [call, order[call]]);
});

test("the same from the handle of a client that has a thread of its own", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const client = new IdleThreadedClient();
  await client.connect({ port, workerThreads: 1 });
  t.after(() => client.disconnect({ now: true }));
  let calls = 0;
  let refused = 0;
  const shared = new Packet();
  const send = (): void => {
    const call = calls++;
    shared
      .clear()
      .writeUint32(call)
      .writeBytes(new Uint8Array(call % 37 === 0 ? 16_384 + call * 50 : call % 400));
    if (!client.sendPacket(shared)) refused++;
  };
  const sites: ((done: () => void) => void)[] = [
    (done) => done(),
    (done) => process.nextTick(done),
    (done) => queueMicrotask(done),
    (done) => setImmediate(done),
    (done) => setTimeout(done, 0),
    (done) => readFile(import.meta.filename, done),
    (done) => server.until(() => server.packets.length > 0).then(done),
  ];
  for (let i = 0; i < 1000; i++) {
    sites[i % sites.length]!(send);
    if (i % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await server.until(() => server.packets.length === 1000 - refused || server.leaves.length > 0);
  assert.deepEqual([refused, server.leaves], [0, []]);
  for (const [call, { packet }] of server.packets.entries()) assert.equal(packet.readUint32(), call);
});
