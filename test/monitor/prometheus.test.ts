/** Metrics as Prometheus reads them: held against a strict parser, and against promtool where it is installed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import {
  ERROR_CODES,
  FIGURES,
  LanClient,
  LanServer,
  LEAVE_REASONS,
  Monitor,
  NetServer,
  REFUSAL_REASONS,
  type ServerView,
  statsMetrics,
} from "../../src/index.ts";
import { figureOf } from "../../src/monitor/figures.ts";
import { MetricsText } from "../../src/monitor/metrics-text.ts";
import { prometheusText, STALE_MS } from "../../src/monitor/prometheus.ts";
import { MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { isInstalled } from "../docs/workshop.ts";
import { assertThrows } from "../support/errors.ts";
import { loginBytes, updateBytes } from "./fixtures/raw-reporter.ts";
import { type Metric, parseMetrics } from "./prometheus-parser.ts";

const NOW_MS = 1_800_000_000_000;
const NO_PROMTOOL = isInstalled("promtool") ? false : "promtool is not installed (Debian: prometheus)";

class Server extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

class UserServer extends NetServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

class Client extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

/** A server that reports every figure there is, and one that has none of the names. */
function everyFigure(serverNo: number, name: string): ServerView {
  const types = [...FIGURES.map(({ type }) => type), 250];
  return {
    serverNo,
    name,
    address: "10.0.0.1:5000",
    state: { at: "up", sinceMs: NOW_MS },
    joins: 3,
    values: types.map((type) => [type, type * 100, NOW_MS] as const),
  };
}

const down: ServerView = {
  ...everyFigure(3, "gone"),
  state: { at: "down", sinceMs: NOW_MS, reason: "peer-closed" },
};

function sampleOf(
  metrics: Map<string, Metric>,
  name: string,
  labels: Record<string, string>,
): number | undefined {
  const found = metrics
    .get(name)
    ?.samples.filter((sample) =>
      Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
    );
  assert.ok(found === undefined || found.length <= 1, name);
  return found?.[0]?.value;
}

test("every figure is there once per server that is up, in base units", () => {
  const source = { servers: () => [everyFigure(1, "login"), everyFigure(2, 'a "b"\\c\nd'), down] };
  const metrics = parseMetrics(prometheusText(source, NOW_MS));
  for (const { type, metric, metricScale, help } of [...FIGURES, figureOf(250)]) {
    const found = metrics.get(`lanwire_${metric}`)!;
    assert.equal(found.help, help);
    assert.deepEqual(
      found.samples,
      [
        { labels: { server: "login", server_no: "1" }, value: (type * 100) / metricScale },
        { labels: { server: 'a "b"\\c\nd', server_no: "2" }, value: (type * 100) / metricScale },
      ],
      metric,
    );
    assert.equal(found.type, metric.endsWith("_total") ? "counter" : "gauge");
  }
  assert.equal(metrics.size, FIGURES.length + 3);
  assert.equal(sampleOf(metrics, "lanwire_monitor_server_up", { server: "login" }), 1);
  assert.equal(sampleOf(metrics, "lanwire_monitor_server_up", { server: "gone" }), 0);
  assert.equal(sampleOf(metrics, "lanwire_monitor_server_joins_total", { server_no: "3" }), 3);
});

test("a figure that is no longer reported has no value", () => {
  const server = {
    ...everyFigure(1, "login"),
    values: [
      [40, 5, NOW_MS - STALE_MS],
      [41, 5, NOW_MS - STALE_MS - 1],
    ],
  };
  const metrics = parseMetrics(prometheusText({ servers: () => [server as unknown as ServerView] }, NOW_MS));
  assert.equal(sampleOf(metrics, "lanwire_host_cpu_ratio", {}), 0.05);
  assert.equal(metrics.has("lanwire_host_memory_used_bytes"), false);
});

test("names keep to Prometheus' conventions: no two figures share one, base units only", () => {
  const names = FIGURES.map(({ metric }) => metric);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) {
    assert.match(name, /^[a-z][a-z0-9_]*[a-z0-9]$/);
    assert.doesNotMatch(name, /(?:milli|micro|kilo|kib|mib|percent|minutes|_ms(?:_|$)|_us(?:_|$))/, name);
  }
});

