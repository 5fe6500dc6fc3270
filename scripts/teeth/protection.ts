/** What an entry of the table says: a protection, how it is taken out, and which test must then turn red. */

export interface Protection {
  /** The row of the known problems, 1 to 18: its test is test/immunity/NN-*.test.ts. */
  readonly row: number;
  /** What is there no longer, as a sentence about the code without it. */
  readonly removed: string;
  readonly file: string;
  /** Found exactly once in the file; the script fails where it is not: the code moved on. */
  readonly find: string;
  /** A small edit that removes this protection only. The code still compiles. */
  readonly replace: string;
  /** The tests that must turn red: a regular expression over their names. */
  readonly only: string;
  /** Without the protection the test may wait for ever: then being ended at its time limit is red as well. */
  readonly hangs?: true;
}
