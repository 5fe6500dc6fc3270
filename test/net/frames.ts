/** Packets over the wire, byte for byte: Net frames as the formulas make them, both ways, by every way to send. */
import assert from "node:assert/strict";
import { NET_DEFAULTS, Packet, type SessionId } from "../../src/index.ts";
import type { RawPeer } from "../../src/testing.ts";
import type { Subject, Tell } from "../conformance/suite.ts";
import { assertThrows } from "../support/errors.ts";
import { assertBytes, assertNumbered, numbered, pattern, utf8 } from "../support/frames.ts";
import { AGREED, type Agreed, NET_HEADER_BYTES, netFrame, netFrames } from "../support/net-frames.ts";
import type { ServerRig } from "../support/rigs.ts";
import type { World } from "../support/world.ts";

const LONGEST = 65_535;
/** Around every size at which something changes, and the empty packet. */
const SIZES = [0, 1, 6, 7, 8, 63, 255, 256, 1000, 1023, 1024, 4091, 4096, 16_384, 65_531, LONGEST];
const AGREEMENTS: readonly Agreed[] = [
  AGREED,
  { code: 0, key: 0 },
  { code: 0xff, key: 0xff },
  { code: 1, key: 0xa9 },
];

export const frames: Subject = {
  name: "Net frames",
  tests(tell) {
    for (const agreed of AGREEMENTS) bothWays(tell, agreed);
    streams(tell);
    vectors(tell);
    keys(tell);
    sizes(tell);
    sentOn(tell);
    broadcasts(tell);
  },
};

/** What a thread may change: code and key reach it, and packets cross to it. */
export const framesOnThreads: Subject = {
  name: "Net frames",
  tests(tell) {
    bothWays(tell, AGREEMENTS[3]!);
    sizes(tell);
    sentOn(tell);
    broadcasts(tell);
  },
};

/** What several threads may change: sessions of one broadcast live apart. */
export const framesAcrossThreads: Subject = { name: "Net frames", tests: broadcasts };

/** Waits for frames of these payloads and nothing else; gives their bytes on the wire. */
async function assertFrames(
  world: World,
  peer: RawPeer,
  contents: readonly Uint8Array[],
  agreed: Agreed = AGREED,
): Promise<Uint8Array> {
  const byteLength = contents.reduce((sum, { length }) => sum + NET_HEADER_BYTES + length, 0);
  const wire = (await world.until(peer.receivedAtLeast(byteLength))).slice();
  assert.equal(wire.length, byteLength);
  const got = netFrames(wire, agreed);
  assert.equal(got.length, contents.length);
  for (const [n, { payload }] of got.entries()) assertBytes(payload, contents[n]!);
  return wire;
}

function stream(contents: readonly Uint8Array[], agreed: Agreed): Uint8Array {
  return Buffer.concat(contents.map((content, n) => netFrame(content, (n * 37) % 256, agreed)));
}

function bothWays(tell: Tell, agreed: Agreed): void {
  const contents = SIZES.map((size) => pattern(size, size));
  const name = `code ${agreed.code}, key ${agreed.key}`;

  tell(`the server's bytes and a raw peer's, ${name}`, async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: agreed });
    for (const content of contents) assert(server.server.sendPacket(sessionId, Packet.from(content)));
    await assertFrames(world, peer, contents, agreed);
    void peer.send(stream(contents, agreed));
    await server.event("recv", { nth: contents.length });
    for (const [n, bytes] of server.log.received().entries()) assertBytes(bytes, contents[n]!);
  });

  tell(`the client's bytes and a raw peer's, ${name}`, async (world) => {
    const { client, peer } = await world.rawServed(agreed);
    for (const content of contents) assert(client.client.sendPacket(Packet.from(content)));
    await assertFrames(world, peer, contents, agreed);
    void peer.send(stream(contents, agreed));
    await client.event("recv", { nth: contents.length });
    for (const [n, bytes] of client.log.received().entries()) assertBytes(bytes, contents[n]!);
  });
}

