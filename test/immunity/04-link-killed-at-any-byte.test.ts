/** Row 4. Wherever a link is cut: what arrived is whole, in order and once, and what did not is told. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet } from "../../src/index.ts";
import { MemoryNetwork, Random, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { HIDES_RESETS } from "../support/platform.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";
import { frame, HEADER_BYTES, HEARTBEAT } from "./fixtures/frames.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { resetPeer } from "./fixtures/reset-peer.ts";

const address = { ip: "10.0.0.1", port: 7000 };

/** Payloads that all differ. */
function payloads(lengths: readonly number[]): Buffer[] {
  return lengths.map((length, i) => {
    const bytes = Buffer.alloc(length, i + 1);
    if (length >= 2) bytes.writeUInt16LE(i, 0);
    return bytes;
  });
}

function frameBytes(all: readonly Buffer[]): number {
  return all.reduce((sum, bytes) => sum + HEADER_BYTES + bytes.length, 0);
}

/** How many whole frames fit into the first `byteLength` bytes. */
function framesWithin(all: readonly Buffer[], byteLength: number): number {
  let end = 0;
  let count = 0;
  for (const bytes of all) {
    end += HEADER_BYTES + bytes.length;
    if (end <= byteLength) count++;
  }
  return count;
}

interface Cut {
  readonly direction: "toAcceptor" | "toDialler";
  readonly messages: readonly Buffer[];
  readonly offset: number;
  readonly heartbeat: boolean;
  readonly windowBytes: number;
}

/** Sends `messages`, a few per turn, over a link that dies behind `offset` bytes; checks both ends' stories. */
async function cutAt({ direction, messages, offset, heartbeat, windowBytes }: Cut): Promise<void> {
  const beatBytes = heartbeat ? HEARTBEAT.length : 0;
  const network = new MemoryNetwork({ seed: offset + 1, windowBytes, faults: { chunking: "random" } });
  const { clock } = network;
  const options = { network, packetBytesMax: 4_000_000, heartbeat: heartbeat ? {} : false } as const;
  const server = new RecordingServer();
  await server.start({ ...options, ...address });
  const client = await clock.until(
    RecordingClient.to({ ...options, serverIp: address.ip, port: address.port }),
  );
  const id = await server.joined();
  const link = network.links[0]!;
  const toServer = direction === "toAcceptor";
  const send = (packet: Packet): boolean =>
    toServer ? client.sendPacket(packet) : server.sendPacket(id, packet);
  link[direction].cutAfter(beatBytes + offset);

  let taken = 0;
  const packet = new Packet();
  for (const [i, message] of messages.entries()) {
    if (!send(packet.clear().writeBytes(message))) break; // the cut was faster
    taken++;
    if (i % 4 === 3) await clock.advance(0);
  }
  await clock.until(() => client.leaves.length + server.leaves.length === 2);

  const received = toServer ? server.packets.map((entry) => entry.packet) : client.packets;
  assert.equal(received.length, framesWithin(messages, offset));
  for (const [i, got] of received.entries()) assert.ok(messages[i]!.equals(got.bytes));

  const leave = toServer ? client.leaves[0]! : server.leaves[0]!.leave;
  const completedBytes = toServer ? client.sentBytes : (server.sentBytes.get(id) ?? 0);
  const kernelBytes = link[direction].takenBytes;
  const takenMessages = messages.slice(0, taken);
  assert.equal(leave.reason, "reset");
  assert.ok(completedBytes <= kernelBytes, `told of ${completedBytes} bytes, the kernel took ${kernelBytes}`);
  const written = Math.max(0, completedBytes - beatBytes);
  assert.equal(leave.notSent.bytes, frameBytes(takenMessages) - written);
  assert.equal(leave.notSent.packets, taken - framesWithin(takenMessages, written));
  if (!toServer) assert.equal(server.stats().sent.packets + leave.notSent.packets, taken);
  await server.stop({ drainMs: 0 });
}

const SMALL = payloads([1, 30, 2, 7, 55, 1, 1, 90, 3, 12, 40, 5, 66, 2, 19, 8]);

