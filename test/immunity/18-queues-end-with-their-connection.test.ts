/** Row 18. What was queued for a connection ends with it: no packet, and no rest of one, comes out of the next. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type ClientStats, Packet, type SessionId } from "../../src/index.ts";
import { MemoryNetwork, Random, type RawListener, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { unframe } from "./fixtures/frames.ts";
import { IdleThreadedClient } from "./fixtures/idle-threaded-client.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { turns } from "./fixtures/turns.ts";

const RECONNECT = { minDelayMs: 1, maxDelayMs: 5 };

/** Packets that say which connection they were taken for, and the how manyth of it they are. */
class Stamps {
  #connection = 0;
  #next = 0;

  /** Sends one for `connection`; answers whether it was taken. */
  send(connection: number, byteLength: number, send: (packet: Packet) => boolean): boolean {
    if (connection !== this.#connection) [this.#connection, this.#next] = [connection, 0];
    const packet = new Packet().writeUint32(connection).writeUint32(this.#next);
    const taken = send(packet.writeBytes(Buffer.alloc(byteLength, this.#next)));
    if (taken) this.#next++;
    return taken;
  }
}

/** All are of one connection, from its first on, none missing; answers which. */
function connectionOf(payloads: readonly Uint8Array[]): number | undefined {
  let connection: number | undefined;
  for (const [i, payload] of payloads.entries()) {
    const packet = Packet.from(payload);
    const [of, nth] = [packet.readUint32(), packet.readUint32()];
    connection ??= of;
    assert.deepEqual([of, nth], [connection, i]);
    assert.ok(packet.readBytes(packet.remaining).every((byte) => byte === (i & 0xff)));
  }
  return connection;
}

async function listenRaw(t: TestContext): Promise<{ listener: RawListener; port: number }> {
  const listener = await RawPeer.listen(tcpNetwork, { ip: "127.0.0.1", port: 0 });
  t.after(() => listener.close());
  return { listener, port: (listener.address as { port: number }).port };
}

/** The next to connect; it stops reading before anything was sent to it. */
async function nextStalling(listener: RawListener): Promise<RawPeer> {
  const peer = await listener.next();
  await turns(1); // by then it reads
  peer.pause();
  return peer;
}

/** Sends until the queue refuses although the kernel had turns to take more. */
async function fill(send: () => boolean): Promise<void> {
  for (let refused = 0; refused < 20; ) {
    refused = send() ? 0 : refused + 1;
    if (refused > 0) await turns(1);
  }
}

function leavesOf({ left }: ClientStats): number {
  return Object.values(left).reduce((sum, count) => sum + count, 0);
}

for (const byteLength of [100, 20_000, 90_000]) {
  test(`packets of ${byteLength} bytes queued for a stalled connection never leak onto the reconnected one`, async (t) => {
    const { listener, port } = await listenRaw(t);
    const options = { heartbeat: false, packetBytesMax: 100_000, sendQueueBytesMax: 1_000_000 } as const;
    const client = await RecordingClient.to({ port, reconnect: RECONNECT, ...options });
    t.after(() => client.disconnect({ now: true }));
    const stamps = new Stamps();
    const send = (): boolean => stamps.send(client.joins, byteLength, (packet) => client.sendPacket(packet));
    for (let connection = 1; connection <= 6; connection += 2) {
      const stalling = await nextStalling(listener);
      await client.until(() => client.joins === connection);
      await fill(send);
      stalling.reset();
      const { notSent, reason } = await client.left(connection);
      assert.equal(reason, "reset");
      assert.ok(notSent.packets > 0);
      assert.equal(client.stats().queuedBytes, 0);
      assert.equal(send(), false); // between two connections nothing is taken

      const reading = await listener.next();
      await client.until(() => client.joins === connection + 1);
      for (let i = 0; i < 10; i++) assert.ok(send());
      const { payloads, rest } = unframe(await reading.receivedAtLeast(10 * (12 + byteLength)));
      assert.deepEqual([connectionOf(payloads), payloads.length, rest.length], [connection + 1, 10, 0]);
      reading.reset();
      await client.left(connection + 1);
    }
  });
}

test("the same where the client has a thread of its own, and the handle sends", async (t) => {
  const { listener, port } = await listenRaw(t);
  const client = new IdleThreadedClient();
  const options = { heartbeat: false, sendQueueBytesMax: 2_000_000, workerThreads: 1 } as const;
  await client.connect({ port, reconnect: RECONNECT, ...options });
  t.after(() => client.disconnect({ now: true }));
  const stamps = new Stamps();
  const send = (connection: number): boolean =>
    stamps.send(connection, 5000, (packet) => client.sendPacket(packet));
  for (let connection = 1; connection <= 6; connection += 2) {
    const stalling = await nextStalling(listener);
    while (!send(connection)) await turns(1); // until the handle knows of the connection
    // Until the queue is full by its own figures: the kernel may take more whenever the thread gets its turn.
    while (client.stats().queuedBytes < 1_500_000) if (!send(connection)) await turns(1);
    // What is sent in this turn is still on its way to the thread when the connection ends.
    // In this order: between the two the thread may go on for long enough to have the next connection.
    send(connection);
    stalling.reset();
    const reading = await listener.next();
    while (client.stats().joined < connection + 1) await turns(1);
    for (let taken = 0; taken < 10; ) if (send(connection + 1)) taken++;
    const { payloads, rest } = unframe(await reading.receivedAtLeast(10 * 5012));
    assert.deepEqual([connectionOf(payloads), payloads.length, rest.length], [connection + 1, 10, 0]);
    reading.reset();
    // Not "no session is there": the next one may be there before this looks.
    while (leavesOf(client.stats()) < connection + 1) await turns(1);
  }
});

test("packets that the handle took for one connection, and that arrive at the thread when it has the next, are nobody's", async (t) => {
  const { listener, port } = await listenRaw(t);
  const client = new IdleThreadedClient();
  await client.connect({ port, heartbeat: false, reconnect: RECONNECT, workerThreads: 1 });
  t.after(() => client.disconnect({ now: true }));
  const stamps = new Stamps();
  for (let connection = 1; connection <= 10; connection++) {
    const peer = await listener.next();
    const send = (nth: number): boolean => stamps.send(nth, 100, (packet) => client.sendPacket(packet));
    while (!send(connection)) {
      assert.equal(peer.received.length, 0);
      await turns(1); // until the handle knows of the connection
    }
    await peer.receivedAtLeast(112);
    // All in one turn of the handle's: taken, the link ends, the thread has the next one, and only then it is posted.
    assert.ok(send(connection));
    peer.reset();
    while (client.stats().joined === connection)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    const { payloads, rest } = unframe(peer.received);
    assert.deepEqual([connectionOf(payloads), payloads.length, rest.length], [connection, 1, 0]);
  }
  assert.equal(client.stats().queuedBytes, 0);
});

test("packets queued for a host id never leak onto the connection that it reconnects with", async (t) => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, heartbeat: false, maxSessions: 2 });
  t.after(() => server.stop({ drainMs: 0 }));
  const stamps = new Stamps();
  for (let connection = 1; connection <= 6; connection += 2) {
    const stalling = await RawPeer.dial(tcpNetwork, { ip, port }, { reading: false });
    const old: SessionId = await server.joined(connection);
    assert.ok(server.setHostId(old, "peer", { replace: true }));
    const send = (nth: number) => (): boolean =>
      stamps.send(nth, 20_000, (packet) => server.sendPacket("peer", packet));
    await fill(send(connection));

    // It is back before the old connection is known to be gone.
    const reading = await RawPeer.dial(tcpNetwork, { ip, port });
    const id = await server.joined(connection + 1);
    assert.equal(server.setHostId(id, "peer"), false);
    assert.ok(server.setHostId(id, "peer", { replace: true }));
    for (let i = 0; i < 5; i++) assert.ok(send(connection + 1)());
    stalling.reset();
    assert.ok((await server.left(old)).notSent.packets > 0);
    for (let i = 0; i < 5; i++) assert.ok(send(connection + 1)());
    const { payloads, rest } = unframe(await reading.receivedAtLeast(10 * 20_012));
    assert.deepEqual([connectionOf(payloads), payloads.length, rest.length], [connection + 1, 10, 0]);
    reading.reset();
    await server.left(id);
  }
});

test("whatever is queued when the link dies, at any byte: each session gets packets of one connection, from its first", async (t) => {
  const seed = 18;
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const network = new MemoryNetwork({
    seed,
    latencyMs: 1,
    windowBytes: 20_000,
    faults: { chunking: "random" },
  });
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const server = new RecordingServer();
  await server.start({ network, ...address });
  const client = new RecordingClient();
  const options = { network, serverIp: address.ip, port: address.port, reconnect: RECONNECT };
  await clock.until(client.connect(options));
  const stamps = new Stamps();
  let refused = 0;
  for (let connection = 1; connection <= 150; connection++) {
    await clock.until(() => client.joins === connection);
    const link = network.links.at(-1)!;
    if (random.integer(0, 1) === 0) link.toAcceptor.stall();
    else link.toAcceptor.cutAfter(random.integer(0, 60_000));
    for (let burst = random.integer(1, 6); burst > 0; burst--) {
      for (let i = 0; i < 4; i++) {
        const taken = stamps.send(client.joins, random.integer(0, 20_000), (packet) =>
          client.sendPacket(packet),
        );
        if (!taken) refused++;
      }
      await clock.advance(random.integer(0, 2));
    }
    if (client.leaves.length < connection) link.cut();
    await clock.until(() => client.leaves.length >= connection);
  }
  await clock.until(client.disconnect());
  await clock.until(() => server.leaves.length === server.joins.length);
  const connections = server.joins.map((id) =>
    connectionOf(
      server.packets.filter(({ sessionId }) => sessionId === id).map(({ packet }) => packet.bytes),
    ),
  );
  const heardOf = connections.filter((connection) => connection !== undefined);
  assert.ok(heardOf.length > 20, `only ${heardOf.length} connections got anything through`);
  assert.deepEqual(
    heardOf,
    [...new Set(heardOf)].sort((a, b) => a - b),
  );
  assert.ok(client.leaves.filter(({ notSent }) => notSent.packets > 0).length > 20);
  t.diagnostic(`${server.packets.length} packets over ${heardOf.length} connections, ${refused} refused`);
  await clock.until(server.stop({ drainMs: 0 }));
});

test("on a virtual clock, a peer that stops reading, then resets: the reconnected one gets what was sent to it alone", async () => {
  const network = new MemoryNetwork({ windowBytes: 10_000 });
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const listener = await clock.until(RawPeer.listen(network, address));
  const client = new RecordingClient();
  const options = { network, serverIp: address.ip, port: address.port, reconnect: RECONNECT };
  await clock.until(client.connect({ ...options, heartbeat: false }));
  const old = await clock.until(listener.next());
  old.pause();
  const stamps = new Stamps();
  const send = (): boolean => stamps.send(client.joins, 3000, (packet) => client.sendPacket(packet));
  for (let i = 0; i < 100; i++) assert.ok(send());
  await clock.advance(100);
  old.reset();
  const leave = await clock.until(client.left());
  assert.ok(leave.notSent.packets > 90);
  assert.equal(leave.notSent.bytes, 100 * 3012 - client.sentBytes);
  const fresh = await clock.until(listener.next());
  await clock.until(() => client.joins === 2);
  await clock.advance(100);
  assert.equal(fresh.received.length, 0);
  assert.ok(send());
  const { payloads, rest } = unframe(await clock.until(fresh.receivedAtLeast(3012)));
  assert.deepEqual([connectionOf(payloads), payloads.length, rest.length], [2, 1, 0]);
  await clock.until(client.disconnect({ now: true }));
});
