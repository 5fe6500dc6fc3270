/**
 * One picture of the table, as lines. Pure: no terminal, no clock, no escape sequences.
 *
 *     lanwire monitoring  127.0.0.1:40123  14:03:22  Ctrl-C ends
 *     <heading ...>
 *
 *     server-1  127.0.0.1:53514  joined 14:03:10 (12 s)
 *       chat CPU                1 %  ▁▁▂▁█▁▁▁
 *       ...
 *
 *     14:03:10 server-1 joined from 127.0.0.1:53514
 *
 * Invariant: at most `rows` lines of at most `columns` characters, so a frame neither wraps nor scrolls.
 */
import type { AgentRow } from "./board.ts";
import { describeDataType } from "./data-types.ts";
import { agentName, clockTime, duration, formatValue } from "./view-text.ts";

export interface Frame {
  readonly address: string;
  /** Lines between the title and the agents. */
  readonly heading: readonly string[];
  readonly agents: readonly AgentRow[];
  /** What happened, the newest last. Gets the room that the agents leave. */
  readonly log: readonly string[];
  readonly nowMs: number;
}

export interface FrameLine {
  readonly text: string;
  readonly look: "title" | "joined" | "left" | "figure" | "faded";
}

export function renderFrame(frame: Frame, columns: number, rows: number): FrameLine[] {
  const lines: FrameLine[] = [
    { look: "title", text: `lanwire monitoring  ${frame.address}  ${clockTime(frame.nowMs)}  Ctrl-C ends` },
    ...frame.heading.map((text) => ({ look: "faded", text }) as const),
    ...frame.agents.flatMap((agent) => agentLines(agent, columns, frame.nowMs)),
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
/** An agent reports each second; this long without a figure is worth telling. */
const SILENT_MS = 3000;
const NAME_COLUMNS = 22;
const VALUE_COLUMNS = 12;

function agentLines(row: AgentRow, columns: number, nowMs: number): FrameLine[] {
  const head = `${agentName(row.agent)}  ${row.agent.address}  ${describeState(row, nowMs)}`;
  const lines: FrameLine[] = [
    { look: "faded", text: "" },
    { look: row.state.at, text: head },
  ];
  for (const [dataType, history] of row.figures) {
    const name = describeDataType(dataType)?.name ?? `figure ${dataType}`;
    const value = formatValue(dataType, history.at(-1) ?? 0);
    const label = `  ${name.padEnd(NAME_COLUMNS)}${value.padStart(VALUE_COLUMNS)}  `;
    const text = label + sparkline(history, columns - label.length);
    lines.push({ look: row.state.at === "joined" ? "figure" : "faded", text });
  }
  return lines;
}

function describeState({ state, figureAtMs }: AgentRow, nowMs: number): string {
  const since = `${clockTime(state.sinceMs)} (${duration(nowMs - state.sinceMs)})`;
  if (state.at === "left") return `left ${since}: ${state.reason}`;
  const silentMs = nowMs - (figureAtMs ?? state.sinceMs);
  return silentMs > SILENT_MS ? `joined ${since}, silent for ${duration(silentMs)}` : `joined ${since}`;
}
