/** What the reporter's lines and a file's end say about that file, and the table of all files. */
import type { Line } from "./reporter.ts";
import type { End } from "./wine.ts";

export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly todo: number;
  readonly seconds: number;
  /** What went wrong, a paragraph each. */
  readonly problems: readonly string[];
  /** How many tests each reason skipped. */
  readonly reasons: ReadonlyMap<string, number>;
}

/**
 * A file that hangs, that ends with an error behind its tests, or that runs none is as wrong as one whose tests fail.
 * @param stderr what it wrote there, for one whose tests tell nothing.
 */
export function resultOf(
  file: string,
  lines: readonly Line[],
  end: End,
  ms: number,
  stderr: string,
): FileResult {
  const problems: string[] = [];
  const reasons = new Map<string, number>();
  const open = new Map<string, string>();
  const count = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  for (const line of lines) {
    if (line.at === "started") {
      open.set(line.id, line.name);
      continue;
    }
    open.delete(line.id);
    if (line.at === "over") continue;
    count[line.at]++;
    if (line.at === "failed") problems.push(`${line.name}\n${line.error}`);
    if (line.at === "skipped") reasons.set(line.reason, (reasons.get(line.reason) ?? 0) + 1);
  }
  if (end.at === "limit") {
    const last = [...open.values()].at(-1);
    const where = lines.length === 0 ? "in front of its first test" : "behind its last test";
    problems.push(
      `It did not end in ${end.limitMs / 1000} s; it was ${last === undefined ? where : `in "${last}"`}.`,
    );
  } else if (end.code !== 0 && problems.length === 0) {
    problems.push(`It ended with ${end.code}.\n${stderr}`);
  } else if (count.passed + count.failed + count.skipped + count.todo === 0) {
    problems.push(`It ran no test.\n${stderr}`);
  }
  return { file, ...count, seconds: Math.round(ms / 1000), problems, reasons };
}

export function isWell(result: FileResult): boolean {
  return result.problems.length === 0;
}

/** A file's line of the table. */
export function rowOf({ file, passed, failed, skipped, todo, seconds, problems }: FileResult): string {
  const numbers = [passed, failed, skipped, todo].map((count) => String(count).padStart(8)).join("");
  return `${file.padEnd(66)}${numbers}${String(seconds).padStart(7)} s${problems.length > 0 ? "  <- see below" : ""}`;
}

export const HEADING: string = `${"file".padEnd(66)}${["passed", "failed", "skipped", "todo"].map((word) => word.padStart(8)).join("")}${"time".padStart(9)}`;

/** All files together, behind their lines. */
export function summaryOf(results: readonly FileResult[]): string {
  const sum = (of: (result: FileResult) => number): number => results.reduce((all, one) => all + of(one), 0);
  const total = rowOf({
    file: `${results.length} files`,
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed),
    skipped: sum(({ skipped }) => skipped),
    todo: sum(({ todo }) => todo),
    seconds: sum(({ seconds }) => seconds),
    problems: [],
    reasons: new Map(),
  });
  const skips = new Map<string, number>();
  for (const { reasons } of results) {
    for (const [reason, count] of reasons) skips.set(reason, (skips.get(reason) ?? 0) + count);
  }
  const told = [...skips]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${String(count).padStart(6)}  ${reason}`);
  const wrong = results
    .filter((result) => !isWell(result))
    .map(
      ({ file, problems }) =>
        `\n${file}\n${problems.map((text) => text.replaceAll(/^/gm, "    ")).join("\n")}`,
    );
  return [total, ...(told.length > 0 ? ["", "skipped because", ...told] : []), ...wrong].join("\n");
}
