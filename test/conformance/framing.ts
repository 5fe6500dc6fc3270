/** Packets over the wire, byte for byte: `length | payload` and nothing else, for every framing. */
import assert from "node:assert/strict";
import {
  FRAMING_PRESETS,
  type Framing,
  type FramingFormat,
  type FramingName,
  Packet,
} from "../../src/index.ts";
import { assertThrows } from "../support/errors.ts";
import { assertBytes, lengthPrefixed, pattern, utf8 } from "../support/frames.ts";
import type { Subject, Tell } from "./suite.ts";

const NAMES: Readonly<Record<FramingName, FramingFormat>> = {
  u8: { lengthBytes: 1, endian: "little" },
  u16le: { lengthBytes: 2, endian: "little" },
  u16be: { lengthBytes: 2, endian: "big" },
  u24le: { lengthBytes: 3, endian: "little" },
  u24be: { lengthBytes: 3, endian: "big" },
  u32le: { lengthBytes: 4, endian: "little" },
  u32be: { lengthBytes: 4, endian: "big" },
};
const PRESETS: Readonly<Record<keyof typeof FRAMING_PRESETS, FramingFormat>> = {
  cLanServer: NAMES.u16le,
  erlangPacket1: { lengthBytes: 1, endian: "big" },
  erlangPacket2: NAMES.u16be,
  erlangPacket4: NAMES.u32be,
  twistedInt16: NAMES.u16be,
  twistedInt32: NAMES.u32be,
  pythonMultiprocessing: NAMES.u32be,
  tokioLengthDelimited: NAMES.u32be,
  nettyInt32: NAMES.u32be,
  nettyInt32WithHeader: { lengthBytes: 4, endian: "big", includesHeader: true },
  kafka: NAMES.u32be,
  thriftFramed: NAMES.u32be,
  zooKeeper: NAMES.u32be,
  dnsOverTcp: NAMES.u16be,
  mongodb: { lengthBytes: 4, endian: "little", includesHeader: true },
};

export const framing: Subject = {
  name: "framing",
  tests(tell) {
    for (const [name, format] of Object.entries(NAMES))
      bothWays(tell, `"${name}"`, name as FramingName, format);
    for (const lengthBytes of [1, 2, 3, 4] as const) {
      for (const endian of ["little", "big"] as const) {
        const format = { lengthBytes, endian, includesHeader: true };
        bothWays(tell, `${lengthBytes} bytes ${endian}, with the header`, format, format);
      }
    }
    presets(tell);
    vectors(tell);
    limits(tell);
  },
};

/** What a raw peer sends is received, and what is sent is what a raw peer gets, empty packets too. */
function bothWays(tell: Tell, name: string, option: Framing, format: FramingFormat): void {
  const contents = [
    utf8("a"),
    new Uint8Array(0),
    pattern(100),
    pattern(format.lengthBytes > 1 ? 40_000 : 200),
  ];
  const wire = Buffer.concat(contents.map((content) => lengthPrefixed(content, format)));
  const options = { framing: option, heartbeat: false } as const;

  tell(`${name}: the server's bytes`, async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options });
    for (const content of contents) assert(server.server.sendPacket(sessionId, Packet.from(content)));
    assertBytes(await world.until(peer.receivedAtLeast(wire.length)), wire);
    void peer.send(wire);
    await server.event("recv", { nth: contents.length });
    for (const [n, bytes] of server.log.received().entries()) assertBytes(bytes, contents[n]!);
  });

  tell(`${name}: the client's bytes`, async (world) => {
    const { client, peer } = await world.rawServed(options);
    for (const content of contents) assert(client.client.sendPacket(Packet.from(content)));
    assertBytes(await world.until(peer.receivedAtLeast(wire.length)), wire);
    void peer.send(wire);
    await client.event("recv", { nth: contents.length });
    for (const [n, bytes] of client.log.received().entries()) assertBytes(bytes, contents[n]!);
  });
}

