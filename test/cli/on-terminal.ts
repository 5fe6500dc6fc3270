/**
 * The command line on a terminal: a pseudo-terminal that `script` of util-linux makes, with a size, keys, and everything
 * that was written on it.
 *
 *     script -- sh: stty size, modes before; the command; its exit code, modes after
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Lines, MAIN, plainEnvironment } from "./command.ts";

/** Whether there is a `script` that makes one; macOS has another program of that name. */
export const HAS_TERMINALS: boolean =
  process.platform === "linux" && spawnSync("script", ["--version"]).stdout?.includes("util-linux") === true;

export class OnTerminal {
  readonly #folder = mkdtempSync(join(tmpdir(), "lanwire-tty-"));
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: Lines;
  readonly #end: Promise<unknown>;

  constructor(
    t: TestContext,
    args: readonly string[],
    { columns, rows, env = {} }: { columns: number; rows: number; env?: Record<string, string> },
  ) {
    const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
    const file = (name: string): string => `'${join(this.#folder, name)}'`;
    const shell = [
      "trap : INT", // Ctrl-C is for the command
      `stty cols ${columns} rows ${rows}`,
      `stty -g > ${file("before")}`,
      command,
      `echo $? > ${file("code")}`,
      `stty -g > ${file("after")}`,
    ].join("; ");
    this.#child = spawn("script", ["-qec", shell, "/dev/null"], {
      stdio: "pipe",
      env: { ...plainEnvironment(), SHELL: "/bin/sh", ...env },
    });
    this.#child.stdin.on("error", () => {});
    this.#end = once(this.#child, "close");
    this.#output = new Lines(this.#child.stdout, this.#end);
    t.after(async () => {
      this.#child.kill("SIGKILL");
      await this.#end;
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** All that was written on it, with what moves the cursor and changes colours. */
  get text(): string {
    return this.#output.text;
  }

  /** Resolves once all that was written, without colours, has this. */
  async shows(pattern: RegExp): Promise<void> {
    await this.#output.match(pattern, withoutColours);
  }

  /** The lines of the newest drawing that is whole. */
  lastDrawn(): string[] {
    const drawings = this.text.split("\x1b[H").filter((drawing) => drawing.includes("\x1b[J"));
    return withoutColours(drawings.at(-1)!.split("\x1b[J")[0]!).split(/\r+\n/);
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** The exit code of the command. */
  async end(): Promise<number> {
    await this.#end;
    return Number(readFileSync(join(this.#folder, "code"), "utf8"));
  }

  /** The terminal's modes before the command, as stty tells them. */
  get modesBefore(): string {
    return readFileSync(join(this.#folder, "before"), "utf8");
  }

  get modesAfter(): string {
    return readFileSync(join(this.#folder, "after"), "utf8");
  }
}

function withoutColours(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
  return text.replace(/\x1b\[[\d;]*[mK]/g, "");
}
