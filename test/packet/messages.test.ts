/** What the errors of a packet say, word for word: they are all that somebody has who reads a log. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ErrorCode } from "../../src/base/errors.ts";
import { Packet } from "../../src/packet/packet.ts";
import { assertThrows, receive, unhex } from "./assertions.ts";

/** `call` throws `code`, and says exactly `words`. */
function says(code: ErrorCode, words: string, call: () => unknown): void {
  assertThrows(code, () => {
    try {
      call();
    } catch (error) {
      assert.equal((error as Error).message, words);
      throw error;
    }
  });
}

const FITS: Readonly<Record<string, readonly [fits: string, write: (packet: Packet) => unknown]>> = {
  Uint8: ["an integer from 0 to 255", (packet) => packet.writeUint8(-1)],
  Int8: ["an integer from -128 to 127", (packet) => packet.writeInt8(-1.5)],
  Uint16: ["an integer from 0 to 65535", (packet) => packet.writeUint16(-1)],
  Int16: ["an integer from -32768 to 32767", (packet) => packet.writeInt16(40_000)],
  Uint32: ["an integer from 0 to 4294967295", (packet) => packet.writeUint32(-1)],
  Int32: ["an integer from -2147483648 to 2147483647", (packet) => packet.writeInt32(2 ** 31)],
  BigUint64: ["a bigint from 0n to 18446744073709551615n", (packet) => packet.writeBigUint64(-1n)],
  BigInt64: [
    "a bigint from -9223372036854775808n to 9223372036854775807n",
    (packet) => packet.writeBigInt64(2n ** 63n),
  ],
  Float32: ["a number within single precision", (packet) => packet.writeFloat32(1e39)],
  Float64: ["a number", (packet) => packet.writeFloat64("1" as never)],
  Bool: ["a boolean", (packet) => packet.writeBool(1 as never)],
  Bytes: ["a Uint8Array", (packet) => packet.writeBytes("ab" as never)],
  String: ["a string", (packet) => packet.writeString(1 as never)],
  WString: ["a string", (packet) => packet.writeWString(1 as never)],
  FixedBytes: ["a Uint8Array", (packet) => packet.writeFixedBytes("ab" as never, 2)],
  FixedWString: ["a string", (packet) => packet.writeFixedWString(1 as never, 2)],
};

test("a value that does not fit: what is taken instead, for each kind", () => {
  for (const [kind, [fits, write]] of Object.entries(FITS)) {
    const words = new RegExp(`^Cannot write ${kind} at byte 1: it takes ${fits}, got .`);
    assertThrows("PACKET_VALUE_OUT_OF_RANGE", () => write(new Packet().writeUint8(0)), words);
  }
});

test("a value is shown in a few words, without calling anything of its own", () => {
  const loud = {
    toString: () => assert.fail("called"),
    get [Symbol.toStringTag](): string {
      return assert.fail("called");
    },
  };
  const shown: readonly (readonly [unknown, string])[] = [
    [-1, "-1"],
    [-0.5, "-0.5"],
    [Number.NaN, "NaN"],
    [true, "true"],
    [undefined, "undefined"],
    [null, "null"],
    [7n, "7n"],
    [2n ** 127n - 1n, `${2n ** 127n - 1n}n`],
    [2n ** 127n, "a bigint of more than 128 bits"],
    ["abc", "a string of 3 units"],
    [loud, "an object"],
    [new Uint8Array(5), "a Uint8Array of 5 bytes"],
    [() => 1, "a function"],
    [Symbol("s"), "a symbol"],
  ];
  for (const [value, words] of shown) {
    says(
      "PACKET_VALUE_OUT_OF_RANGE",
      `Cannot write Uint8 at byte 0: it takes an integer from 0 to 255, got ${words}`,
      () => new Packet().writeUint8(value as never),
    );
  }
  says("OPTION_INVALID", "Cannot make a Packet: maxBytes is an integer from 1 to 1073741824, got -0", () => {
    new Packet(0, -0);
  });
});

