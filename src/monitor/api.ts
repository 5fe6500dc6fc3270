/**
 * What a monitor tells over HTTP, as JSON: the page, `lanwire top` and whoever else asks read these.
 *
 *     GET /api/servers                            ServerView[]
 *     GET /api/figures                            FigureView[]: the table, so that the page needs no copy of it
 *     GET /api/history?server=&type=&from=&to=    Series: epoch milliseconds, by the second within the last hour,
 *                                                 else by the minute; thinned to at most POINTS_MAX
 *     GET /api/events                             server-sent events, named as MonitorEvent's `kind`
 *     GET /metrics                                Prometheus text
 *
 * Times are epoch milliseconds; values are the wire's, to be divided by the figure's `scale`.
 */

import type { Figure } from "./figures.ts";

/** The most points of one answer. */
export const POINTS_MAX = 2000;

export interface ServerView {
  readonly serverNo: number;
  /** Given to the monitor by its options, else "server 7". */
  readonly name: string;
  readonly address: string;
  readonly state:
    | { readonly at: "up"; readonly sinceMs: number }
    | { readonly at: "down"; readonly sinceMs: number; readonly reason: string };
  /** How often it joined. */
  readonly joins: number;
  /** The last value of each figure: type, value, when. */
  readonly values: readonly (readonly [type: number, value: number, atMs: number])[];
}

export type MonitorEvent =
  /** First on each stream. */
  | { readonly kind: "snapshot"; readonly atMs: number; readonly servers: readonly ServerView[] }
  | { readonly kind: "joined" | "left"; readonly server: ServerView }
  /** Once a second, everything that came since the last: server, type, value, when. */
  | {
      readonly kind: "values";
      readonly atMs: number;
      readonly values: readonly (readonly [serverNo: number, type: number, value: number, atMs: number])[];
    };

export interface Series {
  readonly serverNo: number;
  readonly type: number;
  /** How much time one point stands for. */
  readonly stepMs: number;
  /** In order of time; where nothing was reported there is no point. */
  readonly points: readonly (readonly [atMs: number, min: number, average: number, max: number])[];
}

export interface FigureView extends Figure {
  /** Above this, in the wire's values, a tile is red; the page lets its reader choose another. */
  readonly redAbove?: number;
}

export interface HistoryQuery {
  readonly serverNo: number;
  readonly type: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What stands behind the page and the API: the monitor itself, or a made-up one in tests. */
export interface MonitorSource {
  figures(): readonly FigureView[];
  servers(): readonly ServerView[];
  history(query: HistoryQuery): Series;
  /** Prometheus text, format 0.0.4. */
  metrics(): string;
  /** Tells what happens from now on, never from inside this call; returns how to end that. */
  subscribe(listener: (event: MonitorEvent) => void): () => void;
}
