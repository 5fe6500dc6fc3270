/** A monitor that is killed with SIGKILL loses the minute that runs, and nothing else. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { Monitor } from "../../src/index.ts";
import { SqliteHistory } from "../../src/monitor/history-sqlite.ts";
import { Child } from "../immunity/fixtures/child.ts";
import { loginBytes, Observer, RawReporter, updateBytes } from "./fixtures/raw-reporter.ts";

const MINUTE_MS = 60_000;

function historyFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "lanwire-kill-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "history.db");
}

async function next<K extends string>(child: Child, key: K): Promise<unknown> {
  for (;;) {
    const message = await child.next<Record<string, unknown>>();
    if (key in message) return message[key];
  }
}

test("killed in the middle of a minute, a real monitor starts again on its file with every minute before", async (t) => {
  const file = historyFile(t);
  // Minutes of an earlier life, up to the one before this.
  const thisMinute = Math.floor(Date.now() / MINUTE_MS);
  const earlier = new SqliteHistory(new DatabaseSync(file));
  for (let minute = thisMinute - 10; minute < thisMinute; minute++)
    earlier.write([{ serverNo: 1, type: 40, minute, min: minute % 7, max: 100, sum: 200, count: 10 }], 0);
  earlier.close();

  const child = new Child(t, "../../monitor/fixtures/monitor-process.ts", { file });
  const port = (await next(child, "port")) as number;
  const reporter = await RawReporter.dial(t, port, Buffer.concat([loginBytes(1), updateBytes(40, 1)]));
  await next(child, "values");
  child.kill("SIGKILL");
  assert.equal(await child.ended, "SIGKILL");
  await reporter.closed();

  const monitor = new Monitor();
  const observer = new Observer(monitor);
  await monitor.start({ port: 0, page: false, history: { file } });
  t.after(() => monitor.stop());
  await observer.notice(/history is kept for 30 days/);
  const fromMs = (thisMinute - 10) * MINUTE_MS;
  const { points } = monitor.history({ serverNo: 1, type: 40, fromMs, toMs: Date.now() });
  assert.deepEqual(
    points.slice(0, 10).map(([atMs, min, average, max]) => [atMs / MINUTE_MS, min, average, max]),
    Array.from({ length: 10 }, (_, n) => [thisMinute - 10 + n, (thisMinute - 10 + n) % 7, 20, 100]),
  );
});

test("killed at any moment while it writes, the file is whole and has every minute that was committed", async (t) => {
  const file = historyFile(t);
  for (let round = 0; round < 5; round++) {
    const child = new Child(t, "../../monitor/fixtures/writing-process.ts", { file, first: round * 1000 });
    let committed = 0;
    while (committed < 20 + round * 7) committed = await child.next<number>();
    child.kill("SIGKILL");
    await child.ended;
    const history = new SqliteHistory(new DatabaseSync(file));
    for (const type of [0, 499]) {
      const read = history.read(1, type, round * 1000, round * 1000 + 999, 1);
      assert.ok(read.length >= committed, `round ${round}: ${read.length} of ${committed}`);
      for (const [i, { minute, sum, count }] of read.entries())
        assert.deepEqual({ minute, sum, count }, { minute: round * 1000 + i, sum: 3, count: 1 });
    }
    assert.equal(
      history.read(1, 0, 0, 1e6, 1).length,
      history.read(1, 499, 0, 1e6, 1).length,
      "a minute is there whole or not at all",
    );
    history.close();
    const database = new DatabaseSync(file);
    assert.equal(database.prepare("PRAGMA integrity_check").get()!.integrity_check, "ok");
    database.close();
  }
});
