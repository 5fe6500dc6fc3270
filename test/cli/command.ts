/**
 * The command line in a process of its own, from source: what it prints, line by line, and how it ends. Nothing here sleeps.
 */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const MAIN: string = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** One of its two outputs. */
export class Lines {
  text = "";
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(stream: Readable, ended: Promise<unknown>) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.text += text;
      this.#look();
    });
    void ended.then(() => {
      this.#isOver = true;
      this.#look();
    });
  }

  /** Those that are whole. */
  get all(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Resolves to what `pattern` matches in all that was printed. Rejects when the process ends without. */
  async match(pattern: RegExp, textOf: (text: string) => string = (text) => text): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(textOf(this.text));
      if (match !== null) return match;
      if (this.#isOver) assert.fail(`ended without ${pattern}:\n${this.text}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #look(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

interface CommandOptions {
  reads?: boolean;
  command?: string;
  env?: Record<string, string>;
}

/** Nothing of where the tests run says whether there shall be colours. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { CI, NO_COLOR, FORCE_COLOR, NODE_DISABLE_COLORS, ...rest } = process.env; // with CI Node takes no terminal for a coloured one
  return { ...rest, NODE_NO_WARNINGS: "1", TERM: "xterm-256color" };
}

export class Command {
  readonly child: ChildProcessWithoutNullStreams;
  readonly out: Lines;
  readonly err: Lines;
  readonly #end: Promise<[number | null, NodeJS.Signals | null]>;

  /** @param options - `command`: another program; `reads`: false leaves stdout alone, to be read later or never */
  constructor(t: TestContext, args: readonly string[], options: CommandOptions = {}) {
    const { command, reads = true, env = {} } = options;
    this.child = spawn(command ?? process.execPath, command === undefined ? [MAIN, ...args] : args, {
      stdio: "pipe",
      env: { ...plainEnvironment(), ...env },
    });
    this.child.stdin.on("error", () => {}); // it may end before it has read all
    this.#end = once(this.child, reads ? "close" : "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    this.out = new Lines(reads ? this.child.stdout : this.child.stderr, this.#end);
    this.err = reads ? new Lines(this.child.stderr, this.#end) : this.out;
    t.after(async () => {
      this.child.kill("SIGKILL");
      await this.#end;
    });
  }

  /** Gives it this on stdin, and the end. */
  input(text: string | Uint8Array): this {
    this.child.stdin.end(text);
    return this;
  }

  /** Its exit code, or the signal that ended it, once its output is complete. */
  async end(): Promise<number | string> {
    const [code, signal] = await this.#end;
    return code ?? signal ?? "unknown";
  }

  /** Asserts how it ends; resolves to its lines on stdout. */
  async ends(code: number): Promise<string[]> {
    assert.equal(await this.end(), code, this.err.text + this.out.text);
    return this.out.all;
  }
}

/** `lanwire listen` on a free port, ready; with what else it is given. */
export async function listening(t: TestContext, ...args: string[]): Promise<Command & { target: string }> {
  const command = new Command(t, ["listen", "--port", "0", ...args]);
  const [, target] = await command.err.match(/listening on (\S+)\n/);
  return Object.assign(command, { target: target! });
}

/** Resolves once a figure that grows has stood still for half a second. */
export async function stands(figure: () => number): Promise<void> {
  let [before, sinceMs] = [figure(), performance.now()];
  while (performance.now() - sinceMs < 500) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (figure() !== before) [before, sinceMs] = [figure(), performance.now()];
  }
}
