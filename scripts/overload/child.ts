/** One of the processes: pinned where the system can, asked for things, and gone with this one. */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { fileURLToPath } from "node:url";

const ANSWER_MS_MAX = 120_000;

interface Answer {
  readonly number: number;
  readonly value?: unknown;
  readonly failed?: string;
}

export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #number = 0;

  /**
   * Runs `file` of this folder, on `cpu` if there is one.
   * @param nodeArguments Node's own options.
   */
  constructor(
    file: string,
    args: object,
    cpu: number | undefined,
    { niceness = 0, nodeArguments = [] }: { niceness?: number; nodeArguments?: readonly string[] } = {},
  ) {
    this.#name = file;
    const path = fileURLToPath(new URL(file, import.meta.url));
    const by =
      cpu === undefined
        ? { execArgv: [...nodeArguments] }
        : { execPath: "taskset", execArgv: ["-c", String(cpu), process.execPath, ...nodeArguments] };
    this.#process = fork(path, [JSON.stringify(args)], by);
    if (niceness > 0) setPriority(this.pid, Math.min(19, getPriority() + niceness));
    this.#process.on("message", (answer: Answer) => {
      const waiting = this.#waiting.get(answer.number);
      this.#waiting.delete(answer.number);
      if (answer.failed === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(`${this.#name}: ${answer.failed}`));
    });
    this.#process.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`${this.#name} ended with ${signal ?? code}`));
    });
    process.on("exit", () => this.#process.kill("SIGKILL"));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  async ask<Value>(command: string, args: object = {}): Promise<Value> {
    const number = ++this.#number;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(number, answer);
    this.#process.send({ number, command, args });
    const late = setTimeout(
      () => answer.reject(new Error(`${this.#name}: no answer to ${command}`)),
      ANSWER_MS_MAX,
    );
    return (await answer.promise.finally(() => clearTimeout(late))) as Value;
  }

  /** From now on its threads, and those that it makes, go before all else on this machine. Needs root. */
  async goFirst(): Promise<void> {
    await this.ask("hello"); // its threads are there by then
    // All of them: one that waits behind others could hold a lock that the main thread wants.
    const { status, stderr } = spawnSync("chrt", ["-a", "-r", "-p", "1", `${this.pid}`], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`cannot put ${this.#name} first: ${stderr}`);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

/** In the child: answers each command; the process ends with its parent. */
export function serve(commands: Record<string, (args: never) => unknown>): void {
  process.on(
    "message",
    async ({ number, command, args }: { number: number; command: string; args: never }) => {
      try {
        process.send!({ number, value: command === "hello" ? undefined : await commands[command]!(args) });
      } catch (error) {
        process.send!({ number, failed: (error as Error).stack });
      }
    },
  );
  process.on("disconnect", () => process.exit(1));
}

/** Processors for server, healthy links and those that misbehave; the last two may have to share one. */
export function placement(): { server?: number; healthy?: number; attackers?: number; note: string } {
  if (spawnSync("taskset", ["-V"]).error !== undefined) return { note: "not pinned: no taskset here" };
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  const cpus = list.split(",").flatMap((part) => {
    const [first, last] = part.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, i) => first! + i);
  });
  const [server, healthy, attackers = healthy] = cpus as [number, number?, number?];
  if (healthy === undefined) return { note: "not pinned: only one processor is allowed" };
  const note = `server on processor ${server}, healthy links on ${healthy}, the others on ${attackers}`;
  return { server, healthy, attackers: attackers!, note };
}
