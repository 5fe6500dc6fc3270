/** sendPacket and broadcast: what true and false mean, what throws, and what becomes of the packet. */
import assert from "node:assert/strict";
import { Packet, type SessionId } from "../../src/index.ts";
import { assertThrows } from "../support/errors.ts";
import {
  assertBytes,
  assertNumbered,
  frame,
  HEADER_BYTES,
  numbered,
  pattern,
  payloads,
  utf8,
} from "../support/frames.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const KIB = 1024;
/** From one byte to well above every buffer that a small packet is copied into. */
const SIZES = [
  1,
  2,
  63,
  64,
  65,
  255,
  256,
  257,
  4095,
  4096,
  16 * KIB,
  64 * KIB - 5,
  64 * KIB,
  300 * KIB,
  KIB * KIB,
];

/** Those that a packet can have in this world. */
function sizesIn({ protocol }: World): number[] {
  return SIZES.filter((size) => size <= protocol.packetBytesMax);
}

export const sending: Subject = {
  name: "sending",
  tests(tell) {
    taken(tell);
    refused(tell);
    throwing(tell);
    broadcasting(tell);
    written(tell);
  },
};

function taken(tell: Tell): void {
  tell("true: taken, in order behind what was taken before", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: { heartbeat: false } });
    const packet = new Packet();
    for (let number = 0; number < 2000; number++)
      assert.equal(
        server.server.sendPacket(sessionId, packet.clear().writeBytes(numbered(number, 20))),
        true,
      );
    await world.until(peer.receivedAtLeast(2000 * 24));
    assertNumbered(payloads(peer.received), 2000, 20);
  });

  tell("packets of all sizes, mixed, keep their order and contents", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const sizes = sizesIn(world);
    const mixed = [...sizes, ...sizes.toReversed(), ...sizes.flatMap((size) => [size, 3])];
    for (const [n, size] of mixed.entries())
      assert.equal(server.server.sendPacket(sessionId, Packet.from(pattern(size, n))), true);
    await client.event("recv", { nth: mixed.length });
    for (const [n, bytes] of client.log.received().entries()) assertBytes(bytes, pattern(mixed[n]!, n));
  });

  tell("after true the caller may reuse the packet, small or large", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const packet = new Packet();
    const sizes = sizesIn(world);
    for (const [n, size] of sizes.entries()) {
      packet.clear().writeBytes(pattern(size, n));
      assert.equal(server.server.sendPacket(sessionId, packet), true);
      packet.clear().writeBytes(new Uint8Array(size).fill(0xee)); // over what was sent, if it were still there
    }
    await client.event("recv", { nth: sizes.length });
    for (const [n, bytes] of client.log.received().entries()) assertBytes(bytes, pattern(sizes[n]!, n));
  });

  tell(
    "after true the caller may go on writing: what is sent later is longer, what was sent is not",
    async (world) => {
      const { server, client, sessionId } = await world.pair();
      const packet = new Packet();
      const large = pattern(200 * KIB);
      for (let n = 0; n < 4; n++)
        assert.equal(server.server.sendPacket(sessionId, packet.writeBytes(large)), true);
      await client.event("recv", { nth: 4 });
      const lengths = client.log.received().map(({ length }) => length);
      assert.deepEqual(
        lengths,
        [200, 400, 600, 800].map((kib) => kib * KIB),
      );
      for (const bytes of client.log.received()) assertBytes(bytes.subarray(-large.length), large);
    },
  );

  tell("the same packet sent to several sessions arrives whole at each", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const other = await world.client(server);
    const otherId = await server.joined(2);
    for (const size of [10, 500 * KIB]) {
      const packet = Packet.from(pattern(size));
      assert(server.server.sendPacket(sessionId, packet) && server.server.sendPacket(otherId, packet));
      packet.clear();
    }
    for (const { log } of [client, other]) {
      await world.until(log.next("recv", { nth: 2 }));
      assertBytes(log.received()[0], pattern(10));
      assertBytes(log.received()[1], pattern(500 * KIB));
    }
  });

  tell("the read cursor of a packet has no say in what is sent", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const packet = Packet.from(utf8("abcdef"));
    packet.readUint32();
    server.server.sendPacket(sessionId, packet);
    assertBytes((await client.event("recv")).bytes, utf8("abcdef"));
    assert.equal(packet.remaining, 2);
  });

  tell("the client's sendPacket keeps order as well", async (world) => {
    const { server, client } = await world.pair();
    for (let number = 0; number < 1000; number++)
      assert.equal(client.client.sendPacket(Packet.from(numbered(number, 33))), true);
    await server.event("recv", { nth: 1000 });
    assertNumbered(server.log.received(), 1000, 33);
  });
}

