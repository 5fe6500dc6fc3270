/** A monitor over real sockets: C++-style reporters send raw bytes, split and joined anyhow, and some that are wrong. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Monitor, type MonitorOptions } from "../../src/index.ts";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { loginBytes, Observer, RawReporter, updateBytes } from "./fixtures/raw-reporter.ts";

async function start(
  t: TestContext,
  options: MonitorOptions = {},
): Promise<{ monitor: Monitor; observer: Observer; port: number }> {
  const monitor = new Monitor();
  const observer = new Observer(monitor);
  const { reports } = await monitor.start({ port: 0, page: false, ...options });
  t.after(() => monitor.stop());
  return { monitor, observer, port: reports.port };
}

const WAYS: readonly [name: string, options: MonitorOptions][] = [
  ["on the caller's thread", {}],
  ["on a worker thread", { workerThreads: 1 }],
  ...(canMoveSockets()
    ? [["on two worker threads", { workerThreads: 2 }] satisfies [string, MonitorOptions]]
    : []),
];

for (const [way, options] of WAYS) {
  test(`a server joins, reports and leaves, ${way}`, async (t) => {
    const { monitor, observer, port } = await start(t, { ...options, names: { 1: "login" } });
    const reporter = await RawReporter.dial(t, port, Buffer.concat([loginBytes(1), updateBytes(35, 12345)]));
    const { server } = await observer.event("joined");
    assert.deepEqual(
      { ...server, state: server.state.at },
      { serverNo: 1, name: "login", address: reporter.address, state: "up", joins: 1, values: [] },
    );
    assert.equal(await observer.value(1, 35), 12345);
    const [view] = monitor.servers();
    assert.deepEqual(
      view!.values.map(([type, value]) => [type, value]),
      [[35, 12345]],
    );
    assert.ok(
      Math.abs(view!.values[0]![2] - Date.now()) < 60_000,
      "when it came, not what the reporter says",
    );

    reporter.socket.end();
    const left = await observer.event("left");
    assert.equal(left.server.state.at === "down" && left.server.state.reason, "peer-closed");
    assert.equal(monitor.servers().length, 1);

    await RawReporter.dial(t, port, loginBytes(1));
    const again = await observer.event("joined", 2);
    assert.equal(again.server.joins, 2);
    assert.deepEqual(again.server.values, view!.values);
  });

  test(`bytes may come one by one or all at once, ${way}`, async (t) => {
    const { observer, port } = await start(t, options);
    const bytes = Buffer.concat([loginBytes(7), updateBytes(40, 1), updateBytes(200, -5)]);
    const slow = await RawReporter.dial(t, port);
    for (const byte of bytes) await slow.send(Uint8Array.of(byte));
    assert.equal(await observer.value(7, 200), -5);
    await RawReporter.dial(
      t,
      port,
      Buffer.concat([loginBytes(8), ...Array.from({ length: 500 }, (_, n) => updateBytes(40, n))]),
    );
    assert.equal(await observer.value(8, 40), 499);
    assert.equal(await observer.value(7, 40), 1);
  });

  test(`a newer login of the same number ends the older session, ${way}`, async (t) => {
    const { monitor, observer, port } = await start(t, options);
    const older = await RawReporter.dial(t, port, loginBytes(1));
    await observer.event("joined");
    const newer = await RawReporter.dial(t, port, loginBytes(1));
    const { server } = await observer.event("left");
    assert.equal(server.state.at === "down" && server.state.reason, `replaced by ${newer.address}`);
    await observer.event("joined", 2);
    await older.closed();
    await newer.send(updateBytes(40, 9));
    assert.equal(await observer.value(1, 40), 9);
    assert.equal(monitor.servers()[0]!.state.at, "up");
  });
}

for (const [what, bytes, why] of [
  ["sends data before its login", updateBytes(40, 1), "data before its login"],
  ["sends an unknown type", Buffer.from("0200112a", "hex"), "unknown type 10769"],
  [
    "sends a login that is too short",
    Buffer.from("0400214e0100", "hex"),
    "type 20001 with 2 bytes of fields",
  ],
  ["sends an empty packet", Buffer.from("0000", "hex"), "no type"],
] as const) {
  test(`a stranger that ${what} is disconnected, and it is said why`, async (t) => {
    const { monitor, observer, port } = await start(t);
    // What comes behind the bad packet is not listened to.
    const reporter = await RawReporter.dial(t, port, Buffer.concat([bytes, loginBytes(1)]));
    const notice = await observer.notice(/is disconnected/);
    assert.ok(notice.startsWith(`${reporter.address} is disconnected: `), notice);
    assert.ok(notice.includes(why), notice);
    await reporter.closed();
    assert.deepEqual(monitor.servers(), []);
    assert.deepEqual(observer.events, []);
  });
}

test("a reporter that logs in twice, or sends what is none, leaves with that as its reason", async (t) => {
  const { observer, port } = await start(t);
  const cases = [
    [loginBytes(2), "a second login"],
    [Buffer.from("0200ffff", "hex"), "unknown type 65535"],
  ] as const;
  for (const [i, [bytes, reason]] of cases.entries()) {
    const reporter = await RawReporter.dial(
      t,
      port,
      Buffer.concat([loginBytes(1), bytes, updateBytes(40, 1)]),
    );
    const { server } = await observer.event("left", i + 1);
    assert.equal(server.state.at === "down" && server.state.reason, reason);
    await reporter.closed();
    assert.deepEqual(server.values, []);
  }
});

test("a peer that announces more than a report leaves as the link says", async (t) => {
  const { observer, port } = await start(t);
  const reporter = await RawReporter.dial(
    t,
    port,
    Buffer.concat([loginBytes(1), Buffer.from("0001", "hex")]),
  );
  const { server } = await observer.event("left");
  assert.equal(server.state.at === "down" && server.state.reason, "frame-too-large");
  await observer.notice(/FRAME_TOO_LARGE/);
  await reporter.closed();
});

test("a session that goes before its login is nobody's leave", async (t) => {
  const { observer, port } = await start(t);
  const reporter = await RawReporter.dial(t, port);
  reporter.socket.end();
  assert.equal(await observer.notice(/left/), `${reporter.address} left before its login: peer-closed`);
  assert.deepEqual(observer.events, []);
});

test("serversMax: who is down for longest makes room, and where all are up a new one is sent away", async (t) => {
  const { monitor, observer, port } = await start(t, { serversMax: 2 });
  const first = await RawReporter.dial(t, port, loginBytes(1));
  const second = await RawReporter.dial(t, port, loginBytes(2));
  await observer.event("joined", 2);
  const third = await RawReporter.dial(t, port, loginBytes(3));
  await observer.notice(/server 3 is one more than serversMax/);
  await third.closed();
  first.socket.end();
  await observer.event("left", 1);
  second.socket.end();
  await observer.event("left", 2);
  await RawReporter.dial(t, port, loginBytes(4));
  await observer.event("joined", 3);
  assert.deepEqual(
    monitor.servers().map(({ serverNo }) => serverNo),
    [2, 4],
  );
});

test("allow holds off who is not in it", async (t) => {
  const { monitor, port } = await start(t, { allow: ["10.0.0.0/8"] });
  const reporter = await RawReporter.dial(t, port).catch(() => undefined);
  await reporter?.closed();
  assert.deepEqual(monitor.servers(), []);
});

test("stop() tells every leave, and the monitor may start again", async (t) => {
  for (const workerThreads of [0, 1]) {
    const { monitor, observer, port } = await start(t, { workerThreads });
    const reporter = await RawReporter.dial(t, port, loginBytes(1));
    await observer.event("joined");
    await monitor.stop();
    await reporter.closed();
    const { server } = await observer.event("left");
    assert.equal(server.state.at === "down" && server.state.reason, "server-stopped");
    assert.deepEqual(monitor.servers(), []);
    const again = await monitor.start({ port: 0, page: false });
    await RawReporter.dial(t, again.reports.port, loginBytes(1));
    await observer.event("joined", 2);
    await monitor.stop();
  }
});

test("a listener that throws breaks neither the others nor the monitor", async (t) => {
  const monitor = new Monitor();
  monitor.subscribe(() => {
    throw new Error("of mine");
  });
  const observer = new Observer(monitor);
  const { reports } = await monitor.start({ port: 0, page: false });
  t.after(() => monitor.stop());
  await RawReporter.dial(t, reports.port, Buffer.concat([loginBytes(1), updateBytes(40, 3)]));
  assert.equal(await observer.value(1, 40), 3);
  assert.equal(await observer.notice(/threw/), "a listener threw: of mine");
});
