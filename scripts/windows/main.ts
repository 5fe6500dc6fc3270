/**
 * npm run test:windows -- [--only TEXT] [--names PATTERN] [--limit-seconds 3600] [--output FOLDER]
 *
 * The tests inside Node for Windows under wine, so that the links run on libuv's other backend, the one on I/O
 * completion ports. A check of what works, not of how fast; and wine's Windows, not Microsoft's.
 * Each file in a process of its own, one after another, with a limit of time.
 * `--only`: the files whose path has this text. `--names`: the tests whose name matches. `--output`: where each
 * file's output and results are kept.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { NODE_VERSION, nodeForWindows } from "./node-for-windows.ts";
import type { Line } from "./reporter.ts";
import { type FileResult, HEADING, isWell, resultOf, rowOf, summaryOf } from "./results.ts";
import { Wine, windowsPath } from "./wine.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const REPORTER: string = new URL("./reporter.ts", import.meta.url).pathname;
const ERROR_TEXT_MAX = 2000;
/** What says nothing about links on Windows. Every other folder of test/ runs, also those that are yet to come. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  cli: "ends processes by POSIX signals",
  docs: "compiles the manual; runs it with a shell, Python and Erlang of this machine",
  examples: "drives processes by POSIX signals",
  interop: "runs Python and Erlang of this machine",
};

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    names: { type: "string" },
    "limit-seconds": { type: "string", default: "3600" },
    output: { type: "string" },
  },
});
const limitMs = Number(values["limit-seconds"]) * 1000;
if (!(limitMs > 0)) throw new Error(`--limit-seconds takes a number above 0, not ${values["limit-seconds"]}`);

const wine = Wine.find();
if (wine === undefined) {
  console.log("test:windows: skipped, wine is not here: apt-get install wine wine64");
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Not once: whoever signals twice would end this process before the other's are ended.
    process.on(signal, () => {
      wine.close();
      process.exit(1);
    });
  }
  try {
    process.exitCode = (await runAll(wine)) ? 0 : 1;
  } finally {
    wine.close();
  }
}

async function runAll(wine: Wine): Promise<boolean> {
  const files = testFiles().filter((file) => file.includes(values.only));
  if (files.length === 0) throw new Error(`no test file has "${values.only}" in its path`);
  const program = nodeForWindows();
  await wine.prepare();
  console.log(`Node ${NODE_VERSION} for Windows under ${wine.version}`);
  for (const [name, why] of Object.entries(LEFT_OUT)) console.log(`left out: test/${name}: ${why}`);
  console.log(`\n${HEADING}`);
  const output = resolve(values.output ?? mkdtempSync(join(tmpdir(), "lanwire-windows-")));
  mkdirSync(output, { recursive: true });
  const results: FileResult[] = [];
  for (const file of files) {
    const result = await runFile(wine, program, file, join(output, file.replaceAll("/", "_")));
    results.push(result);
    console.log(rowOf(result));
  }
  console.log(summaryOf(results));
  const isAllWell = results.every(isWell);
  if (isAllWell && values.output === undefined) rmSync(output, { recursive: true });
  else console.log(`\nthe files' output: ${output}`);
  return isAllWell;
}

async function runFile(wine: Wine, program: string, file: string, output: string): Promise<FileResult> {
  const events = `${output}.jsonl`;
  const errors = `${output}.stderr`;
  for (const old of [events, errors, `${output}.stdout`]) rmSync(old, { force: true });
  const command = [
    windowsPath(program),
    // Resolving each folder of each module's path costs half of a thread's start under wine.
    "--preserve-symlinks",
    "--preserve-symlinks-main",
    `--test-reporter=file:///Z:${REPORTER}`,
    `--test-reporter-destination=${windowsPath(events)}`,
    ...(values.names === undefined ? [] : [`--test-name-pattern=${values.names}`]),
    windowsPath(join(ROOT, file)),
  ];
  const startMs = performance.now();
  const end = await wine.run(command, `${output}.stdout`, errors, limitMs);
  const stderr = readFileSync(errors, "utf8").slice(-ERROR_TEXT_MAX);
  return resultOf(file, linesOf(events), end, performance.now() - startMs, stderr);
}

/** The reporter's lines; the last may be cut off where the process was killed. */
function linesOf(path: string): Line[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return []; // it did not get that far
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** Paths from the repository on, in order. */
function testFiles(): string[] {
  return readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts") && !Object.hasOwn(LEFT_OUT, path.split("/")[0]!))
    .map((path) => `test/${path}`)
    .sort();
}
