/**
 * A Node process of a test: its lines, and waiting for one of them or for its end. Nothing here sleeps.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export interface Seen {
  readonly text: string;
  readonly groups: readonly string[];
  /** Its place among the lines, for `after`. */
  readonly index: number;
}

export class NodeProcess {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  readonly #exit: Promise<[code: number | null, signal: string | null]>;
  readonly #waiting = new Set<() => void>();

  /** Starts `file` of examples/monitoring; the test's end kills what is left of it. */
  constructor(t: TestContext, file: string, args: string[]) {
    const path = fileURLToPath(new URL(`../../examples/monitoring/${file}`, import.meta.url));
    this.child = fork(path, args, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const streams = [this.child.stdout!, this.child.stderr!];
    // Not the child's "close": it does not come where the channel was disconnected from this side.
    const ends = streams.map((stream) => once(stream, "close"));
    this.#exit = Promise.all([once(this.child, "exit"), ...ends]).then(([[code, signal]]) => [code, signal]);
    for (const stream of streams) {
      createInterface(stream).on("line", (line) => {
        this.lines.push(line);
        for (const look of this.#waiting) look();
      });
    }
    t.after(async () => {
      this.child.kill("SIGKILL");
      await this.#exit;
    });
  }

  /** The first line that matches, of those after index `after`. Rejects when the process ends without it. */
  line(pattern: RegExp, after = -1): Promise<Seen> {
    return new Promise((resolve, reject) => {
      let next = after + 1;
      const look = (): void => {
        for (; next < this.lines.length; next++) {
          const text = this.lines[next]!;
          const match = pattern.exec(text);
          if (match === null) continue;
          this.#waiting.delete(look);
          resolve({ text, groups: match.slice(1), index: next });
          break;
        }
      };
      this.#waiting.add(look);
      look();
      this.#exit.then(() => reject(new Error(`ended without ${pattern}:\n${this.lines.join("\n")}`)));
    });
  }

  /** Its exit code, or the signal that ended it. */
  async exit(): Promise<number | string> {
    const [code, signal] = await this.#exit;
    return code ?? signal ?? "unknown";
  }
}

/** Whether a process with this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
