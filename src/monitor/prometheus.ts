/**
 * A monitor's figures as Prometheus text, format 0.0.4.
 *
 *     # HELP lanwire_host_cpu_ratio Busy share of all cores.
 *     # TYPE lanwire_host_cpu_ratio gauge
 *     lanwire_host_cpu_ratio{server="login",server_no="1"} 0.12
 *
 * In base units: a value on the wire is divided by its figure's `metricScale`. Only servers that are up have figures,
 * and a figure that was not reported for `STALE_MS` has none: an old value would look like a new one.
 */
import type { MonitorSource, ServerView } from "./api.ts";
import { figureOf } from "./figures.ts";
import { MetricsText } from "./metrics-text.ts";

export const STALE_MS = 60_000;

export function prometheusText(source: Pick<MonitorSource, "servers">, nowMs: number = Date.now()): string {
  const text = new MetricsText();
  const servers = source.servers();
  for (const server of servers) {
    const labels = labelsOf(server);
    text.add(
      "monitor_server_up",
      "gauge",
      "1 while the server reports.",
      labels,
      server.state.at === "up" ? 1 : 0,
    );
    text.add("monitor_server_joins_total", "counter", "How often the server joined.", labels, server.joins);
  }
  for (const server of servers) {
    if (server.state.at !== "up") continue;
    const labels = labelsOf(server);
    for (const [type, value, atMs] of server.values) {
      if (nowMs - atMs > STALE_MS) continue;
      const { metric, metricScale, help } = figureOf(type);
      const kind = metric.endsWith("_total") ? "counter" : "gauge";
      text.add(metric, kind, help, labels, value / metricScale);
    }
  }
  return text.toString();
}

function labelsOf({ serverNo, name }: ServerView): Readonly<Record<string, string>> {
  return { server: name, server_no: `${serverNo}` };
}
