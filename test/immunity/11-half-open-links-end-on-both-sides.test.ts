/** Row 11. A cable that was pulled tells nobody: both sides find out by themselves, in the time that the options give. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LanOptions, type LeaveReason, Packet } from "../../src/index.ts";
import { type MemoryLink, MemoryNetwork } from "../../src/testing.ts";
import { KEEPALIVE_PROBES } from "../support/platform.ts";
import { Rig } from "../threads/fixtures/rig.ts";
import { SLOWNESS, turnUntil } from "../threads/fixtures/waiting.ts";
import { Child } from "./fixtures/child.ts";
import { farHost } from "./fixtures/far-host.ts";
import type { ClientLeft, LinkPlan } from "./fixtures/flaky-link-clients.ts";
import { IdleThreadedClient } from "./fixtures/idle-threaded-client.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { slowWire } from "./fixtures/slow-wire.ts";

const address = { ip: "10.0.0.1", port: 7000 };
const HEARTBEAT = { intervalMs: 5000, timeoutMs: 15_000 };
/** A judgement comes at most two sweeps late, and a sweep takes an eighth of the shortest time. */
const SWEEPS_MS = 2 * (5000 / 8);

interface VirtualCase {
  readonly name: string;
  readonly heartbeat: LanOptions["heartbeat"] & {};
  /** What is under way, in both directions, when the link goes dead. */
  readonly busy: (client: RecordingClient, server: RecordingServer) => void;
  readonly goesDead: (link: MemoryLink) => void;
  readonly reasons: readonly LeaveReason[];
  readonly withinMs: number;
}

const nothing = (): void => {};
/** More than the window holds, each way. */
const bulk = (client: RecordingClient, server: RecordingServer): void => {
  client.sendPacket(Packet.from(Buffer.alloc(300_000)));
  server.sendPacket(server.joins[0]!, Packet.from(Buffer.alloc(300_000)));
};
/** Little enough for the kernel to take it, so that no write stays open. */
const small = (client: RecordingClient, server: RecordingServer): void => {
  client.sendPacket(Packet.from(Buffer.alloc(100)));
  server.sendPacket(server.joins[0]!, Packet.from(Buffer.alloc(100)));
};
const bothWays = (link: MemoryLink): void => link.halfOpen();

const beats = { heartbeat: HEARTBEAT, withinMs: HEARTBEAT.timeoutMs + SWEEPS_MS } as const;
const CASES: readonly VirtualCase[] = [
  { name: "while idle", busy: nothing, goesDead: bothWays, reasons: ["heartbeat-timeout"], ...beats },
  {
    name: "mid-write, the buffers full",
    busy: bulk,
    goesDead: bothWays,
    reasons: ["heartbeat-timeout"],
    ...beats,
  },
  {
    name: "mid-write, unacknowledged",
    busy: small,
    goesDead: bothWays,
    reasons: ["heartbeat-timeout"],
    ...beats,
  },
  {
    name: "in one direction only",
    busy: nothing,
    goesDead: (link) => link.toAcceptor.halfOpen(),
    reasons: ["heartbeat-timeout", "reset"],
    ...beats,
  },
  {
    name: "without heartbeats, the buffers full",
    heartbeat: false,
    busy: bulk,
    goesDead: bothWays,
    reasons: ["send-stalled"],
    withinMs: 30_000 + 2 * 1000,
  },
];

for (const { name, heartbeat, busy, goesDead, reasons, withinMs } of CASES) {
  test(`a half-open link leads to a leave on both sides in time: ${name}`, async (t) => {
    const network = new MemoryNetwork({ latencyMs: 1 });
    const { clock } = network;
    const server = new RecordingServer();
    await server.start({ network, ...address, heartbeat });
    t.after(() => server.stop({ drainMs: 0 }));
    const client = await clock.until(
      RecordingClient.to({ network, serverIp: address.ip, port: address.port, heartbeat }),
    );
    await clock.advance(12_345); // each has heard the other
    const link = network.links[0]!;
    goesDead(link);
    busy(client, server);
    const startMs = clock.nowMs();
    await clock.until(() => server.leaves.length + client.leaves.length === 2);
    const tookMs = clock.nowMs() - startMs;
    assert.ok(tookMs <= withinMs, `took ${tookMs} ms`);
    const seen = new Set([server.leaves[0]!.leave.reason, client.leaves[0]!.reason]);
    for (const reason of seen) assert.ok(reasons.includes(reason), reason);
    await clock.advance(60_000);
    assert.equal(server.leaves.length + client.leaves.length, 2);
  });
}

