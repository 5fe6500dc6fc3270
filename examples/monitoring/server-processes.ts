/**
 * The reporting servers as child processes of this one. A child ends cleanly when its channel to this process closes,
 * so none outlives it, however it ends; what a child says on stderr goes to `note`.
 */
import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface ServersOptions {
  /** Where the monitor takes reports. */
  readonly port: number;
  /** Starts a server again a second after it ended by itself. */
  readonly respawn: boolean;
  readonly note: (text: string) => void;
}

export class ServerProcesses {
  readonly #options: ServersOptions;
  readonly #running = new Map<number, ChildProcess>();
  readonly #respawns = new Set<NodeJS.Timeout>();
  #state: "running" | "stopped" = "running";

  constructor(options: ServersOptions) {
    this.#options = options;
  }

  start(serverNo: number): void {
    const { port, note } = this.#options;
    const args = ["--server-no", `${serverNo}`, "--port", `${port}`];
    const child = fork(SERVER, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const name = `process of server ${serverNo} (pid ${child.pid})`;
    this.#running.set(serverNo, child);
    note(`${name} started`);
    if (child.stderr !== null) createInterface(child.stderr).on("line", note);
    child.once("exit", (code, signal) => {
      this.#running.delete(serverNo);
      note(`${name} ended: ${signal ?? `exit code ${code}`}`);
      if (this.#options.respawn && this.#state === "running") this.#respawn(serverNo);
    });
  }

  /** The process ids of those that run, by server number. */
  pids(): [serverNo: number, pid: number][] {
    return [...this.#running].flatMap(([serverNo, { pid }]) => (pid === undefined ? [] : [[serverNo, pid]]));
  }

  /** Ends all of them; resolves when they are gone. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    for (const timer of this.#respawns) clearTimeout(timer);
    await Promise.all([...this.#running.values()].map(stopChild));
  }

  #respawn(serverNo: number): void {
    const timer = setTimeout(() => {
      this.#respawns.delete(timer);
      this.start(serverNo);
    }, RESPAWN_DELAY_MS);
    this.#respawns.add(timer);
  }
}

const SERVER = fileURLToPath(new URL("./reporting-server.ts", import.meta.url));
const RESPAWN_DELAY_MS = 1000;
const STOP_MAX_MS = 5000;

function stopChild(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_MAX_MS);
    child.once("exit", () => {
      clearTimeout(kill);
      resolve();
    });
    if (child.connected) child.disconnect();
  });
}
