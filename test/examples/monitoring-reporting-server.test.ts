/** The reporting server of the monitoring example, byte for byte as a monitor of any kind sees it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { NodeProcess } from "./node-process.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("a server's first frame on a socket is its login, then come data updates, one per figure", async (t) => {
  const { port, connection } = await listen(t);
  new NodeProcess(t, "reporting-server.ts", ["--server-no", "1", "--port", `${port}`]);

  const bytes = await read(await connection(), 8 + 13 * 3);
  assert.equal(hex(bytes.subarray(0, 8)), "0600214e01000000");
  for (let at = 8; at < 8 + 13 * 3; at += 13) assert.equal(hex(bytes.subarray(at, at + 4)), "0b00224e");
  assert.equal(bytes[12], 110, "the sessions of its LanServer");
  const seconds = bytes.readInt32LE(17);
  assert.ok(Math.abs(seconds - Date.now() / 1000) < 5, `unixTime ${seconds}`);
});

test("a server whose link breaks comes back with a login", async (t) => {
  const { port, connection } = await listen(t);
  new NodeProcess(t, "reporting-server.ts", ["--server-no", "2", "--port", `${port}`]);

  const first = await connection();
  assert.equal(hex((await read(first, 8)).subarray(0, 8)), "0600214e02000000");
  const second = connection();
  first.destroy();
  assert.equal(hex((await read(await second, 8)).subarray(0, 8)), "0600214e02000000");
});

test("a server ends by itself, with FIN, when the process that forked it goes", async (t) => {
  const { port, connection } = await listen(t);
  const agent = new NodeProcess(t, "reporting-server.ts", ["--server-no", "2", "--port", `${port}`]);
  const socket = await connection();
  await read(socket, 8);
  const end = once(socket.resume(), "end");
  agent.child.disconnect();
  await end;
  assert.equal(await agent.exit(), 0);
});

test("a server that is ended while its monitor is away ends at once", async (t) => {
  const { server, port, connection } = await listen(t);
  const agent = new NodeProcess(t, "reporting-server.ts", ["--server-no", "2", "--port", `${port}`]);
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