function streams(tell: Tell): void {
  const contents = SIZES.map((size) => pattern(size, size));

  tell("a server and a client that agree understand each other", async (world) => {
    const options = { code: 9, key: 200 };
    const { server, client, sessionId } = await world.pair({ options }, { options });
    for (const content of contents) {
      assert(server.server.sendPacket(sessionId, Packet.from(content)));
      assert(client.client.sendPacket(Packet.from(content)));
    }
    for (const { log } of [server, client]) {
      await world.until(log.next("recv", { nth: contents.length }));
      for (const [n, bytes] of log.received().entries()) assertBytes(bytes, contents[n]!);
    }
  });

  tell("frames that arrive a byte at a time are the same frames", async (world) => {
    const few = [pattern(0), pattern(30, 1), pattern(5, 2)];
    const { server, peer } = await world.rawPair();
    for (const byte of stream(few, AGREED)) void peer.send(Uint8Array.of(byte));
    await server.event("recv", { nth: few.length });
    for (const [n, bytes] of server.log.received().entries()) assertBytes(bytes, few[n]!);
  });

  tell("many small packets of one turn keep their order", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    for (let n = 0; n < 3000; n++) server.server.sendPacket(sessionId, Packet.from(numbered(n, 20)));
    const wire = await world.until(peer.receivedAtLeast(3000 * 25));
    assertNumbered(
      netFrames(wire).map(({ payload }) => payload),
      3000,
      20,
    );
  });
}

function vectors(tell: Tell): void {
  tell("the published frame: login of server 1, code 77, key 32, randKey 5a", async (world) => {
    const frame = Buffer.from("7706005a18ea522250e1d0", "hex");
    const login = Buffer.from("214e01000000", "hex");
    const { server, peer, sessionId } = await world.rawPair();
    void peer.send(frame);
    assertBytes((await server.event("recv")).bytes, login);
    server.server.sendPacket(sessionId, new Packet().writeUint16(20_001).writeInt32(1));
    const wire = await assertFrames(world, peer, [login]);
    assertBytes(wire.slice(0, 3), frame.subarray(0, 3));
    assertBytes(netFrame(login, wire[3]!), wire);
  });

  tell("no handshake and no heartbeat: nothing is on the wire that was not sent", async (world) => {
    const { server, peer } = await world.rawPair();
    await world.settle();
    await server.stop({ drainMs: 20 });
    assert.equal(peer.received.length, 0);
  });

  tell("with heartbeats on, an empty Net frame is one", async (world) => {
    const options = { heartbeat: { intervalMs: 20, timeoutMs: 10_000 } };
    const { server, peer } = await world.rawPair({ options });
    const wire = await world.until(peer.receivedAtLeast(3 * NET_HEADER_BYTES));
    for (const { payload } of netFrames(wire)) assert.equal(payload.length, 0);
    void peer.send(Buffer.concat([netFrame(new Uint8Array(0), 5), netFrame(utf8("x"), 6)]));
    await server.event("recv");
    assert.deepEqual(server.log.received().map(String), [utf8("x")].map(String));
  });
}

function keys(tell: Tell): void {
  tell("each frame has a randKey of its own", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assert.equal(client.client.sendPacket(new Packet()), true); // nobody needs heartbeats for this
    const peer = await world.peer(server);
    const peerId = await server.joined(2);
    for (let n = 0; n < 400; n++) server.server.sendPacket(peerId, Packet.from(utf8("always the same")));
    const wire = await world.until(peer.receivedAtLeast(400 * 20));
    const randKeys = new Set(netFrames(wire).map(({ randKey }) => randKey));
    // Of 256 values 400 draws leave a fifth unseen.
    assert(randKeys.size > 120, `${randKeys.size} different ones`);
    assert(server.server.disconnect(sessionId));
  });

  tell("the defaults are those of the formulas' common use", async () => {
    assert.deepEqual([NET_DEFAULTS.code, NET_DEFAULTS.key], [0x77, 0x32]);
    assert(Object.isFrozen(NET_DEFAULTS));
  });
}

function sizes(tell: Tell): void {
  tell("the longest packet is 65 535 bytes, and one more throws", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const tooLong = Packet.from(new Uint8Array(LONGEST + 1));
    assertThrows(() => server.server.sendPacket(sessionId, tooLong), "PACKET_TOO_LARGE");
    assertThrows(() => server.server.broadcast(tooLong), "PACKET_TOO_LARGE");
    assertThrows(() => client.client.sendPacket(tooLong), "PACKET_TOO_LARGE");
    for (let n = 0; n < 3; n++) {
      assert(server.server.sendPacket(sessionId, Packet.from(pattern(LONGEST, n))));
      assert(client.client.sendPacket(Packet.from(pattern(LONGEST, n))));
    }
    for (const { log } of [server, client]) {
      await world.until(log.next("recv", { nth: 3 }));
      for (const [n, bytes] of log.received().entries()) assertBytes(bytes, pattern(LONGEST, n));
    }
  });

  tell("after true the caller may reuse the packet, of any size", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const packet = new Packet();
    for (const size of SIZES) {
      assert(server.server.sendPacket(sessionId, packet.clear().writeBytes(pattern(size, size))));
      packet.clear().writeBytes(new Uint8Array(size).fill(0xee)); // over what was sent, if it were still there
    }
    await client.event("recv", { nth: SIZES.length });
    for (const [n, bytes] of client.log.received().entries())
      assertBytes(bytes, pattern(SIZES[n]!, SIZES[n]!));
  });

  tell("empty packets are packets while heartbeats are off", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assert(server.server.sendPacket(sessionId, new Packet()));
    assert.equal(server.server.broadcast(new Packet()), 1);
    assert(client.client.sendPacket(new Packet()));
    assert.equal((await server.event("recv")).bytes?.length, 0);
    assert.equal((await client.event("recv", { nth: 2 })).bytes?.length, 0);
  });
}

