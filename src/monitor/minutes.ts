/**
 * The running minute of each figure: the least, the greatest, the sum and the count of what was reported. Once it is over
 * it goes to the history, all figures in one write.
 *
 * What a process that is killed loses is in here. Bounded as the board is: servers times 256 figures.
 */
import { MINUTE_MS, type MinuteRow } from "./history.ts";
import type { Sum } from "./thinning.ts";

interface Running {
  min: number;
  max: number;
  sum: number;
  count: number;
}

export class Minutes {
  readonly #over: (rows: readonly MinuteRow[], minute: number) => void;
  #servers = new Map<number, Map<number, Running>>();
  #minute: number;

  /** @param over - takes a minute that is over: its figures, and which it was; never empty. */
  constructor(atMs: number, over: (rows: readonly MinuteRow[], minute: number) => void) {
    this.#minute = minuteOf(atMs);
    this.#over = over;
  }

  /** Minutes since 1970: the one that runs. */
  get minute(): number {
    return this.#minute;
  }

  add(serverNo: number, type: number, value: number, atMs: number): void {
    this.turn(atMs);
    let figures = this.#servers.get(serverNo);
    if (figures === undefined) {
      figures = new Map();
      this.#servers.set(serverNo, figures);
    }
    const running = figures.get(type);
    if (running === undefined) {
      figures.set(type, { min: value, max: value, sum: value, count: 1 });
      return;
    }
    if (value < running.min) running.min = value;
    if (value > running.max) running.max = value;
    running.sum += value;
    running.count++;
  }

  /** Ends the running minute where `atMs` lies in another, also in one before it: clocks are set back. */
  turn(atMs: number): void {
    if (minuteOf(atMs) !== this.#minute) this.flush(atMs);
  }

  /** Ends the running minute now; what else is reported in it is put to it by the history. */
  flush(atMs: number): void {
    const minute = this.#minute;
    this.#minute = minuteOf(atMs);
    const servers = this.#servers;
    this.#servers = new Map();
    const rows: MinuteRow[] = [];
    for (const [serverNo, figures] of servers)
      for (const [type, sum] of figures) rows.push({ serverNo, type, minute, ...sum });
    if (rows.length > 0) this.#over(rows, minute);
  }

  /** What the running minute has of a figure so far. */
  running(serverNo: number, type: number): Sum | undefined {
    return this.#servers.get(serverNo)?.get(type);
  }
}

export function minuteOf(atMs: number): number {
  return Math.floor(atMs / MINUTE_MS);
}
