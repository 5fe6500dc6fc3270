/** The process under test, from outside. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromTarget, MemorySample, ToTarget } from "./messages.ts";

const MESSAGE_MS_MAX = 30_000;
/** The young generation has its full size from the start, so that its growing is not taken for a leak. */
const NODE_OPTIONS = ["--expose-gc", "--min-semi-space-size=16", "--max-semi-space-size=16"];

type Stopped = Extract<FromTarget, { kind: "stopped" }>;
type Left = Extract<FromTarget, { kind: "left" }>;

export class TargetProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown[]>;
  readonly #waiting = new Map<FromTarget["kind"], (message: FromTarget) => void>();
  #state: "running" | "stopping" | "given up" = "running";

  constructor(
    secret: string,
    onLeft: (left: Left) => void,
    onCrash: () => void,
    problem: (text: string) => void,
  ) {
    const path = fileURLToPath(new URL("./target.ts", import.meta.url));
    this.#child = fork(path, [secret], { execArgv: NODE_OPTIONS, serialization: "json" });
    this.#exit = once(this.#child, "exit");
    this.#child.on("message", (message: FromTarget) => {
      if (message.kind === "left") onLeft(message);
      else if (message.kind === "problem") problem(message.text);
      else this.#waiting.get(message.kind)?.(message);
    });
    this.#child.on("exit", (code, signal) => {
      const isExpected = this.#state === "given up" || (this.#state === "stopping" && code === 0);
      if (isExpected) return;
      problem(`the server's process ended: ${signal ?? `code ${code}`}`);
      onCrash();
    });
  }

  async ports(): Promise<readonly number[]> {
    return (await this.#next("listening")).ports;
  }

  async memory(): Promise<MemorySample> {
    const next = this.#next("memory");
    this.#tell({ kind: "measure" });
    return (await next).sample;
  }

  /** Stops the servers; resolves when the process has ended. */
  async stop(): Promise<Stopped> {
    this.#state = "stopping";
    const next = this.#next("stopped");
    this.#tell({ kind: "stop" });
    const stopped = await next;
    await this.#exit;
    return stopped;
  }

  kill(): void {
    this.#state = "given up";
    this.#child.kill("SIGKILL");
  }

  #tell(message: ToTarget): void {
    if (this.#child.connected) this.#child.send(message);
  }

  #next<Kind extends FromTarget["kind"]>(kind: Kind): Promise<Extract<FromTarget, { kind: Kind }>> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () => reject(new Error(`the server's process did not answer: no "${kind}"`)),
        MESSAGE_MS_MAX,
      );
      const settle = (act: () => void): void => {
        clearTimeout(deadline);
        this.#waiting.delete(kind);
        act();
      };
      this.#waiting.set(kind, (message) =>
        settle(() => resolve(message as Extract<FromTarget, { kind: Kind }>)),
      );
      void this.#exit.then(() => settle(() => reject(new Error("the server's process has ended"))));
    });
  }
}
