import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Packet } from "../../src/packet/packet.ts";
import { assertRefuses, hex, receive, unhex } from "./assertions.ts";
import { anyField, INTEGER_KINDS, REFUSALS } from "./fields.ts";

describe("what other systems have on the wire", () => {
  test("SS_MONITOR_LOGIN (20001) of server 1", () => {
    assert.equal(hex(new Packet().writeUint16(20001).writeInt32(1).bytes), "214e01000000");
  });

  test("SS_MONITOR_DATA_UPDATE (20002) of metric 35, value 12345", () => {
    const update = new Packet().writeUint16(20002).writeUint8(35).writeInt32(12345).writeInt32(1700000000);
    assert.equal(hex(update.bytes), "224e233930000000f15365");

    const { packet } = receive(unhex("224e 23 39300000 00f15365"));
    assert.equal(packet.readUint16(), 20002);
    assert.equal(packet.readUint8(), 35);
    assert.equal(packet.readInt32(), 12345);
    assert.equal(packet.readInt32(), 1700000000);
    assert.equal(packet.remaining, 0);
  });

  test("the greeting of the echo convention", () => {
    assert.equal(hex(new Packet().writeBigInt64(0x7fffffffffffffffn).bytes), "ffffffffffffff7f");
    assert.equal(receive(unhex("ffffffffffffff7f")).packet.readBigInt64(), 0x7fffffffffffffffn);
  });

  test("SS_LOGINSERVER_LOGIN (10001) with its WCHAR[32] name", () => {
    const login = new Packet().writeUint16(10001).writeUint8(1).writeFixedWString("Game 1", 32);
    assert.equal(login.length, 2 + 1 + 64);
    assert.equal(hex(login.bytes), `112701470061006d00650020003100${"00".repeat(52)}`);
  });

  test("SS_REQ_NEW_CLIENT_LOGIN (10002) with its char[64] key", () => {
    const key = unhex("6b6579");
    const request = new Packet()
      .writeUint16(10002)
      .writeBigInt64(7n)
      .writeFixedBytes(key, 64)
      .writeBigInt64(-1n);
    assert.equal(hex(request.bytes), `122707000000000000006b6579${"00".repeat(61)}${"ff".repeat(8)}`);
  });

  test("free text is a WORD byte length and UTF-16LE without NUL", () => {
    assert.equal(hex(new Packet().writeWString("안녕").bytes), "040048c555b1");
    assert.equal(receive(unhex("040048c555b1")).packet.readWString(), "안녕");
  });
});

