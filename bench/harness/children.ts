/**
 * The parent's end of one child process: started on a core of its own where the system can, spoken to in
 * lines, and gone when the parent is.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const living = new Set<ChildProcessWithoutNullStreams>();

/** No child outlives the parent, however it ends. (A killed parent closes their standard input instead.) */
export function endChildrenWithParent(): void {
  process.on("exit", () => {
    for (const child of living) child.kill("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));
}

/** "0-2,5" as [0, 1, 2, 5]. */
function listOf(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [first, last] = part.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index);
  });
}

export interface Placement {
  /** CPU of the server and of the client; undefined: the scheduler's choice. */
  readonly server: number | undefined;
  readonly client: number | undefined;
  readonly note: string;
}

export const FREE: Placement = { server: undefined, client: undefined, note: "not pinned" };

/** Two CPUs on different physical cores, if this system lets processes be pinned to them. */
export function choosePlacement(wanted?: string): Placement {
  if (spawnSync("taskset", ["-V"]).error !== undefined)
    return { ...FREE, note: "not pinned: no taskset here" };
  let cpus: number[];
  try {
    cpus = listOf(/^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!);
  } catch {
    return { ...FREE, note: "not pinned: this system does not tell its processors" };
  }
  if (wanted !== undefined) cpus = listOf(wanted);
  const server = cpus[0]!;
  const client = cpus.find((cpu) => !siblingsOf(server).includes(cpu)) ?? cpus[1];
  if (client === undefined) return { ...FREE, note: "not pinned: only one processor is allowed" };
  return { server, client, note: `server on processor ${server}, client on ${client}` };
}

function siblingsOf(cpu: number): number[] {
  try {
    return listOf(
      readFileSync(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, "utf8").trim(),
    );
  } catch {
    return [cpu];
  }
}

/** A peer that cannot run here; the message says why. */
export class Unavailable extends Error {}

export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #endsWithInput: boolean;
  readonly #lines: object[] = [];
  #wake: () => void = () => {};
  #ended: string | undefined;
  #errors = "";

  /** @param endsWithInput it has a child of its own, and ends it when its standard input ends; never killed. */
  constructor(name: string, commandLine: readonly string[], cpu: number | undefined, endsWithInput = false) {
    this.#name = name;
    this.#endsWithInput = endsWithInput;
    const whole = cpu === undefined ? commandLine : ["taskset", "-c", String(cpu), ...commandLine];
    const child = spawn(whole[0]!, whole.slice(1), { stdio: "pipe" });
    this.#process = child;
    if (!endsWithInput) living.add(child);
    child.stderr.on("data", (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-2000);
    });
    child.stdin.on("error", () => {});
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#lines.push(JSON.parse(line) as object);
      this.#wake();
    });
    child.on("error", (error) => this.#end(error.message));
    child.on("close", (code, signal) => this.#end(`it ended with ${signal ?? code}`));
  }

  #end(why: string): void {
    living.delete(this.#process);
    this.#ended ??= `${why}${this.#errors === "" ? "" : `; it wrote: ${this.#errors.trim()}`}`;
    this.#wake();
  }

  /** The next answer. Rejects when the child fails, ends or says nothing for `timeoutMs`. */
  async answer<T extends object>(timeoutMs = 15_000): Promise<T> {
    if (this.#lines.length === 0 && this.#ended === undefined) {
      const timer = setTimeout(() => this.#end(`it gave no answer within ${timeoutMs / 1000} s`), timeoutMs);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(timer);
    }
    const line = this.#lines.shift() as { failed?: string; unavailable?: string } | undefined;
    if (line === undefined) throw new Error(`${this.#name}: ${this.#ended}`);
    if (line.unavailable !== undefined) throw new Unavailable(line.unavailable);
    if (line.failed !== undefined) throw new Error(`${this.#name}: ${line.failed}`);
    return line as T;
  }

  async ask<T extends object>(command: string, timeoutMs?: number): Promise<T> {
    this.#process.stdin.write(`${command}\n`);
    return await this.answer<T>(timeoutMs);
  }

  end(): void {
    if (this.#endsWithInput) this.#process.stdin.end();
    else this.#process.kill("SIGKILL");
  }
}
