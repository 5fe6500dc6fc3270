/**
 * `stats()` as Prometheus text, for programs that have an HTTP server of their own: counters as they are, so that rates
 * are Prometheus' to make.
 *
 *     lanwire_link_received_bytes_total{link="login",class="LanServer"} 12345
 *
 * Every reason and every code has its sample from the start, at 0: what appears only once it happened cannot be seen to
 * grow.
 */
import { ERROR_CODES } from "../base/errors.ts";
import { invalidOption, show, text } from "../base/options.ts";
import { REFUSAL_REASON_ORDER } from "../engine/admission.ts";
import type { ClientStats, ServerStats } from "../engine/stats.ts";
import { LEAVE_REASON_ORDER } from "../session/leave.ts";
import { classOf, type Watchable } from "./link-figures.ts";
import { MetricsText } from "./metrics-text.ts";

/**
 * What servers and clients tell by `stats()`, as Prometheus text (format 0.0.4, `METRICS_CONTENT_TYPE`). The names are
 * the label `link`.
 *
 * @example
 * response.setHeader("content-type", METRICS_CONTENT_TYPE);
 * response.end(statsMetrics({ users: userServer, master: masterClient }));
 * @throws LanError OPTION_INVALID where one is no server and no client of lanwire.
 */
export function statsMetrics(links: Readonly<Record<string, Watchable>>): string {
  const written = new MetricsText();
  for (const [link, watched] of Object.entries(links)) {
    const name = classOf(watched);
    if (name === undefined)
      throw invalidOption(text("link", link), `is ${show(watched)}, no server and no client of lanwire`);
    addStats(written, { link, class: name }, watched.stats());
  }
  return written.toString();
}

type Labels = Readonly<Record<string, string>>;

function addStats(written: MetricsText, labels: Labels, stats: ServerStats | ClientStats): void {
  const counter = (metric: string, help: string, value: number, more: Labels = {}): void =>
    written.add(`link_${metric}_total`, "counter", help, { ...labels, ...more }, value);
  const gauge = (metric: string, help: string, value: number): void =>
    written.add(`link_${metric}`, "gauge", help, labels, value);

  const isServer = "accepted" in stats;
  gauge("sessions", "Sessions at this moment.", stats.sessions);
  gauge("queued_bytes", "Bytes taken and not yet handed to the kernel.", stats.queuedBytes);
  counter("joins", "Connections that became sessions.", isServer ? stats.accepted : stats.joined);
  counter("received_packets", "Packets received.", stats.received.packets);
  counter("received_bytes", "Bytes received, headers and heartbeats included.", stats.received.bytes);
  counter("sent_packets", "Packets that completed writes carried.", stats.sent.packets);
  counter("sent_bytes", "Bytes that the kernel took, headers and heartbeats included.", stats.sent.bytes);
  for (const reason of LEAVE_REASON_ORDER)
    counter("leaves", "Sessions that left, by reason.", stats.left[reason] ?? 0, { reason });
  if (isServer) {
    for (const reason of REFUSAL_REASON_ORDER)
      counter("refusals", "Connections that were refused, by reason.", stats.refusedBy[reason] ?? 0, {
        reason,
      });
  }
  for (const code of Object.keys(ERROR_CODES) as (keyof typeof ERROR_CODES)[])
    counter("errors", "Errors that were reported, by code.", stats.errors[code] ?? 0, { code });
}
