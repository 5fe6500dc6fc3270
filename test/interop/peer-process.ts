/** A peer in a process and a language of its own: its lines, and its end. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** Whether a command line succeeds here. */
export function isInstalled([command = "", ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exit: Promise<unknown[]>;
  #complaints = "";

  /** Runs `file` of test/interop/peers; the test's end kills what is left of it. */
  constructor(t: TestContext, command: string, file: string, args: readonly (string | number)[]) {
    const path = fileURLToPath(new URL(`./peers/${file}`, import.meta.url));
    this.#child = spawn(command, [path, ...args.map(String)], { stdio: ["ignore", "pipe", "pipe"] });
    this.#exit = once(this.#child, "close");
    this.#lines = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    this.#child.stderr!.on("data", (text) => {
      this.#complaints += text;
    });
    t.after(async () => {
      this.#child.kill("SIGKILL");
      await this.#exit;
    });
  }

  /** The groups of its next line, which must match. */
  async line(pattern: RegExp): Promise<string[]> {
    const { value } = await this.#lines.next();
    const match = pattern.exec(value ?? "");
    if (match !== null) return match.slice(1);
    if (value === undefined) await this.#exit;
    throw new Error(`the peer said ${JSON.stringify(value)}, not ${pattern}\n${this.#complaints}`);
  }

  /** Its exit code, or the signal that ended it. */
  async exit(): Promise<unknown> {
    const [code, signal] = await this.#exit;
    return code ?? signal;
  }
}
