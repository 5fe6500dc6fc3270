/** The messages of the monitoring example, byte for byte: in a packet, and as an agent process sends them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { loginPacket, readMessage, updatePacket } from "../../examples/monitoring/protocol.ts";
import { Packet } from "../../src/index.ts";
import { NodeProcess } from "./node-process.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const packetOf = (text: string): Packet => Packet.from(Buffer.from(text, "hex"));

test("a login of server 1 is type 20001 and its number", () => {
  assert.equal(hex(loginPacket(1).toBytes()), "214e01000000");
  assert.deepEqual(readMessage(packetOf("214e01000000")), { type: "login", serverNo: 1 });
});

test("a data update is type 20002, data type, value and seconds", () => {
  const update = { dataType: 35, value: 12345, unixTime: 1_700_000_000 };
  assert.equal(hex(updatePacket(update).toBytes()), "224e233930000000f15365");
  assert.deepEqual(readMessage(packetOf("224e233930000000f15365")), { type: "update", ...update });
});

test("readMessage() tells what is wrong with bytes that are no message", () => {
  const cases = [
    ["", /0 bytes has no type/],
    ["21", /1 bytes has no type/],
    ["1127", /unknown type 10001/],
    ["214e010000", /type 20001 with 3 bytes of fields instead of 4/],
    ["214e0100000000", /type 20001 with 5 bytes of fields instead of 4/],
    ["224e233930000000f153", /type 20002 with 8 bytes of fields instead of 9/],
    ["224e073930000000f15365", /unknown data type 7/],
  ] as const;
  for (const [bytes, why] of cases) {
    const message = readMessage(packetOf(bytes));
    assert.equal(message.type, "malformed", bytes);
    assert.match(message.type === "malformed" ? message.why : "", why);
  }
});

test("an agent's first frame on a socket is its login, then come data updates, one per figure", async (t) => {
  const { port, connection } = await listen(t);
  new NodeProcess(t, "agent.ts", ["--server-no", "1", "--port", `${port}`]);

  const bytes = await read(await connection(), 8 + 13 * 3);
  assert.equal(hex(bytes.subarray(0, 8)), "0600214e01000000");
  for (let at = 8; at < 8 + 13 * 3; at += 13) assert.equal(hex(bytes.subarray(at, at + 4)), "0b00224e");
  assert.equal(bytes[12], 31, "a chat server's CPU");
  const seconds = bytes.readInt32LE(17);
  assert.ok(Math.abs(seconds - Date.now() / 1000) < 5, `unixTime ${seconds}`);
});

test("an agent whose link breaks comes back with a login", async (t) => {
  const { port, connection } = await listen(t);
  new NodeProcess(t, "agent.ts", ["--server-no", "2", "--port", `${port}`]);

  const first = await connection();
  assert.equal(hex((await read(first, 8)).subarray(0, 8)), "0600214e02000000");
  const second = connection();
  first.destroy();
  assert.equal(hex((await read(await second, 8)).subarray(0, 8)), "0600214e02000000");
});

test("an agent ends by itself, with FIN, when the process that forked it goes", async (t) => {
  const { port, connection } = await listen(t);
  const agent = new NodeProcess(t, "agent.ts", ["--server-no", "2", "--port", `${port}`]);
  const socket = await connection();
  await read(socket, 8);
  const end = once(socket.resume(), "end");
  agent.child.disconnect();
  await end;
  assert.equal(await agent.exit(), 0);
});

test("an agent that is ended while its server is away ends at once", async (t) => {
  const { server, port, connection } = await listen(t);
  const agent = new NodeProcess(t, "agent.ts", ["--server-no", "2", "--port", `${port}`]);
  const socket = await connection();
  server.close();
  socket.destroy();
  await agent.line(/CONNECT_FAILED/);
  agent.child.kill("SIGTERM");
  assert.equal(await agent.exit(), 0);
});

/** A plain listener: no code of the library on this side. */
async function listen(
  t: TestContext,
): Promise<{ server: Server; port: number; connection: () => Promise<Socket> }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const connection = async (): Promise<Socket> => {
    const [socket] = (await once(server, "connection")) as [Socket];
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    return socket;
  };
  return { server, port: (server.address() as AddressInfo).port, connection };
}

async function read(socket: Socket, byteLength: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < byteLength) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}
