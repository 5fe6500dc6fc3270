/**
 * What `top` knows of the servers: the last of each figure, kept up with a monitor's events, and read as the few
 * meanings that the table has columns for.
 *
 *     snapshot --> all servers anew      joined, left --> one server      values --> figures of some
 *
 * A figure is found by its group and name in the monitor's own table, so servers of other systems fill the same columns
 * where they tell the same. Values are in base units: cores, bytes, seconds.
 */
import type { FigureView, MonitorEvent, ServerView } from "../monitor/api.ts";

/** What a column shows, by the name that figures have. */
export type Meaning = "CPU" | "memory" | "sessions" | LinkMeaning | "loop delay p99";
type LinkMeaning = "packets in" | "packets out" | "bytes in" | "bytes out" | "queued";

export interface Reading {
  readonly value: number;
  /** Above the figure's `redAbove`. */
  readonly isRed: boolean;
}

/** What tells of links, in the order of the rows. */
export const LINK_GROUPS = ["LanServer", "NetServer", "LanClient", "NetClient"] as const;
export type LinkGroup = (typeof LINK_GROUPS)[number];
const FOREIGN_GROUPS = ["login server", "game server", "chat server"];

export interface Server {
  view: ServerView;
  readonly values: Map<number, number>;
}

export class Servers {
  readonly #servers = new Map<number, Server>();
  /** Data types by group and name. */
  #figures = new Map<string, FigureView>();
  /** When the monitor told something last, by our clock; 0 for never. */
  toldAtMs = 0;
  /** How far its clock is ahead of ours. */
  #aheadMs = 0;

  get all(): Server[] {
    return [...this.#servers.values()];
  }

  setFigures(figures: readonly FigureView[]): void {
    this.#figures = new Map(figures.map((figure) => [keyOf(figure.group, figure.name), figure]));
  }

  /** What time it is for the monitor: its times are told by its clock, which may be another machine's. */
  monitorsMs(nowMs: number): number {
    return nowMs + this.#aheadMs;
  }

  /** @param nowMs - our clock */
  apply(event: MonitorEvent, nowMs: number): void {
    if ("atMs" in event) {
      this.toldAtMs = nowMs;
      this.#aheadMs = event.atMs - nowMs;
    }
    switch (event.kind) {
      case "snapshot":
        this.#servers.clear();
        for (const view of event.servers) this.#put(view);
        return;
      case "joined":
      case "left":
        this.#put(event.server);
        return;
      case "values":
        for (const [serverNo, type, value] of event.values)
          this.#servers.get(serverNo)?.values.set(type, value);
        return;
    }
  }

  /** A column's value; undefined where the server is down or does not tell. */
  read(server: Server, meaning: Meaning): Reading | undefined {
    if (server.view.state.at === "down") return undefined;
    if (meaning === "CPU" || meaning === "memory" || meaning === "loop delay p99")
      return this.#first(server, ["process", ...FOREIGN_GROUPS], meaning);
    const links = LINK_GROUPS.map((group) => this.readLink(server, group, meaning));
    const told = links.filter((each) => each !== undefined);
    if (told.length === 0) return this.#first(server, FOREIGN_GROUPS, meaning);
    return { value: told.reduce((sum, { value }) => sum + value, 0), isRed: told.some(({ isRed }) => isRed) };
  }

  /** The same of one class's links. */
  readLink(server: Server, group: LinkGroup, meaning: Meaning): Reading | undefined {
    return server.view.state.at === "down" ? undefined : this.#figure(server, group, meaning);
  }

  #put(view: ServerView): void {
    this.#servers.set(view.serverNo, {
      view,
      values: new Map(view.values.map(([type, value]) => [type, value])),
    });
  }

  #first(server: Server, groups: readonly string[], meaning: Meaning): Reading | undefined {
    for (const group of groups) {
      const reading = this.#figure(server, group, meaning);
      if (reading !== undefined) return reading;
    }
    return undefined;
  }

  #figure(server: Server, group: string, name: string): Reading | undefined {
    const figure = this.#figures.get(keyOf(group, name));
    const value = figure === undefined ? undefined : server.values.get(figure.type);
    if (figure === undefined || value === undefined) return undefined;
    const isRed = figure.redAbove !== undefined && value > figure.redAbove;
    return { value: value / figure.metricScale, isRed };
  }
}

function keyOf(group: string, name: string): string {
  return `${group}/${name}`;
}
