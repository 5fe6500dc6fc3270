/** Row 12. A thousand connections after one another are a thousand beginnings, and nothing of the ones before is left. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Packet } from "../../src/index.ts";
import { type DialOptions, MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { frame, HEARTBEAT } from "./fixtures/frames.ts";
import { IdleThreadedClient } from "./fixtures/idle-threaded-client.ts";
import { OWN_IP } from "./fixtures/own-ip.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { turns, turnsUntil } from "./fixtures/turns.ts";

const address = { ip: "10.0.0.1", port: 7000 };

const COUNTS_DESCRIPTORS = process.platform === "linux";

/** What could leak, by name. */
function resources(signal: AbortSignal): Record<string, number> {
  const counts: Record<string, number> = { abortListeners: getEventListeners(signal, "abort").length };
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  for (const name of process.eventNames()) counts[`on ${String(name)}`] = process.listenerCount(name);
  if (COUNTS_DESCRIPTORS) counts.descriptors = readdirSync("/proc/self/fd").length;
  return counts;
}

test("1000 reconnect cycles leak no listener, timer or descriptor", async (t) => {
  if (!COUNTS_DESCRIPTORS) t.diagnostic("descriptors are not counted: there is no /proc/self/fd");
  const warnings: Error[] = [];
  process.on("warning", (warning) => warnings.push(warning));
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const { signal } = new AbortController();
  const client = new RecordingClient();
  client.onEnterJoinServer = () => {
    client.joins++;
    client.sendPacket(new Packet().writeUint32(client.joins));
  };
  /** Joins and is thrown out, in one way or the other, until the `count`th connection, which stays. */
  const cyclesUntil = async (count: number): Promise<Record<string, number>> => {
    const arrived = new Promise<void>((resolve) => {
      server.handle = (id, packet) => {
        const cycle = packet.readUint32();
        if (cycle === count) resolve();
        else server.disconnect(id, { now: cycle % 2 === 0 });
      };
    });
    if (client.joins === 0)
      await client.connect({ port, signal, reconnect: { minDelayMs: 1, maxDelayMs: 1 } });
    else server.disconnect(server.joins.at(-1)!);
    await arrived;
    await turns(10);
    return resources(signal);
  };

  const before = await cyclesUntil(20);
  const after = await cyclesUntil(1020);
  assert.deepEqual(after, before);
  assert.equal(client.leaves.length, 1019);
  assert.equal(server.joins.length, 1020);
  await client.disconnect();
  assert.equal(getEventListeners(signal, "abort").length, 0);
  assert.deepEqual(warnings, []);
});

test("1000 attempts that find nobody leak nothing either", async () => {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ ip: OWN_IP, port: 0 });
  await server.stop();
  const { signal } = new AbortController();
  const client = new RecordingClient();
  const connecting = client.connect({
    serverIp: ip,
    port,
    signal,
    reconnect: { minDelayMs: 1, maxDelayMs: 1 },
  });
  connecting.catch(() => {});
  await client.until(() => client.errors.length === 20);
  const before = resources(signal);
  await client.until(() => client.errors.length === 1020);
  assert.deepEqual(resources(signal), before);
  assert.deepEqual(new Set(client.errors.map((error) => error.code)), new Set(["CONNECT_FAILED"]));
  await client.disconnect();
  await assert.rejects(connecting, { code: "CONNECT_ABORTED" });
});

test("each connection starts from fresh liveness state, and from the first byte of a frame", async (t) => {
  const network = new MemoryNetwork();
  const { clock } = network;
  const listener = await RawPeer.listen(network, address, { reading: false });
  const client = new RecordingClient();
  // The third peer is sent more than the wire holds, so early that no write of that connection has completed.
  client.onEnterJoinServer = () => {
    RecordingClient.prototype.onEnterJoinServer.call(client);
    if (client.joins === 3) client.sendPacket(Packet.from(Buffer.alloc(500_000)));
  };
  const connecting = client.connect({
    network,
    serverIp: address.ip,
    port: address.port,
    heartbeat: { intervalMs: 5000, timeoutMs: 15_000 },
    partialFrameTimeoutMs: 10_000,
    reconnect: { minDelayMs: 1, maxDelayMs: 1 },
  });
  t.after(() => client.disconnect({ now: true }));
  await clock.until(connecting);

  // One that sends heartbeats is held to them ...
  const first = await clock.until(listener.next());
  await first.send(HEARTBEAT);
  await clock.until(client.left());
  assert.equal(client.leaves[0]!.reason, "heartbeat-timeout");

  // ... the next, which sends none, is not.
  const second = await clock.until(listener.next());
  await clock.advance(600_000);
  assert.equal(client.leaves.length, 1);
  second.resume(); // what lies unread would make a reset of its end
  // It breaks off within a frame, a second before that would have been held against it.
  await second.send(frame("broken off").subarray(0, 7));
  await clock.advance(9_000);
  second.destroy();
  await clock.until(client.left(2));
  assert.equal(client.leaves[1]!.reason, "peer-closed");

  // One that does not read gets as long as any for its first bytes.
  const reluctant = await clock.until(listener.next());
  await clock.until(() => client.joins === 3);
  await clock.advance(29_000);
  assert.deepEqual([client.leaves.length, client.stats().queuedBytes], [2, 4 + 4 + 500_000]);
  reluctant.reset();
  await clock.until(client.left(3));
  assert.equal(client.leaves[2]!.reason, "reset");

  // The last has a full measure of everything: no half frame, no old silence, no old heartbeat.
  const last = await clock.until(listener.next());
  await clock.advance(14_000);
  await last.send(frame("a whole one"));
  await clock.until(() => client.packets.length === 1);
  assert.equal(Buffer.from(client.packets[0]!.bytes).toString(), "a whole one");
  await last.send(HEARTBEAT);
  const startMs = clock.nowMs();
  await clock.until(client.left(4));
  const tookMs = clock.nowMs() - startMs;
  assert.ok(tookMs >= 15_000 && tookMs < 16_300, `took ${tookMs} ms`);
  await clock.until(client.disconnect());
  assert.equal(client.errors.length, 0);
  await listener.close();
});

