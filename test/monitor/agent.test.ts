/** What an agent reports, on the in-memory network and its clock: every figure is exact there. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FIGURES, LanClient, LanServer, MonitorAgent, Packet, type SessionId } from "../../src/index.ts";
import { MemoryNetwork, type Network, type RawListener, RawPeer } from "../../src/testing.ts";
import { assertThrows } from "../support/errors.ts";

const LOGIN = "0600214e";
const ADDRESS = { ip: "10.0.0.5", port: 7700 };
const LINK = { serverIp: ADDRESS.ip };

class Echo extends LanServer {
  readonly joined: SessionId[] = [];
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(id: SessionId): void {
    this.joined.push(id);
  }
  onClientLeave(): void {}
  onRecv(id: SessionId, packet: Packet): void {
    this.sendPacket(id, packet);
  }
  onError(): void {}
}

/** It leaves, and does not come back while a test looks. */
const LATER = { minDelayMs: 1e9, maxDelayMs: 1e9 };

class Caller extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

interface Report {
  readonly type: number;
  readonly value: number;
  readonly unixTime: number;
}

/** Reads what an agent sent, by hand. */
function reportsIn(bytes: Uint8Array): Report[] {
  const view = Buffer.from(bytes);
  assert.equal(view.subarray(0, 4).toString("hex"), LOGIN);
  const reports: Report[] = [];
  for (let at = 8; at < view.length; at += 13) {
    assert.equal(view.subarray(at, at + 4).toString("hex"), "0b00224e");
    reports.push({
      type: view[at + 4]!,
      value: view.readInt32LE(at + 5),
      unixTime: view.readInt32LE(at + 9),
    });
  }
  return reports;
}

function valuesOf(reports: readonly Report[]): Record<number, number> {
  return Object.fromEntries(reports.map(({ type, value }) => [type, value]));
}

async function listen(t: TestContext, network: MemoryNetwork): Promise<RawListener> {
  const listener = await RawPeer.listen(network, ADDRESS);
  t.after(() => listener.close());
  return listener;
}

test("its first frame is its login, then come its figures, once in each second of the clock", async (t) => {
  const network = new MemoryNetwork({ latencyMs: 1 });
  const monitor = await listen(t, network);
  const agent = new MonitorAgent({ serverNo: 258, watch: [new Echo()], host: false, process: false });
  agent.start({ ...LINK, network });
  t.after(() => network.clock.until(agent.stop()));
  await network.clock.advance(3000);
  const { received } = await monitor.next();
  assert.equal(Buffer.from(received).subarray(0, 8).toString("hex"), "0600214e02010000");
  const reports = reportsIn(received);
  assert.equal(reports.length, 3 * 9);
  const startS = Date.UTC(2026, 0, 1) / 1000;
  assert.deepEqual([...new Set(reports.map(({ unixTime }) => unixTime - startS))], [0, 1, 2]);
  assert.equal(agent.connected, true);
});

test("a timer that comes before its time makes no second report of that second", async (t) => {
  const network = new MemoryNetwork({ latencyMs: 1 });
  const { clock } = network;
  const early: Network = {
    clock: {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      after: (delayMs, task, keepAlive) => clock.after(Math.max(0, delayMs - 1), task, keepAlive),
      afterPendingReads: (task) => clock.afterPendingReads(task),
    },
    listen: (options, acceptor) => network.listen(options, acceptor),
    dial: (options, signal) => network.dial(options, signal),
  };
  const monitor = await listen(t, network);
  const agent = new MonitorAgent({ serverNo: 1, watch: [new Echo()], host: false, process: false });
  agent.start({ ...LINK, network: early });
  t.after(() => clock.until(agent.stop()));
  await clock.advance(5000);
  const { received } = await monitor.next();
  assert.equal(reportsIn(received).length, 5 * 9);
});

