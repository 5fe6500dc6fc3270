/** The tables of docs/monitor.md and docs/metrics.md against the code: every option and figure is told, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { FIGURES, LanServer, MONITOR_DEFAULTS, statsMetrics } from "../../src/index.ts";
import { prometheusText } from "../../src/monitor/prometheus.ts";
import { parseMetrics } from "../monitor/prometheus-parser.ts";
import { ROOT, readPage, rowsOf } from "./markdown.ts";

const MONITOR = readPage("docs/monitor.md");
const METRICS = readPage("docs/metrics.md");

/** Options whose default is no plain value; what the manual calls it. */
const DEFAULTS_IN_WORDS: Readonly<Record<string, string>> = {
  allow: "all",
  page: "on",
  "page.token": "none",
  history: "in memory",
  "history.file": "none",
  names: '"server 1"',
  redAbove: "none",
  network: "sockets",
};

it("docs/metrics.md has a row for every figure, once, in order, and as it is", () => {
  assert.deepEqual(
    rowsOf(METRICS, "Type").map(({ code, cells }) => [code, ...cells]),
    FIGURES.map(({ type, group, name, unit, scale, metric, help }) => [
      `${type}`,
      group,
      name,
      unit === "" ? "-" : unit,
      `${scale}`,
      `\`lanwire_${metric}\``,
      help,
    ]),
  );
});

it("docs/metrics.md has a row for every metric that is no figure, with its type", () => {
  class Server extends LanServer {
    onConnectionRequest(): boolean {
      return true;
    }
    onClientJoin(): void {}
    onClientLeave(): void {}
    onRecv(): void {}
    onError(): void {}
  }
  const server = {
    serverNo: 1,
    name: "login",
    address: "",
    state: { at: "up", sinceMs: 0 },
    joins: 1,
    values: [],
  } as const;
  const written = prometheusText({ servers: () => [server] }, 0) + statsMetrics({ login: new Server() });
  const known = [...parseMetrics(written)].map(([name, { type }]) => [name, type]);
  const told = rowsOf(METRICS, "Metric").map(({ code, cells }) => [code, cells[0]]);
  assert.deepEqual(told.sort(), known.sort());
});

it("docs/monitor.md has a row for every option of a monitor, once, with its default", () => {
  const source = readFileSync(`${ROOT}src/monitor/options.ts`, "utf8");
  const optionsOf = (name: string): string[] => {
    const body = new RegExp(`export interface ${name} \\{([\\s\\S]*?)^\\}`, "m").exec(source)![1]!;
    return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, option]) => option!);
  };
  const names = [
    ...optionsOf("MonitorOptions"),
    ...optionsOf("MonitorPageOptions").map((part) => `page.${part}`),
    ...optionsOf("MonitorHistoryOptions").map((part) => `history.${part}`),
  ];
  const told = rowsOf(MONITOR, "Option");
  assert.deepEqual(told.map(({ code }) => code).sort(), names.sort());
  const { page, history, ...defaults } = MONITOR_DEFAULTS;
  const known: Readonly<Record<string, unknown>> = {
    ...defaults,
    "page.ip": page.ip,
    "page.port": page.port,
    "history.keepDays": history.keepDays,
  };
  for (const { code, cells } of told) {
    const words = DEFAULTS_IN_WORDS[code];
    if (words === undefined)
      assert.equal(cells[0]?.replaceAll(/`|(?<=\d) (?=\d)/g, ""), JSON.stringify(known[code]), code);
    else assert.equal(cells[0], words, code);
  }
});
