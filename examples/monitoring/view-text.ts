/**
 * What the two views have in common: an interface to show events on, and the words for them. Pure.
 */
// In a project of your own: from "lanwire".
import { figureOf, type MonitorEvent, type ServerView } from "../../src/index.ts";

/** Shows what happens, on a terminal or in lines. */
export interface View {
  /** The monitor has just told this event. */
  show(event: MonitorEvent): void;
  /** A line that is no event. */
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** Of all figures those that a terminal has room for; the page has them all. */
export const SHOWN_TYPES: readonly number[] = [100, 101, 104, 110, 113, 114, 116, 34, 15, 40, 41, 42, 43, 44];

/** The line for an event; undefined for values, which are shown with others. */
export function describeEvent(event: MonitorEvent): string | undefined {
  switch (event.kind) {
    case "joined":
      return `${event.server.name} joined from ${event.server.address}`;
    case "left": {
      const { name, address, state } = event.server;
      return `${name} left (${address}): ${state.at === "down" ? state.reason : ""}`;
    }
    case "values":
    case "snapshot":
      return undefined;
  }
}

/** The latest values of a server in one line. */
export function figureLine({ name, values }: ServerView): string {
  const parts = shownOf(values).map(([type, value]) => `${figureName(type)} ${formatValue(type, value)}`);
  return `${name}: ${parts.join(", ")}`;
}

/** Those that are shown, in their order. */
export function shownOf(values: ServerView["values"]): ServerView["values"] {
  const shown = values.filter(([type]) => SHOWN_TYPES.includes(type));
  return shown.sort(([a], [b]) => SHOWN_TYPES.indexOf(a) - SHOWN_TYPES.indexOf(b));
}

/** What it belongs to, and what it is. */
export function figureName(type: number): string {
  const { group, name } = figureOf(type);
  return `${group} ${name}`;
}

/** In its unit, with what digits say something. */
export function formatValue(type: number, value: number): string {
  const { unit, scale } = figureOf(type);
  const scaled = value / scale;
  const text = Math.abs(scaled) >= 100 ? scaled.toFixed(0) : `${Number(scaled.toFixed(1))}`;
  return unit ? `${text} ${unit}` : text;
}

/** Local time of day. */
export function clockTime(epochMs: number): string {
  return new Date(epochMs).toTimeString().slice(0, 8);
}

/** How long something has lasted, in the unit that fits. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** One line without control characters: text that came from elsewhere must not move the cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ").trim();
}