/** Notes when somebody dials. */
class DialLog extends MemoryNetwork {
  readonly dialsAtMs: number[] = [];

  override dial(options: DialOptions, signal: AbortSignal): ReturnType<MemoryNetwork["dial"]> {
    this.dialsAtMs.push(this.clock.nowMs());
    return super.dial(options, signal);
  }
}

test("the reconnect attempts of 500 clients are spread in time", async (t) => {
  const seed = 12;
  t.diagnostic(`seed ${seed}`);
  const network = new DialLog({ seed });
  const { clock } = network;
  const server = new RecordingServer();
  await server.start({ network, ...address });
  const clients: RecordingClient[] = [];
  for (let i = 0; i < 500; i++) {
    const options = { network, serverIp: address.ip, port: address.port };
    clients.push(
      await RecordingClient.to({ ...options, reconnect: { minDelayMs: 100, maxDelayMs: 10_000 } }),
    );
  }
  await clock.advance(10);
  /** The most dials in any `windowMs` since `sinceMs`. They come in order of time. */
  const crowd = (windowMs: number, sinceMs: number): number => {
    const times = network.dialsAtMs.filter((atMs) => atMs >= sinceMs);
    let most = 0;
    for (let first = 0, next = 0; first < times.length; first++) {
      while (next < times.length && times[next]! < times[first]! + windowMs) next++;
      most = Math.max(most, next - first);
    }
    return most;
  };

  // The server goes, for all at the same moment, and stays away for a minute.
  network.dialsAtMs.length = 0;
  await server.stop({ drainMs: 0 });
  const goneAtMs = clock.nowMs();
  await clock.until(() => clients.every((client) => client.leaves.length === 1));
  await clock.advance(60_000);
  assert.ok(
    network.dialsAtMs.some((atMs) => atMs < goneAtMs + 20),
    "some come at once",
  );
  assert.ok(crowd(10, goneAtMs) < 100, `${crowd(10, goneAtMs)} of 500 attempts within 10 ms`);
  // Later the pauses are longer, 5 s on average: 500 clients then make about one attempt in 10 ms.
  assert.ok(crowd(10, goneAtMs + 20_000) < 20, `${crowd(10, goneAtMs + 20_000)} attempts within 10 ms`);
  const perClient = network.dialsAtMs.length / 500;
  assert.ok(perClient > 10 && perClient < 30, `${perClient} attempts per client in a minute`);

  // It comes back, and they return one by one.
  await server.start({ network, ...address });
  const backAtMs = clock.nowMs();
  await clock.until(() => clients.every((client) => client.joins === 2), { limitMs: 10_001 });
  assert.ok(crowd(100, backAtMs) < 50, `${crowd(100, backAtMs)} of 500 came back within 100 ms`);
  for (const client of clients) void client.disconnect({ now: true });
  await clock.until(server.stop({ drainMs: 0 }));
  await clock.advance(1);
  assert.equal(clock.pendingTimers, 0);
});

test("300 reconnect cycles of a client on a thread of its own leak nothing, on the handle or there", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0 });
  t.after(() => server.stop({ drainMs: 0 }));
  const { signal } = new AbortController();
  const client = new IdleThreadedClient();
  const reconnect = { minDelayMs: 1, maxDelayMs: 1 };
  await client.connect({ port, signal, workerThreads: 1, reconnect });
  t.after(() => client.disconnect({ now: true }));
  const packet = Packet.from(Buffer.alloc(100));
  /** Throws the client out, in one way or the other, and has its handle send, until the `count`th connection stays. */
  const cyclesUntil = async (count: number): Promise<void> => {
    for (let nth = server.joins.length; nth < count; nth++) {
      const id = await server.joined(nth);
      await turnsUntil(() => client.sendPacket(packet));
      server.disconnect(id, { now: nth % 2 === 0 });
      await server.joined(nth + 1);
      await turnsUntil(() => client.stats().joined === nth + 1);
      const { sessions, queuedBytes } = client.stats();
      assert.deepEqual([sessions, queuedBytes <= 4], [1, true]); // its first heartbeat at most
    }
  };
  await cyclesUntil(20);
  const before = resources(signal);
  await cyclesUntil(320);
  /** What there is more of than before. */
  const grown = (): string[] =>
    Object.entries(resources(signal)).flatMap(([name, count]) =>
      count > (before[name] ?? 0) ? [`${name}: ${before[name]} -> ${count}`] : [],
    );
  for (let tries = 0; tries < 500 && grown().length > 0; tries++) await turns(2); // until the kernel and the thread are done
  assert.deepEqual(grown(), []);
  assert.equal(
    Object.values(client.stats().left).reduce((sum, count) => sum + count, 0),
    319,
  );
  await client.disconnect();
  assert.equal(getEventListeners(signal, "abort").length, 0);
});
