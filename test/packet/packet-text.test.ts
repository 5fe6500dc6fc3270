import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Packet } from "../../src/packet/packet.ts";
import { assertRefuses, hex, receive, unhex } from "./assertions.ts";
import { prefixed } from "./fields.ts";

describe("writeString() and readString()", () => {
  test("a text of exactly 65535 bytes of UTF-8 is taken, ASCII or not", () => {
    for (const text of ["x".repeat(65535), "\u20ac".repeat(21845)]) {
      const packet = new Packet().writeString(text);
      assert.equal(packet.length, 65537);
      assert.equal(hex(packet.bytes.subarray(0, 2)), "ffff");
      assert.equal(packet.readString(), text);
    }
  });

  test("a byte order mark is text like any other", () => {
    for (const text of ["\ufeffab", `\ufeff${"x".repeat(50)}`]) {
      assert.equal(new Packet().writeString(text).readString(), text);
    }
  });

  test("characters of one byte in Latin-1 take two in UTF-8", () => {
    assert.equal(hex(new Packet().writeString("a\u0080\u00e9\u00ff").bytes), "070061c280c3a9c3bf");
    assert.equal(new Packet().writeString("a\u0080\u00e9\u00ff").readString(), "a\u0080\u00e9\u00ff");
  });

  test("an empty text is its length alone", () => {
    assert.equal(hex(new Packet().writeString("").bytes), "0000");
    assert.equal(new Packet().writeString("").readString(), "");
  });

  test("NUL is text like any other", () => {
    assert.equal(new Packet().writeString("a\0b\0").readString(), "a\0b\0");
  });

  test("bytes that are not UTF-8 are refused and the cursor stays", () => {
    const broken = ["80", "c0af", "e282", "eda080", "f4908080", "6180", `${"61".repeat(40)}ff`];
    for (const bytes of broken) {
      const { packet } = receive(prefixed(unhex(bytes)));
      assertRefuses(
        packet,
        "PACKET_TEXT_INVALID",
        () => packet.readString(),
        new RegExp(`^Cannot read String at byte 0: its ${bytes.length / 2} bytes are not UTF-8$`),
      );
      assert.equal(packet.readUint16(), bytes.length / 2);
    }
  });

  test("a short text that is not ASCII grows the packet by its bytes, not by its units", () => {
    const packet = new Packet(2 + 6, 2 + 6).writeString("\u20ac\u20ac");
    assert.equal(packet.readString(), "\u20ac\u20ac");
    const full = new Packet(7, 7);
    assertRefuses(full, "PACKET_TOO_LARGE", () => full.writeString("\u20ac\u20ac"), /with its 8 bytes/);
  });
});

describe("writeWString() and readWString()", () => {
  test("32767 units are taken", () => {
    const text = "\u00e9".repeat(32767);
    const packet = new Packet().writeWString(text);
    assert.equal(hex(packet.bytes.subarray(0, 4)), "feffe900");
    assert.equal(packet.readWString(), text);
  });

  test("lone surrogates and byte order marks go through as they are", () => {
    for (const text of ["\ud800", "\udc00a", "\ufeffa", `${"x".repeat(50)}\udbff`]) {
      assert.equal(new Packet().writeWString(text).readWString(), text);
    }
  });

  test("an odd byte length is refused and the cursor stays", () => {
    const { packet } = receive(unhex("0300 610062"));
    assertRefuses(
      packet,
      "PACKET_TEXT_INVALID",
      () => packet.readWString(),
      /^Cannot read WString at byte 0: 3 bytes are not whole UTF-16 units$/,
    );
  });

  test("text is read at odd addresses", () => {
    const text = "0123456789".repeat(5);
    const packet = new Packet().writeUint8(1).writeWString(text).writeUint8(2);
    packet.readUint8();
    assert.equal(packet.readWString(), text);
    assert.equal(packet.readUint8(), 2);
  });
});

describe("writeFixedWString() and readFixedWString()", () => {
  test("a text may fill its field whole", () => {
    const packet = new Packet().writeFixedWString("abcd", 4);
    assert.equal(hex(packet.bytes), "6100620063006400");
    assert.equal(packet.readFixedWString(4), "abcd");
  });

  test("the padding is NUL, also where memory was used before", () => {
    const packet = new Packet().writeBytes(new Uint8Array(100).fill(0xff)).clear();
    assert.equal(
      hex(packet.writeFixedWString("a", 3).writeFixedBytes(unhex("07"), 4).bytes),
      "61000000000007000000",
    );
  });

  test("reading stops at the first NUL and goes on behind the field", () => {
    const { packet } = receive(unhex("6100 0000 6200 6300 07"));
    assert.equal(packet.readFixedWString(4), "a");
    assert.equal(packet.readUint8(), 7);
  });

  test("a unit with one zero byte is no NUL", () => {
    assert.equal(receive(unhex("0001 6100 0000")).packet.readFixedWString(3), "\u0100a");
  });

  test("a field of no width is nothing", () => {
    const packet = new Packet().writeFixedWString("", 0).writeFixedBytes(new Uint8Array(0), 0);
    assert.equal(packet.length, 0);
    assert.equal(packet.readFixedWString(0), "");
    assert.equal(packet.readFixedBytes(0).length, 0);
  });
});

test("readFixedBytes() gives the padding, too", () => {
  const packet = new Packet().writeFixedBytes(unhex("0100"), 4);
  assert.equal(hex(packet.readFixedBytes(4)), "01000000");
});
