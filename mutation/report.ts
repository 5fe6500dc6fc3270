/** What Stryker found, for a terminal: the mutants that survived, where they are, and a table by file. */

type Status =
  | "Killed"
  | "Survived"
  | "Timeout"
  | "NoCoverage"
  | "RuntimeError"
  | "CompileError"
  | "Ignored"
  | "Pending";

interface Position {
  readonly line: number;
  readonly column: number;
}

interface Mutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: Status;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** A file in Stryker's report. Lines and columns count from 1. */
export interface FileResult {
  readonly source: string;
  readonly mutants: readonly Mutant[];
}

const SHOWN_UNITS_MAX = 90;

export function printSurvivors(files: Readonly<Record<string, FileResult>>): void {
  for (const [name, { source, mutants }] of Object.entries(files)) {
    const lines = source.split("\n");
    for (const { status, mutatorName, replacement, location } of mutants) {
      if (status !== "Survived" && status !== "NoCoverage") continue;
      const { start, end } = location;
      const text = lines.slice(start.line - 1, end.line);
      text[text.length - 1] = text.at(-1)!.slice(0, end.column - 1);
      text[0] = text[0]!.slice(start.column - 1);
      console.log(`${name}:${start.line}:${start.column} ${status}, ${mutatorName}`);
      console.log(`    ${short(text.join("\n"))}`);
      console.log(` -> ${short(replacement ?? "")}`);
    }
  }
}

/** Prints a line for each file and one for all; returns the score of all, in per cent. */
export function printTable(room: string, files: Readonly<Record<string, FileResult>>): number {
  const rows = Object.entries(files).map(([name, { mutants }]) => rowOf(name, mutants));
  const all = rowOf(
    room,
    Object.values(files).flatMap(({ mutants }) => mutants),
  );
  console.table(rows.concat(all));
  return all.score;
}

interface Row {
  readonly file: string;
  readonly mutants: number;
  readonly killed: number;
  readonly survived: number;
  readonly unreached: number;
  readonly "timed out": number;
  readonly failed: number;
  readonly score: number;
}

/** A mutant that made no result (`failed`) counts neither way; one that no test reaches counts as survived. */
function rowOf(file: string, mutants: readonly Mutant[]): Row {
  const count = (...of: Status[]): number => mutants.filter(({ status }) => of.includes(status)).length;
  const seen = count("Killed", "Timeout");
  const all = seen + count("Survived", "NoCoverage");
  return {
    file,
    mutants: all,
    killed: count("Killed"),
    "timed out": count("Timeout"),
    survived: count("Survived"),
    unreached: count("NoCoverage"),
    failed: count("RuntimeError", "CompileError", "Pending"),
    score: Math.round((1000 * seen) / all) / 10,
  };
}

function short(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > SHOWN_UNITS_MAX ? `${line.slice(0, SHOWN_UNITS_MAX)}...` : line;
}
