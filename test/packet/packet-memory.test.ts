import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { copyContent, heldBytes, lendBytes, Packet } from "../../src/packet/packet.ts";
import { content } from "../framing/streams.ts";
import { assertRefuses, assertThrows, hex, receive, unhex } from "./assertions.ts";

const KIB = 1024;

describe("new Packet()", () => {
  test("is empty and may be read, rewound, cleared and copied as it is", () => {
    const packet = new Packet();
    assert.equal(packet.length, 0);
    assert.equal(packet.remaining, 0);
    assert.equal(packet.readOnly, false);
    assert.equal(packet.bytes.length, 0);
    assert.equal(packet.toBytes().length, 0);
    assert.equal(packet.rewind(), packet);
    assert.equal(packet.clear(), packet);
    assert.equal(packet.copy().writeUint8(1).readUint8(), 1);
    assertRefuses(packet, "PACKET_READ_PAST_END", () => packet.readUint8());
  });

  test("may be a thread's first packet, made of no bytes", async () => {
    const module = new URL("../../src/packet/packet.ts", import.meta.url).href;
    const code = `import(${JSON.stringify(module)}).then(({ Packet }) => Packet.from(new Uint8Array(0)))`;
    const [exitCode] = await once(new Worker(code, { eval: true }), "exit");
    assert.equal(exitCode, 0);
  });

  test("refuses impossible sizes by name", () => {
    for (const bad of [
      -1,
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 30 + 1,
      "1",
      null,
      1n,
    ] as never[]) {
      assertThrows("OPTION_INVALID", () => new Packet(bad), /^Cannot make a Packet: capacityBytes is /);
      assertThrows("OPTION_INVALID", () => new Packet(0, bad), /^Cannot make a Packet: maxBytes is /);
    }
    assertThrows("OPTION_INVALID", () => new Packet(0, 0), /maxBytes/);
    assertThrows("OPTION_INVALID", () => new Packet(11, 10), /capacityBytes .* got 11$/);
  });

  test("starts smaller where the maximum is below the default capacity", () => {
    const packet = new Packet(undefined, 4).writeUint32(1);
    assertRefuses(packet, "PACKET_TOO_LARGE", () => packet.writeUint8(1));
  });

  test("grows up to its maximum and not past it", () => {
    for (const capacity of [0, 1, 7, 100]) {
      const packet = new Packet(capacity, 100);
      for (let i = 0; i < 100; i++) packet.writeUint8(i);
      assertRefuses(
        packet,
        "PACKET_TOO_LARGE",
        () => packet.writeUint8(1),
        /^Cannot write Uint8 at byte 100: with its 1 bytes the packet would pass its maximum of 100$/,
      );
      assert.deepEqual([...packet.bytes], [...Array(100).keys()]);
      assert.equal(packet.writeBytes(new Uint8Array(0)).length, 100);
    }
  });

  test("refuses a field that is larger than any packet without trying to hold it", () => {
    const packet = new Packet().writeUint8(7);
    assertRefuses(packet, "PACKET_TOO_LARGE", () => packet.writeFixedBytes(new Uint8Array(1), 2 ** 32 - 1));
    assertRefuses(packet, "PACKET_TOO_LARGE", () => packet.writeFixedWString("a", 2 ** 32 - 1));
  });

  test("growing keeps content and read cursor", () => {
    const packet = new Packet(8).writeUint32(1).writeUint32(2);
    packet.readUint32();
    packet.writeBytes(new Uint8Array(5000));
    assert.equal(packet.readUint32(), 2);
    assert.equal(packet.remaining, 5000);
  });

  test("many small packets share no byte", () => {
    const packets = Array.from({ length: 2000 }, (_, i) => new Packet(1 + (i % 40)));
    for (const [i, packet] of packets.entries()) packet.writeBytes(new Uint8Array(1 + (i % 60)).fill(i));
    for (const [i, packet] of packets.entries()) {
      assert.equal(hex(packet.bytes), hex(new Uint8Array(1 + (i % 60)).fill(i)));
    }
  });

  test("one packet's memory cannot be transferred away from under the others", () => {
    const packet = new Packet().writeUint8(7);
    assert.throws(() => structuredClone(0, { transfer: [packet.bytes.buffer as ArrayBuffer] }));
    assert.equal(packet.writeUint8(8).readUint8(), 7);
  });

  test("a packet can be appended to itself", () => {
    const packet = new Packet(3).writeUint8(1).writeUint16(0x0302);
    packet.writeBytes(packet.bytes).writeFixedBytes(packet.bytes, 8);
    assert.equal(hex(packet.bytes), "010203010203" + "0102030102030000");
  });
});

