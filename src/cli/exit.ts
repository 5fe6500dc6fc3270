/**
 * How a run of the command line ends: its exit codes, and the two ways to end a command from deep inside it.
 *
 *     0    done, and everything that was promised held
 *     1    the run failed: no connection, the peer was lost, input that was not sent, a check of bench
 *     2    wrong usage: nothing was begun
 *     129, 130, 143    told to end by SIGHUP, SIGINT (Ctrl-C), SIGTERM: 128 and the signal's number
 */

export const EXIT = { fine: 0, failed: 1, usage: 2 } as const;

/** What ends a command from outside, with its exit code: signals have those that shells know for them. */
export const END_EXITS = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
  /** Whoever read stdout has gone (`| head -1`): it has what it wanted. */
  "reader-gone": 0,
  /** stdout takes no more, as on a full disk. */
  "output-failed": 1,
} as const;

export type OutsideEnd = keyof typeof END_EXITS;

/** The command was typed wrong: exit code 2, with the message and where to read on. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command cannot go on: exit code 1, with the message alone. */
export class RunError extends Error {
  override readonly name = "RunError";
}
