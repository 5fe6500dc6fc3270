/**
 * Which history a monitor gets.
 *
 *     a file is given, and this Node has node:sqlite  -->  history-sqlite.ts    survives the process
 *     else                                            -->  history-memory.ts    and the monitor says so
 *
 * node:sqlite is loaded here and not before: nothing else of the library needs it.
 */
import { LanError } from "../base/errors.ts";
import type { History } from "./history.ts";
import { MemoryHistory } from "./history-memory.ts";

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
