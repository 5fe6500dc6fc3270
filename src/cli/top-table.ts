/**
 * The table of `top`: servers as rows, sorted, in as many columns as the width has room for; and the same as one line of
 * name=value for each server, where nobody looks.
 *
 *     SERVER  STATE       CPU%  MEM  SESS  PKT IN  PKT OUT  IN/s  OUT/s  QUEUED  DELAY
 *     login   up 3h 5m     1.2  48M    12     120      118   12K    11K       0  1.2ms
 *       LanServer                       2     100       99    9K     8K       0             with `l`
 *
 * Functions of their arguments alone: no clock, no terminal.
 */
import { fit, plain, shortBytes, shortCount, shortSpan, widthOf } from "./columns.ts";
import { LINK_GROUPS, type LinkGroup, type Meaning, type Server, type Servers } from "./top-servers.ts";

interface Column {
  readonly name: SortKey;
  /** The key that sorts by it. */
  readonly key: string;
  readonly title: string;
  readonly meaning?: Meaning;
  readonly show?: (value: number) => string;
  /** What name=value calls it, and what its base unit is multiplied with there. */
  readonly label?: readonly [name: string, factor: number];
  /** The higher, the earlier it gives way where the width is small. */
  readonly givesWay: number;
}

export type SortKey = (typeof SORT_KEYS)[number];
export const SORT_KEYS = [
  "name",
  "state",
  "cpu",
  "memory",
  "sessions",
  "packets-in",
  "packets-out",
  "bytes-in",
  "bytes-out",
  "queued",
  "delay",
] as const;

const percent = (cores: number): string => (cores * 100).toFixed(1);
const millis = (seconds: number): string => `${(seconds * 1000).toFixed(1)}ms`;

export const COLUMNS: readonly Column[] = [
  { name: "name", key: "n", title: "SERVER", givesWay: 0 },
  { name: "state", key: "t", title: "STATE", givesWay: 0 },
  number("cpu", "c", "CPU%", "CPU", percent, ["cpu_percent", 100], 1),
  number("memory", "m", "MEM", "memory", shortBytes, ["memory_bytes", 1], 2),
  number("sessions", "s", "SESS", "sessions", shortCount, ["sessions", 1], 3),
  number("packets-in", "i", "PKT IN", "packets in", shortCount, ["packets_in_per_second", 1], 4),
  number("packets-out", "o", "PKT OUT", "packets out", shortCount, ["packets_out_per_second", 1], 5),
  number("bytes-in", "b", "IN/s", "bytes in", shortBytes, ["bytes_in_per_second", 1], 7),
  number("bytes-out", "w", "OUT/s", "bytes out", shortBytes, ["bytes_out_per_second", 1], 8),
  number("queued", "u", "QUEUED", "queued", shortBytes, ["queued_bytes", 1], 9),
  number("delay", "d", "DELAY", "loop delay p99", millis, ["loop_delay_p99_ms", 1000], 6),
];

function number(
  name: SortKey,
  key: string,
  title: string,
  meaning: Meaning,
  show: (value: number) => string,
  label: readonly [string, number],
  givesWay: number,
): Column {
  return { name, key, title, meaning, show, label, givesWay };
}

export interface View {
  readonly sort: SortKey;
  readonly reversed: boolean;
  /** Whether each server's links have rows of their own, by class. */
  readonly links: boolean;
  /** Columns and rows that there are; Infinity for as many as needed. */
  readonly width: number;
  readonly height: number;
  readonly nowMs: number;
}

/** How a cell looks; the table itself knows no colours. */
export type Paint = (text: string, as: "head" | "up" | "down" | "red" | "faint") => string;

interface Cell {
  readonly text: string;
  readonly as?: "up" | "down" | "red" | "faint";
}

const GAP = 2;
/** Names and states are cut to this where the width is small. */
const TEXT_MIN = 12;

/** Lines of at most `width` columns, at most `height` of them. */
export function tableLines(servers: Servers, view: View, paint: Paint): string[] {
  const rows: Cell[][] = [];
  for (const server of sorted(servers, view)) {
    rows.push(COLUMNS.map((column) => cellOf(servers, server, column, view.nowMs)));
    if (!view.links) continue;
    for (const group of LINK_GROUPS) {
      const row = COLUMNS.map((column) => linkCellOf(servers, server, column, group));
      if (row.some(({ text }, i) => i > 0 && text !== "")) rows.push(row);
    }
  }
  const shown = rows.length < view.height ? rows : rows.slice(0, Math.max(0, view.height - 2));
  const widths = widthsFor(rows, view.width);
  const lines = [COLUMNS.map(({ title }): Cell => ({ text: title })), ...shown].map((row, line) =>
    row
      .map(({ text, as }, i) => {
        if (widths[i] === undefined) return "";
        const fitted = fit(text, widths[i], i < 2 ? "left" : "right");
        const cell = line === 0 ? paint(fitted, "head") : as === undefined ? fitted : paint(fitted, as);
        return i === 0 ? cell : " ".repeat(GAP) + cell;
      })
      .join("")
      .trimEnd(),
  );
  if (rows.length === 0) lines.push("no server has reported yet");
  if (shown.length < rows.length)
    lines.push(`${rows.length - shown.length} more rows; a higher window shows them`);
  return lines;
}