for (const heartbeat of [HEARTBEAT, false] as const) {
  const how = heartbeat === false ? "without heartbeats" : "with heartbeats";
  test(`a half-open link leads to a leave on both sides in time: mid-read, ${how}`, async (t) => {
    const network = new MemoryNetwork({ latencyMs: 1 });
    const { clock } = network;
    const server = new RecordingServer();
    await server.start({ network, ...address, heartbeat });
    t.after(() => server.stop({ drainMs: 0 }));
    const client = await clock.until(
      RecordingClient.to({ network, serverIp: address.ip, port: address.port, heartbeat }),
    );
    await clock.advance(12_345);
    const link = network.links[0]!;
    link.slowRead(100_000);
    client.sendPacket(Packet.from(Buffer.alloc(40_000)));
    server.sendPacket(server.joins[0]!, Packet.from(Buffer.alloc(40_000)));
    await clock.advance(200); // about half of it
    link.halfOpen();
    const startMs = clock.nowMs();
    await clock.until(() => server.leaves.length + client.leaves.length === 2);
    const bound = heartbeat === false ? 30_000 + 2 * 1000 : heartbeat.timeoutMs + SWEEPS_MS;
    assert.ok(clock.nowMs() - startMs <= bound, `took ${clock.nowMs() - startMs} ms`);
    const reason = heartbeat === false ? "partial-frame-timeout" : "heartbeat-timeout";
    assert.deepEqual([server.leaves[0]!.leave.reason, client.leaves[0]!.reason], [reason, reason]);
    assert.equal(server.packets.length + client.packets.length, 0);
  });
}

test("over real sockets, a wire that goes dead leads to a leave on both sides in time", async (t) => {
  /** What a timer may be late by on a busy machine. */
  const lateMs = 500;
  const timeouts = { sendStallMs: 400, partialFrameTimeoutMs: 400 };
  const cases = [
    { heartbeat: { intervalMs: 80, timeoutMs: 400 }, busy: nothing },
    { heartbeat: { intervalMs: 80, timeoutMs: 400 }, busy: small },
    { heartbeat: { intervalMs: 80, timeoutMs: 400 }, busy: bulk },
    {
      heartbeat: false,
      busy: (client: RecordingClient, server: RecordingServer) => {
        for (let i = 0; i < 15; i++) {
          client.sendPacket(Packet.from(Buffer.alloc(1_000_000)));
          server.sendPacket(server.joins[0]!, Packet.from(Buffer.alloc(1_000_000)));
        }
      },
    },
  ] as const;
  await Promise.all(
    cases.map(async ({ heartbeat, busy }) => {
      const server = new RecordingServer();
      const { port } = await server.start({ port: 0, heartbeat, ...timeouts });
      t.after(() => server.stop({ drainMs: 0 }));
      const wire = await slowWire(t, port, 1_000_000);
      const client = await RecordingClient.to({ port: wire.port, heartbeat, ...timeouts });
      const id = await server.joined();
      if (heartbeat !== false) {
        await server.until(() => server.sessionStats(id)!.received.bytes >= 8);
        await client.until(() => client.stats().received.bytes >= 8);
      }
      wire.goDead();
      busy(client, server);
      const startMs = performance.now();
      const [serverLeave, clientLeave] = await Promise.all([server.left(id), client.left()]);
      const tookMs = performance.now() - startMs;
      assert.ok(tookMs < 400 + 2 * (400 / 8) + lateMs, `took ${tookMs} ms`);
      const expected = heartbeat === false ? "send-stalled" : "heartbeat-timeout";
      assert.deepEqual([serverLeave.reason, clientLeave.reason], [expected, expected]);
    }),
  );
});

