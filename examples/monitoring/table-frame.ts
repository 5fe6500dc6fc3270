/**
 * One picture of the table, as lines. Pure: no terminal, no clock, no escape sequences.
 *
 *     lanwire monitor  127.0.0.1:40123  14:03:22  Ctrl-C ends
 *     <heading ...>
 *
 *     chat  127.0.0.1:53514  up since 14:03:10 (12 s)
 *       process CPU              1.2 %  ▁▁▂▁█▁▁▁
 *       ...
 *
 *     14:03:10 chat joined from 127.0.0.1:53514
 *
 * Invariant: at most `rows` lines of at most `columns` characters, so a frame neither wraps nor scrolls.
 */
// In a project of your own: from "lanwire".
import type { ServerView } from "../../src/index.ts";
import { clockTime, duration, figureName, formatValue, shownOf } from "./view-text.ts";

/** A server, and the last minute of each of its figures: the oldest value first. */
export interface ServerRow {
  readonly server: ServerView;
  readonly histories: ReadonlyMap<number, readonly number[]>;
}

export interface Frame {
  readonly address: string;
  /** Lines between the title and the servers. */
  readonly heading: readonly string[];
  readonly servers: readonly ServerRow[];
  /** What happened, the newest last. Gets the room that the servers leave. */
  readonly log: readonly string[];
  readonly nowMs: number;
}

export interface FrameLine {
  readonly text: string;
  readonly look: "title" | "up" | "down" | "figure" | "faded";
}

export function renderFrame(frame: Frame, columns: number, rows: number): FrameLine[] {
  const lines: FrameLine[] = [
    { look: "title", text: `lanwire monitor  ${frame.address}  ${clockTime(frame.nowMs)}  Ctrl-C ends` },
    ...frame.heading.map((text) => ({ look: "faded", text }) as const),
    ...frame.servers.flatMap((row) => serverLines(row, columns, frame.nowMs)),
  ];
  if (lines.length > rows) {
    const hidden = lines.length - rows + 1;
    lines.splice(rows - 1, lines.length, {
      look: "faded",
      text: `... ${hidden} more lines in a taller window`,
    });
  }
  const room = Math.min(LOG_LINES, rows - lines.length - 1);
  if (room > 0 && frame.log.length > 0) {
    lines.push({ look: "faded", text: "" });
    lines.push(...frame.log.slice(-room).map((text) => ({ look: "faded", text }) as const));
  }
  return lines.map(({ look, text }) => ({ look, text: fit(text, columns) }));
}

/** Bars for the last `width` values, zero-based; the highest value of them is a full bar. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = width > 0 ? values.slice(-width) : [];
  const top = Math.max(...shown, 1);
  return shown.map((value) => BARS[Math.round((Math.max(0, value) / top) * (BARS.length - 1))]).join("");
}

/** `text` in at most `columns` characters; what is cut off ends in an ellipsis. */
export function fit(text: string, columns: number): string {
  const characters = [...text];
  if (characters.length <= columns) return text;
  return columns > 0 ? `${characters.slice(0, columns - 1).join("")}…` : "";
}

const BARS = [..."▁▂▃▄▅▆▇█"];
const LOG_LINES = 8;
/** A server reports each second; this long without a figure is worth telling. */
const SILENT_MS = 3000;
const NAME_COLUMNS = 24;
const VALUE_COLUMNS = 12;

function serverLines({ server, histories }: ServerRow, columns: number, nowMs: number): FrameLine[] {
  const { name, address, state, values } = server;
  const lines: FrameLine[] = [
    { look: "faded", text: "" },
    { look: state.at, text: `${name}  ${address}  ${describeState(server, nowMs)}` },
  ];
  for (const [type, value] of shownOf(values)) {
    const label = `  ${figureName(type).padEnd(NAME_COLUMNS)}${formatValue(type, value).padStart(VALUE_COLUMNS)}  `;
    const text = label + sparkline(histories.get(type) ?? [], columns - label.length);
    lines.push({ look: state.at === "up" ? "figure" : "faded", text });
  }
  return lines;
}

function describeState({ state, values }: ServerView, nowMs: number): string {
  const since = `${clockTime(state.sinceMs)} (${duration(nowMs - state.sinceMs)})`;
  if (state.at === "down") return `down since ${since}: ${state.reason}`;
  const lastMs = values.reduce((latest, [, , atMs]) => Math.max(latest, atMs), state.sinceMs);
  const silentMs = nowMs - lastMs;
  return silentMs > SILENT_MS ? `up since ${since}, silent for ${duration(silentMs)}` : `up since ${since}`;
}
