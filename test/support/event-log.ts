/** The test's side of a fixture: what it has told so far, and waiting for what it will tell. */
import type { EventName, EventRecord } from "./script.ts";

/** Which records are meant. */
export interface Where {
  readonly sessionId?: number | undefined;
  /** The nth that matches, from 1. Default 1. */
  readonly nth?: number;
}

interface Waiting {
  readonly matches: (record: EventRecord) => boolean;
  /** How many more must come, this one included. */
  left: number;
  readonly found: (record: EventRecord) => void;
}

export class EventLog {
  readonly records: EventRecord[] = [];
  /** The records of each run: of what came between two starts. */
  readonly runs: EventRecord[][] = [[]];
  #waiting: Waiting[] = [];

  /** Begins a run. */
  begin(): void {
    this.runs.push([]);
  }

  push(record: EventRecord): void {
    this.records.push(record);
    this.runs.at(-1)?.push(record);
    this.#waiting = this.#waiting.filter((waiting) => {
      if (waiting.matches(record)) waiting.left--;
      if (waiting.left === 0) waiting.found(record);
      return waiting.left > 0;
    });
  }

  /** Those told so far, in order. */
  of(event: EventName, where: Where = {}): EventRecord[] {
    return this.records.filter(matcher(event, where));
  }

  /** Resolves with a record once it is told; at once where it was told before. */
  next(event: EventName, where: Where = {}): Promise<EventRecord> {
    const { nth = 1 } = where;
    const told = this.of(event, where);
    const match = told[nth - 1];
    if (match !== undefined) return Promise.resolve(match);
    const matches = matcher(event, where);
    return new Promise((found) => this.#waiting.push({ matches, left: nth - told.length, found }));
  }

  /** The names of the events told so far, in order; writes left out: they are as many as the kernel likes. */
  names({ sessionId }: Where = {}): EventName[] {
    const records = this.records.filter(
      (record) => sessionId === undefined || record.sessionId === sessionId,
    );
    return records.map(({ event }) => event).filter((event) => event !== "send");
  }

  /** The contents received so far, in order. */
  received(where: Where = {}): Uint8Array[] {
    return this.of("recv", where).map(({ bytes }) => bytes ?? new Uint8Array(0));
  }

  /** One line per record, the last ones, for a test that failed. */
  summary(): string {
    const lines = this.records.slice(-30).map((record) => {
      const { event, atMs, sessionId, leave, error, bytes, size } = record;
      const details = leave ?? error?.code ?? bytes?.length ?? size ?? "";
      const told = typeof details === "object" ? JSON.stringify(details) : details;
      return `${atMs.toFixed(1)} ${event} ${sessionId ?? ""} ${told}`;
    });
    return lines.join("\n");
  }
}

function matcher(event: EventName, { sessionId }: Where): (record: EventRecord) => boolean {
  return (record) => record.event === event && (sessionId === undefined || record.sessionId === sessionId);
}
