/** A live capture of loopback, and what tshark with our dissector reads in it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DISSECTOR } from "./figures-table.ts";

const LIMIT_MS = 60_000;
const LOOK_AGAIN_MS = 10;

/** Why captures cannot be made here, with what to do about it; false where they can. */
export const CANNOT_CAPTURE: string | false = whyNot();

function whyNot(): string | false {
  for (const command of ["tshark", "dumpcap"]) {
    if (spawnSync(command, ["--version"], { stdio: "ignore" }).status !== 0)
      return `${command} is not here: apt-get install tshark`;
  }
  const { stdout } = spawnSync("dumpcap", ["-D"], { encoding: "utf8" });
  return /\blo\b/.test(stdout) ? false : "dumpcap may not capture on lo: run as root";
}

export class Capture {
  readonly path: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "lanwire-capture-"));
  readonly #child: ChildProcess;
  readonly #marks = createSocket("udp4");
  #markPort = 0;
  #told = "";

  private constructor(t: TestContext, filter: string, options: readonly string[], markPort: number) {
    this.path = join(this.#folder, "link.pcapng");
    this.#markPort = markPort;
    const args = ["-i", "lo", "-f", `${filter} or udp port ${markPort}`, "-w", this.path, ...options];
    this.#child = spawn("dumpcap", args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child.stderr!.on("data", (text) => {
      this.#told += text;
    });
    t.after(async () => {
      this.#child.kill("SIGKILL");
      this.#marks.close();
      rmSync(this.#folder, { recursive: true });
    });
  }

  /** Resolves once packets are captured. */
  static async start(t: TestContext, filter: string, options: readonly string[] = []): Promise<Capture> {
    const sink = createSocket("udp4").bind(0, "127.0.0.1");
    await once(sink, "listening");
    t.after(() => sink.close());
    const capture = new Capture(t, filter, options, sink.address().port);
    await capture.#until("it captures", () => capture.#told.includes("File:"));
    return capture;
  }

  /** Ends it behind all that was captured so far: a datagram of ours is waited for in the file. */
  async stop(): Promise<void> {
    const mark = `mark ${process.hrtime.bigint()}`;
    this.#marks.send(mark, this.#markPort, "127.0.0.1");
    await this.#until("the mark is in the file", () => readFileSync(this.path).includes(mark));
    this.#child.kill("SIGINT");
    if (this.#child.exitCode === null) await once(this.#child, "close");
    if (!/received\/dropped on interface .*: \d+\/0 /.test(this.#told))
      throw new Error(`the capture is not whole: ${this.#told}`);
  }

  /** What tshark prints of it, with our dissector. */
  read(...args: string[]): string {
    const all = ["-r", this.path, "-X", `lua_script:${DISSECTOR}`, ...args];
    const { status, stdout, stderr } = spawnSync("tshark", all, {
      encoding: "utf8",
      maxBuffer: 256 * 1024 * 1024,
    });
    if (status !== 0 || /lua/i.test(stderr)) throw new Error(`tshark ended with ${status}: ${stderr}`);
    return stdout;
  }

  /** The values of `fields` of each packet that `filter` lets through. */
  rows(fields: readonly string[], filter: string, ...args: string[]): string[][][] {
    const names = fields.flatMap((field) => ["-e", field]);
    const shape = ["-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"];
    const lines = this.read("-Y", filter, ...shape, ...names, ...args).split("\n");
    return lines
      .filter((line) => line !== "")
      .map((line) => line.split("\t").map((cell) => (cell === "" ? [] : cell.split(";"))));
  }

  /** All values of one field, in order. */
  values(field: string, filter: string, ...args: string[]): string[] {
    return this.rows([field], filter, ...args).flatMap(([values = []]) => values);
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const deadlineMs = performance.now() + LIMIT_MS;
    while (!holds()) {
      if (performance.now() > deadlineMs || this.#child.exitCode !== null)
        throw new Error(`did not happen: ${what}\n${this.#told}`);
      await pause(LOOK_AGAIN_MS);
    }
  }
}
