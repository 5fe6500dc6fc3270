/** What a monitor answers about the past, on the in-memory network and its clock. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { Monitor, type MonitorEvent, type MonitorOptions, type Series } from "../../src/index.ts";
import { POINTS_MAX } from "../../src/monitor/api.ts";
import { SECONDS_KEPT, Seconds } from "../../src/monitor/seconds.ts";
import { StepSums, stepOf } from "../../src/monitor/thinning.ts";
import { MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { loginBytes, updateBytes } from "./fixtures/raw-reporter.ts";

const ADDRESS = { ip: "127.0.0.1", port: 7700 };
const HOUR_MS = 3_600_000;

interface Stage {
  readonly network: MemoryNetwork;
  readonly monitor: Monitor;
  readonly events: MonitorEvent[];
  readonly notices: string[];
  /** Reports `values` of server 1's CPU, one a second from now on. */
  report(values: readonly number[]): Promise<void>;
  series(fromMs: number, toMs?: number): Series;
}

async function stage(t: TestContext, options: MonitorOptions = {}): Promise<Stage> {
  const network = new MemoryNetwork();
  const monitor = new Monitor();
  const events: MonitorEvent[] = [];
  const notices: string[] = [];
  monitor.subscribe((event) => events.push(event));
  monitor.onNotice = (text) => notices.push(text);
  await monitor.start({ network, page: false, silentMs: 0, ...options });
  t.after(() => network.clock.until(monitor.stop()));
  const peer = await RawPeer.dial(network, ADDRESS);
  void peer.send(loginBytes(1));
  await network.clock.advance(500);
  return {
    network,
    monitor,
    events,
    notices,
    async report(values) {
      for (const value of values) {
        void peer.send(updateBytes(40, value));
        await network.clock.advance(1000);
      }
    },
    series: (fromMs, toMs = network.clock.epochMs()) =>
      monitor.history({ serverNo: 1, type: 40, fromMs, toMs }),
  };
}

test("values are told once a second, together, the newest of each figure", async (t) => {
  const { network, events } = await stage(t);
  const peer = await RawPeer.dial(network, ADDRESS);
  void peer.send(Buffer.concat([loginBytes(2), updateBytes(1, 5), updateBytes(1, 6), updateBytes(2, 7)]));
  await network.clock.advance(400);
  assert.equal(events.filter(({ kind }) => kind === "values").length, 0);
  await network.clock.advance(100);
  const told = events.filter((event) => event.kind === "values");
  const startMs = network.clock.epochMs() - 500;
  assert.deepEqual(told, [
    {
      kind: "values",
      atMs: startMs + 500,
      values: [
        [2, 1, 6, startMs],
        [2, 2, 7, startMs],
      ],
    },
  ]);
  await network.clock.advance(5000);
  assert.equal(events.filter(({ kind }) => kind === "values").length, 1, "nothing new, nothing told");
});

test("the last hour is answered by the second, what is before it by the minute", async (t) => {
  const { network, report, series } = await stage(t);
  const startMs = network.clock.epochMs() - 500;
  await report(Array.from({ length: 90 }, (_, n) => n));
  const fresh = series(startMs);
  assert.equal(fresh.stepMs, 1000);
  assert.deepEqual(
    fresh.points,
    Array.from({ length: 90 }, (_, n) => [startMs + n * 1000, n, n, n]),
  );
  assert.deepEqual(series(startMs + 10_000, startMs + 11_000).points.length, 2);

  await network.clock.advance(2 * HOUR_MS);
  const old = series(startMs);
  assert.equal(old.stepMs, 60_000);
  assert.deepEqual(old.points, [
    [startMs, 0, 29.5, 59],
    [startMs + 60_000, 60, 74.5, 89],
  ]);
});

test("the minute that runs is part of the answer", async (t) => {
  const { network, report, series } = await stage(t);
  const startMs = network.clock.epochMs() - 500;
  await report([10, 20]);
  const { stepMs, points } = series(startMs - 2 * HOUR_MS);
  assert.equal(stepMs, 60_000);
  assert.deepEqual(points, [[startMs, 10, 15, 20]]);
});