test("between two hosts, a cable that was pulled leads to a leave on both sides in time", async (t) => {
  const far = farHost(t);
  if (typeof far === "string") return t.skip(far);
  const heartbeat = { intervalMs: 150, timeoutMs: 800 };
  const silence = {
    heartbeat: false,
    sendStallMs: 800,
    partialFrameTimeoutMs: 800,
    keepAliveMs: 1000,
  } as const;
  /** One second idle, then probes a second apart. */
  const keepAliveMs = 1000 + KEEPALIVE_PROBES * 1000 + 200;
  const cases = [
    { name: "idle, heartbeats", options: { heartbeat }, writes: "nothing", withinMs: 800 + 2 * 100 },
    {
      name: "unacknowledged write, heartbeats",
      options: { heartbeat },
      writes: "small",
      withinMs: 800 + 2 * 100,
    },
    { name: "buffers full, heartbeats", options: { heartbeat }, writes: "bulk", withinMs: 800 + 2 * 100 },
    { name: "buffers full, no heartbeats", options: silence, writes: "bulk", withinMs: keepAliveMs },
    { name: "idle, keepalive alone", options: silence, writes: "nothing", withinMs: keepAliveMs },
  ] as const;
  const servers: RecordingServer[] = [];
  const plans: LinkPlan[] = [];
  for (const { name, options, writes } of cases) {
    const server = new RecordingServer();
    server.handle = () => {};
    t.after(() => server.stop({ drainMs: 0 }));
    const { port } = await server.start({ ip: far.nearIp, port: 0, ...options });
    servers.push(server);
    plans.push({ name, writes, options: { serverIp: far.nearIp, port, ...options } });
  }
  const child = new Child(t, "flaky-link-clients.ts", plans, [], far.exec);
  assert.equal(await child.next(), "joined");
  for (const [i, server] of servers.entries()) {
    const id = await server.joined();
    const heardBytes =
      cases[i]!.writes === "bulk" ? 1_000_000 : cases[i]!.options.heartbeat === false ? 0 : 8;
    await server.until(() => server.sessionStats(id)!.received.bytes >= heardBytes);
  }

  far.unplug();
  const unpluggedAtMs = Date.now();
  child.tell("write");
  const noticed = servers.map(async (server, i) => {
    const { reason } = await server.left(server.joins[0]!);
    return { name: `server, ${cases[i]!.name}`, reason, tookMs: Date.now() - unpluggedAtMs, i };
  });
  for (let n = 0; n < cases.length; n++) {
    const { name, reason, atMs } = await child.next<ClientLeft>();
    const i = cases.findIndex((other) => other.name === name);
    noticed.push(Promise.resolve({ name: `client, ${name}`, reason, tookMs: atMs - unpluggedAtMs, i }));
  }
  for (const { name, reason, tookMs, i } of await Promise.all(noticed)) {
    t.diagnostic(`${name}: ${reason} after ${tookMs} ms`);
    assert.ok(tookMs <= cases[i]!.withinMs + 700, `${name}: ${reason} only after ${tookMs} ms`);
  }
});

for (const heartbeat of [{ intervalMs: 200, timeoutMs: 1000 }, false] as const) {
  const how = heartbeat === false ? "buffers full, no heartbeats" : "idle, heartbeats";
  test(`between two worker threads, a wire that goes dead leads to a leave on both sides in time: ${how}`, async (t) => {
    const options = { heartbeat, sendStallMs: 1000, partialFrameTimeoutMs: 1000 } as const;
    const rig = await Rig.start(t, { workerThreads: 1, ...options });
    const wire = await slowWire(t, rig.address.port, 1_000_000);
    const client = new IdleThreadedClient();
    // It comes back some time later: a client that is over has no figures any more.
    const reconnect = { minDelayMs: 60_000, maxDelayMs: 60_000 };
    await client.connect({ port: wire.port, workerThreads: 1, reconnect, ...options });
    t.after(() => client.disconnect({ now: true }));
    const { id } = await rig.told("join");
    const hasBeaten = (): boolean =>
      rig.server.stats().received.bytes >= 8 && client.stats().received.bytes >= 8;
    if (heartbeat !== false) await turnUntil(hasBeaten, "both have heard the other twice");
    wire.goDead();
    const startMs = performance.now();
    if (heartbeat === false) {
      // From the handles, more than the kernel and the wire hold.
      await rig.ask(0, { order: "fill", target: id, count: 15, bytes: 1_000_000 });
      for (let i = 0; i < 15; i++) client.sendPacket(Packet.from(Buffer.alloc(1_000_000)));
    }
    const reason = heartbeat === false ? "send-stalled" : "heartbeat-timeout";
    assert.equal((await rig.told("leave")).leave.reason, reason);
    await turnUntil(() => client.stats().left[reason] === 1, "the client's leave is counted");
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 1000 + 2 * (1000 / 8) + 500 * SLOWNESS, `took ${tookMs} ms`);
  });
}
