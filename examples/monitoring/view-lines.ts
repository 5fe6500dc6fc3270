/**
 * The view without a terminal: a line per join and leave as it happens, and one line of figures per server and second.
 */
// In a project of your own: from "lanwire".
import type { MonitorEvent, MonitorSource } from "../../src/index.ts";
import { clockTime, describeEvent, figureLine, printable, type View } from "./view-text.ts";

export class LinesView implements View {
  readonly #source: Pick<MonitorSource, "servers">;
  readonly #print: (line: string) => void;

  constructor(source: Pick<MonitorSource, "servers">, print: (line: string) => void) {
    this.#source = source;
    this.#print = print;
  }

  show(event: MonitorEvent): void {
    const text = describeEvent(event);
    if (text !== undefined) this.note(text);
    if (event.kind !== "values") return;
    const fresh = new Set(event.values.map(([serverNo]) => serverNo));
    for (const server of this.#source.servers())
      if (fresh.has(server.serverNo) && server.state.at === "up") this.note(figureLine(server));
  }

  note(text: string): void {
    this.#print(`${clockTime(Date.now())} ${printable(text)}`);
  }

  close(): void {}
}
