/** What `bench` says at the end: the result as one value, and the same for people. */
import type { Bucket, Percentiles } from "./bench-latencies.ts";

export interface BenchResult {
  readonly mode: "echo" | "one-way";
  readonly links: number;
  readonly outstanding: number;
  readonly sizeBytes: number;
  /** Messages per second that were asked for; null for as many as go. */
  readonly rate: number | null;
  /** From the first message to the last answer; one-way, to the last byte that the kernel took. */
  readonly seconds: number;
  /** Answered; one-way: handed to the kernel. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** Of payload, one way. */
  readonly bytesPerSecond: number;
  /** Null where nothing is answered. */
  readonly latencyMicros: Percentiles | null;
  readonly histogram: readonly Bucket[];
  /** How late messages left; null without a rate. */
  readonly lateMicros: Percentiles | null;
  readonly checks: {
    /** Echoes that were not the next message of their link. */
    readonly wrong: number;
    /** Messages without an answer; one-way: taken and not handed to the kernel. */
    readonly missing: number;
    /** Messages whose time came and that could not be sent. */
    readonly dueAndNotSent: number;
    /** Links that ended before they should, by reason. */
    readonly linksLost: readonly string[];
  };
  readonly ok: boolean;
}

const BAR_COLUMNS = 40;

/** @param good, bad - colours for the verdict */
export function reportText(
  result: BenchResult,
  good: (text: string) => string,
  bad: (text: string) => string,
): string {
  const { mode, links, outstanding, sizeBytes, rate, checks } = result;
  const asked = rate === null ? "" : `, ${amount(rate)} messages/s asked for`;
  const window = mode === "echo" ? ` x ${outstanding} outstanding` : "";
  const lines = [
    `${mode}: ${links} ${links === 1 ? "link" : "links"}${window}, ${sizeBytes} bytes${asked}`,
    `messages  ${amount(result.messages)} in ${result.seconds.toFixed(2)} s: ${amount(result.messagesPerSecond)}/s`,
    `payload   ${bytesText(result.bytesPerSecond)}/s${mode === "echo" ? " each way" : ""}`,
  ];
  if (result.latencyMicros !== null) {
    lines.push(`latency   ${percentilesText(result.latencyMicros)}`);
    lines.push(...histogramLines(result.histogram));
  }
  if (result.lateMicros !== null) lines.push(`sent late ${percentilesText(result.lateMicros)}`);
  const wrong = verdicts(result);
  if (wrong.length > 0) lines.push(...wrong.map((line) => bad(`checked   ${line}`)));
  else if (mode === "echo")
    lines.push(good(`checked   ${amount(result.messages)} answers, whole, in order, none missing`));
  else
    lines.push(
      good("checked   all handed to the kernel, and the link ended in order; what arrived the peer knows"),
    );
  return `${lines.join("\n")}\n`;

  function verdicts({ messages }: BenchResult): string[] {
    const found: string[] = [];
    if (checks.linksLost.length > 0) found.push(`links lost: ${checks.linksLost.join(", ")}`);
    if (checks.wrong > 0)
      found.push(`${amount(checks.wrong)} answers were not the next message of their link`);
    if (checks.missing > 0)
      found.push(
        `${amount(checks.missing)} messages ${mode === "echo" ? "without an answer" : "not handed over"}`,
      );
    if (checks.dueAndNotSent > 0)
      found.push(
        `${amount(checks.dueAndNotSent)} messages were due and could not be sent: the rate was not kept`,
      );
    if (messages === 0) found.push("not one message got through");
    return found;
  }
}

function histogramLines(buckets: readonly Bucket[]): string[] {
  const most = Math.max(1, ...buckets.map(([, , count]) => count));
  return buckets.map(([from, below, count]) => {
    const bar = "#".repeat(count === 0 ? 0 : Math.max(1, Math.round((count / most) * BAR_COLUMNS)));
    const range = `${microsText(from)} - ${microsText(below)}`;
    return `  ${range.padStart(20)}  ${amount(count).padStart(12)}  ${bar}`.trimEnd();
  });
}

function percentilesText({ p50, p90, p99, p999, max }: Percentiles): string {
  const parts = { p50, p90, p99, "p99.9": p999, max };
  return Object.entries(parts)
    .map(([name, micros]) => `${name} ${microsText(micros)}`)
    .join("  ");
}

/** Three figures: `8.21 us`, `821 us`, `1.25 ms`, `3.00 s`. */
function microsText(micros: number): string {
  if (micros < 1000) return `${figures(micros)} us`;
  return micros < 1e6 ? `${figures(micros / 1000)} ms` : `${figures(micros / 1e6)} s`;
}

function figures(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** With blanks between thousands. */
export function amount(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(?:\d{3})+$)/g, " ");
}

const BYTE_UNITS = ["B", "kB", "MB", "GB"];

function bytesText(bytes: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  return `${figures(bytes / 1000 ** power)} ${BYTE_UNITS[power]}`;
}
