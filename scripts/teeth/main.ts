/**
 * npm run test:teeth -- [--row N] [--only TEXT] [--list]
 *
 * Whether the tests in test/immunity/ can fail: in a scratch copy of the code, one protection at a time is taken
 * out, and the test that stands for it must turn red. Red is a test that failed or, where the entry says so, one
 * that had to be ended; an edit that no longer compiles or loads proves nothing and counts as a failure
 * here. Before that, each of these files must be green as it is.
 *
 * `--row` takes one row, `--only` what is removed with that text in its sentence, `--list` runs nothing.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Protection } from "./protection.ts";
import { PROTECTIONS } from "./protections.ts";
import { Scratch } from "./scratch.ts";
import { runTests, type TestRun } from "./test-run.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const TESTS = "test/immunity/";
const ROWS = 18;
/** A run may take so many times what the whole file took before anything was taken out, and at least the minimum. */
const PATIENCE = 5;
const LIMIT_MIN_MS = 60_000;
const BASELINE_LIMIT_MS = 600_000;

interface Verdict {
  readonly isRed: boolean;
  readonly text: string;
}

const chosen = chosenProtections();
const files = testFiles();
if (chosen !== undefined) process.exitCode = (await run(chosen)) ? 0 : 1;

/** What the command line asks for; undefined where it was only to be listed, or asks for nothing there is. */
function chosenProtections(): readonly Protection[] | undefined {
  const options = {
    row: { type: "string" },
    only: { type: "string" },
    list: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ options });
  const row = values.row === undefined ? undefined : Number(values.row);
  const text = values.only ?? "";
  const found = PROTECTIONS.filter(
    (each) => (row === undefined || each.row === row) && each.removed.includes(text),
  );
  if (found.length === 0) {
    console.error("teeth: there is no such protection");
    process.exitCode = 1;
    return undefined;
  }
  if (!values.list) return found;
  for (const each of found) console.log(`${label(each)}\n     ${each.file}; red: ${each.only}`);
  return undefined;
}

/** The test file of each row. */
function testFiles(): ReadonlyMap<number, string> {
  const names = readdirSync(REPOSITORY + TESTS).filter((name) => name.endsWith(".test.ts"));
  return new Map(names.map((name) => [Number(name.slice(0, 2)), TESTS + name]));
}

async function run(protections: readonly Protection[]): Promise<boolean> {
  const scratch = new Scratch(REPOSITORY);
  process.once("exit", () => scratch.remove());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
  const problems = tableProblems(scratch, protections);
  for (const problem of problems) console.error(`teeth: ${problem}`);
  if (problems.length > 0) return false;

  let failures = 0;
  const baselines = new Map<number, TestRun>();
  console.log("row  as it is");
  for (const row of new Set(protections.map((each) => each.row))) {
    const baseline = await asItIs(scratch, files.get(row)!);
    baselines.set(row, baseline);
    const why = whyNotGreen(baseline);
    if (why !== undefined) failures++;
    console.log(`${number(row)}   ${files.get(row)}: ${why ?? "green"} after ${seconds(baseline)}`);
  }

  console.log("\nrow  taken out, and what became of its test");
  for (const protection of protections) {
    const verdict = await takeOut(scratch, protection, baselines.get(protection.row)!);
    if (!verdict.isRed) failures++;
    console.log(`${label(protection)}\n     ${verdict.isRed ? "ok" : "NO TEETH"}: ${verdict.text}`);
  }
  console.log(`\n${protections.length} protections taken out, ${failures} problems`);
  return failures === 0;
}

/** The file before anything is taken out. It has a second try, and says so: what else the machine does spoils some. */
async function asItIs(scratch: Scratch, file: string): Promise<TestRun> {
  const first = await runTests(scratch.directory, { file }, BASELINE_LIMIT_MS, false);
  const why = whyNotGreen(first);
  if (why === undefined) return first;
  console.log(`     ${file}: ${why}; once more`);
  return runTests(scratch.directory, { file }, BASELINE_LIMIT_MS, false);
}

/** What is wrong with the table itself, before anything runs. */
function tableProblems(scratch: Scratch, protections: readonly Protection[]): string[] {
  const problems: string[] = [];
  for (let row = 1; row <= ROWS; row++) {
    if (!files.has(row)) problems.push(`there is no test for row ${row} in ${TESTS}`);
    if (!PROTECTIONS.some((each) => each.row === row)) problems.push(`no protection stands for row ${row}`);
  }
  for (const each of protections) {
    const count = scratch.occurrences(each);
    if (count === 1) continue;
    problems.push(
      `the code moved on: row ${each.row}, "${each.removed}": ${each.file} has ${count} times\n${each.find}`,
    );
  }
  return problems;
}

async function takeOut(scratch: Scratch, protection: Protection, baseline: TestRun): Promise<Verdict> {
  const { row, only } = protection;
  const meant = baseline.passed.filter((name) => new RegExp(only).test(name));
  if (meant.length === 0) return { isRed: false, text: `no test was green that matches ${only}` };
  const putBack = scratch.takeOut(protection);
  try {
    const broken = await scratch.whyBroken(protection);
    if (broken !== undefined) return { isRed: false, text: `the edit does not compile or load: ${broken}` };
    const limitMs = Math.max(LIMIT_MIN_MS, PATIENCE * baseline.tookMs);
    const run = await runTests(scratch.directory, { file: files.get(row)!, only }, limitMs, true);
    return judge(protection, run);
  } finally {
    putBack();
  }
}

function judge({ hangs }: Protection, run: TestRun): Verdict {
  const [first] = run.failed;
  const after = `after ${seconds(run)}`;
  if (run.begun.length === 0) return { isRed: false, text: `no test was run ${after}: ${run.broken ?? ""}` };
  if (first !== undefined)
    return { isRed: true, text: `red ${after}: ${first.name}\n         ${brief(first.why)}` };
  if (run.timedOut) {
    const stuck = run.begun.find((name) => !run.passed.includes(name));
    if (stuck === undefined) return { isRed: false, text: `green, but its process did not end ${after}` };
    const text = `ended at its time limit ${after}: ${stuck}`;
    return hangs ? { isRed: true, text } : { isRed: false, text: `${text}, which was to fail by itself` };
  }
  if (run.broken !== undefined) return { isRed: false, text: `its process ended ${after}: ${run.broken}` };
  return { isRed: false, text: `green ${after}: ${run.passed.join("; ")}` };
}

function whyNotGreen(run: TestRun): string | undefined {
  const [first] = run.failed;
  if (first !== undefined) return `RED, ${first.name}: ${brief(first.why)}`;
  if (run.timedOut) return `RED, it did not end`;
  if (run.broken !== undefined) return `RED, ${run.broken}`;
  return run.passed.length === 0 ? "RED, no test ran" : undefined;
}

function label({ row, removed }: Protection): string {
  return `${number(row)}   ${removed}`;
}

function number(row: number): string {
  return String(row).padStart(2);
}

function seconds({ tookMs }: TestRun): string {
  return `${(tookMs / 1000).toFixed(1)} s`;
}

function brief(why: string): string {
  return why.replaceAll(/\s+/g, " ").slice(0, 160);
}
