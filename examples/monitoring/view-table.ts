/**
 * The live table: owns the terminal while it runs and puts it back afterwards.
 *
 * It draws on the alternate screen with wrapping off and the cursor hidden, over itself, so that a resize
 * leaves nothing behind; `close` shows the last picture once more among the shell's own lines.
 */
import { styleText } from "node:util";
// In a project of your own: from "lanwire".
import type { MonitorEvent, MonitorSource, ServerView } from "../../src/index.ts";
import { type FrameLine, renderFrame, type ServerRow } from "./table-frame.ts";
import { clockTime, describeEvent, printable, shownOf, type View } from "./view-text.ts";

export interface TableOptions {
  readonly source: Pick<MonitorSource, "servers" | "history">;
  /** A terminal. */
  readonly out: NodeJS.WriteStream;
  readonly address: string;
  /** Lines below the title, asked for at each drawing. */
  readonly heading: () => string[];
}

export class TableView implements View {
  readonly #options: TableOptions;
  readonly #log: string[] = [];
  readonly #clock: NodeJS.Timeout;
  readonly #draw = (): void => this.#drawNow();
  readonly #restore = (): void => this.#giveBack();
  #terminal: "taken" | "given-back" = "taken";
  #pending: NodeJS.Timeout | undefined;

  constructor(options: TableOptions) {
    this.#options = options;
    options.out.write(TAKE);
    options.out.on("resize", this.#draw);
    for (const event of ENDS) process.on(event, this.#restore);
    this.#clock = setInterval(this.#draw, 1000);
    this.#drawNow();
  }

  show(event: MonitorEvent): void {
    const text = describeEvent(event);
    if (text === undefined) this.#drawSoon();
    else this.note(text);
  }

  note(text: string): void {
    this.#log.push(`${clockTime(Date.now())} ${printable(text)}`);
    if (this.#log.length > LOG_MAX) this.#log.shift();
    this.#drawSoon();
  }

  close(): void {
    if (this.#terminal === "given-back") return;
    this.#giveBack();
    this.#options.out.write(`${this.#lines([]).join("\r\n")}\r\n`);
  }

  #giveBack(): void {
    if (this.#terminal === "given-back") return;
    this.#terminal = "given-back";
    clearInterval(this.#clock);
    clearTimeout(this.#pending);
    this.#options.out.off("resize", this.#draw);
    for (const event of ENDS) process.off(event, this.#restore);
    this.#options.out.write(RESTORE);
  }

  /** Many figures come at once: they share one drawing. */
  #drawSoon(): void {
    this.#pending ??= setTimeout(this.#draw, GATHER_MS);
  }

  #drawNow(): void {
    if (this.#terminal === "given-back") return;
    clearTimeout(this.#pending);
    this.#pending = undefined;
    // Each line ends with "erase to the right", the last one with "erase below".
    const lines = this.#lines(this.#options.heading());
    this.#options.out.write(`${HOME}${lines.join(`${ERASE_RIGHT}\r\n`)}${ERASE_RIGHT}${ERASE_BELOW}`);
  }

  #lines(heading: string[]): string[] {
    const { source, out, address } = this.#options;
    const nowMs = Date.now();
    const servers = source.servers().map((server) => rowOf(source, server, nowMs));
    const frame = { address, heading, servers, log: this.#log, nowMs };
    return renderFrame(frame, out.columns || 80, out.rows || 24).map(({ look, text }) =>
      look === "figure" || text === "" ? text : styleText(STYLES[look], text),
    );
  }
}

/** The server with the last minute of what is shown of it. */
function rowOf(source: Pick<MonitorSource, "history">, server: ServerView, nowMs: number): ServerRow {
  const { serverNo } = server;
  const histories = shownOf(server.values).map(([type]) => {
    const { points } = source.history({ serverNo, type, fromMs: nowMs - HISTORY_MS, toMs: nowMs });
    return [type, points.map(([, , average]) => average)] as const;
  });
  return { server, histories: new Map(histories) };
}

const HISTORY_MS = 60_000;

const STYLES = {
  title: "bold",
  up: ["bold", "green"],
  down: ["bold", "red"],
  faded: "dim",
} as const satisfies Record<Exclude<FrameLine["look"], "figure">, Parameters<typeof styleText>[0]>;

/** Unplanned ends: the terminal is put back before Node prints the error, which would vanish with the screen. */
const ENDS = ["exit", "uncaughtExceptionMonitor"];

const GATHER_MS = 30;
const LOG_MAX = 20;

const TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const RESTORE = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const ERASE_RIGHT = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
