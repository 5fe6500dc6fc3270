/** What the page computes: numbers for people, the model of servers, lines of charts, the window of time. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { ServerView } from "../../src/monitor/api.ts";
import { figureOf } from "../../src/monitor/figures.ts";
import { columns, Line, lowerBound, nearest, summary } from "../../src/monitor/page/assets/chart-data.js";
import { showAmount, showDuration, showValue, showWhole } from "../../src/monitor/page/assets/format.js";
import { Model, TRAIL_LENGTH, Trail } from "../../src/monitor/page/assets/model.js";
import { SPAN_MIN_MS, TimeWindow } from "../../src/monitor/page/assets/time-window.js";

for (const [unit, amount, shown] of [
  ["KiB", 0, "0 KiB"],
  ["KiB", 5, "5 KiB"],
  ["KiB", 0.5, "512 B"],
  ["KiB/s", 999, "999 KiB/s"],
  ["KiB/s", 1000, "1,000 KiB/s"],
  ["KiB/s", 1536, "1.50 MiB/s"],
  ["MiB", 48_210, "47.1 GiB"],
  ["MiB", 2 ** 31, "2 PiB"],
  ["%", 42, "42 %"],
  ["%", 42.25, "42.3 %"],
  ["%", 0.5, "0.50 %"],
  ["/s", 1_234_567, "1,234,567 /s"],
  ["", 340, "340 "],
  ["ms", 0, "0 ms"],
  ["ms", 0.4, "400 µs"],
  ["ms", 17.25, "17.3 ms"],
  ["ms", 2500, "2.50 s"],
  ["s", 3725, "1 h 2 min "],
  ["", -7, "-7 "],
] as const) {
  it(`${amount} ${unit} is shown as "${shown.trim()}"`, () => {
    const { text, unit: of } = showAmount(unit, amount);
    assert.equal(`${text} ${of}`, shown);
  });
}

it("a value is divided by its figure's scale", () => {
  assert.deepEqual(showValue(figureOf(100), 4275), { text: "42.8", unit: "%" });
  assert.equal(showWhole(figureOf(103), 1500), "1.50 ms");
  assert.equal(showWhole(figureOf(110), 12), "12");
});

it("a duration has its two largest parts", () => {
  const told = [-5, 0, 59_999, 60_000, 185_000, 3_600_000, 15_120_000, 86_400_000, 284_400_000].map(
    showDuration,
  );
  assert.deepEqual(told, ["0 s", "0 s", "59 s", "1 min", "3 min 5 s", "1 h", "4 h 12 min", "1 d", "3 d 7 h"]);
});

it("a trail keeps the last values, oldest first", () => {
  const trail = new Trail();
  for (let value = 0; value < TRAIL_LENGTH + 5; value++) trail.push(value);
  assert.deepEqual(
    [trail.length, trail.at(0), trail.at(TRAIL_LENGTH - 1)],
    [TRAIL_LENGTH, 5, TRAIL_LENGTH + 4],
  );
  trail.fill([1, 2, 3]);
  assert.deepEqual([trail.length, trail.at(0), trail.at(2)], [3, 1, 3]);
});

const UP = { at: "up", sinceMs: 5 } as const;

function server(serverNo: number, state: ServerView["state"], values: ServerView["values"] = []): ServerView {
  return { serverNo, name: `server ${serverNo}`, address: "10.0.0.1:1", state, joins: 1, values };
}

/** A model with one server that reported 95 % CPU now. */
function modelAtNow(): { model: Model; told: string[]; now: number } {
  const model = new Model();
  const now = Date.now();
  model.setFigures([{ ...figureOf(40), redAbove: 90 }]);
  model.setConnected(true);
  const told: string[] = [];
  model.listen((change) =>
    told.push("server" in change ? `${change.kind} ${change.server.serverNo}` : change.kind),
  );
  model.apply({ kind: "snapshot", atMs: now, servers: [server(1, UP, [[40, 95, now]])] });
  return { model, told, now };
}

it("a value above its limit is red while it is fresh, and no longer", () => {
  const { model, now } = modelAtNow();
  const one = model.servers.get(1)!;
  const reading = one.readings.get(40)!;
  const state = () => [model.isRed(one, reading), model.isStale(one, reading)];
  assert.deepEqual(state(), [true, false]);
  model.setLimit(40, 96);
  assert.deepEqual(state(), [false, false]);
  model.setLimit(40, null);
  assert.deepEqual(state(), [false, false]);
  model.setLimit(40, undefined);
  assert.deepEqual(state(), [true, false]);
  model.setConnected(false);
  assert.deepEqual(state(), [false, true]);
  model.setConnected(true);
  model.apply({ kind: "left", server: server(1, { at: "down", sinceMs: now, reason: "reset" }) });
  assert.deepEqual(state(), [false, true]);
  model.apply({ kind: "joined", server: server(1, UP) });
  model.apply({ kind: "values", atMs: now + 6000, values: [] });
  assert.deepEqual(state(), [false, true], "5 s without a value");
});

it("a value that came already is not taken twice", () => {
  const { model, told, now } = modelAtNow();
  told.length = 0;
  model.apply({ kind: "values", atMs: now, values: [[1, 40, 95, now]] });
  assert.deepEqual(told, []);
  model.apply({
    kind: "values",
    atMs: now,
    values: [
      [1, 40, 50, now + 1],
      [9, 40, 1, now],
    ],
  });
  assert.deepEqual(told, ["reading 1"]);
  assert.equal(model.servers.get(1)!.readings.get(40)!.trail.length, 2);
});

