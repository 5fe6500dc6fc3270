/**
 * What a command has of the world: its streams, notices for people on stderr, colours where they are wanted, and
 * being told to end.
 *
 * Invariants: stdout carries data alone. Colours and everything that moves the cursor go only to a terminal. The first
 * Ctrl-C (or SIGTERM, SIGHUP) asks the command to end in order, the second ends the process at once; either way what was
 * changed on the terminal is put back.
 */
import { styleText } from "node:util";
import { LanError } from "../base/errors.ts";
import { END_EXITS, type OutsideEnd } from "./exit.ts";
import { LinesOut } from "./lines-out.ts";

export type Style = Parameters<typeof styleText>[0];

/** One of the two streams that people may look at. */
export type Output = NodeJS.WriteStream & { fd: 1 | 2 };

export class Terminal {
  readonly stdin: NodeJS.ReadStream & { fd: 0 } = process.stdin;
  readonly stdout: Output = process.stdout;
  readonly stderr: Output = process.stderr;
  readonly lines: LinesOut = new LinesOut(process.stdout);
  /** Resolves at the first that asks to end: a signal, or a stdout that nobody reads. */
  readonly told: Promise<OutsideEnd>;
  readonly #colours: boolean;
  readonly #quiet: boolean;
  #restore: (() => void) | null = null;

  constructor({ colours, quiet }: { colours: boolean; quiet: boolean }) {
    this.#colours = colours;
    this.#quiet = quiet;
    process.stderr.on("error", () => {}); // nobody to tell
    const told = Promise.withResolvers<OutsideEnd>();
    this.told = told.promise;
    let signals = 0;
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => {
        if (++signals > 1) process.exit(END_EXITS[signal]);
        told.resolve(signal);
      });
    }
    void this.lines.gone.then((error) => {
      if (error !== null) this.problem(`stdout: ${error.message}`);
      told.resolve(error === null ? "reader-gone" : "output-failed");
    });
    process.on("exit", () => this.#restore?.());
  }

  /** `text` in colour where `stream` is a terminal that wants it: styleText looks at NO_COLOR and its like. */
  styled(style: Style, text: string, stream: Output): string {
    return this.#colours ? styleText(style, text, { stream }) : text;
  }

  get isQuiet(): boolean {
    return this.#quiet;
  }

  /** A line for people: what happened. Silent with `--quiet`. */
  notice(text: string): void {
    if (!this.#quiet) this.#tell(this.styled("dim", text, this.stderr));
  }

  /** A line for people that is told in any case. */
  problem(text: string): void {
    this.#tell(this.styled("red", text, this.stderr));
  }

  /** What went wrong, with its code where it has one, and the system's behind it. */
  error(error: unknown): void {
    this.problem(describe(error));
  }

  /** Changes the terminal; `restore` (synchronous) puts it back when the process ends, however it ends, or earlier. */
  change(restore: () => void): void {
    this.#restore = restore;
  }

  restore(): void {
    this.#restore?.();
    this.#restore = null;
  }

  #tell(line: string): void {
    this.stderr.write(`${line}\n`);
  }
}

/** `CONNECT_FAILED: Cannot connect: ... (ECONNREFUSED)` */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = error instanceof LanError ? `${error.code}: ` : "";
  const system = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return (
    code + error.message + (system === undefined || error.message.includes(system) ? "" : ` (${system})`)
  );
}
