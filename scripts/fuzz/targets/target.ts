/**
 * What is fuzzed in this process: pure rooms of the library, a case at a time, from a seed.
 *
 *     case i of a target = Random(seed).fork(name).fork(i)      whatever ran before, but for the rest of its block
 *     | block: begin() | case 0 | case 1 | ... | case 255 | block: begin() | case 256 | ...
 *
 * The cases of a block share what sessions share on a thread (pools, shared tables), so that what one leaves behind
 * can hurt the next. To make a case again, its block is run from the start.
 */
import type { Random } from "../../../src/testing.ts";

/** Cases that share their surroundings. */
export const BLOCK_CASES = 256;

/** Is told what a case is made of, where somebody wants to know. */
export type Note = (text: string) => void;

/** Makes and looks at one case; throws, or rejects, where something is not as it must be. */
type Block = (random: Random, note?: Note) => void | Promise<void>;

export interface FuzzTarget {
  readonly name: string;
  /** Where another thread finds it, exported under its name. */
  readonly module: string;
  /** Its part of all cases, in hundredths. */
  readonly share: number;
  /** Surroundings for the next block. */
  begin(): Block;
}
