/** Reads `/api/history?server=&type=&from=&to=`: each parameter once, nothing else, and a refusal names which. */
import type { HistoryQuery } from "../api.ts";

/** What is wrong with a query, and with which of its parameters. */
export interface BadQuery {
  readonly error: string;
  readonly parameter: string;
}

const INT32_MAX = 2 ** 31 - 1;
/** The last moment that a Date can hold. */
const TIME_MS_MAX = 8.64e15;

/** Whole numbers, and where they may be. */
const PARAMETERS: Readonly<Record<string, readonly [min: number, max: number]>> = {
  server: [-INT32_MAX - 1, INT32_MAX],
  type: [0, 255],
  from: [0, TIME_MS_MAX],
  to: [0, TIME_MS_MAX],
};

export function readHistoryQuery(query: URLSearchParams): HistoryQuery | BadQuery {
  for (const parameter of query.keys()) {
    if (!Object.hasOwn(PARAMETERS, parameter)) return { error: "no such parameter", parameter };
  }
  const read: Record<string, number> = {};
  for (const [parameter, [min, max]] of Object.entries(PARAMETERS)) {
    const [text, second] = query.getAll(parameter);
    if (text === undefined) return { error: "is missing", parameter };
    if (second !== undefined) return { error: "is given twice", parameter };
    const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      return { error: `must be a whole number from ${min} to ${max}`, parameter };
    }
    read[parameter] = value;
  }
  const { server, type, from, to } = read as Record<"server" | "type" | "from" | "to", number>;
  if (from >= to) return { error: "must be before to", parameter: "from" };
  return { serverNo: server, type, fromMs: from, toMs: to };
}