function sentOn(tell: Tell): void {
  tell("a packet received is sent on as it is, more than once, and stays as it arrived", async (world) => {
    const contents = [1, 64, 5000, LONGEST].map((size) => pattern(size, size));
    const script = [{ on: "recv", do: [{ do: "keep" }, { do: "echo" }, { do: "echo" }] }] as const;
    const { server, peer } = await world.rawPair({ script });
    void peer.send(stream(contents, AGREED));
    await assertFrames(
      world,
      peer,
      contents.flatMap((content) => [content, content]),
    );
    const [kept] = (await server.command({ do: "kept" })) as [Uint8Array[]];
    for (const [n, bytes] of kept.entries()) assertBytes(bytes, contents[n]!);
    assert.equal(kept.length, contents.length);
  });
}

/** A server and peers that joined it, one after another. */
async function withPeers(
  world: World,
  count: number,
  script: Parameters<World["server"]>[1] = [],
): Promise<{ server: ServerRig; peers: RawPeer[]; ids: SessionId[] }> {
  const server = await world.server({}, script);
  const peers: RawPeer[] = [];
  const ids: SessionId[] = [];
  while (peers.length < count) {
    peers.push(await world.peer(server));
    ids.push(await server.joined(peers.length));
  }
  return { server, peers, ids };
}

/** Each of the peers got these frames, and the same bytes of them. */
async function assertSameFrames(
  world: World,
  peers: readonly RawPeer[],
  contents: readonly Uint8Array[],
): Promise<void> {
  const wires: Uint8Array[] = [];
  for (const peer of peers) wires.push(await assertFrames(world, peer, contents));
  for (const wire of wires) assert(Buffer.from(wire).equals(wires[0]!), "encoded more than once");
}

function broadcasts(tell: Tell): void {
  const contents = [0, 1, 64, 1000, 20_000, LONGEST].map((size) => pattern(size, size));

  tell("broadcast() is encoded once: all sessions get the same bytes", async (world) => {
    const { server, peers } = await withPeers(world, 5);
    const packet = new Packet();
    for (const content of contents) {
      assert.equal(server.server.broadcast(packet.clear().writeBytes(content)), 5);
      packet.clear().writeBytes(new Uint8Array(content.length).fill(0xee));
    }
    await assertSameFrames(world, peers, contents);
  });

  tell("broadcast() to targets is encoded once", async (world) => {
    const { server, peers, ids } = await withPeers(world, 5);
    server.server.setHostId(ids[1]!, "second");
    const targets = [ids[0]!, "second", ids[4]!, "nobody"];
    for (const content of contents) assert.equal(server.server.broadcast(Packet.from(content), targets), 3);
    await assertSameFrames(world, [peers[0]!, peers[1]!, peers[4]!], contents);
    assert.equal(peers[2]!.received.length + peers[3]!.received.length, 0);
  });

  tell("broadcast() in an event, to all and to targets, is encoded once", async (world) => {
    const script = [
      {
        on: "recv",
        do: [
          { do: "broadcast", bytes: contents[2]! },
          { do: "broadcast", bytes: contents[3]!, to: [1, 2, 3, 4].map((joined) => ({ joined })) },
        ],
      },
    ] as const;
    const { peers } = await withPeers(world, 4, script);
    void peers[3]!.send(netFrame(utf8("go"), 1));
    await assertSameFrames(world, peers, [contents[2]!, contents[3]!]);
  });

  tell("broadcast() keeps its place among what sendPacket took", async (world) => {
    const { server, peers, ids } = await withPeers(world, 2);
    for (let n = 0; n < 200; n += 2) {
      for (const id of ids) server.server.sendPacket(id, Packet.from(numbered(n, 50)));
      server.server.broadcast(Packet.from(numbered(n + 1, 50)));
    }
    for (const peer of peers) {
      const wire = await world.until(peer.receivedAtLeast(200 * 55));
      assertNumbered(
        netFrames(wire).map(({ payload }) => payload),
        200,
        50,
      );
    }
  });
}
