/**
 * What keeps minutes that are over: a database file, or memory. And which of the two a monitor gets.
 *
 *     file given, and this Node has node:sqlite  -->  history-sqlite.ts    survives the process
 *     else                                       -->  history-memory.ts    and the monitor says so
 */
import { LanError } from "../base/errors.ts";
import { MemoryHistory } from "./history-memory.ts";
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

export interface HistoryPlace {
  readonly history: History;
  /** What people should know at the start. */
  readonly notice: string;
}

/** The part of node:sqlite that is used, so that a test can be a Node without it. */
export type LoadSqlite = () => Promise<Pick<typeof import("node:sqlite"), "DatabaseSync">>;

/**
 * @param file - undefined for memory.
 * @throws LanError HISTORY_FAILED where the file cannot be used.
 */
export async function openHistory(
  file: string | undefined,
  keepDays: number,
  loadSqlite: LoadSqlite = () => import("node:sqlite"),
): Promise<HistoryPlace> {
  if (file === undefined) {
    return { history: new MemoryHistory(), notice: "history is kept in memory: it ends with this process" };
  }
  let sqlite: Awaited<ReturnType<LoadSqlite>>;
  try {
    sqlite = await loadSqlite();
  } catch {
    const why = "this Node has no node:sqlite";
    return {
      history: new MemoryHistory(),
      notice: `history is kept in memory and ends with this process: ${why}, so ${file} is not used`,
    };
  }
  const { SqliteHistory } = await import("./history-sqlite.ts");
  try {
    const history = new SqliteHistory(new sqlite.DatabaseSync(file));
    return { history, notice: `history is kept for ${keepDays} days in ${file}` };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LanError("HISTORY_FAILED", `Cannot keep history in ${file}: ${why}`, { cause });
  }
}