describe("fields", () => {
  test("any sequence of fields reads back as written, and is the bytes it should be", () => {
    fc.assert(
      fc.property(
        fc.array(anyField, { maxLength: 40 }),
        fc.integer({ min: 0, max: 300 }),
        (fields, capacity) => {
          const packet = new Packet(capacity);
          for (const field of fields) assert.equal(field.write(packet), packet);
          const wanted = Buffer.concat(fields.map((field) => field.bytes));
          assert.equal(hex(packet.bytes), hex(wanted));
          assert.equal(packet.length, wanted.length);

          for (const reader of [packet, receive(wanted).packet, Packet.from(wanted), packet.copy()]) {
            for (const field of fields) assert.deepEqual(field.read(reader), field.value, field.kind);
            assert.equal(reader.remaining, 0);
            assert.equal(hex(reader.rewind().bytes), hex(wanted));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("numbers are little-endian unless the second argument says false", () => {
    const packet = new Packet()
      .writeUint32(0x01020304)
      .writeUint32(0x01020304, true)
      .writeUint32(0x01020304, false);
    assert.equal(hex(packet.bytes), "040302010403020101020304");
    assert.equal(packet.readUint32(), 0x01020304);
    assert.equal(packet.readUint32(false), 0x04030201);
    assert.equal(packet.readUint32(false), 0x01020304);
  });

  test("numbers at the ends of their range are taken", () => {
    for (const of of INTEGER_KINDS) {
      for (const edge of [of.beyond[0]! + 1, of.beyond[1]! - 1, -0]) {
        assert.equal(of.read(of.write(new Packet(), edge)), edge + 0, `${of.kind} ${edge}`);
      }
    }
  });

  test("a Float32 keeps NaN and infinities and rounds the rest", () => {
    const packet = new Packet();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4028234e38, 0.1]) {
      assert.equal(packet.clear().writeFloat32(value).readFloat32(), Math.fround(value));
    }
  });

  test("any byte but 0 reads as true", () => {
    const { packet } = receive(unhex("00 01 02 ff"));
    assert.deepEqual(
      [1, 2, 3, 4].map(() => packet.readBool()),
      [false, true, true, true],
    );
  });
});

describe("what does not fit is refused and changes nothing", () => {
  // On each: nothing written yet, half read, full to the last byte.
  const packets = (): Packet[] => {
    const halfRead = new Packet().writeUint32(1).writeUint32(2);
    halfRead.readUint32();
    return [new Packet(), halfRead, new Packet(4).writeUint32(3)];
  };

  for (const refusal of REFUSALS) {
    const given =
      typeof refusal.given === "bigint" && refusal.given > 2n ** 70n ? "2n ** 4000n" : refusal.given;
    test(`${refusal.kind}: ${typeof given === "object" ? JSON.stringify(given) : String(given)}`, () => {
      for (const packet of packets()) {
        const at = packet.length;
        const kind = refusal.kind.split(" ")[0]!;
        assertRefuses(
          packet,
          refusal.code,
          () => refusal.write(packet),
          new RegExp(`^Cannot write ${kind} at byte ${at}: `),
        );
      }
    });
  }

  test("the message names the field, the place, the range and the value", () => {
    const packet = new Packet().writeUint8(0);
    assertRefuses(
      packet,
      "PACKET_VALUE_OUT_OF_RANGE",
      () => packet.writeUint16(70000),
      /^Cannot write Uint16 at byte 1: it takes an integer from 0 to 65535, got 70000$/,
    );
    assertRefuses(
      packet,
      "PACKET_VALUE_OUT_OF_RANGE",
      () => packet.writeBigUint64(2n ** 100000n),
      /got a bigint of more than 128 bits$/,
    );
    assertRefuses(
      packet,
      "PACKET_TEXT_TOO_LONG",
      () => packet.writeFixedWString("nickname", 4),
      /^Cannot write FixedWString at byte 1: 8 units do not fit, at most 4 units do$/,
    );
  });

  test("a read past the end names the field, the cursor, what it wants and what remains", () => {
    const reads: Record<string, (packet: Packet) => unknown> = {
      Uint8: (packet) => packet.readUint8(),
      Int8: (packet) => packet.readInt8(),
      Uint16: (packet) => packet.readUint16(),
      Int16: (packet) => packet.readInt16(),
      Uint32: (packet) => packet.readUint32(),
      Int32: (packet) => packet.readInt32(),
      BigUint64: (packet) => packet.readBigUint64(),
      BigInt64: (packet) => packet.readBigInt64(),
      Float32: (packet) => packet.readFloat32(),
      Float64: (packet) => packet.readFloat64(),
      Bool: (packet) => packet.readBool(),
      Bytes: (packet) => packet.readBytes(8),
      String: (packet) => packet.readString(),
      WString: (packet) => packet.readWString(),
      FixedBytes: (packet) => packet.readFixedBytes(8),
      FixedWString: (packet) => packet.readFixedWString(4),
    };
    for (const [kind, read] of Object.entries(reads)) {
      // The last bytes left over are not enough, though the slab goes on behind them.
      for (const left of kind.endsWith("8") || kind === "Bool" ? [0] : [0, 1]) {
        const { packet } = receive(unhex(`11223344 ${"ff".repeat(left)}`));
        packet.readUint32();
        assertRefuses(
          packet,
          "PACKET_READ_PAST_END",
          () => read(packet),
          new RegExp(`^Cannot read ${kind} at byte 4: it takes \\d bytes, ${left} remain$`),
        );
      }
    }
  });

  test("a text whose length goes past the end is not read in part", () => {
    for (const read of ["readString", "readWString"] as const) {
      const { packet } = receive(unhex("0400 616263"));
      assertRefuses(packet, "PACKET_READ_PAST_END", () => packet[read](), /it takes 6 bytes, 5 remain$/);
    }
  });

  test("a size that is none is refused when reading, too", () => {
    for (const size of [-1, 0.5, Number.NaN, 2 ** 32, "1", undefined, null, 1n, {}, Symbol("x")] as never[]) {
      const { packet } = receive(unhex("11223344"));
      for (const read of ["readBytes", "readFixedBytes", "readFixedWString"] as const) {
        assertRefuses(
          packet,
          "PACKET_VALUE_OUT_OF_RANGE",
          () => packet[read](size),
          / at byte 0: its size is /,
        );
      }
    }
  });
});
