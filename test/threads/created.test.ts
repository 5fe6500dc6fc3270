/** How many threads may be created: more than one only where sockets can be moved to them. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { ObedientServer } from "./fixtures/obedient-server.ts";
import { Rig } from "./fixtures/rig.ts";

const run = promisify(execFile);
const OLD_NODE = "node@22.18.0";

describe("created", () => {
  it("more than one is refused with a path", async () => {
    const starting = new ObedientServer().start({ path: freshPath(), workerThreads: 2 });
    await assert.rejects(starting, { code: "OPTION_INVALID", message: /workerThreads.*one thread.*path/ });
  });

  it("one serves a path", async (t) => {
    const path = freshPath();
    const rig = await Rig.start(t, { path, workerThreads: 1 });
    assert.deepEqual(rig.address, { ip: "", port: 0, path });
    const peer = await rig.dial();
    assert.equal(await peer.ask("=hello"), "=hello");
    const { client, thread, id } = await rig.told("join");
    assert.deepEqual([client.ip, client.port, client.thread, thread], ["", 0, 1, 1]);
    assert.equal(await rig.ask(0, { order: "sendPacket", target: id, text: "from the handle" }), true);
    assert.equal(await peer.next(), "from the handle");
  });

  it("more than one is refused where sockets cannot be moved", async (t) => {
    const symbols = Object.getOwnPropertySymbols(net.Socket.prototype);
    const moves = symbols.filter(({ description }) => description === "messaging_transfer_symbol");
    for (const symbol of moves) {
      const property = Object.getOwnPropertyDescriptor(net.Socket.prototype, symbol)!;
      assert.ok(Reflect.deleteProperty(net.Socket.prototype, symbol));
      t.after(() => Object.defineProperty(net.Socket.prototype, symbol, property));
    }
    assert.equal(canMoveSockets(), false);
    const starting = new ObedientServer().start({ port: 0, workerThreads: 2 });
    await assert.rejects(starting, { code: "OPTION_INVALID", message: /workerThreads.*24\.20.*26\.6/ });
  });

  it(`${OLD_NODE}: one works, more are refused`, async (t) => {
    const file = fileURLToPath(new URL("./fixtures/old-node.ts", import.meta.url));
    const here = await run("npx", ["-y", OLD_NODE, "-v"], { timeout: 15_000 }).catch(() => undefined);
    if (here?.stdout.trim() !== "v22.18.0") {
      t.skip(`${OLD_NODE} is not to be had here`);
      return;
    }
    const { stdout } = await run("npx", ["-y", OLD_NODE, file], { timeout: 30_000 });
    const told = JSON.parse(stdout) as { one: string; two: { code: string; message: string } };
    const { two, ...rest } = told;
    assert.deepEqual(rest, { version: "v22.18.0", canMoveSockets: false, one: "hello from 1" });
    assert.equal(two.code, "OPTION_INVALID");
    assert.match(two.message, /workerThreads.*24\.20.*26\.6/);
  });
});

let paths = 0;

function freshPath(): string {
  const name = `lanwire-created-${process.pid}-${++paths}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}
