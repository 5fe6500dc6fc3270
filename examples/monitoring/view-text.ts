/**
 * What the two views have in common: an interface to show events on, and the words for them. Pure.
 */
import type { AgentRow } from "./board.ts";
import { describeDataType } from "./data-types.ts";
import type { AgentLink, MonitorEvent } from "./monitoring-server.ts";

/** Shows what happens, on a terminal or in lines. */
export interface View {
  /** The board has just taken this event. */
  show(event: MonitorEvent): void;
  /** A line that does not come from the server. */
  note(text: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** The line for an event; undefined for a figure, which is shown with others. */
export function describeEvent(event: MonitorEvent): string | undefined {
  switch (event.type) {
    case "joined":
      return `${agentName(event.agent)} joined from ${event.agent.address}`;
    case "left":
      return `${agentName(event.agent)} left (${event.agent.address}): ${event.reason}`;
    case "refused":
      return `${event.address} is disconnected: ${event.why}`;
    case "replaced":
      return `server-${event.serverNo} logs in again: its older session is disconnected`;
    case "stranger-left":
      return `${event.address} left before its login: ${event.reason}`;
    case "error":
      return `error ${event.text}`;
    case "figure":
      return undefined;
  }
}

export function agentName({ serverNo }: AgentLink): string {
  return `server-${serverNo}`;
}

/** The latest values of an agent in one line. */
export function figureLine({ agent, figures }: AgentRow): string {
  const parts = [...figures].map(([dataType, history]) => {
    const name = describeDataType(dataType)?.name ?? `figure ${dataType}`;
    return `${name} ${formatValue(dataType, history.at(-1) ?? 0)}`;
  });
  return `${agentName(agent)} ${parts.join(", ")}`;
}

export function formatValue(dataType: number, value: number): string {
  const unit = describeDataType(dataType)?.unit;
  return unit ? `${value} ${unit}` : `${value}`;
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
