/** The messages of reports, byte for byte, and what is told of bytes that are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packet } from "../../src/index.ts";
import {
  I32_MAX,
  I32_MIN,
  readReport,
  saturate,
  writeLogin,
  writeUpdate,
} from "../../src/monitor/protocol.ts";

const hex = (packet: Packet): string => Buffer.from(packet.bytes).toString("hex");
const packetOf = (text: string): Packet => Packet.from(Buffer.from(text, "hex"));
const bytesOf = (packet: Packet): Packet => Packet.from(packet.toBytes());

test("a login of server 1 is type 20001 and its number", () => {
  assert.equal(hex(writeLogin(new Packet(), 1)), "214e01000000");
  assert.deepEqual(readReport(packetOf("214e01000000")), { type: "login", serverNo: 1 });
});

test("a data update is type 20002, data type, value and seconds", () => {
  const update = { dataType: 35, value: 12345, unixTime: 1_700_000_000 };
  assert.equal(hex(writeUpdate(new Packet(), update)), "224e233930000000f15365");
  assert.deepEqual(readReport(packetOf("224e233930000000f15365")), { type: "update", ...update });
});

test("a packet is used again: what it held before is gone", () => {
  const packet = new Packet().writeString("something that is longer than both messages");
  assert.equal(hex(writeUpdate(packet, { dataType: 1, value: 2, unixTime: 3 })), "224e010200000003000000");
  assert.equal(hex(writeLogin(packet, -1)), "214effffffff");
});

test("a data type that has no name is read like every other", () => {
  const message = readReport(packetOf("224eff01000000 00000000".replace(" ", "")));
  assert.deepEqual(message, { type: "update", dataType: 255, value: 1, unixTime: 0 });
});

test("values that do not fit saturate", () => {
  const cases = [
    [I32_MAX + 1, I32_MAX],
    [Number.POSITIVE_INFINITY, I32_MAX],
    [I32_MIN - 1, I32_MIN],
    [Number.NEGATIVE_INFINITY, I32_MIN],
    [Number.NaN, 0],
    [1.5, 2],
    [-0.4, 0],
    [I32_MAX, I32_MAX],
  ] as const;
  for (const [value, expected] of cases) {
    assert.ok(saturate(value) === expected, `${value}`);
    const written = writeUpdate(new Packet(), { dataType: 1, value, unixTime: 2 ** 40 });
    assert.deepEqual(readReport(bytesOf(written)), {
      type: "update",
      dataType: 1,
      value: expected,
      unixTime: I32_MAX,
    });
  }
});

test("readReport() tells what is wrong with bytes that are no message", () => {
  const cases = [
    ["", /0 bytes has no type/],
    ["21", /1 bytes has no type/],
    ["1127", /unknown type 10001/],
    ["214e010000", /type 20001 with 3 bytes of fields instead of 4/],
    ["214e0100000000", /type 20001 with 5 bytes of fields instead of 4/],
    ["224e233930000000f153", /type 20002 with 8 bytes of fields instead of 9/],
  ] as const;
  for (const [bytes, why] of cases) {
    const message = readReport(packetOf(bytes));
    assert.equal(message.type, "malformed", bytes);
    assert.match(message.type === "malformed" ? message.why : "", why);
  }
});

test("readReport() never throws, and what it reads is written as the same bytes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 16 }),
    fc.uint8Array({ minLength: 4, maxLength: 4 }).map((fields) => Uint8Array.of(0x21, 0x4e, ...fields)),
    fc.uint8Array({ minLength: 9, maxLength: 9 }).map((fields) => Uint8Array.of(0x22, 0x4e, ...fields)),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      const message = readReport(Packet.from(given));
      if (message.type === "malformed") return;
      const written =
        message.type === "login"
          ? writeLogin(new Packet(), message.serverNo)
          : writeUpdate(new Packet(), message);
      assert.deepEqual(written.toBytes(), new Uint8Array(given));
    }),
  );
});
