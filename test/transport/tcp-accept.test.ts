/** What only a kernel does between connect and accept. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { Connection } from "../../src/transport/connection.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";

/** Connects from a thread of its own and resets; tells when that is done. */
const RESETTER = `
const { workerData: { port, done } } = require("node:worker_threads");
const socket = require("node:net").connect(port, "127.0.0.1", () => {
  socket.resetAndDestroy();
  socket.on("close", () => {
    Atomics.store(done, 0, 1);
    Atomics.notify(done, 0);
  });
});`;

test("an accepted connection names where its first read goes before a byte is there: nothing is copied", async (t) => {
  const accepted = Promise.withResolvers<Connection>();
  const listener = await tcpNetwork.listen(
    { address: { ip: "127.0.0.1", port: 0 }, backlog: 16, nagle: false, keepAliveMs: 0 },
    {
      onIncoming: (incoming) => accepted.resolve(incoming.accept()),
      onAcceptError: (error) => assert.fail(error),
    },
  );
  t.after(() => listener.close());
  const { address } = listener;
  const dialOptions = { address, bindIp: undefined, bindPort: undefined, nagle: false, keepAliveMs: 0 };
  const peer = await tcpNetwork.dial(dialOptions, new AbortController().signal);
  t.after(() => peer.destroy());
  const connection = await accepted.promise;
  t.after(() => connection.destroy());
  let asked = 0;
  connection.open({
    readBuffer: () => {
      asked++;
      return new Uint8Array(100);
    },
    onRead() {},
    onWritten() {},
    onEnd() {},
    onClosed() {},
  });
  assert.equal(asked, 1);
});

test("a connection that its peer reset before it was accepted is nobody's", async (t) => {
  const asked: string[] = [];
  const first = Promise.withResolvers<void>();
  const listener = await tcpNetwork.listen(
    { address: { ip: "127.0.0.1", port: 0 }, backlog: 16, nagle: false, keepAliveMs: 0 },
    {
      onIncoming: (incoming) => {
        asked.push(incoming.remote.ip);
        incoming.refuse();
        first.resolve();
      },
      onAcceptError: (error) => assert.fail(error),
    },
  );
  t.after(() => listener.close());
  const { address } = listener;
  assert.ok("port" in address);
  const done = new Int32Array(new SharedArrayBuffer(4));
  const resetter = new Worker(RESETTER, { eval: true, workerData: { port: address.port, done } });
  t.after(() => resetter.terminate());
  // Nothing is accepted while this thread waits here.
  assert.equal(Atomics.wait(done, 0, 0, 20_000), "ok");
  const { signal } = new AbortController();
  const dialOptions = { address, bindIp: undefined, bindPort: undefined, nagle: false, keepAliveMs: 0 };
  await tcpNetwork.dial(dialOptions, signal).then(
    (connection) => connection.destroy(),
    () => {},
  );
  await first.promise; // accepted behind the one that was reset
  assert.deepEqual(asked, ["127.0.0.1"]);
});