function refused(tell: Tell): void {
  tell("false: the client has not joined, or has left", async (world) => {
    const server = await world.server();
    const client = world.newClient();
    const packet = Packet.from(utf8("x"));
    assert.equal(client.client.sendPacket(packet), false);
    const connecting = client.connecting(server);
    assert.equal(client.client.sendPacket(packet), false);
    await world.until(connecting);
    assert.equal(client.client.sendPacket(packet), true);
    await server.event("recv");
    await client.disconnect();
    assert.equal(client.client.sendPacket(packet), false);
    await server.event("leave");
    assert.equal(server.log.of("recv").length, 1);
  });

  tell("false: leaving, and nothing of it is sent", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assert.equal(server.server.sendPacket(sessionId, Packet.from(utf8("last"))), true);
    server.server.disconnect(sessionId);
    assert.equal(server.server.sendPacket(sessionId, Packet.from(utf8("late"))), false);
    await client.event("leave");
    assert.deepEqual(client.log.received().map(String), [utf8("last")].map(String));
  });

  tell("false: the client is leaving", async (world) => {
    const { server, client } = await world.pair();
    const gone = client.client.disconnect();
    assert.equal(client.client.sendPacket(Packet.from(utf8("late"))), false);
    await world.until(gone);
    await server.event("leave");
    assert.equal(server.log.of("recv").length, 0);
  });
}

function throwing(tell: Tell): void {
  tell(
    "a packet over packetBytesMax throws PACKET_TOO_LARGE, one of just that length is taken",
    async (world) => {
      const options = { packetBytesMax: 1000 };
      const { server, client, sessionId } = await world.pair({ options }, { options });
      const error = assertThrows(
        () => server.server.sendPacket(sessionId, Packet.from(new Uint8Array(1001))),
        "PACKET_TOO_LARGE",
      );
      assert.match(error.message, /1001|1000/);
      assertThrows(() => server.server.broadcast(Packet.from(new Uint8Array(1001))), "PACKET_TOO_LARGE");
      assertThrows(() => client.client.sendPacket(Packet.from(new Uint8Array(1001))), "PACKET_TOO_LARGE");
      assert.equal(server.server.sendPacket(sessionId, Packet.from(pattern(1000))), true);
      assertBytes((await client.event("recv")).bytes, pattern(1000));
      assert.equal(client.log.of("recv").length, 1);
    },
  );

  tell("packetBytesMax is 1 MiB by default", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const tooLarge = new Packet().writeBytes(new Uint8Array(KIB * KIB + 1));
    assertThrows(() => server.server.sendPacket(sessionId, tooLarge), "PACKET_TOO_LARGE");
    assert.equal(server.server.sendPacket(sessionId, Packet.from(pattern(KIB * KIB))), true);
    assert.equal((await client.event("recv")).bytes?.length, KIB * KIB);
  });

  tell("an empty packet throws PACKET_EMPTY while heartbeats are on", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assertThrows(() => server.server.sendPacket(sessionId, new Packet()), "PACKET_EMPTY");
    assertThrows(() => server.server.broadcast(new Packet()), "PACKET_EMPTY");
    assertThrows(() => client.client.sendPacket(new Packet()), "PACKET_EMPTY");
    await world.settle();
    assert.equal(client.log.of("recv").length, 0);
  });

  tell("an empty packet is taken while heartbeats are off, and arrives", async (world) => {
    const options = { heartbeat: false } as const;
    const { server, client, sessionId } = await world.pair({ options }, { options });
    assert.equal(server.server.sendPacket(sessionId, new Packet()), true);
    assert.equal(server.server.broadcast(new Packet()), 1);
    assert.equal(client.client.sendPacket(new Packet()), true);
    assert.equal((await server.event("recv")).bytes?.length, 0);
    assert.equal((await client.event("recv", { nth: 2 })).bytes?.length, 0);
  });

  tell("what was refused by throwing disturbs nothing behind it", async (world) => {
    const { server, client, sessionId } = await world.pair({ options: { packetBytesMax: 100 } });
    server.server.sendPacket(sessionId, Packet.from(utf8("before")));
    assertThrows(() => server.server.sendPacket(sessionId, Packet.from(pattern(101))), "PACKET_TOO_LARGE");
    server.server.sendPacket(sessionId, Packet.from(utf8("behind")));
    await client.event("recv", { nth: 2 });
    assert.deepEqual(client.log.received().map(String), [utf8("before"), utf8("behind")].map(String));
  });
}