test("after a restart the last hour is answered by the minute, until the seconds cover what is asked", async (t) => {
  const here = mkdtempSync(join(tmpdir(), "lanwire-series-"));
  t.after(() => rmSync(here, { recursive: true, force: true }));
  const options = { history: { file: join(here, "history.db") } };
  const { network, monitor, report, series, notices } = await stage(t, options);
  const startMs = network.clock.epochMs() - 500;
  await report(Array.from({ length: 400 }, () => 7));
  await network.clock.until(monitor.stop());
  await monitor.start({ network, page: false, ...options });
  const peer = await RawPeer.dial(network, ADDRESS);
  void peer.send(Buffer.concat([loginBytes(1), updateBytes(40, 9)]));
  await network.clock.advance(1000);
  const hour = series(startMs);
  assert.equal(hour.stepMs, 60_000);
  assert.equal(hour.points.length, 7);
  // Minute 6 was written at the stop, and what came since counts with it.
  assert.deepEqual(hour.points.at(-1), [startMs + 360_000, 7, (40 * 7 + 9) / 41, 9]);
  assert.equal(series(network.clock.epochMs() - 300_000).stepMs, 60_000);
  assert.equal(series(network.clock.epochMs() - 60_000).stepMs, 1000, "what is missing is not worth minutes");
  assert.ok(notices.includes(`history is kept for 30 days in ${options.history.file}`));
});

test("a minute that cannot be written is lost, and it is told; the next one is kept", async (t) => {
  const here = mkdtempSync(join(tmpdir(), "lanwire-locked-"));
  t.after(() => rmSync(here, { recursive: true, force: true }));
  const file = join(here, "history.db");
  const { network, report, series, notices } = await stage(t, { history: { file } });
  const startMs = network.clock.epochMs() - 500;
  const other = new DatabaseSync(file);
  other.exec("BEGIN IMMEDIATE");
  await report(Array.from({ length: 60 }, () => 1));
  assert.match(notices.at(-1)!, /^history: the minute 2026-01-01T00:00Z is lost: database is locked$/);
  other.exec("ROLLBACK");
  other.close();
  await report(Array.from({ length: 60 }, () => 2));
  await network.clock.advance(2 * HOUR_MS);
  assert.deepEqual(series(startMs).points, [[startMs + 60_000, 2, 2, 2]]);
});

test("an answer has at most POINTS_MAX points, with the extremes of all values", async (t) => {
  const { network, report, series } = await stage(t);
  const values = Array.from({ length: 3599 }, (_, n) => (n === 1234 ? 1_000_000 : n === 4 ? -5 : 1));
  await report(values);
  const { stepMs, points } = series(network.clock.epochMs() - HOUR_MS + 1000);
  assert.equal(stepMs, 2000);
  assert.ok(points.length <= POINTS_MAX && points.length >= 1799, `${points.length}`);
  assert.equal(Math.max(...points.map(([, , , max]) => max)), 1_000_000);
  assert.equal(Math.min(...points.map(([, min]) => min)), -5);
});

test("a query for nothing, for the future or for ever is answered", async (t) => {
  const { network, report, series, monitor } = await stage(t);
  await report([1, 2, 3]);
  const nowMs = network.clock.epochMs();
  assert.deepEqual(series(nowMs + 1000, nowMs + 2000).points, []);
  assert.deepEqual(series(nowMs, nowMs - 1).points, []);
  assert.deepEqual(series(Number.NaN).points, []);
  const ever = series(0, Number.MAX_SAFE_INTEGER);
  assert.deepEqual(
    ever.points.map(([, min, , max]) => [min, max]),
    [[1, 3]],
  );
  assert.ok(
    ever.stepMs <= 60_000 * Math.ceil((30 * 24 * 60) / (POINTS_MAX - 1)),
    "only what is kept takes points",
  );
  assert.deepEqual(monitor.history({ serverNo: 9, type: 40, fromMs: 0, toMs: nowMs }).points, []);
});

test("a stranger that does not log in, and a server that reports nothing, are disconnected", async (t) => {
  const { network, monitor, events, notices } = await stage(t, { silentMs: 30_000 });
  const stranger = await RawPeer.dial(network, { ...ADDRESS });
  await network.clock.advance(9000);
  assert.deepEqual(notices.slice(1), []);
  await network.clock.advance(2000);
  assert.match(notices.at(-1)!, /no login within 10 s/);
  await stranger.closed;
  assert.equal(monitor.servers()[0]!.state.at, "up");
  await network.clock.advance(20_000);
  const { state } = monitor.servers()[0]!;
  assert.equal(state.at === "down" && state.reason, "silent for 30 s");
  assert.equal(events.filter(({ kind }) => kind === "left").length, 1);
});

