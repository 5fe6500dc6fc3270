/** An agent in a program of its own: it holds nothing up, reports to a real monitor, and costs next to nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { measureAgent } from "../../scripts/agent-cost.ts";
import { Monitor } from "../../src/index.ts";
import { Child } from "../immunity/fixtures/child.ts";
import { HIDES_COSTS, PATIENCE } from "../support/platform.ts";
import { Observer } from "./fixtures/raw-reporter.ts";

const PROGRAM = "../../monitor/fixtures/watched-program.ts";
/** Long after this a program that hangs would still hang. */
const ENDS_MS = 5000 * PATIENCE;

async function endsByItself(child: Child): Promise<void> {
  await child.next();
  const stoppedMs = performance.now();
  assert.equal(await child.ended, 0, child.errorText);
  assert.ok(performance.now() - stoppedMs < ENDS_MS, `${performance.now() - stoppedMs} ms`);
}

test("a program whose server has stopped ends by itself while its agent is joined", async (t) => {
  const monitor = new Monitor();
  const observer = new Observer(monitor);
  const { reports } = await monitor.start({ port: 0, page: false });
  t.after(() => monitor.stop());
  const child = new Child(t, PROGRAM, { monitorPort: reports.port, forMs: 1500, untilJoined: true });
  await observer.event("joined");
  assert.equal(await observer.value(1, 110), 1, "a session of its LanServer");
  assert.equal(await observer.value(1, 130), 1, "a session of its LanClient");
  await endsByItself(child);
  const { server } = await observer.event("left");
  assert.ok(server.state.at === "down" && ["peer-closed", "reset"].includes(server.state.reason));
  const values = new Map(server.values.map(([type, value]) => [type, value]));
  assert.equal(values.get(118), 0, "no errors");
  assert.ok(values.get(101)! > 1024, "its memory");
});

test("it ends by itself while there is no monitor", async (t) => {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  await endsByItself(new Child(t, PROGRAM, { monitorPort: port, forMs: 300, untilJoined: false }));
});

test("it ends by itself while the monitor accepts and reads nothing", async (t) => {
  const listener = createServer({ pauseOnConnect: true }, (socket) => t.after(() => socket.destroy()));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  t.after(() => listener.close());
  const { port } = listener.address() as AddressInfo;
  await endsByItself(new Child(t, PROGRAM, { monitorPort: port, forMs: 1200, untilJoined: true }));
});

test("it comes back to a monitor that was started again", async (t) => {
  const first = new Monitor();
  const seen = new Observer(first);
  const { reports } = await first.start({ port: 0, page: false });
  new Child(t, PROGRAM, { monitorPort: reports.port, forMs: 60_000, untilJoined: true });
  await seen.event("joined");
  await first.stop();
  const second = new Monitor();
  const again = new Observer(second);
  await second.start({ port: reports.port, page: false });
  t.after(() => second.stop());
  await again.event("joined");
  assert.equal(await again.value(1, 110), 1);
});

test("it costs under 1 % of a core", { skip: HIDES_COSTS }, async () => {
  const { withAgent, without } = await measureAgent(4);
  assert.ok(withAgent - without < 0.01, `${(withAgent - without) * 100} % of a core`);
});
