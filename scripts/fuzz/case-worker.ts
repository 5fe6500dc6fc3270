/** The thread that cases run on, so that one which hangs can be seen from outside, and ended. */
import { parentPort, workerData } from "node:worker_threads";
import { CaseFailed, runCases } from "./targets/run-cases.ts";
import type { FuzzTarget } from "./targets/target.ts";

/** What the thread is given. */
export interface CaseRange {
  readonly name: string;
  readonly module: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Cases that are known to be bad. */
  readonly without: readonly number[];
  /** One number: the case that runs. */
  readonly progress: SharedArrayBuffer;
}

/** What it tells. */
export type FromCases =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly index: number; readonly text: string };

/** Making one again shows all of it. */
Error.stackTraceLimit = 0;

const { name, module, seed, from, to, without, progress } = workerData as CaseRange;
const target = ((await import(module)) as Record<string, FuzzTarget>)[name]!;
const current = new Float64Array(progress);
const tell = (message: FromCases): void => parentPort!.postMessage(message);
try {
  await runCases(target, seed, from, to, {
    without,
    onCase(index) {
      current[0] = index;
    },
  });
  tell({ kind: "done" });
} catch (error) {
  if (!(error instanceof CaseFailed)) throw error;
  tell({ kind: "failed", index: error.index, text: `${error.message}\n  ${error.cause}` });
}