describe("the constructor and from()", () => {
  test("name the option, what it takes and what it got", () => {
    says(
      "OPTION_INVALID",
      "Cannot make a Packet: capacityBytes is an integer from 0 to maxBytes (10), got 11",
      () => new Packet(11, 10),
    );
    says("PACKET_VALUE_OUT_OF_RANGE", "Cannot make a Packet: from() takes a Uint8Array, got null", () =>
      Packet.from(null as never),
    );
  });
});

describe("sizes", () => {
  test("a width or byte length that is none", () => {
    const size = "its size is an integer from 0 to 4294967295, got -1";
    const calls: readonly (readonly [string, (packet: Packet) => unknown])[] = [
      ["write FixedBytes at byte 4", (packet) => packet.writeFixedBytes(new Uint8Array(1), -1)],
      ["write FixedWString at byte 4", (packet) => packet.writeFixedWString("a", -1)],
      ["read Bytes at byte 2", (packet) => packet.readBytes(-1)],
      ["read FixedBytes at byte 2", (packet) => packet.readFixedBytes(-1)],
      ["read FixedWString at byte 2", (packet) => packet.readFixedWString(-1)],
    ];
    for (const [what, call] of calls) {
      const packet = new Packet().writeUint32(0);
      packet.readUint16();
      says("PACKET_VALUE_OUT_OF_RANGE", `Cannot ${what}: ${size}`, () => call(packet));
    }
  });

  test("text and bytes that are too long", () => {
    const calls: readonly (readonly [string, (packet: Packet) => unknown])[] = [
      [
        "FixedBytes at byte 1: 5 bytes do not fit, at most 4 bytes do",
        (packet) => packet.writeFixedBytes(new Uint8Array(5), 4),
      ],
      [
        "FixedWString at byte 1: 5 units do not fit, at most 4 units do",
        (packet) => packet.writeFixedWString("12345", 4),
      ],
      [
        "WString at byte 1: 65536 bytes do not fit, at most 65534 bytes do",
        (packet) => packet.writeWString("x".repeat(32_768)),
      ],
      [
        "String at byte 1: at least 65536 bytes do not fit, at most 65535 bytes do",
        (packet) => packet.writeString("x".repeat(65_536)),
      ],
      [
        "String at byte 1: 65538 bytes do not fit, at most 65535 bytes do",
        (packet) => packet.writeString("\u20ac".repeat(21_846)),
      ],
    ];
    for (const [words, write] of calls) {
      says("PACKET_TEXT_TOO_LONG", `Cannot write ${words}`, () => write(new Packet().writeUint8(0)));
    }
  });

  test("a packet that would grow past its maximum", () => {
    says(
      "PACKET_TOO_LARGE",
      "Cannot write Uint32 at byte 3: with its 4 bytes the packet would pass its maximum of 6",
      () => new Packet(0, 6).writeUint16(1).writeUint8(1).writeUint32(1),
    );
  });
});

describe("text", () => {
  test("that its encoding cannot carry", () => {
    says("PACKET_TEXT_INVALID", "Cannot write String at byte 1: the text has a lone surrogate", () =>
      new Packet().writeUint8(0).writeString("\ud800"),
    );
    says("PACKET_TEXT_INVALID", "Cannot write FixedWString at byte 1: unit 2 of the text is NUL", () =>
      new Packet().writeUint8(0).writeFixedWString("ab\0", 8),
    );
  });
});

describe("reading", () => {
  test("past the end, behind what was read before", () => {
    const { packet } = receive(unhex("0102030405"));
    packet.readUint16();
    says("PACKET_READ_PAST_END", "Cannot read Uint32 at byte 2: it takes 4 bytes, 3 remain", () =>
      packet.readUint32(),
    );
  });

  test("a received packet that is written to or cleared", () => {
    const { packet } = receive(unhex("010203"));
    const why = "this packet of 3 bytes was received; copy() gives one that can be written";
    says("PACKET_READ_ONLY", `Cannot write Bool: ${why}`, () => packet.writeBool(true));
    says("PACKET_READ_ONLY", `Cannot clear: ${why}`, () => packet.clear());
  });
});