describe("Packet.from()", () => {
  test("copies: later changes of the source do not show", () => {
    const source = unhex("010203");
    const packet = Packet.from(source);
    source.fill(0xff);
    assert.equal(hex(packet.bytes), "010203");
  });

  test("is writable at its end and read from its start", () => {
    const packet = Packet.from(unhex("0102")).writeUint8(3);
    assert.equal(packet.readUint8(), 1);
    assert.equal(hex(packet.bytes), "010203");
  });

  test("takes a Buffer and an empty array, and nothing else", () => {
    assert.equal(Packet.from(Buffer.from("abc").subarray(1)).length, 2);
    assert.equal(Packet.from(new Uint8Array(0)).writeUint8(1).length, 1);
    for (const bad of [undefined, null, [1], "ab", new ArrayBuffer(1), new Uint16Array(1)] as never[]) {
      assertThrows("PACKET_VALUE_OUT_OF_RANGE", () => Packet.from(bad), /from\(\) takes a Uint8Array/);
    }
  });
});

describe("bytes", () => {
  test("is the whole content, wherever the read cursor is", () => {
    const packet = Packet.from(unhex("010203"));
    packet.readUint16();
    assert.equal(hex(packet.bytes), "010203");
  });

  test("is the same object for a packet that is rewritten to the same length", () => {
    const packet = new Packet();
    const first = packet.writeUint16(1).writeUint32(2).bytes;
    for (let i = 0; i < 10; i++) {
      packet.clear().writeUint16(i).writeUint32(i);
      assert.equal(packet.bytes, first);
      assert.equal(packet.bytes, first);
    }
    assert.equal(packet.writeUint8(1).bytes.length, 7);
    assert.equal(packet.clear().bytes.length, 0);
  });

  test("is a plain Uint8Array also over a Buffer: its slice() is a copy", () => {
    const { packet, slab } = receive(unhex("010203"));
    for (const view of [packet.bytes, packet.readBytes(3), new Packet().writeUint8(1).bytes]) {
      assert.equal(Object.getPrototypeOf(view), Uint8Array.prototype);
    }
    assert.equal(packet.bytes, packet.bytes);
    assert.equal(packet.bytes.buffer, slab.buffer);
  });

  test("toBytes() is the caller's own, with a buffer of just that length", () => {
    for (const packet of [Packet.from(unhex("010203")), receive(unhex("010203")).packet]) {
      const own = packet.toBytes();
      assert.equal(own.buffer.byteLength, 3);
      own.fill(9);
      assert.equal(hex(packet.bytes), "010203");
    }
  });
});

describe("copy()", () => {
  test("has its own memory, the same content, and reads from the start", () => {
    const packet = new Packet(5, 5).writeUint16(0x0201).writeUint16(0x0403);
    packet.readUint16();
    const copy = packet.copy();
    packet.clear().writeUint32(0);
    assert.equal(copy.remaining, 4);
    assert.equal(hex(copy.bytes), "01020304");
    assert.equal(hex(copy.writeUint8(5).bytes), "0102030405");
    assertRefuses(copy, "PACKET_TOO_LARGE", () => copy.writeUint8(6));
  });

  test("of a received packet frees it from the slab, and can be written", () => {
    const { packet, slab } = receive(unhex("01020304"));
    packet.readUint16();
    const copy = packet.copy();
    assert.notEqual(copy.bytes.buffer, slab.buffer);
    slab.fill(0);
    assert.equal(copy.readOnly, false);
    assert.equal(hex(copy.writeUint8(5).bytes), "0102030405");
    assert.equal(copy.readUint32(false), 0x01020304);
  });

  test("of up to 2 KiB keeps at most 64 KiB, shared with other copies only; a longer one just its length", () => {
    const small = receive(content(1, 2 * KIB)).packet;
    const copies = Array.from({ length: 100 }, () => small.copy());
    for (const copy of copies) assert.equal(heldBytes(copy), 64 * KIB);
    const buffers = new Set(copies.map((copy) => copy.bytes.buffer));
    assert.ok(buffers.size <= 100 / 32 + 1, `${buffers.size} chunks`);
    assert.ok(!buffers.has(new Packet(8).writeUint8(1).bytes.buffer));
    assert.equal(heldBytes(receive(content(1, 2 * KIB + 1)).packet.copy()), 2 * KIB + 1);
  });

  test("beside others has bytes of its own: written on, none touches its neighbours", () => {
    const copies = Array.from({ length: 50 }, (_, n) => receive(content(n, n + 1)).packet.copy());
    for (const copy of copies) copy.writeUint32(0xffffffff);
    for (const [n, copy] of copies.entries())
      assert.deepEqual([...copy.bytes], [...content(n, n + 1), 255, 255, 255, 255]);
  });
});

