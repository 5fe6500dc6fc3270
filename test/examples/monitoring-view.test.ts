/** The views of the monitoring example: pure functions first, then the two views over a fake terminal. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { fit, renderFrame, type ServerRow, sparkline } from "../../examples/monitoring/table-frame.ts";
import { LinesView } from "../../examples/monitoring/view-lines.ts";
import { TableView } from "../../examples/monitoring/view-table.ts";
import {
  clockTime,
  describeEvent,
  duration,
  formatValue,
  printable,
  SHOWN_TYPES,
} from "../../examples/monitoring/view-text.ts";
import type { MonitorEvent, Series, ServerView } from "../../src/index.ts";

const AT_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

function server(serverNo: number, values: ServerView["values"] = [], reason?: string): ServerView {
  return {
    serverNo,
    name: `server ${serverNo}`,
    address: "10.0.0.1:5000",
    state:
      reason === undefined ? { at: "up", sinceMs: AT_MS } : { at: "down", sinceMs: AT_MS + 5000, reason },
    joins: 1,
    values,
  };
}

/** A figure's last value is the newest of its history. */
function row(serverNo: number, histories: Record<number, readonly number[]>, reason?: string): ServerRow {
  const entries = Object.entries(histories).map(([type, values]) => [Number(type), values] as const);
  const values = entries.map(([type, history]) => [type, history.at(-1)!, AT_MS] as const);
  return { server: server(serverNo, values, reason), histories: new Map(entries) };
}

const joined = (of: ServerView): MonitorEvent => ({ kind: "joined", server: of });
const left = (of: ServerView): MonitorEvent => ({ kind: "left", server: of });
const values = (of: ServerView): MonitorEvent => ({
  kind: "values",
  atMs: AT_MS,
  values: of.values.map(([type, value, atMs]) => [of.serverNo, type, value, atMs]),
});

test("sparkline() draws the last values from zero to the highest of them", () => {
  assert.equal(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), "▁▂▃▄▅▆▇█");
  assert.equal(sparkline([100, 1, 7], 2), "▂█");
  assert.equal(sparkline([0, 0, 0], 8), "▁▁▁");
  assert.equal(sparkline([-5, 5], 8), "▁█");
  assert.equal(sparkline([], 8), "");
  assert.equal(sparkline([1, 2], 0), "");
  assert.equal(sparkline([1, 2], -3), "");
});

test("fit() cuts what is too long and says so", () => {
  assert.equal(fit("abc", 3), "abc");
  assert.equal(fit("abcd", 3), "ab…");
  assert.equal(fit("▁▂▃▄", 4), "▁▂▃▄");
  assert.equal(fit("abc", 0), "");
});

test("duration() uses the unit that fits", () => {
  assert.equal(duration(-1), "0 s");
  assert.equal(duration(59_999), "59 s");
  assert.equal(duration(61_000), "1 min 1 s");
  assert.equal(duration(3_661_000), "1 h 1 min");
});

test("printable() leaves no control character", () => {
  assert.equal(printable("a\x1b[2Jb\r\n\x9bc\n"), "a [2Jb c");
});

test("describeEvent() has a line for every event but values", () => {
  assert.equal(describeEvent(joined(server(1))), "server 1 joined from 10.0.0.1:5000");
  assert.equal(
    describeEvent(left(server(2, [], "silent for 30 s"))),
    "server 2 left (10.0.0.1:5000): silent for 30 s",
  );
  assert.equal(describeEvent(values(server(1, [[40, 7, AT_MS]]))), undefined);
  assert.equal(describeEvent({ kind: "snapshot", atMs: AT_MS, servers: [] }), undefined);
});

test("formatValue() shows the wire's value in the figure's unit", () => {
  assert.equal(formatValue(40, 7), "7 %");
  assert.equal(formatValue(100, 12_345), "123 %");
  assert.equal(formatValue(100, 123), "1.2 %");
  assert.equal(formatValue(101, 1536), "1.5 MiB");
  assert.equal(formatValue(110, 3), "3");
  assert.equal(formatValue(200, -5), "-5");
});

