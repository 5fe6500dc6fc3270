/**
 * The text format of Prometheus, 0.0.4: metrics in the order in which they were first added, each with its HELP and TYPE
 * once and all its samples behind them.
 *
 * Escaped: backslash and line feed in HELP; these and the double quote in label values.
 */

/** In front of every name. */
const METRIC_PREFIX = "lanwire_";

/** What goes with this text as `content-type`. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export class MetricsText {
  readonly #metrics = new Map<string, string[]>();

  /** @param metric - without the prefix. */
  add(
    metric: string,
    type: "counter" | "gauge",
    help: string,
    labels: Readonly<Record<string, string>>,
    value: number,
  ): void {
    const name = `${METRIC_PREFIX}${metric}`;
    let lines = this.#metrics.get(name);
    if (lines === undefined) {
      lines = [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`];
      this.#metrics.set(name, lines);
    }
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
    lines.push(`${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`);
  }

  toString(): string {
    return [...this.#metrics.values()]
      .flat()
      .map((line) => `${line}\n`)
      .join("");
  }
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
