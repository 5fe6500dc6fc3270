/** Rounds to medians, medians to ratios, and both to text. */
import type { Outcome } from "./run.ts";
import { describe, type Workload } from "./workloads.ts";

/** What all rounds of one peer gave. */
export interface Row {
  readonly peer: string;
  /** Why it was left out, or why a round does not count. */
  readonly note?: string | undefined;
  /** Rounds in which a message was lost, changed or out of order, or a process failed. */
  readonly failedRounds: number;
  readonly rounds: readonly Outcome[];
  /** Medians over the rounds. */
  readonly median?: Outcome | undefined;
  /** Against the base; above 1 is better than the base, whatever is measured. */
  readonly ratio?: number | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function medianOutcome(rounds: readonly Outcome[]): Outcome | undefined {
  if (rounds.length === 0) return undefined;
  const of = (pick: (outcome: Outcome) => number): number => median(rounds.map(pick));
  const timed = rounds[0]!.latencyMicros !== undefined;
  return {
    messagesPerSecond: of((outcome) => outcome.messagesPerSecond),
    bytesPerSecond: of((outcome) => outcome.bytesPerSecond),
    cpuSecondsPerMillion: of((outcome) => outcome.cpuSecondsPerMillion),
    latencyMicros: timed
      ? {
          samples: of((outcome) => outcome.latencyMicros!.samples),
          p50: of((outcome) => outcome.latencyMicros!.p50),
          p99: of((outcome) => outcome.latencyMicros!.p99),
          p999: of((outcome) => outcome.latencyMicros!.p999),
          max: of((outcome) => outcome.latencyMicros!.max),
        }
      : undefined,
  };
}

/** The figure that ratios compare; more is better. */
export function scoreOf(workload: Workload, outcome: Outcome): number {
  if (workload.measure === "round trip" && outcome.latencyMicros !== undefined)
    return 1 / outcome.latencyMicros.p50;
  return workload.measure === "bytes" ? outcome.bytesPerSecond : outcome.messagesPerSecond;
}

function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)} M/s`;
  return perSecond >= 1e3 ? `${(perSecond / 1e3).toFixed(1)} k/s` : `${perSecond.toFixed(0)} /s`;
}

function columnsOf(workload: Workload, row: Row): string[] {
  const { median: value, rounds } = row;
  if (value === undefined) return [row.peer, `${row.failedRounds > 0 ? "FAILED" : "left out"}: ${row.note}`];
  const ratio = row.ratio === undefined ? "" : `${row.ratio.toFixed(2)}x`;
  const cpu = String(+value.cpuSecondsPerMillion.toPrecision(3));
  const { latencyMicros } = value;
  if (latencyMicros !== undefined) {
    const micros = (pick: number): string => pick.toFixed(1);
    return [
      row.peer,
      micros(latencyMicros.p50),
      ratio,
      micros(latencyMicros.p99),
      micros(latencyMicros.p999),
      cpu,
    ];
  }
  const scores = rounds.map((outcome) => scoreOf(workload, outcome));
  const spread = `${((100 * (Math.max(...scores) - Math.min(...scores))) / scoreOf(workload, value)).toFixed(0)} %`;
  return [
    row.peer,
    rate(value.messagesPerSecond),
    ratio,
    `${(value.bytesPerSecond / 1e6).toFixed(value.bytesPerSecond < 1e8 ? 1 : 0)} MB/s`,
    cpu,
    spread,
  ];
}

/** One workload as a Markdown table. */
export function tableOf(workload: Workload, rows: readonly Row[]): string {
  const head =
    workload.measure === "round trip" && workload.plan.latency
      ? ["peer", "p50 us", "quicker", "p99 us", "p99.9 us", "CPU s per million"]
      : ["peer", "messages", "ratio", "payload", "CPU s per million", "spread"];
  const body = rows.map((row) => columnsOf(workload, row));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...body.filter((cells) => cells.length > 2).map((cells) => cells[column]!.length)),
  );
  widths[0] = Math.max(widths[0]!, ...body.map((cells) => cells[0]!.length));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 || cells.length < 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  const notes = rows.filter((row) => row.median !== undefined && row.failedRounds > 0);
  return [
    `${workload.name}: ${workload.about} (${describe(workload.plan)})`,
    "",
    line(head),
    rule,
    ...body.map(line),
    ...notes.map(
      (row) => `FAILED in ${row.failedRounds} rounds, which do not count: ${row.peer}: ${row.note}`,
    ),
    "",
  ].join("\n");
}
