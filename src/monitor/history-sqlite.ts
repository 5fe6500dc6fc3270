/**
 * Minutes in a database file, by node:sqlite.
 *
 *     minutes (server, type, minute) -> min, max, sum, count        one table, in the order of its key: a figure's
 *                                                                   minutes lie side by side
 *
 * WAL, one transaction per minute: a process that is killed leaves what its last whole minute wrote. `synchronous` is
 * NORMAL: a machine that loses its power may lose the last minutes, and the file stays whole.
 *
 * What is too old is forgotten within the same transactions, a few figures each time, wherever the round stands: a
 * whole round over all figures would stop the process for seconds.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { History, HistoryPoint, MinuteRow } from "./history.ts";

/** "lanw": whose file it is. */
const APPLICATION_ID = 0x6c_61_6e_77;
const SCHEMA_VERSION = 1;
/** Figures that each transaction looks at for what is too old. */
const FORGOTTEN_PER_WRITE = 32;
/** Another process may be writing (a second monitor on the file, a tool): so long is it waited for. */
const BUSY_MS = 2000;

const SCHEMA = `CREATE TABLE IF NOT EXISTS minutes (
  server INTEGER NOT NULL, type INTEGER NOT NULL, minute INTEGER NOT NULL,
  min INTEGER NOT NULL, max INTEGER NOT NULL, sum REAL NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (server, type, minute)
) STRICT, WITHOUT ROWID`;

const WRITE = `INSERT INTO minutes (server, type, minute, min, max, sum, count) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET min = min(min, excluded.min), max = max(max, excluded.max),
    sum = sum + excluded.sum, count = count + excluded.count`;

const READ = `SELECT minute - minute % CAST(? AS INTEGER) AS minute,
    min(min) AS min, max(max) AS max, sum(sum) AS sum, sum(count) AS count
  FROM minutes WHERE server = ? AND type = ? AND minute BETWEEN ? AND ? GROUP BY 1 ORDER BY 1`;

const FIRST = "SELECT min(minute) AS minute FROM minutes WHERE server = ? AND type = ? AND minute >= ?";

/** The next figure in the order of the key, without looking at its minutes. */
const NEXT_FIGURE = `SELECT server, type FROM minutes WHERE (server, type) > (?, ?)
  ORDER BY server, type LIMIT 1`;

const FORGET = "DELETE FROM minutes WHERE server = ? AND type = ? AND minute < ?";

export class SqliteHistory implements History {
  readonly kind = "file";
  readonly #database: DatabaseSync;
  readonly #write: StatementSync;
  readonly #read: StatementSync;
  readonly #first: StatementSync;
  readonly #nextFigure: StatementSync;
  readonly #forget: StatementSync;
  /** The figure at which forgetting goes on. */
  #cursor: readonly [server: number, type: number] = BEFORE_ALL;

  /** Takes charge of `database`. @throws Error where it is no history, or cannot be written. */
  constructor(database: DatabaseSync) {
    this.#database = database;
    try {
      prepare(database);
      this.#write = database.prepare(WRITE);
      this.#read = database.prepare(READ);
      this.#first = database.prepare(FIRST);
      this.#nextFigure = database.prepare(NEXT_FIGURE);
      this.#forget = database.prepare(FORGET);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  write(rows: readonly MinuteRow[], oldest: number): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const { serverNo, type, minute, min, max, sum, count } of rows)
        this.#write.run(serverNo, type, minute, min, max, sum, count);
      this.#forgetSome(oldest);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  read(serverNo: number, type: number, first: number, last: number, step: number): HistoryPoint[] {
    return this.#read.all(step, serverNo, type, first, last) as unknown as HistoryPoint[];
  }

  firstMinute(serverNo: number, type: number, first: number): number | undefined {
    const row = this.#first.get(serverNo, type, first) as { minute: number | null } | undefined;
    return row?.minute ?? undefined;
  }

  close(): void {
    this.#database.close();
  }

  #forgetSome(oldest: number): void {
    for (let looked = 0; looked < FORGOTTEN_PER_WRITE; looked++) {
      const next = this.#nextFigure.get(...this.#cursor) as { server: number; type: number } | undefined;
      if (next === undefined) {
        this.#cursor = BEFORE_ALL;
        return;
      }
      this.#cursor = [next.server, next.type];
      this.#forget.run(next.server, next.type, oldest);
    }
  }
}

/** Before every server number. */
const BEFORE_ALL = [-(2 ** 31) - 1, 0] as const;

function prepare(database: DatabaseSync): void {
  database.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  const [id, version, tables] = [
    pragma(database, "application_id"),
    pragma(database, "user_version"),
    (database.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number }).n,
  ];
  if (tables > 0 && id !== APPLICATION_ID) throw new Error("it is a database of something else");
  if (version > SCHEMA_VERSION) throw new Error(`it was written by a later version (schema ${version})`);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE");
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  database.exec(`${SCHEMA}; COMMIT`);
}

function pragma(database: DatabaseSync, name: "application_id" | "user_version"): number {
  return (database.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name] ?? 0;
}
