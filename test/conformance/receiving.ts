/** Received packets: whole, in order, read-only, valid for as long as they are kept, and fit to be sent on. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertBytes, assertNumbered, frame, numbered, pattern, utf8 } from "../support/frames.ts";
import type { Subject, Tell } from "./suite.ts";

export const receiving: Subject = {
  name: "receiving",
  tests(tell) {
    arriving(tell);
    keeping(tell);
  },
};

function arriving(tell: Tell): void {
  tell("however the stream is cut, the same packets arrive", async (world) => {
    const { server, peer } = await world.rawPair();
    const contents = [0, 1, 2, 3].map((n) => numbered(n, 21));
    const stream = Buffer.concat(contents.map(frame));
    for (let at = 0; at < stream.length; at++) await world.until(peer.send(stream.subarray(at, at + 1)));
    await server.event("recv", { nth: 4 });
    assertNumbered(server.log.received(), 4, 21);
  });

  tell("many packets of one read arrive each by itself, in order", async (world) => {
    const { server, peer } = await world.rawPair();
    void peer.send(Buffer.concat(Array.from({ length: 3000 }, (_, n) => frame(numbered(n, 9)))));
    await server.event("recv", { nth: 3000 });
    assertNumbered(server.log.received(), 3000, 9);
  });

  tell("a large packet among small ones arrives whole, in its place", async (world) => {
    const { server, peer } = await world.rawPair();
    const contents = [
      pattern(10, 1),
      pattern(700_000, 2),
      pattern(10, 3),
      pattern(1_048_576, 4),
      pattern(1, 5),
    ];
    void peer.send(Buffer.concat(contents.map(frame)));
    await server.event("recv", { nth: 5 });
    for (const [n, bytes] of server.log.received().entries()) assertBytes(bytes, contents[n]!);
  });

  tell("the client receives the same way", async (world) => {
    const { client, peer } = await world.rawServed();
    const contents = [pattern(3, 1), pattern(100_000, 2), pattern(70_000, 3), pattern(5, 4)];
    const stream = Buffer.concat(contents.map(frame));
    for (let at = 0; at < stream.length; at += 7001) void peer.send(stream.subarray(at, at + 7001));
    await client.event("recv", { nth: 4 });
    for (const [n, bytes] of client.log.received().entries()) assertBytes(bytes, contents[n]!);
  });

  tell("a received packet is read from its first byte, with the fields that were written", async (world) => {
    const script = [
      {
        on: "recv",
        do: [
          { do: "read", byteLength: 2 },
          { do: "read", byteLength: 4 },
        ],
      },
    ] as const;
    const { server, client } = await world.pair({ script });
    client.client.sendPacket(new Packet().writeUint16(20001).writeInt32(-2));
    const { results } = await server.event("recv");
    assertBytes(results[0] as Uint8Array, Uint8Array.of(0x21, 0x4e));
    assertBytes(results[1] as Uint8Array, Uint8Array.of(0xfe, 0xff, 0xff, 0xff));
  });
}

function keeping(tell: Tell): void {
  tell("a received packet is read-only", async (world) => {
    const script = [{ on: "recv", do: [{ do: "writeReceived" }] }] as const;
    const { server, client, sessionId } = await world.pair({ script }, { script });
    client.client.sendPacket(Packet.from(utf8("x")));
    server.server.sendPacket(sessionId, Packet.from(utf8("x")));
    assert.deepEqual((await server.event("recv")).results, [{ threw: "PACKET_READ_ONLY" }]);
    assert.deepEqual((await client.event("recv")).results, [{ threw: "PACKET_READ_ONLY" }]);
  });

  tell("a received packet stays valid for as long as it is kept", async (world) => {
    const script = [{ on: "recv", do: [{ do: "keep" }] }] as const;
    const { server, peer } = await world.rawPair({ script });
    const contents = Array.from({ length: 600 }, (_, n) => pattern(1 + ((n * 997) % 9000), n));
    for (const content of contents) void peer.send(frame(content));
    await server.event("recv", { nth: contents.length });
    peer.end();
    await server.event("leave");
    const [kept] = (await server.command({ do: "kept" })) as [Uint8Array[]];
    for (const [n, bytes] of kept.entries()) assertBytes(bytes, contents[n]!);
  });

  tell("a received packet may be sent on as it is", async (world) => {
    const script = [{ on: "recv", do: [{ do: "echo", to: { joined: 2 } }, { do: "echo" }] }] as const;
    const { server, client } = await world.pair({ script });
    const other = await world.client(server);
    await server.joined(2);
    const sizes = [1, 64, 5000, 100_000, 1_000_000];
    for (const [n, size] of sizes.entries()) client.client.sendPacket(Packet.from(pattern(size, n)));
    for (const { log } of [client, other]) {
      await world.until(log.next("recv", { nth: sizes.length }));
      for (const [n, bytes] of log.received().entries()) assertBytes(bytes, pattern(sizes[n]!, n));
    }
  });

  tell("a received packet may be sent on later, and more than once", async (world) => {
    const script = [{ on: "recv", session: 1, do: [{ do: "keep" }] }] as const;
    const { server, client } = await world.pair({ script });
    const other = await world.client(server);
    const otherId = await server.joined(2);
    for (let number = 0; number < 100; number++) client.client.sendPacket(Packet.from(numbered(number, 700)));
    await server.event("recv", { nth: 100 });
    await client.disconnect();
    await server.event("leave");
    const send = { do: "sendKept", to: { id: otherId } } as const;
    assert.deepEqual(await server.command(send, send), [100, 100]);
    await other.event("recv", { nth: 200 });
    assertNumbered(other.log.received().slice(0, 100), 100, 700);
    assertNumbered(other.log.received().slice(100), 100, 700);
  });

  tell("a received packet that was read halfway is sent on whole", async (world) => {
    const script = [{ on: "recv", do: [{ do: "read", byteLength: 3 }, { do: "echo" }] }] as const;
    const { client } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("abcdef")));
    assertBytes((await client.event("recv")).bytes, utf8("abcdef"));
  });

  tell("copy() has memory of its own and can be written on", async (world) => {
    const script = [{ on: "recv", do: [{ do: "copy", append: utf8(" and more") }] }] as const;
    const { server, client } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("some")));
    client.client.sendPacket(Packet.from(utf8("next")));
    await server.event("recv", { nth: 2 });
    const results = server.log.of("recv").map((record) => record.results[0] as Record<string, Uint8Array>);
    assertBytes(results[0]?.copy, utf8("some and more"));
    assertBytes(results[0]?.original, utf8("some"));
    assertBytes(results[1]?.copy, utf8("next and more"));
  });
}
