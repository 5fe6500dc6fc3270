/** What a command is to the dispatcher: its table, and what it does with what was typed. */
import type { Arguments, CommandSpec } from "./arguments.ts";
import type { Terminal } from "./terminal.ts";

export interface Command {
  readonly spec: CommandSpec;
  /**
   * Runs it to its end; resolves to the exit code.
   * @throws UsageError before anything is begun; RunError, LanError where it cannot go on
   */
  run(args: Arguments, terminal: Terminal): Promise<number>;
}