function broadcasting(tell: Tell): void {
  tell("broadcast() reaches all sessions and answers how many took it", async (world) => {
    const server = await world.server();
    assert.equal(server.server.broadcast(Packet.from(utf8("nobody"))), 0);
    const clients = [await world.client(server), await world.client(server), await world.client(server)];
    await server.joined(3);
    const sizes = sizesIn(world);
    for (const [n, size] of sizes.entries()) {
      const packet = Packet.from(pattern(size, n));
      assert.equal(server.server.broadcast(packet), 3);
      packet.clear().writeBytes(new Uint8Array(size).fill(0xee));
    }
    for (const { log } of clients) {
      await world.until(log.next("recv", { nth: sizes.length }));
      for (const [n, bytes] of log.received().entries()) assertBytes(bytes, pattern(sizes[n]!, n));
    }
  });

  tell("broadcast() to targets reaches these, by session id and by host id", async (world) => {
    const server = await world.server();
    const clients = [await world.client(server), await world.client(server), await world.client(server)];
    const ids = [await server.joined(1), await server.joined(2), await server.joined(3)];
    server.server.setHostId(ids[1]!, "second");
    const targets = new Set<SessionId | string>([ids[0]!, "second", "nobody", 7 as SessionId]);
    assert.equal(server.server.broadcast(Packet.from(utf8("some")), targets), 2);
    assert.equal(server.server.broadcast(Packet.from(utf8("none")), []), 0);
    assert.equal(server.server.broadcast(Packet.from(utf8("all"))), 3);
    await Promise.all(ids.map((_, n) => world.until(clients[n]!.log.next("recv", { nth: n < 2 ? 2 : 1 }))));
    assert.deepEqual(
      clients.map(({ log }) => log.of("recv").length),
      [2, 2, 1],
    );
    assertBytes(clients[2]!.log.received()[0], utf8("all"));
  });

  tell("broadcast() keeps its place among what sendPacket took", async (world) => {
    const { server, client, sessionId } = await world.pair();
    for (let number = 0; number < 300; number += 2) {
      server.server.sendPacket(sessionId, Packet.from(numbered(number, 50)));
      server.server.broadcast(Packet.from(numbered(number + 1, 50)));
    }
    await client.event("recv", { nth: 300 });
    assertNumbered(client.log.received(), 300, 50);
  });
}

function written(tell: Tell): void {
  tell("onSend tells each completed write: the sum is the bytes on the wire", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    const sizes = sizesIn(world);
    for (const [n, size] of sizes.entries())
      server.server.sendPacket(sessionId, Packet.from(pattern(size, n)));
    // With the heartbeat of the join.
    const bytesWith = (headerBytes: number) =>
      sizes.reduce((sum, size) => sum + headerBytes + size, headerBytes);
    const frames = bytesWith(world.protocol.headerBytes);
    await world.until(peer.receivedAtLeast(bytesWith(HEADER_BYTES)));
    const sum = () => server.log.of("send", { sessionId }).reduce((bytes, { size = 0 }) => bytes + size, 0);
    await world.until(() => sum() === frames);
    assert.equal(peer.received.length, bytesWith(HEADER_BYTES));
  });

  tell("the client's onSend: the sum is the bytes on the wire", async (world) => {
    const { client, peer } = await world.rawServed({ heartbeat: false });
    for (let n = 0; n < 100; n++) client.client.sendPacket(Packet.from(pattern(100, n)));
    await world.until(peer.receivedAtLeast(100 * 104));
    const frames = 100 * (world.protocol.headerBytes + 100);
    await world.until(() => client.log.of("send").reduce((sum, { size = 0 }) => sum + size, 0) === frames);
    assertBytes(peer.received.slice(0, 104), frame(pattern(100, 0)));
  });
}
