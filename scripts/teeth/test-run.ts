/**
 * One test file, run for its outcome: which tests were begun, which were red and why, and whether it ended.
 *
 * The run has a process group of its own (the driver, the test, whatever the test forks), and that group is killed
 * when the time is up: nothing that hangs, hangs the runner, and nothing is left behind.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DriverArgs, TestEvent } from "./driver.ts";

export interface TestRun {
  readonly begun: readonly string[];
  readonly passed: readonly string[];
  /** Red tests, a `todo` not counted, with what they said. */
  readonly failed: readonly { readonly name: string; readonly why: string }[];
  /** What happened to the file as a whole: it could not be loaded, or its process ended badly. */
  readonly broken: string | undefined;
  readonly timedOut: boolean;
  readonly tookMs: number;
}

/** What a run that has been seen red may still take to clean up. */
const GRACE_MS = 5000;

/**
 * Runs the tests of `args.file` whose names match, in at most `limitMs`.
 * @param untilRed whether, once one was red, the rest is of no interest: it has a moment left to clean up.
 */
export async function runTests(
  directory: string,
  args: DriverArgs,
  limitMs: number,
  untilRed: boolean,
): Promise<TestRun> {
  const driver = new URL("./driver.ts", import.meta.url).pathname;
  const startMs = performance.now();
  const child = spawn(process.execPath, [driver, JSON.stringify(args)], {
    cwd: directory,
    detached: true, // a group of its own
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  const endGroup = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // It has ended, and all that belonged to it.
    }
  };
  process.once("exit", endGroup);
  let timedOut = false;
  const limit = setTimeout(() => {
    timedOut = true;
    endGroup();
  }, limitMs);
  let grace: NodeJS.Timeout | undefined;

  const begun: string[] = [];
  const passed: string[] = [];
  const failed: { name: string; why: string }[] = [];
  let broken: string | undefined;
  let errorText = "";
  child.stderr.on("data", (text: Buffer) => {
    errorText = (errorText + text.toString()).slice(-2000);
  });
  createInterface(child.stdout).on("line", (line) => {
    const event = eventOf(line);
    if (event === undefined) return;
    if (event.event === "begun") begun.push(event.name);
    else if (event.event === "passed") passed.push(event.name);
    else if (event.event === "broken") broken = event.why;
    else {
      failed.push(event);
      if (untilRed) grace ??= setTimeout(endGroup, GRACE_MS);
    }
  });
  const [code, signal] = await closed;
  endGroup(); // what the tests forked and forgot
  process.off("exit", endGroup);
  clearTimeout(limit);
  clearTimeout(grace);
  if (!timedOut && signal === null && code !== 0) broken ??= `the driver ended with ${code}: ${errorText}`;
  return { begun, passed, failed, broken, timedOut, tookMs: performance.now() - startMs };
}

/** The driver's lines are JSON and tagged; anything else was printed by a test. */
function eventOf(line: string): TestEvent | undefined {
  if (!line.startsWith('{"event":')) return undefined;
  return JSON.parse(line) as TestEvent;
}
