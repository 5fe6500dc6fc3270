/** The messages of the game servers, byte for byte where others speak them too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressOfName,
  FORMS,
  type Kind,
  read,
  serverName,
  write,
} from "../../examples/game-servers/protocol.ts";
import { Packet } from "../../src/index.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const packetOf = (text: string): Packet => Packet.from(Buffer.from(text, "hex"));
const KEY = "0123456789abcdef".repeat(4);
const KEY_HEX = hex(Buffer.from(KEY, "latin1"));

test("10001 is a server type and a name of 32 UTF-16 units", () => {
  const bytes = `112701${hex(Buffer.from("game", "utf16le"))}${"00".repeat(56)}`;
  assert.equal(hex(write("serverLogin", { serverType: 1, name: "game" }).toBytes()), bytes);
  assert.deepEqual(read(packetOf(bytes)), { kind: "serverLogin", serverType: 1, name: "game" });
});

test("10002 is an account, a key of 64 bytes and a param", () => {
  const fields = { account: 258n, key: KEY, param: -2n };
  const bytes = `12270201000000000000${KEY_HEX}feffffffffffffff`;
  assert.equal(hex(write("newClient", fields).toBytes()), bytes);
  assert.deepEqual(read(packetOf(bytes)), { kind: "newClient", ...fields });
});

test("10003 is an account and the param", () => {
  const bytes = "132702010000000000000700000000000000";
  assert.equal(hex(write("newClientAnswer", { account: 258n, param: 7n }).toBytes()), bytes);
  assert.deepEqual(read(packetOf(bytes)), { kind: "newClientAnswer", account: 258n, param: 7n });
});

const EXAMPLES = {
  u8: 200,
  u16: 60_000,
  u32: 4_000_000_000,
  i64: -5n,
  char64: KEY,
  wchar16: "255.255.255.255",
  wchar20: "twenty units exactly",
  wchar32: "a name",
  text: "text, ütf-16 𝄞",
};

for (const kind of Object.keys(FORMS) as Kind[]) {
  test(`${FORMS[kind].type} ${kind}: what is written is read; cut short or with a byte too many it is malformed`, () => {
    const fields = Object.fromEntries(
      Object.entries(FORMS[kind].fields).map(([name, type]) => [
        name,
        EXAMPLES[type as keyof typeof EXAMPLES],
      ]),
    );
    const bytes = write(kind, fields as never).toBytes();
    assert.deepEqual(read(Packet.from(bytes)), { kind, ...fields });
    for (let length = 0; length < bytes.length; length++) {
      const message = read(Packet.from(bytes.subarray(0, length)));
      assert.equal(message.kind, "malformed", `${length} of ${bytes.length} bytes`);
    }
    const tooLong = read(Packet.from(Buffer.concat([bytes, Buffer.of(0)])));
    assert.deepEqual(tooLong, { kind: "malformed", why: `type ${FORMS[kind].type} with 1 bytes too many` });
  });
}

test("no two messages have the same type", () => {
  const types = Object.values(FORMS).map(({ type }) => type);
  assert.equal(new Set(types).size, types.length);
});

test("read() tells what is wrong with bytes that are no message", () => {
  const cases = [
    ["", /0 bytes has no type/],
    ["11", /1 bytes has no type/],
    ["214e", /unknown type 20001/],
    ["132702", /type 10003 with 1 bytes of fields is cut short/],
  ] as const;
  for (const [bytes, why] of cases) {
    const message = read(packetOf(bytes));
    assert.match(message.kind === "malformed" ? message.why : "", why);
  }
});

test("a server's name is the address of its users' side, and nothing else is an address", () => {
  const address = { ip: "127.0.0.1", port: 65_535 };
  assert.deepEqual(addressOfName(serverName(address)), address);
  for (const name of ["", "game", "127.0.0.1", "127.0.0.1:65536", "127.0.0:1", ":1"]) {
    assert.equal(addressOfName(name), undefined, name);
  }
});
