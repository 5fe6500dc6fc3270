/** A week made up, of 50 servers with 20 figures each: ten million minutes, and every answer is quick. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { Monitor } from "../../src/index.ts";
import { POINTS_MAX } from "../../src/monitor/api.ts";
import { SqliteHistory } from "../../src/monitor/history-sqlite.ts";
import { HIDES_COSTS, PATIENCE } from "../support/platform.ts";

const SERVERS = 50;
const FIGURES = 20;
const MINUTE_MS = 60_000;
const WEEK = 7 * 24 * 60;
const QUICK_MS = 200 * PATIENCE;

const folder = mkdtempSync(join(tmpdir(), "lanwire-week-"));
const file = join(folder, "history.db");
const monitor = new Monitor();
let last = 0;

before(async () => {
  last = Math.floor(Date.now() / MINUTE_MS) - 1;
  const database = new DatabaseSync(file);
  new SqliteHistory(database); // makes the table
  database.exec("PRAGMA synchronous = OFF");
  // A saw-tooth of each figure's own, so that every point can be checked.
  database.exec(`WITH RECURSIVE
    servers(s) AS (VALUES(1) UNION ALL SELECT s + 1 FROM servers WHERE s < ${SERVERS}),
    types(t) AS (VALUES(100) UNION ALL SELECT t + 1 FROM types WHERE t < ${99 + FIGURES}),
    minutes(m) AS (VALUES(${last - WEEK + 1}) UNION ALL SELECT m + 1 FROM minutes WHERE m < ${last})
    INSERT INTO minutes SELECT s, t, m, m % 97, m % 97 + t, (m % 97) * 60.0, 60 FROM servers, types, minutes`);
  database.close();
  await monitor.start({ port: 0, page: false, history: { file } });
});

after(async () => {
  await monitor.stop();
  rmSync(folder, { recursive: true, force: true });
});

function ask(
  serverNo: number,
  type: number,
  minutes: number,
): { tookMs: number; points: readonly (readonly number[])[]; stepMs: number } {
  const toMs = (last + 1) * MINUTE_MS - 1;
  const beganMs = performance.now();
  const { points, stepMs } = monitor.history({
    serverNo,
    type,
    fromMs: toMs + 1 - minutes * MINUTE_MS,
    toMs,
  });
  return { tookMs: performance.now() - beganMs, points, stepMs };
}

test("the whole week of a figure, in at most POINTS_MAX points and in no time", {
  skip: HIDES_COSTS,
}, (t) => {
  const took: number[] = [];
  for (let serverNo = 1; serverNo <= SERVERS; serverNo += 7) {
    const { tookMs, points, stepMs } = ask(serverNo, 100 + (serverNo % FIGURES), WEEK);
    took.push(tookMs);
    assert.ok(points.length <= POINTS_MAX && points.length > POINTS_MAX / 2, `${points.length} points`);
    const step = stepMs / MINUTE_MS;
    for (const [atMs, min, , max] of points.slice(1, -1)) {
      const minutes = Array.from({ length: step }, (_, n) => (atMs! / MINUTE_MS + n) % 97);
      assert.equal(min, Math.min(...minutes));
      assert.equal(max, Math.max(...minutes) + 100 + (serverNo % FIGURES));
    }
  }
  took.sort((a, b) => a - b);
  t.diagnostic(`a week of one figure: ${took[0]!.toFixed(1)} to ${took.at(-1)!.toFixed(1)} ms`);
  t.diagnostic(`the file has ${Math.round(statSync(file).size / 1e6)} MB`);
  assert.ok(took.at(-1)! < QUICK_MS, `${took} ms`);
});

test("zoomed to a day, three hours and two, it gets finer and stays as quick", { skip: HIDES_COSTS }, () => {
  const steps = [WEEK, 24 * 60, 180, 120].map((minutes) => {
    const { tookMs, points, stepMs } = ask(25, 110, minutes);
    assert.ok(tookMs < QUICK_MS, `${minutes} minutes took ${tookMs} ms`);
    assert.ok(points.length >= minutes / (stepMs / MINUTE_MS));
    return stepMs / MINUTE_MS;
  });
  assert.deepEqual(steps, [6, 1, 1, 1]);
});

test("a minute of all of them is written within one of the monitor's seconds", { skip: HIDES_COSTS }, (t) => {
  const history = new SqliteHistory(new DatabaseSync(file));
  const rows = Array.from({ length: SERVERS * FIGURES }, (_, n) => {
    const [serverNo, type] = [1 + Math.floor(n / FIGURES), 100 + (n % FIGURES)];
    return { serverNo, type, minute: last + 1, min: 1, max: 2, sum: 90, count: 60 };
  });
  const beganMs = performance.now();
  history.write(rows, last - WEEK * 2);
  const tookMs = performance.now() - beganMs;
  history.close();
  t.diagnostic(`${rows.length} figures: ${tookMs.toFixed(1)} ms`);
  assert.ok(tookMs < 1000 * PATIENCE, `${tookMs} ms`);
});
