/** What keeps minutes that are over: the contract of history-sqlite.ts and history-memory.ts. */
import type { Sum } from "./thinning.ts";

export const MINUTE_MS = 60_000;

/** One figure over one minute. */
export interface MinuteRow extends Sum {
  readonly serverNo: number;
  readonly type: number;
  /** Minutes since 1970. */
  readonly minute: number;
}

/** One figure over one step of a query. */
export interface HistoryPoint extends Sum {
  readonly minute: number;
}

export interface History {
  readonly kind: "file" | "memory";
  /**
   * Keeps minutes, all or none of them; where one is there already, both count. Forgets on the way what is older than
   * `oldest`, bit by bit.
   */
  write(rows: readonly MinuteRow[], oldest: number): void;
  /** What there is of [first, last], `step` minutes put together, in order; `minute` is the first of a step. */
  read(serverNo: number, type: number, first: number, last: number, step: number): HistoryPoint[];
  /** The first minute from `first` on that is kept of a figure. */
  firstMinute(serverNo: number, type: number, first: number): number | undefined;
  close(): void;
}
