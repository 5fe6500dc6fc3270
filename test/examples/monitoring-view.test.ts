/** The views of the monitoring example: pure functions first, then the two views over a fake terminal. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { Board, HISTORY, ROWS_MAX } from "../../examples/monitoring/board.ts";
import type { MonitorEvent } from "../../examples/monitoring/monitoring-server.ts";
import { fit, renderFrame, sparkline } from "../../examples/monitoring/table-frame.ts";
import { LinesView } from "../../examples/monitoring/view-lines.ts";
import { TableView } from "../../examples/monitoring/view-table.ts";
import { clockTime, describeEvent, duration, printable } from "../../examples/monitoring/view-text.ts";

const AT_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

function joined(serverNo: number, sessionId = serverNo, atMs = AT_MS): MonitorEvent {
  return { type: "joined", agent: { serverNo, sessionId, address: "10.0.0.1:5000" }, atMs };
}

function figure(serverNo: number, dataType: number, value: number, sessionId = serverNo): MonitorEvent {
  const agent = { serverNo, sessionId, address: "10.0.0.1:5000" };
  return { type: "figure", agent, update: { dataType, value, unixTime: 0 }, atMs: AT_MS };
}

function left(serverNo: number, sessionId = serverNo, atMs = AT_MS): MonitorEvent {
  const agent = { serverNo, sessionId, address: "10.0.0.1:5000" };
  return { type: "left", agent, reason: "peer-closed", atMs };
}

function boardOf(...events: MonitorEvent[]): Board {
  const board = new Board();
  for (const event of events) board.apply(event);
  return board;
}

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

test("describeEvent() has a line for every event but a figure", () => {
  assert.equal(describeEvent(joined(1)), "server-1 joined from 10.0.0.1:5000");
  assert.equal(describeEvent(left(2)), "server-2 left (10.0.0.1:5000): peer-closed");
  assert.equal(
    describeEvent({ type: "refused", address: "10.0.0.1:5000", why: "unknown type 7" }),
    "10.0.0.1:5000 is disconnected: unknown type 7",
  );
  assert.equal(describeEvent(figure(1, 40, 7)), undefined);
});

test("Board keeps the last minute of each figure, by data type", () => {
  const board = boardOf(joined(1));
  for (let value = 0; value < HISTORY + 5; value++) board.apply(figure(1, 42, value));
  board.apply(figure(1, 31, 7));
  const figures = [...board.row(1)!.figures];
  assert.deepEqual(
    figures.map(([dataType]) => dataType),
    [31, 42],
  );
  assert.equal(figures[1]![1].length, HISTORY);
  assert.equal(figures[1]![1].at(-1), HISTORY + 4);
});

test("Board: a rejoin keeps the history, and the older session's leave and figures change nothing", () => {
  const board = boardOf(
    joined(1, 10),
    figure(1, 40, 5, 10),
    joined(1, 11),
    figure(1, 40, 99, 10),
    left(1, 10),
  );
  const row = board.row(1)!;
  assert.equal(row.state.at, "joined");
  assert.deepEqual(row.figures.get(40), [5]);
  assert.equal(row.figureAtMs, undefined);
});

test("Board is bounded: who left first makes room", () => {
  const board = new Board();
  for (let serverNo = 1; serverNo <= ROWS_MAX; serverNo++) board.apply(joined(serverNo));
  board.apply(left(9, 9, AT_MS + 2));
  board.apply(left(5, 5, AT_MS + 1));
  board.apply(joined(1000));
  assert.equal(board.rows().length, ROWS_MAX);
  assert.equal(board.row(5), undefined);
  assert.notEqual(board.row(9), undefined);
});

test("a frame shows each agent's number, address, state, and its figures with their history", () => {
  const events = [joined(1), joined(2)];
  for (const value of [10, 20, 40]) events.push(figure(1, 40, value), figure(1, 31, value / 10));
  const board = boardOf(...events, left(2, 2, AT_MS + 5000));
  const frame = {
    address: "127.0.0.1:7000",
    heading: ["a hint"],
    agents: board.rows(),
    log: ["12:00:00 something happened"],
    nowMs: AT_MS + 65_000,
  };
  const at = (ms: number): string => clockTime(AT_MS + ms);
  assert.deepEqual(
    renderFrame(frame, 80, 24).map(({ look, text }) => `${look}|${text}`),
    [
      `title|lanwire monitoring  127.0.0.1:7000  ${at(65_000)}  Ctrl-C ends`,
      "faded|a hint",
      "faded|",
      `joined|server-1  10.0.0.1:5000  joined ${at(0)} (1 min 5 s), silent for 1 min 5 s`,
      "figure|  chat CPU                       4 %  ▃▅█",
      "figure|  host CPU                      40 %  ▃▅█",
      "faded|",
      `left|server-2  10.0.0.1:5000  left ${at(5000)} (1 min 0 s): peer-closed`,
      "faded|",
      "faded|12:00:00 something happened",
    ],
  );
});

test("a frame of any size neither wraps nor scrolls", () => {
  const events: MonitorEvent[] = [];
  for (const serverNo of [1, 2, 3]) {
    events.push(joined(serverNo));
    for (let n = 0; n < HISTORY; n++) {
      for (const dataType of [31, 32, 37, 40, 41, 42, 43, 44])
        events.push(figure(serverNo, dataType, 2 ** 31 - 1));
    }
  }
  const agents = boardOf(...events).rows();
  const log = Array.from({ length: 20 }, (_, n) => `${n} ${"long ".repeat(60)}`);
  for (let columns = 1; columns <= 200; columns += 7) {
    for (let rows = 1; rows <= 60; rows += 3) {
      const lines = renderFrame(
        { address: "::1:1", heading: ["h"], agents, log, nowMs: AT_MS },
        columns,
        rows,
      );
      assert.ok(lines.length <= rows, `${lines.length} lines in ${rows} rows`);
      for (const { text } of lines) assert.ok([...text].length <= columns, `${columns}: ${text}`);
    }
  }
});

test("LinesView prints joins and leaves at once and an agent's figures of one second in one line", async () => {
  const board = new Board();
  const lines: string[] = [];
  let wake = (): void => {};
  const view = new LinesView(board, (line) => {
    lines.push(line.slice("12:00:00 ".length));
    wake();
  });
  const show = (event: MonitorEvent): void => {
    board.apply(event);
    view.show(event);
  };
  show(joined(1));
  show(figure(1, 31, 2));
  show(figure(1, 40, 30));
  assert.deepEqual(lines, ["server-1 joined from 10.0.0.1:5000"]);
  await new Promise<void>((resolve) => {
    wake = resolve;
  });
  show(left(1));
  assert.deepEqual(lines.slice(1), [
    "server-1 chat CPU 2 %, host CPU 30 %",
    "server-1 left (10.0.0.1:5000): peer-closed",
  ]);
  view.close();
});

test("TableView takes the terminal, draws over itself, follows its size and gives it back", (t) => {
  const terminal = new FakeTerminal();
  const out = terminal as unknown as NodeJS.WriteStream;
  const board = boardOf(joined(1));
  const listeners = (): number =>
    process.listenerCount("exit") + process.listenerCount("uncaughtExceptionMonitor");
  const before = listeners();
  const view = new TableView({ board, out, address: "127.0.0.1:7000", heading: () => ["a hint"] });
  t.after(() => view.close());
  const start = terminal.take();
  assert.ok(start.startsWith("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H"), JSON.stringify(start));
  assert.match(start, /lanwire monitoring/);

  terminal.columns = 20;
  terminal.emit("resize");
  const drawn = stripVTControlCharacters(terminal.take()).split("\r\n");
  assert.ok(drawn.length > 2);
  for (const line of drawn) assert.ok(line.length <= 20, line);

  view.close();
  const end = terminal.take();
  assert.ok(end.startsWith("\x1b[?7h\x1b[?25h\x1b[?1049l"), JSON.stringify(end));
  assert.match(end, /server-1/);
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
