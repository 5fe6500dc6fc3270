/** A monitor's options: each wrong one is refused by its name, and nothing is left behind. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ErrorCode, LanError, MONITOR_DEFAULTS, Monitor, type MonitorOptions } from "../../src/index.ts";
import { monitorSettings } from "../../src/monitor/options.ts";

const WRONG: readonly (readonly [given: unknown, code: ErrorCode, says: RegExp])[] = [
  [null, "OPTION_INVALID", /must be an object/],
  [{ colour: 1 }, "OPTION_UNKNOWN", /"colour"/],
  [{ port: -1 }, "OPTION_INVALID", /option port/],
  [{ ip: "" }, "OPTION_INVALID", /option ip/],
  [{ framing: "u7" }, "OPTION_INVALID", /option framing/],
  [{ allow: ["nobody"] }, "OPTION_INVALID", /option allow/],
  [{ serversMax: 0 }, "OPTION_INVALID", /option serversMax/],
  [{ serversMax: 1025 }, "OPTION_INVALID", /option serversMax/],
  [{ silentMs: -1 }, "OPTION_INVALID", /option silentMs/],
  [{ workerThreads: 65 }, "OPTION_INVALID", /option workerThreads/],
  [{ network: {} }, "OPTION_INVALID", /option network/],
  [{ names: "login" }, "OPTION_INVALID", /option names/],
  [{ names: { login: "1" } }, "OPTION_INVALID", /option names: has no number "login"/],
  [{ names: { 1: "" } }, "OPTION_INVALID", /option names\.1/],
  [{ redAbove: { 256: 1 } }, "OPTION_INVALID", /option redAbove: has no number "256"/],
  [{ redAbove: { 40: "much" } }, "OPTION_INVALID", /option redAbove\.40/],
  [{ history: { file: "" } }, "OPTION_INVALID", /option history\.file/],
  [{ history: { keepDays: 0 } }, "OPTION_INVALID", /option history\.keepDays/],
  [{ history: { days: 3 } }, "OPTION_UNKNOWN", /"days"/],
  [{ page: true }, "OPTION_INVALID", /option page/],
  [{ page: { port: 70_000 } }, "OPTION_INVALID", /option page\.port/],
  [{ page: { secret: "x" } }, "OPTION_UNKNOWN", /"secret"/],
  [{ page: { ip: "0.0.0.0" } }, "OPTION_INVALID", /page beyond loopback needs a page\.token/],
  [{ page: { ip: "::" } }, "OPTION_INVALID", /page beyond loopback needs a page\.token/],
  [{ page: { ip: "10.0.0.5" } }, "OPTION_INVALID", /page beyond loopback needs a page\.token/],
  [{ page: { token: "" } }, "OPTION_INVALID", /option page\.token/],
  [{ page: { token: "short" } }, "OPTION_INVALID", /option token/],
];

for (const [given, code, says] of WRONG) {
  test(`start() refuses ${JSON.stringify(given)}`, async (t) => {
    const monitor = new Monitor();
    t.after(() => monitor.stop());
    await assert.rejects(
      monitor.start(given as MonitorOptions),
      (error) => error instanceof LanError && error.code === code && says.test(error.message),
    );
    await monitor.start({ port: 0, page: false });
    await monitor.stop();
  });
}

test("a page on loopback needs no token, and anywhere else it has one", () => {
  for (const ip of ["127.0.0.1", "127.9.9.9", "::1"]) assert.ok(monitorSettings({ page: { ip } }).page);
  assert.deepEqual(monitorSettings({ page: { ip: "0.0.0.0", token: "secret-1" } }).page, {
    ip: "0.0.0.0",
    port: 7701,
    token: "secret-1",
  });
});

test("defaults are loopback, the known ports, and a month", () => {
  const { link, page, history, serversMax, silentMs } = monitorSettings({});
  assert.deepEqual([link.ip, link.port, link.framing], ["127.0.0.1", 7700, "u16le"]);
  assert.deepEqual(page, { ip: "127.0.0.1", port: 7701 });
  assert.deepEqual(history, { file: undefined, keepDays: 30 });
  assert.deepEqual([serversMax, silentMs], [MONITOR_DEFAULTS.serversMax, MONITOR_DEFAULTS.silentMs]);
});

test("start() refuses a second time, and where the port is taken; what it opened is closed again", async (t) => {
  const here = mkdtempSync(join(tmpdir(), "lanwire-options-"));
  t.after(() => rmSync(here, { recursive: true, force: true }));
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const monitor = new Monitor();
  const history = { file: join(here, "history.db") };
  await assert.rejects(monitor.start({ port, page: false, history }), { code: "LISTEN_FAILED" });
  const starting = monitor.start({ port: 0, page: false, history });
  await assert.rejects(monitor.start({ port: 0, page: false }), { code: "ALREADY_RUNNING" });
  await starting;
  await assert.rejects(monitor.start({ port: 0, page: false }), { code: "ALREADY_RUNNING" });
  await Promise.all([monitor.stop(), monitor.stop()]);
  await monitor.stop();
});

test("stop() waits for a start that is under way", async () => {
  const monitor = new Monitor();
  const starting = monitor.start({ port: 0, page: false });
  await Promise.all([starting, monitor.stop()]);
  assert.deepEqual(monitor.servers(), []);
  await monitor.start({ port: 0, page: false });
  await monitor.stop();
});

test("where the page's port is taken nothing is left behind", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const monitor = new Monitor();
  await assert.rejects(monitor.start({ port: 0, page: { port } }), { code: "LISTEN_FAILED" });
  const { page } = await monitor.start({ port: 0, page: { port: 0 } });
  assert.match(await (await fetch(`${page!.url}metrics`)).text(), /^$/);
  await monitor.stop();
  await assert.rejects(fetch(page!.url));
});

test("a history that cannot be opened is told by start()", async () => {
  const monitor = new Monitor();
  const history = { file: join(tmpdir(), "no", "such", "folder", "history.db") };
  await assert.rejects(monitor.start({ port: 0, page: false, history }), { code: "HISTORY_FAILED" });
  await monitor.start({ port: 0, page: false });
  await monitor.stop();
});