for (const direction of ["toAcceptor", "toDialler"] as const) {
  for (const heartbeat of [false, true]) {
    const which = `${direction === "toAcceptor" ? "client" : "server"} sending, heartbeats ${heartbeat ? "on" : "off"}`;
    test(`a link killed at each byte offset delivers whole, in order and once, and tells what was not sent: ${which}`, async () => {
      for (let offset = 0; offset < frameBytes(SMALL); offset++)
        await cutAt({ direction, messages: SMALL, offset, heartbeat, windowBytes: 48 });
    });
  }
}

test("the same with a packet that takes several writes", async () => {
  const messages = payloads([5, 2_500_000, 7]);
  for (const offset of [1, 1_000_000, 1_100_000, 2_200_000, 2_500_012, 2_500_020])
    await cutAt({ direction: "toAcceptor", messages, offset, heartbeat: false, windowBytes: 100_000 });
});

test("a link killed within the first heartbeat: that is nobody's loss", async () => {
  for (const offset of [0, 1, HEARTBEAT.length - 1]) {
    const network = new MemoryNetwork({ windowBytes: 8, onLink: (link) => link.toAcceptor.cutAfter(offset) });
    const { clock } = network;
    const server = new RecordingServer();
    await server.start({ network, ...address });
    const client = new RecordingClient();
    let taken = false;
    client.onEnterJoinServer = () => {
      taken = client.sendPacket(Packet.from(Buffer.alloc(10)));
    };
    await clock.until(client.connect({ network, serverIp: address.ip, port: address.port }));
    const { notSent } = await clock.until(client.left());
    assert.deepEqual([taken, notSent], [true, { packets: 1, bytes: HEADER_BYTES + 10 }]);
    assert.equal(client.sentBytes, 0);
    await clock.until(server.stop({ drainMs: 0 }));
  }
});

test("the same with large packets, cut at random bytes and around each frame's borders", async (t) => {
  const seed = 4;
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const messages = payloads([10, 16_384, 3, 70_000, 16_383, 5, 30_000, 1]);
  const offsets: number[] = [];
  for (let i = 0, end = 0; i < messages.length; i++) {
    end += HEADER_BYTES + messages[i]!.length;
    offsets.push(end - 1, end, end + 1, end + HEADER_BYTES);
  }
  for (let i = 0; i < 40; i++) offsets.push(random.integer(0, frameBytes(messages) - 1));
  for (const offset of offsets) {
    if (offset >= frameBytes(messages)) continue;
    await cutAt({ direction: "toAcceptor", messages, offset, heartbeat: true, windowBytes: 20_000 });
  }
});

/** Bytes of 200 messages of 0 to 99 bytes behind each other. */
const STREAM_MESSAGES = payloads(Array.from({ length: 200 }, (_, i) => 1 + ((i * 37) % 99)));
const STREAM = Buffer.concat(STREAM_MESSAGES.map(frame));

test("over real sockets, a peer that resets behind any byte: what arrived is a prefix, whole and once", async (t) => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  for (let k = 0; k < 60; k++) {
    const offset = Math.floor((k * STREAM.length) / 60) + (k % 3);
    server.packets.length = 0;
    await resetPeer(tcpNetwork, { ip, port }, STREAM.subarray(0, offset));
    const id = await server.joined(k + 1);
    const { reason } = await server.left(id);
    assert.ok(reason === "reset" || (reason === "peer-closed" && HIDES_RESETS !== false), reason);
    assert.ok(server.packets.length <= framesWithin(STREAM_MESSAGES, offset));
    for (const [i, { packet }] of server.packets.entries())
      assert.ok(STREAM_MESSAGES[i]!.equals(packet.bytes));
  }
  assert.equal(server.errors.length, 0);
});

test("over real sockets, a peer that closes behind any byte: all that is whole has arrived", async (t) => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  for (let k = 0; k < 60; k++) {
    const offset = Math.floor((k * STREAM.length) / 60) + (k % 3);
    server.packets.length = 0;
    const peer = await RawPeer.dial(tcpNetwork, { ip, port });
    if (offset > 0) void peer.send(STREAM.subarray(0, offset));
    peer.end();
    const id = await server.joined(k + 1);
    assert.equal((await server.left(id)).reason, "peer-closed");
    assert.equal(server.packets.length, framesWithin(STREAM_MESSAGES, offset));
  }
});

