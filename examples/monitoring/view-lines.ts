/**
 * The view without a terminal: a line per join and leave as it happens, and one line of figures per agent and
 * second.
 */
import type { Board } from "./board.ts";
import type { MonitorEvent } from "./monitoring-server.ts";
import { clockTime, describeEvent, figureLine, printable, type View } from "./view-text.ts";

export class LinesView implements View {
  readonly #board: Board;
  readonly #print: (line: string) => void;
  /** The agents whose line is due, and when. */
  readonly #due = new Map<number, NodeJS.Timeout>();

  constructor(board: Board, print: (line: string) => void) {
    this.#board = board;
    this.#print = print;
  }

  show(event: MonitorEvent): void {
    const text = describeEvent(event);
    if (text !== undefined) this.note(text);
    if (event.type !== "figure") return;
    const { serverNo } = event.agent;
    if (this.#due.has(serverNo)) return;
    this.#due.set(
      serverNo,
      setTimeout(() => this.#printFigures(serverNo), GATHER_MS),
    );
  }

  note(text: string): void {
    this.#print(`${clockTime(Date.now())} ${printable(text)}`);
  }

  close(): void {
    for (const timer of this.#due.values()) clearTimeout(timer);
  }

  #printFigures(serverNo: number): void {
    this.#due.delete(serverNo);
    const row = this.#board.row(serverNo);
    if (row?.state.at === "joined") this.note(figureLine(row));
  }
}

/** An agent's figures of one second come together, but not always in one read. */
const GATHER_MS = 50;