test("Monitor.metrics() tells what was reported", async () => {
  const network = new MemoryNetwork();
  const monitor = new Monitor();
  await monitor.start({ network, page: false, names: { 1: "login" } });
  const peer = await RawPeer.dial(network, { ip: "127.0.0.1", port: 7700 });
  void peer.send(Buffer.concat([loginBytes(1), updateBytes(40, 25), updateBytes(101, 1024)]));
  await network.clock.advance(10);
  const metrics = parseMetrics(monitor.metrics());
  assert.equal(sampleOf(metrics, "lanwire_host_cpu_ratio", { server: "login", server_no: "1" }), 0.25);
  assert.equal(sampleOf(metrics, "lanwire_process_resident_memory_bytes", {}), 1024 * 1024);
  await network.clock.until(monitor.stop());
  assert.equal(monitor.metrics(), "");
});

test("statsMetrics() tells the stats() of each link, with every reason and code from the start", async () => {
  const network = new MemoryNetwork();
  const [server, client] = [new Server(), new Client()];
  await server.start({ network, port: 7001, allow: ["127.0.0.1"] });
  await network.clock.until(client.connect({ network, port: 7001 }));
  await network.clock.advance(20_000);
  const metrics = parseMetrics(statsMetrics({ users: new UserServer(), login: server, "to master": client }));
  const of = (name: string, labels: Record<string, string>): number | undefined =>
    sampleOf(metrics, `lanwire_link_${name}`, labels);
  const { received, sent } = server.stats();
  assert.equal(of("sessions", { link: "login", class: "LanServer" }), 1);
  assert.equal(of("sessions", { link: "to master", class: "LanClient" }), 1);
  assert.equal(of("sessions", { link: "users", class: "NetServer" }), 0);
  assert.equal(of("joins_total", { link: "to master" }), 1);
  assert.ok(received.bytes > 0);
  assert.equal(of("received_bytes_total", { link: "login" }), received.bytes);
  assert.equal(of("sent_bytes_total", { link: "login" }), sent.bytes);
  for (const link of ["users", "login", "to master"]) {
    for (const reason of Object.keys(LEAVE_REASONS)) assert.equal(of("leaves_total", { link, reason }), 0);
    for (const code of Object.keys(ERROR_CODES)) assert.equal(of("errors_total", { link, code }), 0);
    for (const reason of Object.keys(REFUSAL_REASONS))
      assert.equal(of("refusals_total", { link, reason }), link === "to master" ? undefined : 0);
  }
  await network.clock.until(client.disconnect());
  await network.clock.until(server.stop());
});

test("statsMetrics() refuses what is no link", () => {
  assertThrows(() => statsMetrics({ mine: {} as never }), "OPTION_INVALID");
  assert.equal(statsMetrics({}), "");
});

test("promtool finds nothing to say about the metrics", { skip: NO_PROMTOOL }, () => {
  const source = { servers: () => [everyFigure(1, "login"), everyFigure(2, 'a "b"\\c\nd'), down] };
  for (const text of [
    prometheusText(source, NOW_MS),
    statsMetrics({ users: new UserServer(), master: new Client() }),
  ]) {
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: text,
      encoding: "utf8",
    });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
  }
});

test("the parser refuses what Prometheus refuses", () => {
  const head = "# HELP a b\n# TYPE a gauge\n";
  for (const wrong of [
    "a 1\n",
    `${head}a 1`,
    `${head}a\n`,
    `${head}a one\n`,
    `${head}a{b=c} 1\n`,
    `${head}a{b="c" d="e"} 1\n`,
    `${head}a{b="c",b="d"} 1\n`,
    `${head}a{b="\n"} 1\n`,
    `${head}a{b="\\x"} 1\n`,
    `${head}a 1\na 2\n`,
    `${head}b 1\n`,
    `${head}a 1\n${head}`,
    "# TYPE a gauge\na 1\n",
    "# HELP a b\na 1\n",
    "# HELP a-b c\n# TYPE a-b gauge\na-b 1\n",
    "# HELP a b\n# TYPE a percent\na 1\n",
  ])
    assert.throws(() => parseMetrics(wrong), /line|end/, JSON.stringify(wrong));
  const text = new MetricsText();
  text.add("a", "gauge", 'x\\y\n"z"', { b: '\\"\n' }, Number.NEGATIVE_INFINITY);
  text.add("a", "gauge", "", { b: "" }, 1e-9);
  assert.deepEqual(
    parseMetrics(text.toString()),
    new Map([
      [
        "lanwire_a",
        {
          type: "gauge",
          help: 'x\\y\n"z"',
          samples: [
            { labels: { b: '\\"\n' }, value: Number.NEGATIVE_INFINITY },
            { labels: { b: "" }, value: 1e-9 },
          ],
        },
      ],
    ]),
  );
});