test("it reports the sums of each class, and rates of the last second", async (t) => {
  const network = new MemoryNetwork({ latencyMs: 1 });
  const monitor = await listen(t, network);
  const servers = [new Echo(), new Echo()];
  const callers = [new Caller(), new Caller(), new Caller()];
  const agent = new MonitorAgent({
    serverNo: 1,
    watch: [...servers, ...callers],
    host: false,
    process: false,
  });
  agent.start({ ...LINK, network });
  t.after(() => network.clock.until(agent.stop()));
  await network.clock.advance(600);
  for (const [i, server] of servers.entries())
    await server.start({ network, ip: "10.0.0.9", port: 7001 + i, heartbeat: false });
  for (const [i, caller] of callers.entries()) {
    const port = 7001 + (i % 2);
    await network.clock.until(
      caller.connect({ network, serverIp: "10.0.0.9", port, heartbeat: false, reconnect: LATER }),
    );
  }
  // 3 callers x 50 packets of 1020 bytes and a header of 4, there and back.
  const packet = new Packet().writeBytes(new Uint8Array(1020));
  for (const caller of callers) for (let n = 0; n < 50; n++) assert.ok(caller.sendPacket(packet));
  await network.clock.advance(1000);
  const peer = await monitor.next();
  const values = valuesOf(reportsIn(peer.received));
  const rates = { 1: 300, 3: 150, 4: 150, 5: 1500, 6: 1500 }; // joined x 100, packets, KiB/s x 10
  for (const [offset, expected] of Object.entries(rates)) {
    assert.equal(values[110 + Number(offset)], expected, `LanServer ${offset}`);
    assert.equal(values[130 + Number(offset)], expected, `LanClient ${offset}`);
  }
  assert.deepEqual([values[110], values[130]], [3, 3], "sessions");
  assert.deepEqual([values[112], values[132], values[117], values[118]], [0, 0, 0, 0]);
  assert.equal(values[120], undefined, "no NetServer is watched");

  servers[0]!.disconnect(servers[0]!.joined[0]!);
  await network.clock.advance(1000);
  const next = valuesOf(reportsIn(peer.received));
  assert.deepEqual([next[110], next[130], next[113], next[132]], [2, 2, 0, 100]);
  for (const caller of callers) await network.clock.until(caller.disconnect());
  for (const server of servers) await network.clock.until(server.stop());
});

test("a link that was started again counts from 0, and its rates are not negative", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const server = new Echo();
  const port = 7001;
  const agent = new MonitorAgent({ serverNo: 1, watch: [server], host: false, process: false });
  await server.start({ network, port });
  const peers = [
    await RawPeer.dial(network, { ip: "127.0.0.1", port }),
    await RawPeer.dial(network, { ip: "127.0.0.1", port }),
  ];
  await network.clock.advance(0);
  agent.start({ ...LINK, network });
  await network.clock.advance(600);
  await network.clock.until(server.stop());
  await server.start({ network, port });
  peers.push(await RawPeer.dial(network, { ip: "127.0.0.1", port }));
  await network.clock.advance(1000);
  const values = valuesOf(reportsIn((await monitor.next()).received));
  assert.equal(values[111], 100, "one joined in that second");
  for (const value of Object.values(values)) assert.ok(value >= 0);
  await network.clock.until(agent.stop());
  await network.clock.until(server.stop());
});

test("where the link breaks it comes back with a login, and goes on", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const errors: string[] = [];
  const agent = new MonitorAgent({ serverNo: 1, watch: [new Echo()], host: false, process: false });
  agent.onError = ({ code }) => errors.push(code);
  agent.start({ ...LINK, network });
  await network.clock.advance(600);
  const first = await monitor.next();
  first.reset();
  await network.clock.advance(3000);
  const second = await monitor.next();
  assert.ok(reportsIn(second.received).length >= 9);
  await monitor.close();
  second.reset();
  await network.clock.advance(10_000);
  assert.equal(agent.connected, false);
  assert.ok(errors.includes("CONNECT_FAILED"));
  assert.equal(agent.report(200, 1), false);
  const again = await listen(t, network);
  await network.clock.advance(3000);
  assert.ok(reportsIn((await again.next()).received).length >= 9);
  await network.clock.until(agent.stop());
  assert.equal(network.clock.pendingTimers, 0);
});

