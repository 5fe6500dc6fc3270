/**
 * What the views show: one row per agent, made from the server's events, with a short history of each figure.
 *
 * Invariant: a row belongs to the newest session of its agent. What an older session still says is ignored.
 * Bounded: `HISTORY` values per figure; with `ROWS_MAX` rows, the one that left first makes room.
 */
import type { AgentLink, MonitorEvent } from "./monitoring-server.ts";
import type { Update } from "./protocol.ts";

/** Values kept per figure: one a second, so the last minute. */
export const HISTORY = 60;
/** Agents shown, those that left included. */
export const ROWS_MAX = 64;

export interface AgentRow {
  readonly agent: AgentLink;
  readonly state: AgentState;
  /** Per data type, in its order; the oldest value first, never empty. */
  readonly figures: ReadonlyMap<number, readonly number[]>;
  /** When the last figure came; undefined before the first one of this session. */
  readonly figureAtMs: number | undefined;
}

export type AgentState =
  | { readonly at: "joined"; readonly sinceMs: number }
  | { readonly at: "left"; readonly sinceMs: number; readonly reason: string };

export class Board {
  readonly #rows = new Map<number, AgentRow>();

  /** By server number. */
  rows(): AgentRow[] {
    return [...this.#rows.values()].sort((a, b) => a.agent.serverNo - b.agent.serverNo);
  }

  row(serverNo: number): AgentRow | undefined {
    return this.#rows.get(serverNo);
  }

  apply(event: MonitorEvent): void {
    switch (event.type) {
      case "joined": {
        const { serverNo } = event.agent;
        const figures = this.#rows.get(serverNo)?.figures ?? new Map();
        const state = { at: "joined", sinceMs: event.atMs } as const;
        this.#makeRoom(serverNo);
        this.#rows.set(serverNo, { agent: event.agent, state, figures, figureAtMs: undefined });
        break;
      }
      case "figure": {
        const row = this.#current(event.agent);
        if (row === undefined) break;
        const figures = withValue(row.figures, event.update);
        this.#rows.set(event.agent.serverNo, { ...row, figures, figureAtMs: event.atMs });
        break;
      }
      case "left": {
        const row = this.#current(event.agent);
        if (row === undefined) break;
        const state = { at: "left", sinceMs: event.atMs, reason: event.reason } as const;
        this.#rows.set(event.agent.serverNo, { ...row, state });
        break;
      }
      case "refused":
      case "replaced":
      case "stranger-left":
      case "error":
        break;
    }
  }

  #current(agent: AgentLink): AgentRow | undefined {
    const row = this.#rows.get(agent.serverNo);
    return row?.agent.sessionId === agent.sessionId ? row : undefined;
  }

  #makeRoom(serverNo: number): void {
    if (this.#rows.size < ROWS_MAX || this.#rows.has(serverNo)) return;
    const gone = this.rows().filter((row) => row.state.at === "left");
    gone.sort((a, b) => a.state.sinceMs - b.state.sinceMs);
    const first = gone[0];
    if (first !== undefined) this.#rows.delete(first.agent.serverNo);
  }
}

function withValue(figures: AgentRow["figures"], { dataType, value }: Update): AgentRow["figures"] {
  const history = [...(figures.get(dataType) ?? []), value].slice(-HISTORY);
  return new Map([...figures, [dataType, history] as const].sort(([a], [b]) => a - b));
}
