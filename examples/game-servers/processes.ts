/** A child process that obeys and tells over IPC. None outlives this process: each ends when its channel closes. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadReport, News, Order, ServerReport } from "./reports.ts";

/** Waited for no longer than this where a process should end by itself. */
const END_MAX_MS = 120_000;

type NewsOf<Name extends News["news"]> = Extract<News, { news: Name }>;

export class Process {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #news: News[] = [];
  readonly #exit: Promise<string>;
  #state: "running" | "ended" = "running";
  #wake: () => void = () => {};

  constructor(name: string, file: string, args: readonly string[]) {
    this.name = name;
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(path, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (news: News) => {
      this.#news.push(news);
      this.#wake();
    });
    this.#exit = new Promise((resolve) => {
      const ended = (how: string): void => {
        this.#state = "ended";
        this.#wake();
        resolve(how);
      };
      this.#child.once("exit", (code, signal) => ended(signal ?? `exit code ${code}`));
      // Where it never began there is no exit. An order that it is too late for is an error, too, and told by the exit.
      this.#child.on("error", (error) => {
        if (this.#child.pid === undefined) ended(error.message);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  tell(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  /** The next news of that kind; undefined where `deadline` passes before, or the process has ended. */
  async next<Name extends News["news"]>(name: Name, deadline: Deadline): Promise<NewsOf<Name> | undefined> {
    for (;;) {
      const at = this.#news.findIndex(({ news }) => news === name);
      if (at >= 0) return this.#news.splice(at, 1)[0] as NewsOf<Name>;
      const left = deadline.leftMs();
      if (this.#state === "ended" || left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** What it has to report now; undefined where it does not answer before `deadline`. */
  async report<Report extends ServerReport | LoadReport>(deadline: Deadline): Promise<Report | undefined> {
    this.tell({ order: "report" });
    return (await this.next("report", deadline))?.report as Report | undefined;
  }

  /** Ends it at once, as a crash would; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exit;
  }

  /** Lets it end; resolves with how it ended. */
  async end(): Promise<string> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_MAX_MS);
    if (this.#child.connected) this.#child.disconnect();
    const how = await this.#exit;
    clearTimeout(timer);
    return how;
  }
}

/** A moment that may have come. */
export class Deadline {
  readonly #atMs: number;

  constructor(afterMs: number) {
    this.#atMs = performance.now() + afterMs;
  }

  leftMs(): number {
    return Math.max(0, this.#atMs - performance.now());
  }
}
