/** The options of the socket itself reach it: on both sides, and where a thread has it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import net from "node:net";
import { describe, it } from "node:test";
import { ObedientClient } from "../threads/fixtures/obedient-client.ts";
import { Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";

const TABLE = "/proc/net/tcp";
const ESTABLISHED = "01";
const KEEPALIVE_TIMER = "02";
/** The unit of the table. */
const MS_PER_TICK = 10;

/** When the kernel next probes the connection from `localPort`: milliseconds, or undefined where it never does. */
function keepAliveInMs(localPort: number, remotePort: number): number | undefined {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  for (const line of readFileSync(TABLE, "utf8").split("\n")) {
    const [, local = "", remote = "", state, , timer = ""] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || !local.endsWith(`:${hex(localPort)}`)) continue;
    if (!remote.endsWith(`:${hex(remotePort)}`)) continue;
    const [kind, when = ""] = timer.split(":");
    return kind === KEEPALIVE_TIMER ? Number.parseInt(when, 16) * MS_PER_TICK : undefined;
  }
  return assert.fail(`no connection from ${localPort} to ${remotePort}`);
}

describe("keepAliveMs", {
  skip: process.platform === "linux" && existsSync(TABLE) ? false : `there is no ${TABLE} here`,
}, () => {
  const CASES = [
    { given: {}, idleMs: 30_000 },
    { given: { keepAliveMs: 600_000 }, idleMs: 600_000 },
    { given: { keepAliveMs: 0 }, idleMs: undefined },
  ] as const;
  for (const workerThreads of [0, 2]) {
    for (const { given, idleMs } of CASES) {
      const asked = JSON.stringify(given);
      it(
        `${asked} with workerThreads ${workerThreads}: both ends have it`,
        workerThreads > 1 ? SEVERAL : {},
        async (t) => {
          const rig = await Rig.start(t, { workerThreads, ...given });
          const { port } = rig.address;
          // As many as there are threads: one of them has a socket that was moved.
          for (let i = 0; i < Math.max(1, workerThreads); i++) {
            const client = new ObedientClient();
            t.after(() => client.disconnect({ now: true }));
            await client.connect({ port, heartbeat: false, ...given });
            const joined = () => rig.all("join")[i];
            await rig.until(() => joined() !== undefined, "it joins");
            const from = joined()!.client.port;
            for (const inMs of [keepAliveInMs(from, port), keepAliveInMs(port, from)]) {
              if (idleMs === undefined) assert.equal(inMs, undefined);
              else assert.ok(inMs! > idleMs / 2 && inMs! <= idleMs, `${inMs} ms`);
            }
          }
        },
      );
    }
  }
});

describe("nagle", () => {
  for (const { given, noDelay } of [
    { given: {}, noDelay: true },
    { given: { nagle: true }, noDelay: false },
  ]) {
    it(`${JSON.stringify(given)}: TCP_NODELAY is ${noDelay} on both ends`, async (t) => {
      const set = t.mock.method(net.Socket.prototype, "setNoDelay");
      const rig = await Rig.start(t, given);
      const client = new ObedientClient();
      t.after(() => client.disconnect({ now: true }));
      await client.connect({ port: rig.address.port, heartbeat: false, ...given });
      await rig.told("join");
      const asked = set.mock.calls.map(({ arguments: [on] }) => on);
      assert.deepEqual(asked, [noDelay, noDelay]);
    });
  }
});

describe("backlog", () => {
  it("is the length of the kernel's queue that is asked for", async (t) => {
    const listen = t.mock.method(net.Server.prototype, "listen");
    await Rig.start(t, { backlog: 7 });
    const [where] = listen.mock.calls[0]!.arguments as unknown as [net.ListenOptions];
    assert.equal(where.backlog, 7);
  });
});
