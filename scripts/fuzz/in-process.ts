/** Fuzzes one target on a thread, and watches over it: a case that fails, crashes or hangs is told, and the others go on. */
import { Worker } from "node:worker_threads";
import type { CaseRange, FromCases } from "./case-worker.ts";
import type { FuzzTarget } from "./targets/target.ts";

/** No case takes so long, on however busy a machine. */
const HANG_MS = 20_000;
const FAILURES_MAX = 10;
/** No case runs yet: the thread is still starting, and may take its time. */
const NONE = -1;

/** What became of a target's cases. */
export interface InProcessOutcome {
  readonly cases: number;
  readonly ms: number;
  readonly failures: number;
}

export interface Watching {
  /** After this long without another case, one hangs. */
  readonly hangMs?: number;
  readonly problem?: (text: string) => void;
}

/** Runs the cases [0, cases). */
export async function fuzzInProcess(
  target: FuzzTarget,
  seed: number,
  cases: number,
  { hangMs = HANG_MS, problem = (text) => console.error(`problem: ${text}`) }: Watching = {},
): Promise<InProcessOutcome> {
  const beginMs = performance.now();
  const bad: number[] = [];
  let made = 0;
  while (made < cases && bad.length < FAILURES_MAX) {
    const broken = await runOn(target, seed, made, cases, bad, hangMs);
    made = broken === undefined ? cases : broken.index + 1;
    if (broken === undefined) break;
    problem(broken.text);
    bad.push(broken.index);
  }
  return { cases: made, ms: performance.now() - beginMs, failures: bad.length };
}

interface Broken {
  readonly index: number;
  readonly text: string;
}

/** Undefined where all is well. */
async function runOn(
  target: FuzzTarget,
  seed: number,
  from: number,
  to: number,
  without: readonly number[],
  hangMs: number,
): Promise<Broken | undefined> {
  const progress = new SharedArrayBuffer(8);
  const current = new Float64Array(progress).fill(NONE);
  const { name, module } = target;
  const range: CaseRange = { name, module, seed, from, to, without, progress };
  const worker = new Worker(new URL("./case-worker.ts", import.meta.url), { workerData: range });
  let watching: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve) => {
      const broken = (how: string): void => {
        const index = current[0]!;
        const again = `make it again with --seed ${seed} --replay ${target.name}:${index}`;
        resolve({ index, text: `${target.name}, case ${index} ${how}: ${again}` });
      };
      worker.on("message", (message: FromCases) => resolve(message.kind === "done" ? undefined : message));
      worker.on("error", (error) => broken(`crashed (${error})`));
      worker.on("exit", (code) => broken(`ended the thread with code ${code}`));
      let seen = NONE;
      let sinceMs = performance.now();
      watching = setInterval(
        () => {
          if (current[0] !== seen || seen === NONE) {
            seen = current[0]!;
            sinceMs = performance.now();
          } else if (performance.now() - sinceMs > hangMs) broken("hangs");
        },
        Math.min(1000, hangMs / 4),
      );
    });
  } finally {
    clearInterval(watching);
    await worker.terminate();
  }
}
