/** Row 7. A goodbye comes behind everything that was taken before it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet } from "../../src/index.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";
import type { BulkSenderArgs } from "./fixtures/bulk-sender.ts";
import { Child } from "./fixtures/child.ts";
import { IdleThreadedClient } from "./fixtures/idle-threaded-client.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";

const COUNT = 12_000;

/** Counts packets, and fails at the first that is not the next. */
class Counting {
  count = 0;
  readonly take = (packet: Packet): void => {
    assert.equal(packet.readUint32(), this.count);
    this.count++;
  };
}

async function checkSender(child: Child): Promise<void> {
  assert.equal(await child.next(), 0, "packets not sent");
  assert.equal(await child.ended, 0, child.errorText);
}

async function fromClient(
  t: TestContext,
  args: Omit<BulkSenderArgs, "count">,
  onJoin: (server: RecordingServer) => void = () => {},
): Promise<void> {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const counting = new Counting();
  server.handle = (_id, packet) => counting.take(packet);
  const all: BulkSenderArgs = { ...args, port, count: COUNT };
  const child = new Child(t, "bulk-sender.ts", all);
  const id = await server.joined();
  onJoin(server);
  assert.equal((await server.left(id)).reason, "peer-closed");
  assert.equal(counting.count, COUNT);
  await checkSender(child);
}

async function fromServer(t: TestContext, args: Omit<BulkSenderArgs, "count">): Promise<void> {
  const all: BulkSenderArgs = { ...args, count: COUNT };
  const child = new Child(t, "bulk-sender.ts", all);
  const counting = new Counting();
  const client = new RecordingClient();
  client.handle = counting.take;
  await client.connect({ port: await child.next<number>() });
  assert.equal((await client.left()).reason, "peer-closed");
  assert.equal(counting.count, COUNT);
  await checkSender(child);
}

test("12 000 sends followed by a graceful disconnect: 12 000 received", (t) =>
  fromClient(t, { packetBytes: 64, goodbye: "disconnect" }));

test("the same where the process exits as soon as disconnect() resolved", (t) =>
  fromClient(t, { packetBytes: 64, goodbye: "exit" }));

test("the same with 48 MB, far more than the kernel holds", (t) =>
  fromClient(t, { packetBytes: 4000, goodbye: "exit" }));

test("the same while the other side sends all the time", (t) =>
  fromClient(t, { packetBytes: 1000, goodbye: "exit" }, (server) => {
    const flood = Packet.from(Buffer.alloc(10_000));
    const more = (): void => {
      if (server.getSessionCount() === 0) return;
      server.broadcast(flood);
      setImmediate(more);
    };
    more();
  }));

test("the same from a server, by disconnect(id)", (t) =>
  fromServer(t, { packetBytes: 1000, goodbye: "disconnect" }));

test("the same from a server, by stop()", (t) => fromServer(t, { packetBytes: 1000, goodbye: "stop" }));

test("the same where the receiver handles one packet after the other, asynchronously", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0, receiveQueueBytesMax: 64 * 1024 });
  t.after(() => server.stop({ drainMs: 0 }));
  const counting = new Counting();
  server.handle = async (_id, packet) => {
    counting.take(packet);
    if (counting.count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const client = await RecordingClient.to({ port });
  const packet = new Packet();
  for (let i = 0; i < COUNT; i++) assert.ok(client.sendPacket(packet.clear().writeUint32(i)));
  await client.disconnect();
  assert.deepEqual(client.leaves, [{ reason: "disconnected", notSent: { packets: 0, bytes: 0 } }]);
  await server.left(await server.joined());
  assert.equal(counting.count, COUNT);
});

test("the same where both sides say goodbye at the same moment", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const client = await RecordingClient.to({ port });
  const id = await server.joined();
  const packet = new Packet();
  for (let i = 0; i < COUNT; i++) {
    packet.clear().writeUint32(i).writeBytes(Buffer.alloc(500));
    assert.ok(client.sendPacket(packet) && server.sendPacket(id, packet));
  }
  assert.ok(server.disconnect(id));
  await client.disconnect();
  const { reason, notSent } = await server.left(id);
  assert.deepEqual([reason, notSent.packets], ["disconnected", 0]);
  assert.deepEqual([client.leaves[0]!.reason, client.leaves[0]!.notSent.packets], ["disconnected", 0]);
});

test("the same where the client has a thread of its own, and the handle sends and says goodbye", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const counting = new Counting();
  server.handle = (_id, packet) => counting.take(packet);
  const client = new IdleThreadedClient();
  await client.connect({ port, workerThreads: 1, disconnectDrainMs: 20_000 });
  const packet = new Packet();
  for (let i = 0; i < COUNT; i++) {
    assert.ok(client.sendPacket(packet.clear().writeUint32(i).writeBytes(new Uint8Array(500))));
  }
  await client.disconnect();
  assert.equal((await server.left(await server.joined())).reason, "peer-closed");
  assert.equal(counting.count, COUNT);
});

test(
  "the same from the handle of a server on worker threads, to a session of each of them",
  SEVERAL,
  async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2, disconnectDrainMs: 20_000 });
    for (const { id, peer } of await rig.joinMany(2)) {
      const counting = new Counting();
      peer.onPayload = (payload) => counting.take(Packet.from(payload));
      const fill = { order: "fill", target: id, count: COUNT, bytes: 500 } as const;
      assert.equal(await rig.ask(0, fill), COUNT);
      assert.ok(rig.server.disconnect(id));
      await peer.closed;
      assert.equal(counting.count, COUNT);
      const { leave } = await rig.told("leave", (report) => report.id === id);
      assert.deepEqual([leave.reason, leave.notSent.packets], ["disconnected", 0]);
    }
  },
);

test("a goodbye waits for what other threads' packets are under way to its session", SEVERAL, async (t) => {
  const rig = await Rig.start(t, { workerThreads: 2, disconnectDrainMs: 20_000 });
  const [, two] = (await rig.joinMany(2)) as [Link, Link];
  // Its own thread says goodbye before it has heard of what the two others took.
  await rig.hold(two, { order: "disconnect", target: two.id });
  const fill = { order: "fill", target: two.id, count: 100, bytes: 500 } as const;
  assert.deepEqual([await rig.ask(0, fill), await rig.ask(1, fill)], [100, 100]);
  rig.letGo(two);
  const { leave } = await rig.told("leave");
  assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
  assert.equal(two.peer.payloads.length, 200);
});