describe("a received packet", () => {
  test("refuses every write and clear(), and reads on", () => {
    const { packet, slab } = receive(unhex("0102030405060708"));
    packet.readUint16();
    const before = hex(slab);
    const writes: readonly (() => unknown)[] = [
      () => packet.writeUint8(1),
      () => packet.writeInt8(1),
      () => packet.writeUint16(1),
      () => packet.writeInt16(1),
      () => packet.writeUint32(1),
      () => packet.writeInt32(1),
      () => packet.writeBigUint64(1n),
      () => packet.writeBigInt64(1n),
      () => packet.writeFloat32(1),
      () => packet.writeFloat64(1),
      () => packet.writeBool(true),
      () => packet.writeBytes(new Uint8Array(0)),
      () => packet.writeString(""),
      () => packet.writeString("\u20ac".repeat(30)),
      () => packet.writeWString(""),
      () => packet.writeFixedBytes(new Uint8Array(0), 0),
      () => packet.writeFixedWString("", 0),
      () => packet.clear(),
    ];
    for (const write of writes) {
      assertRefuses(packet, "PACKET_READ_ONLY", write, /this packet of 8 bytes was received; copy\(\)/);
    }
    assert.equal(packet.readOnly, true);
    assert.equal(hex(slab), before);
    assert.equal(packet.readUint16(), 0x0403);
    assert.equal(packet.rewind().readUint8(), 1);
  });

  test("stays as it is while the slab goes on being filled around it", () => {
    const { packet, slab } = receive(unhex("0102"));
    const { bytes } = packet;
    slab.fill(1, 0, 5);
    slab.fill(1, 7);
    assert.equal(hex(packet.bytes), "0102");
    assert.equal(packet.bytes, bytes);
    assert.equal(packet.readUint16(), 0x0201);
    assertRefuses(packet, "PACKET_READ_PAST_END", () => packet.readUint8());
  });

  test("an empty one is a packet like any other", () => {
    const { packet } = receive(new Uint8Array(0));
    assert.equal(packet.length, 0);
    assert.equal(packet.bytes.length, 0);
    assert.equal(packet.copy().length, 0);
    assertRefuses(packet, "PACKET_READ_PAST_END", () => packet.readUint8());
  });

  test("is lent as it lies, as often as asked", () => {
    const { packet } = receive(unhex("0102"));
    assert.equal(lendBytes(packet), packet.bytes);
    assert.equal(lendBytes(packet), packet.bytes);
    assert.equal(packet.readUint16(), 0x0201);
    assertRefuses(packet, "PACKET_READ_ONLY", () => packet.clear());
  });
});

describe("a lent packet", () => {
  for (const size of [0, 6, 3000, 100_000]) {
    test(`of ${size} bytes keeps what was lent while it is cleared and rewritten`, () => {
      const packet = new Packet(size).writeBytes(new Uint8Array(size).fill(1));
      const lent = lendBytes(packet);
      assert.equal(hex(lent), "01".repeat(size));
      assert.equal(lendBytes(packet), lent, "lending again lends the same memory");
      packet.clear().writeBytes(new Uint8Array(size).fill(2));
      assert.equal(hex(lent), "01".repeat(size));
      assert.equal(hex(packet.bytes), "02".repeat(size));
      packet.clear().writeBytes(new Uint8Array(size).fill(3));
      assert.equal(hex(lent), "01".repeat(size));
    });
  }

  test("takes new memory of the capacity that it had, once", () => {
    const packet = new Packet(98_304).writeUint8(1);
    lendBytes(packet);
    const { buffer } = packet.clear().writeUint8(2).bytes;
    assert.equal(buffer.byteLength, 98_304);
    assert.equal(packet.writeBytes(new Uint8Array(98_303)).bytes.buffer, buffer);
  });

  test("is read and sent again as before", () => {
    const packet = new Packet().writeUint16(1).writeUint16(2);
    packet.readUint16();
    lendBytes(packet);
    assert.equal(packet.readUint16(), 2);
    assert.equal(packet.rewind().readUint16(), 1);
    assert.equal(packet.readOnly, false);
    assert.equal(hex(packet.bytes), "01000200");
  });

  test("takes its content and cursor along when it is appended to", () => {
    const packet = new Packet().writeUint16(1).writeUint16(2);
    packet.readUint16();
    const lent = lendBytes(packet);
    packet.writeUint16(3);
    assert.equal(hex(packet.bytes), "010002000300");
    assert.equal(packet.readUint16(), 2);
    assert.notEqual(packet.bytes.buffer === lent.buffer && packet.bytes.byteOffset === lent.byteOffset, true);
    assert.equal(hex(lent), "01000200");
  });

  test("refuses as before, and a refusal changes nothing", () => {
    const packet = new Packet(4, 4).writeUint32(1);
    const lent = lendBytes(packet);
    assertRefuses(packet, "PACKET_TOO_LARGE", () => packet.writeUint8(1));
    assertRefuses(packet, "PACKET_VALUE_OUT_OF_RANGE", () => packet.writeUint8(256));
    assert.equal(lendBytes(packet), lent);
    assert.equal(packet.clear().length, 0);
    assert.equal(packet.remaining, 0);
    assert.equal(packet.bytes.length, 0);
  });
});

describe("copyContent()", () => {
  test("copies exactly the content, whatever its length and place", () => {
    for (let length = 0; length < 140; length++) {
      const content = Uint8Array.from({ length }, (_, i) => i + 1);
      for (const packet of [receive(content).packet, Packet.from(content)]) {
        packet.rewind();
        const target = Buffer.from(new ArrayBuffer(200), 3, 180).fill(0xee);
        copyContent(packet, target, new DataView(target.buffer, target.byteOffset, target.length), 9);
        assert.equal(hex(target), "ee".repeat(9) + hex(content) + "ee".repeat(180 - 9 - length));
      }
    }
  });
});