it("a server that did not come back after the monitor restarted is missing, until it does", () => {
  const { model, now } = modelAtNow();
  model.apply({ kind: "snapshot", atMs: now + 1, servers: [server(2, UP)] });
  assert.equal(model.servers.get(1)!.state.at, "missing");
  assert.equal(model.servers.get(2)!.state.at, "up");
  model.apply({ kind: "joined", server: server(1, UP) });
  assert.deepEqual(model.servers.get(1)!.state, UP);
});

it("a figure without a name goes by its number", () => {
  assert.equal(new Model().figure(200).name, "figure 200");
});

function line(stepMs: number, points: readonly (readonly [number, number, number, number])[]): Line {
  const made = new Line();
  made.load({ serverNo: 1, type: 40, stepMs, points });
  return made;
}

it("a line is broken where nothing was reported, and reaches one point beyond the window", () => {
  const seconds = line(
    1000,
    [1, 2, 3, 20, 21].map((at) => [at * 1000, at, at, at] as const),
  );
  const data = columns([seconds], 2500, 20_500, 1, () => assert.fail("one line needs no join"));
  assert.deepEqual(data[0], [2000, 3000, 11_500, 20_000, 21_000]);
  assert.deepEqual(data[3], [2, 3, null, 20, 21]);
});

it("columns are in the unit of the axis, maximum and minimum first", () => {
  const data = columns([line(60_000, [[0, 100, 200, 400]])], 0, 10, 100, () => []);
  assert.deepEqual(data, [[0], [4], [1], [2]]);
  assert.deepEqual(
    columns([line(1000, [])], 5, 9, 1, () => []),
    [
      [5, 9],
      [null, null],
      [null, null],
      [null, null],
    ],
  );
});

it("live values go on behind history, and are not doubled by a later answer", () => {
  const made = line(60_000, [
    [0, 1, 1, 1],
    [60_000, 1, 1, 1],
  ]);
  for (const at of [119_000, 120_000, 121_000]) made.push(at, at / 1000);
  made.push(121_000, 5);
  assert.deepEqual(
    made.points.map(([at]) => at),
    [0, 60_000, 119_000, 120_000, 121_000],
  );
  made.load({ serverNo: 1, type: 40, stepMs: 60_000, points: [[60_000, 1, 1, 1]] });
  assert.deepEqual(
    made.points.map(([at]) => at),
    [60_000, 120_000, 121_000],
  );
});

it("points are found by time, and sum up", () => {
  const made = line(1000, [
    [1000, 1, 2, 3],
    [2000, 0, 4, 9],
  ]);
  assert.deepEqual(
    [0, 1000, 1001, 2001].map((at) => lowerBound(made.points, at)),
    [0, 0, 1, 2],
  );
  assert.deepEqual(nearest(made, 1400), [1000, 1, 2, 3]);
  assert.equal(nearest(made, 9000), undefined);
  assert.deepEqual(summary(made, 1000, 2000), { min: 0, average: 3, max: 9 });
  assert.equal(summary(made, 5000, 6000), undefined);
});

it("a window is live until it is zoomed or moved, and again at reset or at now", () => {
  let nowMs = 10_000_000;
  const window = new TimeWindow(() => nowMs);
  assert.deepEqual([window.isLive, window.fromMs, window.toMs], [true, nowMs - 3_600_000, nowMs]);
  window.zoomTo(nowMs - 2_000_000, nowMs - 1_000_000);
  nowMs += 5000;
  assert.deepEqual([window.isLive, window.fromMs, window.toMs], [false, 8_000_000, 9_000_000]);
  window.zoom(0.5);
  assert.deepEqual([window.fromMs, window.toMs], [8_250_000, 8_750_000]);
  window.pan(-1);
  assert.deepEqual([window.fromMs, window.toMs], [7_750_000, 8_250_000]);
  window.pan(10);
  assert.deepEqual([window.isLive, window.spanMs, window.isReset], [true, 500_000, false]);
  window.zoom(0.5);
  assert.deepEqual([window.isLive, window.spanMs], [true, 250_000]);
  window.reset();
  assert.deepEqual([window.isReset, window.spanMs], [true, 3_600_000]);
});

it("a window begins with ten minutes where there is less, until the reader chooses", () => {
  const window = new TimeWindow(() => 10_000_000);
  window.suggestFor(9_700_000);
  assert.deepEqual([window.spanMs, window.isReset], [600_000, true]);
  window.suggestFor(1_000_000);
  assert.deepEqual([window.spanMs, window.isReset], [3_600_000, true]);
  window.setRange(86_400_000);
  window.suggestFor(9_700_000);
  assert.equal(window.spanMs, 86_400_000);
});

it("a window is never shorter than its bound and never ends after now", () => {
  const window = new TimeWindow(() => 1_000_000);
  window.zoomTo(999_999, 1_000_000);
  assert.deepEqual([window.spanMs, window.toMs <= 1_000_000], [SPAN_MIN_MS, true]);
  window.zoomTo(0, 1_000_000_000);
  assert.equal(window.toMs, 1_000_000);
});
