/** Runs cases of a target, in this thread. */
import { setImmediate as turn } from "node:timers/promises";
import { Random } from "../../../src/testing.ts";
import { BLOCK_CASES, type FuzzTarget, type Note } from "./target.ts";

/** A case that is not as it must be; `cause` says how. */
export class CaseFailed extends Error {
  readonly index: number;

  constructor(target: FuzzTarget, seed: number, index: number, cause: unknown) {
    super(
      `${target.name}, case ${index}: make it again with --seed ${seed} --replay ${target.name}:${index}`,
      {
        cause,
      },
    );
    this.index = index;
  }
}

/** What else a run may be told. */
export interface RunOptions {
  /** Is told each case's number before it runs. */
  readonly onCase?: (index: number) => void;
  /** Is told what each case is made of. */
  readonly note?: Note;
  /** Cases that are left out: they are known to be bad. */
  readonly without?: readonly number[];
}

/**
 * Runs the cases [from, to), and before them what they share a block with.
 * @throws CaseFailed at the first that fails
 */
export async function runCases(
  target: FuzzTarget,
  seed: number,
  from: number,
  to: number,
  { onCase = () => {}, note, without = [] }: RunOptions = {},
): Promise<void> {
  const root = rootOf(target.name, seed);
  let run = target.begin();
  for (let index = from - (from % BLOCK_CASES); index < to; index++) {
    if (index % BLOCK_CASES === 0) {
      await turn(); // what the cases before left to the loop
      run = target.begin();
    }
    if (without.includes(index)) continue;
    onCase(index);
    try {
      const pending = run(root.fork(index), index < from ? undefined : note);
      if (pending !== undefined) await pending;
    } catch (cause) {
      throw new CaseFailed(target, seed, index, cause);
    }
  }
}

/** What the random numbers of a target's cases are forked from. */
export function rootOf(name: string, seed: number): Random {
  let hash = 7;
  for (const unit of name) hash = (Math.imul(hash, 31) + unit.charCodeAt(0)) | 0;
  return new Random(seed).fork(hash >>> 0);
}