/** `server=1 name="login" state=up since=... cpu_percent=1.2 ...`; what a server does not tell is not there. */
export function serverLine(servers: Servers, server: Server, atMs: number): string {
  const { serverNo, name, state } = server.view;
  const parts = [
    new Date(atMs).toISOString(),
    `server=${serverNo}`,
    `name=${JSON.stringify(plain(name))}`,
    `state=${state.at}`,
    `since=${new Date(state.sinceMs).toISOString()}`,
  ];
  if (state.at === "down") parts.push(`reason=${JSON.stringify(plain(state.reason))}`);
  for (const { meaning, label } of COLUMNS) {
    const reading = meaning === undefined ? undefined : servers.read(server, meaning);
    if (reading !== undefined) parts.push(`${label![0]}=${Number((reading.value * label![1]).toFixed(3))}`);
  }
  return parts.join(" ");
}

function sorted(servers: Servers, { sort, reversed }: View): Server[] {
  const column = COLUMNS.find(({ name }) => name === sort)!;
  const { meaning } = column;
  const byName = (a: Server, b: Server): number =>
    a.view.name.localeCompare(b.view.name) || a.view.serverNo - b.view.serverNo;
  // Text from A on, figures from the greatest on; who is down, or does not tell, comes last.
  const compare = (a: Server, b: Server): number => {
    if (sort === "name") return byName(a, b);
    if (meaning === undefined)
      return a.view.state.at.localeCompare(b.view.state.at) || a.view.state.sinceMs - b.view.state.sinceMs;
    return (servers.read(b, meaning)?.value ?? -1) - (servers.read(a, meaning)?.value ?? -1);
  };
  const all = servers.all.sort((a, b) => compare(a, b) || byName(a, b));
  return reversed ? all.reverse() : all;
}

function cellOf(servers: Servers, server: Server, column: Column, nowMs: number): Cell {
  const { name, state } = server.view;
  if (column.name === "name") return { text: plain(name) };
  if (column.name === "state") {
    const span = shortSpan(nowMs - state.sinceMs);
    return state.at === "up"
      ? { text: `up ${span}`, as: "up" }
      : { text: `down ${span}: ${plain(state.reason)}`, as: "down" };
  }
  const reading = servers.read(server, column.meaning!);
  if (reading === undefined) return { text: "-", as: "faint" };
  return { text: column.show!(reading.value), ...(reading.isRed ? { as: "red" as const } : {}) };
}

function linkCellOf(servers: Servers, server: Server, column: Column, group: LinkGroup): Cell {
  if (column.name === "name") return { text: `  ${group}`, as: "faint" };
  const reading = column.meaning === undefined ? undefined : servers.readLink(server, group, column.meaning);
  return reading === undefined
    ? { text: "" }
    : { text: column.show!(reading.value), as: reading.isRed ? "red" : "faint" };
}

/** The width of each column, undefined for one that has to give way. */
function widthsFor(rows: readonly Cell[][], width: number): (number | undefined)[] {
  const widths: (number | undefined)[] = COLUMNS.map(({ title }, i) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[i]!.text))),
  );
  const overhang = (): number => {
    const shown = widths.filter((each) => each !== undefined);
    return shown.reduce((sum, each) => sum + each + GAP, -GAP) - width;
  };
  // First the long texts are cut, then whole columns go, then the texts are cut to what is left.
  for (const i of [1, 0])
    widths[i] = Math.max(Math.min(widths[i]!, TEXT_MIN), widths[i]! - Math.max(0, overhang()));
  const byWeight = COLUMNS.map((column, i) => ({ i, givesWay: column.givesWay })).filter(
    ({ givesWay }) => givesWay > 0,
  );
  for (const { i } of byWeight.sort((a, b) => b.givesWay - a.givesWay))
    if (overhang() > 0) widths[i] = undefined;
  for (const i of [1, 0]) widths[i] = Math.max(1, widths[i]! - Math.max(0, overhang()));
  return widths;
}
