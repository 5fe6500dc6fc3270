/** Row 17. What is called inside an event takes effect at once, and is told once the event has returned. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { frame } from "./fixtures/frames.ts";
import {
  CALL,
  CALLS,
  CLIENT_EVENTS,
  type ClientEvent,
  cellOf,
  HookedNestingServer,
  NESTED,
  NestingClient,
  type NestingClientData,
  NestingServer,
  newCounts,
  QUEUE,
  SERVER_EVENTS,
  STRANGE,
  TIMES,
} from "./fixtures/nesting.ts";

const CALL_NAMES = Object.keys(CALL);
/** The second makes its receiver's event throw. */
const FRAMES = Buffer.concat([frame(Buffer.of(1)), frame(Buffer.of(2)), frame(Buffer.of(3))]);
const PEERS_MAX = 1000;

/** The calls that were not made often enough yet, by event. */
function missing(counts: Int32Array, events: readonly string[], times: number): string[] {
  return events.flatMap((event, row) =>
    CALL_NAMES.filter((_, call) => Atomics.load(counts, cellOf(row, call)) < times).map(
      (call) => `${call} in ${event}`,
    ),
  );
}

/** Four peers at a time talk to the server until each of its events has made each call; whoever is thrown out is replaced. */
async function serverNeverNests(t: TestContext, hooked: boolean, workerThreads: number): Promise<void> {
  const counts = newCounts();
  const server = new (hooked ? HookedNestingServer : NestingServer)().countIn(counts);
  const { ip, port } = await server.start({ port: 0, workerThreads, workerData: counts.buffer, ...QUEUE });
  t.after(() => server.stop({ drainMs: 0 }));
  const events = SERVER_EVENTS.filter((event) => hooked || !event.startsWith("onWorkerThread"));
  let peers = 0;
  const talk = async (): Promise<void> => {
    while (peers++ < PEERS_MAX && missing(counts, events, TIMES).length > 0) {
      const peer = await RawPeer.dial(tcpNetwork, { ip, port }).catch(() => undefined);
      if (peer === undefined) continue; // thrown out before it knew
      await peer.send(FRAMES);
      await peer.receivedAtLeast(1).catch(() => {}); // a heartbeat at least, unless it was thrown out
      peer.end();
      await peer.closed;
    }
  };
  await Promise.all([talk(), talk(), talk(), talk()]);
  assert.deepEqual(missing(counts, events, TIMES), []);
  await server.stop({ drainMs: 0 });
  t.diagnostic(`${peers} peers`);
  assert.equal(Atomics.load(counts, NESTED), 0, "an event ran inside another");
  assert.equal(Atomics.load(counts, STRANGE), 0, "an error that is not ours");
}

for (const workerThreads of [0, 1]) {
  for (const hooked of [false, true]) {
    const which = `workerThreads ${workerThreads}, ${hooked ? "with" : "without"} batch hooks`;
    test(`disconnect and sendPacket inside any event of a server call no other event before it returns: ${which}`, (t) =>
      serverNeverNests(t, hooked, workerThreads));
  }
}

/** One connection that goes through every event there is, unless the client ends it before. */
async function clientLife(workerThreads: number, data: NestingClientData): Promise<void> {
  const listener = await RawPeer.listen(tcpNetwork, { ip: "127.0.0.1", port: 0 });
  const { port } = listener.address as { port: number };
  const client = new NestingClient();
  const connecting = client.connect({ port, workerThreads, workerData: data, ...QUEUE }).catch(() => {});
  await connecting;
  // Accepted behind the client's connection, which is nobody's where the client reset it at once.
  const marker = await RawPeer.dial(tcpNetwork, listener.address);
  const peer = await listener.next();
  await peer.send(FRAMES);
  peer.end();
  marker.end();
  await peer.closed;
  await client.disconnect();
  await listener.close();
  for (const rest of [marker, ...listener.peers]) {
    rest.reset();
    await rest.closed;
  }
}

for (const workerThreads of [0, 1]) {
  test(`disconnect and sendPacket inside any event of a client call no other event before it returns: workerThreads ${workerThreads}`, async (t) => {
    const counts = newCounts();
    const lives: { event: ClientEvent; call: number }[] = [];
    for (const event of CLIENT_EVENTS) {
      for (let call: number = CALL.disconnect; call < CALLS; call++) lives.push({ event, call });
    }
    for (let next = 0; next < lives.length; next += 4) {
      await Promise.all(
        lives.slice(next, next + 4).map((life) => clientLife(workerThreads, { counts, ...life })),
      );
    }
    // After a leave there is nobody to send to.
    const open = missing(counts, CLIENT_EVENTS, 1);
    assert.deepEqual(open, ["sendPacket in onLeaveServer"]);
    t.diagnostic(`${lives.length} lives`);
    assert.equal(Atomics.load(counts, NESTED), 0, "an event ran inside another");
    assert.equal(Atomics.load(counts, STRANGE), 0, "an error that is not ours");
  });
}
