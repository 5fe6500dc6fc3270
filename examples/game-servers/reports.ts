/** What the processes tell the main one over IPC: plain data. */

export interface ServerReport {
  readonly name: string;
  readonly pid: number;
  /** Where its users connect. */
  readonly port: number;
  /** Connections of users that became sessions, ever, and those that were refused. */
  readonly accepted: number;
  readonly refused: number;
  /** What must be empty when the last user is gone: sizes by name. */
  readonly tables: Readonly<Record<string, number>>;
  /** What happened, for people. */
  readonly counts: Readonly<Record<string, number>>;
  /** How often each error was told. */
  readonly errors: Readonly<Record<string, number>>;
  /** The login server's: the users' port of each server that is logged in. */
  readonly worlds?: Readonly<Record<string, number>>;
}

/** What users counted at one port, which belongs to one server process: a restarted one has another. */
export interface PortTally {
  connects: number;
  /** Attempts to connect that failed. */
  failed: number;
  /** Connections that the server ended without having been asked to. */
  cut: number;
  asked: number;
  answered: number;
  /** Not answered, since the user dropped the connection. */
  abandoned: number;
  /** Not answered, since the connection was cut. */
  lost: number;
}

export interface LoadReport {
  readonly users: number;
  /** Users that have ended. */
  readonly gone: number;
  /** Connections that have not ended. */
  readonly openLinks: number;
  readonly ports: Readonly<Record<string, PortTally>>;
  readonly counts: Readonly<Record<string, number>>;
  /** How often a server did what it must not, and the first few times in words. */
  readonly violations: number;
  readonly violationTexts: readonly string[];
}

/** From the main process to a server or load process. */
export type Order =
  | { readonly order: "report" }
  /** Load: tell when each user has been in the world of the game server with this port. */
  | { readonly order: "tell-everyone-in"; readonly gamePort: number }
  /** Load: let every user end in good order. */
  | { readonly order: "end" };

/** From a server or load process to the main process. */
export type News =
  | { readonly news: "listening"; readonly userPort: number; readonly linkPort: number }
  | { readonly news: "report"; readonly report: ServerReport | LoadReport }
  | { readonly news: "everyone-in"; readonly gamePort: number }
  | { readonly news: "everyone-gone" };

/** Counts one more. */
export function countOf(counts: Record<string, number>, name: string, more: number = 1): void {
  counts[name] = (counts[name] ?? 0) + more;
}