test("a frame shows each server's name, address, state, and its figures with their history", () => {
  const frame = {
    address: "127.0.0.1:7000",
    heading: ["a hint"],
    servers: [
      row(1, { 40: [10, 20, 40], 100: [100, 200, 400], 200: [1] }),
      row(2, { 40: [1] }, "peer-closed"),
    ],
    log: ["12:00:00 something happened"],
    nowMs: AT_MS + 65_000,
  };
  const at = (ms: number): string => clockTime(AT_MS + ms);
  assert.deepEqual(
    renderFrame(frame, 80, 24).map(({ look, text }) => `${look}|${text}`),
    [
      `title|lanwire monitor  127.0.0.1:7000  ${at(65_000)}  Ctrl-C ends`,
      "faded|a hint",
      "faded|",
      `up|server 1  10.0.0.1:5000  up since ${at(0)} (1 min 5 s), silent for 1 min 5 s`,
      "figure|  process CPU                      4 %  ▃▅█",
      "figure|  host CPU                        40 %  ▃▅█",
      "faded|",
      `down|server 2  10.0.0.1:5000  down since ${at(5000)} (1 min 0 s): peer-closed`,
      "faded|  host CPU                         1 %  █",
      "faded|",
      "faded|12:00:00 something happened",
    ],
  );
});

test("a frame of any size neither wraps nor scrolls", () => {
  const minute = Array.from({ length: 60 }, () => 2 ** 31 - 1);
  const histories = Object.fromEntries(SHOWN_TYPES.map((type) => [type, minute]));
  const servers = [1, 2, 3].map((serverNo) => row(serverNo, histories));
  const log = Array.from({ length: 20 }, (_, n) => `${n} ${"long ".repeat(60)}`);
  for (let columns = 1; columns <= 200; columns += 7) {
    for (let rows = 1; rows <= 60; rows += 3) {
      const lines = renderFrame(
        { address: "::1:1", heading: ["h"], servers, log, nowMs: AT_MS },
        columns,
        rows,
      );
      assert.ok(lines.length <= rows, `${lines.length} lines in ${rows} rows`);
      for (const { text } of lines) assert.ok([...text].length <= columns, `${columns}: ${text}`);
    }
  }
});

test("LinesView prints joins and leaves, and the figures of each server that reported in one line", () => {
  const lines: string[] = [];
  const up = server(1, [
    [40, 30, AT_MS],
    [100, 200, AT_MS],
    [200, 1, AT_MS],
  ]);
  let servers = [up, server(2, [[40, 1, AT_MS]]), server(3, [[40, 1, AT_MS]], "reset")];
  const view = new LinesView({ servers: () => servers }, (line) =>
    lines.push(line.slice("12:00:00 ".length)),
  );
  view.show(joined(up));
  view.show(values(up));
  view.show(values(servers[2]!));
  servers = [server(1, [], "peer-closed")];
  view.show(left(servers[0]!));
  assert.deepEqual(lines, [
    "server 1 joined from 10.0.0.1:5000",
    "server 1: process CPU 2 %, host CPU 30 %",
    "server 1 left (10.0.0.1:5000): peer-closed",
  ]);
  view.close();
});

test("TableView takes the terminal, draws over itself, follows its size and gives it back", (t) => {
  const terminal = new FakeTerminal();
  const out = terminal as unknown as NodeJS.WriteStream;
  const asked: number[] = [];
  const source = {
    servers: () => [server(1, [[40, 5, AT_MS]])],
    history: ({
      serverNo,
      type,
      fromMs,
      toMs,
    }: {
      serverNo: number;
      type: number;
      fromMs: number;
      toMs: number;
    }): Series => {
      asked.push(toMs - fromMs);
      return { serverNo, type, stepMs: 1000, points: [[AT_MS, 1, 2, 3]] };
    },
  };
  const listeners = (): number =>
    process.listenerCount("exit") + process.listenerCount("uncaughtExceptionMonitor");
  const before = listeners();
  const view = new TableView({ source, out, address: "127.0.0.1:7000", heading: () => ["a hint"] });
  t.after(() => view.close());
  const start = terminal.take();
  assert.ok(start.startsWith("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H"), JSON.stringify(start));
  assert.match(start, /lanwire monitor/);
  assert.match(start, /host CPU +5 % {2}█/);
  assert.deepEqual(asked, [60_000]);

  terminal.columns = 20;
  terminal.emit("resize");
  const drawn = stripVTControlCharacters(terminal.take()).split("\r\n");
  assert.ok(drawn.length > 2);
  for (const line of drawn) assert.ok(line.length <= 20, line);

  view.close();
  const end = terminal.take();
  assert.ok(end.startsWith("\x1b[?7h\x1b[?25h\x1b[?1049l"), JSON.stringify(end));
  assert.match(end, /server 1/);
  assert.doesNotMatch(end, /a hint/);
  assert.equal(terminal.listenerCount("resize"), 0);
  view.close();
  assert.equal(terminal.take(), "");
  assert.equal(listeners(), before);
});

class FakeTerminal extends EventEmitter {
  columns = 80;
  rows = 24;
  #written = "";

  write(text: string): void {
    this.#written += text;
  }

  take(): string {
    const written = this.#written;
    this.#written = "";
    return written;
  }
}