test("figures() has every figure, those that were reported without a name, and what is red", async (t) => {
  const { network, monitor } = await stage(t, { redAbove: { 40: 90, 103: 50 } });
  assert.equal(monitor.figures().find(({ type }) => type === 40)?.redAbove, 90);
  assert.equal(monitor.figures().find(({ type }) => type === 103)?.redAbove, 50_000, "50 ms, on the wire");
  assert.equal(monitor.figures().find(({ type }) => type === 41)?.redAbove, undefined);
  const peer = await RawPeer.dial(network, ADDRESS);
  void peer.send(Buffer.concat([loginBytes(3), updateBytes(250, 1)]));
  await network.clock.advance(0);
  assert.equal(monitor.figures().at(-1)?.name, "figure 250");
});

test("Seconds keeps an hour, grows as it fills, and has holes where nothing was reported", () => {
  const seconds = new Seconds();
  const all = (from = 0, to = 1e9): [number, number][] => {
    const found: [number, number][] = [];
    seconds.each(1, 1, from * 1000, to * 1000, (atMs, value) => found.push([atMs / 1000, value]));
    return found;
  };
  const expected = new Map<number, number>();
  for (let second = 1000; second < 12_000; second += second % 7 === 0 ? 40 : 1) {
    seconds.set(1, 1, second, second * 1000 + 999);
    expected.set(second, second);
    for (const old of expected.keys()) if (old <= second - SECONDS_KEPT) expected.delete(old);
    if (second % 50 === 0) assert.deepEqual(all(), [...expected], `at ${second}`);
  }
  assert.deepEqual(
    all(11_000, 11_010),
    [...expected].filter(([second]) => second >= 11_000 && second <= 11_010),
  );
  seconds.set(1, 1, -(2 ** 31), 100_000_000);
  assert.deepEqual(all(), [[100_000, -(2 ** 31) + 1]], "behind a long gap only the new one");
  seconds.set(1, 1, 5, 1000);
  assert.equal(all().length, 1, "a clock that was set far back changes nothing");
});

test("Seconds is bounded, and what is given back has room again", () => {
  const seconds = new Seconds(2);
  seconds.set(1, 1, 1, 1000);
  seconds.set(1, 2, 1, 1000);
  seconds.set(2, 1, 1, 1000);
  assert.equal(seconds.size, 2);
  assert.equal(seconds.firstMs(2, 1), undefined);
  seconds.forget(1);
  assert.equal(seconds.size, 0);
  seconds.set(2, 1, 1, 1000);
  seconds.set(2, 2, 1, 9000);
  seconds.forgetBefore(5000);
  assert.equal(seconds.size, 1);
  assert.equal(seconds.firstMs(2, 2), 9000);
});

test("stepOf() is the shortest that keeps to POINTS_MAX; StepSums weighs each value alike", () => {
  for (const length of [0, 1, POINTS_MAX - 1, POINTS_MAX, POINTS_MAX + 1, 10_080, 43_200, 5_000_000]) {
    for (const from of [0, 7, 29_000_123]) {
      const step = stepOf(from * 60_000, (from + length) * 60_000, 60_000) / 60_000;
      const steps = (of: number): number => Math.floor((from + length) / of) - Math.floor(from / of) + 1;
      assert.ok(steps(step) <= POINTS_MAX, `${length}`);
      assert.ok(step === 1 || steps(step - 1) > POINTS_MAX, `${length}: ${step} is longer than it need be`);
    }
  }
  const sums = new StepSums(10);
  sums.add(1, { min: 1, max: 1, sum: 1, count: 1 });
  sums.add(9, { min: 4, max: 4, sum: 12, count: 3 });
  sums.add(30, { min: 0, max: 0, sum: 0, count: 1 });
  assert.deepEqual(sums.points(1000), [
    [0, 1, 13 / 4, 4],
    [30_000, 0, 0, 0],
  ]);
});