function presets(tell: Tell): void {
  tell("each preset is the header that its stack speaks", async () => {
    const headers = Object.entries(FRAMING_PRESETS).map(([name, { packetBytesMax: _, ...header }]) => [
      name,
      header,
    ]);
    assert.deepEqual(Object.fromEntries(headers), PRESETS);
  });

  tell("a preset keeps to the longest packet that its stack takes", async (world) => {
    for (const [preset, max] of [
      ["twistedInt32", 99_999],
      ["tokioLengthDelimited", 8 * 1024 * 1024],
      ["kafka", 1024 * 1024],
      ["erlangPacket1", 255],
      ["cLanServer", 65_535],
    ] as const) {
      const { server, sessionId } = await world.rawPair({ options: { framing: FRAMING_PRESETS[preset] } });
      const packet = new Packet().writeBytes(new Uint8Array(max));
      assert.equal(server.server.sendPacket(sessionId, packet), true, preset);
      packet.clear().writeBytes(new Uint8Array(max + 1));
      assertThrows(() => server.server.sendPacket(sessionId, packet), "PACKET_TOO_LARGE");
    }
  });
}

function vectors(tell: Tell): void {
  const vector = (hex: string): Uint8Array => Buffer.from(hex, "hex");

  tell("login of server 1 and an update, as C++ peers write them", async (world) => {
    const { client, peer } = await world.rawServed({ framing: FRAMING_PRESETS.cLanServer });
    client.client.sendPacket(new Packet().writeUint16(20001).writeInt32(1));
    const update = new Packet()
      .writeUint16(20002)
      .writeUint8(35)
      .writeInt32(12_345)
      .writeInt32(1_700_000_000);
    client.client.sendPacket(update);
    const wire = vector("0600214e01000000" + "0b00224e233930000000f15365");
    assertBytes(await world.until(peer.receivedAtLeast(wire.length)), wire);
  });

  tell("the greeting of load tools", async (world) => {
    const options = { framing: FRAMING_PRESETS.cLanServer };
    const { server, peer, sessionId } = await world.rawPair({ options });
    server.server.sendPacket(sessionId, new Packet().writeBigInt64(0x7fff_ffff_ffff_ffffn));
    assertBytes(await world.until(peer.receivedAtLeast(10)), vector("0800ffffffffffffff7f"));
    void peer.send(vector("08000102030405060708"));
    assertBytes((await server.event("recv")).bytes, vector("0102030405060708"));
  });

  tell("no handshake: nothing is on the wire that was not sent", async (world) => {
    const { peer, server } = await world.rawPair({ options: { framing: "u16le" } });
    await world.settle();
    await server.stop({ drainMs: 20 });
    assert.equal(peer.received.length, 0);
  });
}

function limits(tell: Tell): void {
  for (const [name, max] of [
    ["u8", 255],
    ["u16le", 65_535],
    ["u16be", 65_535],
    ["u24be", 1024 * 1024],
  ] as const) {
    tell(`"${name}": the longest packet by default is ${max} bytes`, async (world) => {
      const options = { framing: name };
      const { server, client, sessionId } = await world.pair({ options }, { options });
      const longest = pattern(max);
      assert.equal(server.server.sendPacket(sessionId, Packet.from(longest)), true);
      assertBytes((await client.event("recv")).bytes, longest);
      const packet = Packet.from(new Uint8Array(max + 1));
      assertThrows(() => server.server.sendPacket(sessionId, packet), "PACKET_TOO_LARGE");
    });
  }

  tell("a length that counts the header leaves less for the payload", async (world) => {
    const framing = { lengthBytes: 1, endian: "big", includesHeader: true } as const;
    const { server, peer, sessionId } = await world.rawPair({ options: { framing } });
    assertThrows(() => server.server.sendPacket(sessionId, Packet.from(pattern(255))), "PACKET_TOO_LARGE");
    assert.equal(server.server.sendPacket(sessionId, Packet.from(pattern(254))), true);
    const wire = await world.until(peer.receivedAtLeast(255));
    assert.equal(wire[0], 255);
  });

  tell("two sides with another framing than the default understand each other", async (world) => {
    const options = { framing: { lengthBytes: 3, endian: "big", includesHeader: true } } as const;
    const { server, client, sessionId } = await world.pair({ options }, { options });
    server.server.sendPacket(sessionId, Packet.from(pattern(70_000)));
    client.client.sendPacket(Packet.from(pattern(80_000)));
    assertBytes((await client.event("recv")).bytes, pattern(70_000));
    assertBytes((await server.event("recv")).bytes, pattern(80_000));
  });
}
