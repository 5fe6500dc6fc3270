/**
 * What is known of each server: up or down, since when, why it left, how often it joined, the last value of each figure.
 *
 *     (unknown) --join--> up --leave--> down --join--> up ...          a join while up replaces the session
 *
 * Bounded: `serversMax` servers, those that are down included; the one that is down for longest makes room for a new
 * one, and where all are up there is none. A data type is a byte, so a server has 256 figures at most.
 */
import type { ServerView } from "./api.ts";

interface Row {
  readonly serverNo: number;
  readonly name: string;
  address: string;
  state: ServerView["state"];
  joins: number;
  readonly values: Map<number, { value: number; atMs: number }>;
}

/** A figure that came since the last `takeFresh`. */
export type FreshValue = readonly [serverNo: number, type: number, value: number, atMs: number];

export class Board {
  readonly #names: ReadonlyMap<number, string>;
  readonly #serversMax: number;
  readonly #rows = new Map<number, Row>();
  /** The newest of each figure, by server and type: what many reports in one second cost is bounded too. */
  #fresh = new Map<number, Set<number>>();

  constructor(names: ReadonlyMap<number, string>, serversMax: number) {
    this.#names = names;
    this.#serversMax = serversMax;
  }

  /** @returns the server as it is now, with the one that made room for it; undefined where there is no room. */
  join(serverNo: number, address: string, atMs: number): { server: ServerView; gone?: number } | undefined {
    const known = this.#rows.get(serverNo);
    const gone = known === undefined ? this.#makeRoom() : undefined;
    if (gone === "none") return undefined;
    const row: Row = known ?? {
      serverNo,
      name: this.#names.get(serverNo) ?? `server ${serverNo}`,
      address,
      state: { at: "up", sinceMs: atMs },
      joins: 0,
      values: new Map(),
    };
    row.address = address;
    row.state = { at: "up", sinceMs: atMs };
    row.joins++;
    this.#rows.set(serverNo, row);
    return { server: viewOf(row), ...(gone === undefined ? {} : { gone }) };
  }

  leave(serverNo: number, reason: string, atMs: number): ServerView | undefined {
    const row = this.#rows.get(serverNo);
    if (row === undefined) return undefined;
    row.state = { at: "down", sinceMs: atMs, reason };
    return viewOf(row);
  }

  report(serverNo: number, type: number, value: number, atMs: number): void {
    const row = this.#rows.get(serverNo);
    if (row === undefined) return;
    const last = row.values.get(type);
    if (last === undefined) row.values.set(type, { value, atMs });
    else {
      last.value = value;
      last.atMs = atMs;
    }
    let types = this.#fresh.get(serverNo);
    if (types === undefined) {
      types = new Set();
      this.#fresh.set(serverNo, types);
    }
    types.add(type);
  }

  /** What came since the last call: the newest value of each figure. */
  takeFresh(): FreshValue[] {
    const fresh = this.#fresh;
    this.#fresh = new Map();
    const taken: FreshValue[] = [];
    for (const [serverNo, types] of fresh) {
      const values = this.#rows.get(serverNo)?.values;
      for (const type of types) {
        const last = values?.get(type);
        if (last !== undefined) taken.push([serverNo, type, last.value, last.atMs]);
      }
    }
    return taken;
  }

  /** By server number. */
  views(): ServerView[] {
    return [...this.#rows.values()].sort((a, b) => a.serverNo - b.serverNo).map(viewOf);
  }

  /** @returns who made room, undefined where there was some, "none" where everybody is up. */
  #makeRoom(): number | undefined | "none" {
    if (this.#rows.size < this.#serversMax) return undefined;
    let first: Row | undefined;
    for (const row of this.#rows.values()) {
      if (row.state.at === "down" && (first === undefined || row.state.sinceMs < first.state.sinceMs))
        first = row;
    }
    if (first === undefined) return "none";
    this.#rows.delete(first.serverNo);
    return first.serverNo;
  }
}

function viewOf({ serverNo, name, address, state, joins, values }: Row): ServerView {
  const listed = [...values].sort(([a], [b]) => a - b);
  return {
    serverNo,
    name,
    address,
    state,
    joins,
    values: listed.map(([type, { value, atMs }]) => [type, value, atMs] as const),
  };
}