test("whatever the watched, or onError, throw: it disturbs nobody and goes on", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): number => warnings.push(message);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  class Broken extends Echo {
    override stats(): never {
      throw new Error("not today");
    }
  }
  const agent = new MonitorAgent({
    serverNo: 1,
    watch: [new Broken(), new Echo()],
    host: false,
    process: false,
  });
  agent.onError = () => {
    throw new Error("of mine");
  };
  agent.start({ ...LINK, network });
  await network.clock.advance(600);
  const peer = await monitor.next();
  assert.equal(reportsIn(peer.received).length, 9, "the one that answers is reported");
  await monitor.close();
  peer.reset();
  await network.clock.advance(5000);
  assert.ok(warnings.some((text) => text.includes("of mine")));
  await network.clock.until(agent.stop());
});

test("report() sends a figure of the program's own at once, saturated", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const agent = new MonitorAgent({ serverNo: 1, host: false, process: false });
  assert.equal(agent.report(200, 1), false, "before start");
  agent.start({ ...LINK, network });
  await network.clock.advance(1);
  assert.equal(agent.report(200, 1e12), true);
  assertThrows(() => agent.report(256, 1), "PACKET_VALUE_OUT_OF_RANGE");
  await network.clock.advance(1);
  assert.deepEqual(valuesOf(reportsIn((await monitor.next()).received)), { 200: 2 ** 31 - 1 });
  await network.clock.until(agent.stop());
  assert.equal(agent.report(200, 1), false, "after stop");
});

test("the process and the host are reported as the table of figures has them", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const agent = new MonitorAgent({ serverNo: 1 });
  agent.start({ ...LINK, network });
  await network.clock.advance(600);
  const values = valuesOf(reportsIn((await monitor.next()).received));
  const expected = FIGURES.filter(({ group }) => group === "process" || group === "host");
  const optional = process.platform === "linux" ? [] : [42, 43];
  const types = Object.keys(values).map(Number);
  assert.deepEqual(
    [...new Set([...types, ...optional])].sort((a, b) => a - b),
    expected.map(({ type }) => type).sort((a, b) => a - b),
  );
  const rssKib = process.memoryUsage.rss() / 1024;
  assert.ok(Math.abs(values[101]! - rssKib) < rssKib * 0.5, `${values[101]} KiB`);
  assert.ok(Math.abs(values[105]! - process.uptime()) < 60, `${values[105]} s`);
  assert.ok(values[40]! >= 0 && values[40]! <= 100, `${values[40]} %`);
  await network.clock.until(agent.stop());
});

test("start() refuses what it cannot use, at once", () => {
  const options = [
    [{}, "OPTION_INVALID"],
    [{ serverNo: 1.5 }, "OPTION_INVALID"],
    [{ serverNo: 2 ** 31 }, "OPTION_INVALID"],
    [{ serverNo: 1, watch: [{}] }, "OPTION_INVALID"],
    [{ serverNo: 1, watch: new Echo() }, "OPTION_INVALID"],
    [{ serverNo: 1, host: "yes" }, "OPTION_INVALID"],
    [{ serverNo: 1, color: 1 }, "OPTION_UNKNOWN"],
  ] as const;
  for (const [given, code] of options) assertThrows(() => new MonitorAgent(given as never), code);
  const agent = new MonitorAgent({ serverNo: 1 });
  assertThrows(() => agent.start({ port: 0 }), "OPTION_INVALID");
  assertThrows(() => agent.start({ reconnect: false } as never), "OPTION_UNKNOWN");
  assertThrows(() => agent.start({ network: {} } as never), "OPTION_INVALID");
});

test("it may start again after stop(), and not before", async (t) => {
  const network = new MemoryNetwork();
  const monitor = await listen(t, network);
  const agent = new MonitorAgent({ serverNo: 1, host: false });
  for (let round = 0; round < 2; round++) {
    agent.start({ ...LINK, network });
    assertThrows(() => agent.start({ ...LINK, network }), "ALREADY_RUNNING");
    await network.clock.advance(1000);
    assert.equal(reportsIn((await monitor.next()).received).length, 6);
    await network.clock.until(agent.stop());
    await agent.stop();
  }
});