test("over real sockets, a sender cut off by its reader tells exactly what it had not handed to the kernel", async (t) => {
  for (const readBytes of [0, 1, 5, 70_000, 1_000_003, 5_000_000]) await cutOffSender(t, readBytes);
});

async function cutOffSender(t: TestContext, readBytes: number): Promise<void> {
  const listener = await RawPeer.listen(tcpNetwork, { ip: "127.0.0.1", port: 0 }, { reading: false });
  t.after(() => listener.close());
  const { port } = listener.address as { port: number };
  const client = await RecordingClient.to({ port, heartbeat: false });
  const peer = await listener.next();
  const messages = payloads(Array.from({ length: 1200 }, (_, i) => 1 + ((i * 8_101) % 20_000)));
  for (const [i, message] of messages.entries()) {
    assert.ok(client.sendPacket(Packet.from(message)));
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  if (readBytes > 0) {
    peer.resume();
    await peer.receivedAtLeast(readBytes);
  }
  peer.reset();
  const leave = await client.left();
  assert.equal(leave.reason, "reset");
  assert.ok(peer.received.length >= readBytes);
  assert.equal(leave.notSent.bytes, frameBytes(messages) - client.sentBytes);
  assert.equal(leave.notSent.packets, messages.length - framesWithin(messages, client.sentBytes));
}

/** By the length of its packets one knows who sent them: the handle, another thread, the session's own. */
const SENDERS = [10_000, 10_001, 10_002];

test(
  "over worker threads, a link that is reset: each sender's packets arrive in order and once, the rest is told",
  SEVERAL,
  async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    await rig.join();
    for (const readBytes of [1, 300_000, 9_000_000]) {
      const link: Link = await rig.join();
      assert.equal(link.thread, 2);
      const before = rig.server.stats().sent;
      const arrived = SENDERS.map((): number[] => []);
      let arrivedBytes = 0;
      link.peer.onPayload = (payload) => {
        arrived[SENDERS.indexOf(payload.length)]!.push(payload.readUInt32LE(0));
        arrivedBytes += payload.length;
        if (arrivedBytes >= readBytes) link.peer.reset();
      };
      link.peer.socket.pause();
      const taken = { packets: 0, bytes: 0 };
      const fill = (thread: number) =>
        ({ order: "fill", target: link.id, count: 500, bytes: SENDERS[thread]! }) as const;
      // Its own thread is held: what the others send is under way while it sends itself, and waits to be written.
      await rig.hold(link, fill(2));
      const answers = [await rig.ask(0, fill(0)), await rig.ask(1, fill(1))];
      rig.letGo(link);
      const since = rig.all("answer").length;
      await rig.until(() => rig.all("answer").length > since, "its own thread has sent");
      answers.push((rig.all("answer").at(-1)!.answer as unknown[])[1]);
      for (const [thread, count] of (answers as number[]).entries()) {
        taken.packets += count;
        taken.bytes += count * (HEADER_BYTES + SENDERS[thread]!);
      }
      link.peer.socket.resume();
      const { leave } = await rig.told("leave", ({ id }) => id === link.id);
      assert.equal(leave.reason, "reset");
      const { sent, queuedBytes } = rig.server.stats();
      assert.equal(sent.packets - before.packets + leave.notSent.packets, taken.packets);
      assert.equal(sent.bytes - before.bytes + leave.notSent.bytes, taken.bytes);
      assert.equal(queuedBytes, 0);
      for (const numbers of arrived) assert.deepEqual(numbers, [...numbers.keys()]);
    }
  },
);

test(
  "a link that is reset while packets are under way to its thread: they are told as not sent",
  SEVERAL,
  async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    const [one, two] = (await rig.joinMany(2)) as [Link, Link];
    // Taken, and not yet posted: the thread that took them is held within the same event.
    const orders = [{ order: "fill", target: two.id, count: 10, bytes: 100 }, { order: "hold" }] as const;
    rig.order(one.peer, { order: "all", orders });
    await rig.told("mark");
    two.peer.reset();
    const { leave } = await rig.told("leave");
    assert.deepEqual(leave.notSent, { packets: 10, bytes: 10 * (HEADER_BYTES + 100) });
    rig.letGo(one);
    assert.deepEqual((await rig.told("answer")).answer, [10, undefined]);
    assert.equal(rig.server.stats().queuedBytes, 0);
  },
);
