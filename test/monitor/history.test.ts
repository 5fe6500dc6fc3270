/** What both histories promise, and what a database file does besides. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { LanError } from "../../src/index.ts";
import type { History, HistoryPoint, MinuteRow } from "../../src/monitor/history.ts";
import { MemoryHistory } from "../../src/monitor/history-memory.ts";
import { SqliteHistory } from "../../src/monitor/history-sqlite.ts";
import { openHistory } from "../../src/monitor/open-history.ts";

const NOW = 29_000_000; // a minute of 2025

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "lanwire-history-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const KINDS: readonly [string, () => History][] = [
  ["memory", () => new MemoryHistory()],
  ["sqlite", () => new SqliteHistory(new DatabaseSync(":memory:"))],
];

function row(minute: number, ...values: number[]): MinuteRow {
  return {
    serverNo: 1,
    type: 40,
    minute,
    min: Math.min(...values),
    max: Math.max(...values),
    sum: values.reduce((a, b) => a + b),
    count: values.length,
  };
}

for (const [name, make] of KINDS) {
  test(`${name}: minutes come back as they were written, of that figure alone`, () => {
    const history = make();
    history.write([row(NOW, 1, 2, 6), { ...row(NOW, 9), type: 41 }, { ...row(NOW, 8), serverNo: -7 }], 0);
    history.write([row(NOW + 1, -5)], 0);
    assert.deepEqual(plain(history.read(1, 40, NOW, NOW + 1, 1)), [
      { minute: NOW, min: 1, max: 6, sum: 9, count: 3 },
      { minute: NOW + 1, min: -5, max: -5, sum: -5, count: 1 },
    ]);
    assert.deepEqual(plain(history.read(-7, 40, NOW, NOW, 1)), [
      { minute: NOW, min: 8, max: 8, sum: 8, count: 1 },
    ]);
    assert.deepEqual(plain(history.read(1, 40, NOW + 1, NOW + 1, 1)).length, 1);
    assert.deepEqual(plain(history.read(2, 40, 0, NOW * 2, 1)), []);
    assert.equal(history.firstMinute(1, 40, 0), NOW);
    assert.equal(history.firstMinute(1, 40, NOW + 1), NOW + 1);
    assert.equal(history.firstMinute(1, 40, NOW + 2), undefined);
    assert.equal(history.firstMinute(1, 42, 0), undefined);
    history.close();
  });

  test(`${name}: a minute that is written twice counts both, as after a restart within it`, () => {
    const history = make();
    history.write([row(NOW, 10, 20)], 0);
    history.write([row(NOW, 5, 5, 5, 5)], 0);
    assert.deepEqual(plain(history.read(1, 40, NOW, NOW, 1)), [
      { minute: NOW, min: 5, max: 20, sum: 50, count: 6 },
    ]);
    history.close();
  });

  test(`${name}: steps of several minutes begin at their multiples; extremes and weights are kept`, () => {
    const history = make();
    for (let minute = NOW; minute < NOW + 7; minute++) history.write([row(minute, minute - NOW, 100)], 0);
    // NOW is a multiple of 5.
    assert.deepEqual(plain(history.read(1, 40, NOW + 1, NOW + 6, 5)), [
      { minute: NOW, min: 1, max: 100, sum: 410, count: 8 },
      { minute: NOW + 5, min: 5, max: 100, sum: 211, count: 4 },
    ]);
    history.close();
  });

  test(`${name}: the greatest values of the wire, often, are summed without loss`, () => {
    const history = make();
    const most = 2 ** 31 - 1;
    history.write(
      [{ serverNo: 1, type: 1, minute: NOW, min: most, max: most, sum: most * 2 ** 25, count: 2 ** 25 }],
      0,
    );
    const [point] = history.read(1, 1, NOW, NOW, 1);
    assert.equal(point!.sum / point!.count, most);
    history.close();
  });
}

test("both histories answer alike, whatever is written in whatever order", () => {
  const written = fc.array(
    fc.record({
      serverNo: fc.integer({ min: 1, max: 2 }),
      type: fc.integer({ min: 40, max: 41 }),
      minute: fc.integer({ min: NOW, max: NOW + 200 }),
      values: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 4 }),
    }),
    { maxLength: 40 },
  );
  const asked = fc.record({
    first: fc.integer({ min: NOW - 10, max: NOW + 210 }),
    length: fc.integer({ min: 0, max: 250 }),
    step: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(
    fc.property(written, asked, (rows, { first, length, step }) => {
      const answers = KINDS.map(([, make]) => {
        const history = make();
        for (const { serverNo, type, minute, values } of rows)
          history.write([{ ...row(minute, ...values), serverNo, type }], 0);
        const answer = plain(history.read(1, 40, first, first + length, step));
        const begins = history.firstMinute(1, 40, first);
        history.close();
        return { answer, begins };
      });
      assert.deepEqual(answers[0], answers[1]);
    }),
  );
});

test("memory: what is too old goes, and where there is no room the oldest hour of all", () => {
  const history = new MemoryHistory(4);
  const hour = NOW - (NOW % 60);
  for (let n = 0; n < 3; n++) history.write([row(hour + n * 60, n)], 0);
  history.write([row(hour + 180, 3)], hour + 60);
  assert.equal(history.firstMinute(1, 40, 0), hour + 60, "older than `oldest`");
  for (let type = 50; type < 53; type++) history.write([{ ...row(hour + 180, 3), type }], 0);
  assert.equal(history.firstMinute(1, 40, 0), hour + 180, "no room for the hours before");
  assert.equal(history.firstMinute(1, 52, 0), hour + 180);
});

test("sqlite: what is too old goes, of figures that are no longer reported too", (t) => {
  const file = join(folder(t), "history.db");
  const history = new SqliteHistory(new DatabaseSync(file));
  const figures = Array.from({ length: 100 }, (_, n) => ({ serverNo: n - 50, type: n }));
  for (let minute = 0; minute < 10; minute++)
    history.write(
      figures.map((figure) => ({ ...row(NOW + minute, minute), ...figure })),
      0,
    );
  // A round takes a few writes, however many figures there are.
  for (let n = 0; n < 10; n++) history.write([], NOW + 7);
  history.close();
  const database = new DatabaseSync(file);
  const left = database.prepare("SELECT count(*) AS n, min(minute) AS first FROM minutes").get();
  database.close();
  assert.deepEqual({ ...left }, { n: 300, first: NOW + 7 });
});

test("sqlite: one transaction per write: where one row fails none is there", () => {
  const history = new SqliteHistory(new DatabaseSync(":memory:"));
  const broken = { ...row(NOW, 1), type: 41, min: "no number" as unknown as number };
  assert.throws(() => history.write([row(NOW, 1), broken], 0));
  assert.deepEqual(history.read(1, 40, NOW, NOW, 1), []);
  history.write([row(NOW, 2)], 0);
  assert.equal(history.read(1, 40, NOW, NOW, 1).length, 1);
  history.close();
});

test("sqlite: a file is opened again with what it had, in WAL", async (t) => {
  const file = join(folder(t), "history.db");
  const first = await openHistory(file, 30);
  assert.equal(first.history.kind, "file");
  assert.equal(first.notice, `history is kept for 30 days in ${file}`);
  first.history.write([row(NOW, 1)], 0);
  assert.ok(statSync(`${file}-wal`).size > 0);
  first.history.close();
  const second = await openHistory(file, 30);
  assert.equal(second.history.read(1, 40, NOW, NOW, 1).length, 1);
  second.history.close();
});

test("a file that is none, is somebody else's or cannot be written is refused with its name", async (t) => {
  const here = folder(t);
  const corrupt = join(here, "corrupt.db");
  writeFileSync(corrupt, "this is no database, and long enough to be looked at. ".repeat(100));
  const foreign = join(here, "foreign.db");
  new DatabaseSync(foreign).exec("CREATE TABLE accounts (name TEXT)");
  const later = join(here, "later.db");
  new SqliteHistory(new DatabaseSync(later)).close();
  const database = new DatabaseSync(later);
  database.exec("PRAGMA user_version = 2");
  database.close();
  const cases: [string, RegExp][] = [
    [corrupt, /not a database/],
    [foreign, /something else/],
    [later, /later version/],
    [here, /unable to open/],
    [join(here, "no", "such", "folder.db"), /unable to open/],
  ];
  for (const [file, why] of cases) {
    const error = await openHistory(file, 30).then(
      () => assert.fail(`${file} was opened`),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof LanError);
    assert.equal(error.code, "HISTORY_FAILED");
    assert.ok(error.message.startsWith(`Cannot keep history in ${file}: `), error.message);
    assert.match(error.message, why);
    assert.ok(error.cause instanceof Error);
  }
  assert.equal(
    new DatabaseSync(foreign).prepare("SELECT count(*) AS n FROM sqlite_schema").get()!.n,
    1,
    "untouched",
  );
});

test("a file that may only be read is refused", {
  skip: process.getuid?.() === 0 && "root may write everything",
}, async (t) => {
  const file = join(folder(t), "history.db");
  (await openHistory(file, 30)).history.close();
  chmodSync(file, 0o444);
  await assert.rejects(openHistory(file, 30), { code: "HISTORY_FAILED" });
});

test("a Node without node:sqlite keeps history in memory, and says so", async () => {
  const { history, notice } = await openHistory("/nowhere/history.db", 30, () =>
    Promise.reject(new Error("No such built-in module: node:sqlite")),
  );
  assert.equal(history.kind, "memory");
  assert.match(notice, /in memory .* no node:sqlite.* \/nowhere\/history\.db is not used/);
});

test("without a file history is in memory, and it is said", async () => {
  const { history, notice } = await openHistory(undefined, 30);
  assert.equal(history.kind, "memory");
  assert.match(notice, /in memory/);
});

/** Rows of a database have no prototype. */
function plain(points: readonly HistoryPoint[]): HistoryPoint[] {
  return points.map(({ minute, min, max, sum, count }) => ({ minute, min, max, sum, count }));
}
