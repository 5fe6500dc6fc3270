/**
 * `lanwire top`: the servers that report to a monitor and their links, as a table that is drawn anew each second; as lines
 * of name=value where stdout is no terminal; once, and no more, for scripts.
 *
 * Invariant: the screen that was there before comes back, with its cursor, however this ends.
 */

import type { Arguments, CommandSpec } from "./arguments.ts";
import { fit, shortSpan } from "./columns.ts";
import type { Command } from "./command.ts";
import { END_EXITS, EXIT, type OutsideEnd, UsageError } from "./exit.ts";
import { readTokenFile } from "./link-arguments.ts";
import type { Style, Terminal } from "./terminal.ts";
import { Feed } from "./top-feed.ts";
import { Servers } from "./top-servers.ts";
import {
  COLUMNS,
  type Paint,
  SORT_KEYS,
  type SortKey,
  serverLine,
  tableLines,
  type View,
} from "./top-table.ts";

const DEFAULT_URL = "http://127.0.0.1:7701";
const DRAW_MS = 1000;
/** Older than that, what is shown is said to be old: a monitor tells something each second. */
const OLD_MS = 5000;

const spec: CommandSpec = {
  name: "top",
  summary: "a live table of the servers that report to a monitor",
  usage: "[URL] [options]",
  about: `Shows what a monitor (lanwire monitor) knows: which servers are up, since when, why one left, and their figures. URL is the address of the monitor's page, ${DEFAULT_URL} unless said otherwise. On a terminal it is a table; otherwise a line for each server, each second. Keys: q ends; ${COLUMNS.map(({ name, key }) => `${key} ${name}`).join(", ")} sort; r turns the order round; l shows each server's links by class.`,
  options: [
    {
      heading: "Table",
      table: {
        sort: { value: "COLUMN", help: `${SORT_KEYS.join(", ")} (default name)` },
        links: { help: "a row for each server's LanServer, NetServer, LanClient and NetClient" },
        once: { help: "the table once, as it is now" },
        "token-file": { value: "FILE", help: "a file with the monitor's token, where it wants one" },
      },
    },
  ],
  positionalsMax: 1,
  examples: [
    { command: "lanwire top", does: "the monitor on this machine; q ends" },
    { command: "lanwire top --once --sort cpu", does: "one look, the busiest first" },
    {
      command: "lanwire top http://127.0.0.1:7701 | head -3",
      does: "three lines for a script, then it ends",
    },
  ],
};

export const top: Command = { spec, run };

async function run(args: Arguments, terminal: Terminal): Promise<number> {
  const url = readUrl(args.positionals[0] ?? DEFAULT_URL);
  const sort = args.choice("sort", SORT_KEYS) ?? "name";
  const token = readTokenFile(args);
  const servers = new Servers();
  const feed = new Feed(url, token, servers);
  try {
    const first = await Promise.race([feed.start(), terminal.told]);
    if (first !== undefined) return END_EXITS[first];
    const choice: Choice = { sort, reversed: false, links: args.has("links") };
    if (args.has("once")) return printOnce(servers, choice, terminal);
    const end = terminal.stdout.isTTY
      ? await showTable(servers, feed, url, choice, terminal)
      : await printLines(servers, feed, terminal);
    return end === "asked" ? EXIT.fine : END_EXITS[end];
  } finally {
    feed.stop();
  }
}

/** @throws UsageError */
function readUrl(text: string): URL {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError(`"${text}" is no URL such as ${DEFAULT_URL}`);
  return url;
}

interface Choice {
  sort: SortKey;
  reversed: boolean;
  links: boolean;
}

function printOnce(servers: Servers, choice: Choice, terminal: Terminal): number {
  const width = terminal.stdout.isTTY ? terminal.stdout.columns : Number.POSITIVE_INFINITY;
  const view: View = {
    ...choice,
    width,
    height: Number.POSITIVE_INFINITY,
    nowMs: servers.monitorsMs(Date.now()),
  };
  const lines = tableLines(servers, view, painter(terminal));
  void terminal.lines.write(Buffer.from(`${lines.join("\n")}\n`));
  return EXIT.fine;
}

/** A line for each server, each second. */
async function printLines(servers: Servers, feed: Feed, terminal: Terminal): Promise<OutsideEnd> {
  let wasLive = true;
  const print = (): void => {
    if (feed.state.at === "lost") {
      if (wasLive) terminal.problem(`the monitor is lost: ${feed.state.why}; trying again`);
      wasLive = false;
      return;
    }
    if (!wasLive) terminal.notice("the monitor is back");
    wasLive = true;
    if (terminal.lines.isFull) return; // a reader that does not read gets no lines, rather than old ones later
    const nowMs = Date.now();
    for (const server of servers.all) {
      void terminal.lines.write(Buffer.from(`${serverLine(servers, server, nowMs)}\n`));
    }
  };
  print();
  const timer = setInterval(print, DRAW_MS);
  const end = await terminal.told;
  clearInterval(timer);
  return end;
}

const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l";
const LEAVE_SCREEN = "\x1b[?25h\x1b[?1049l";

/** The table, until q or a signal. */
async function showTable(
  servers: Servers,
  feed: Feed,
  url: URL,
  choice: Choice,
  terminal: Terminal,
): Promise<OutsideEnd | "asked"> {
  const { stdin, stdout } = terminal;
  const asked = Promise.withResolvers<OutsideEnd | "asked">();
  const draw = (): void => {
    if (terminal.lines.isFull) return;
    const [width, height] = [stdout.columns || 80, stdout.rows || 24];
    const view: View = {
      ...choice,
      width,
      height: height - HEAD_LINES,
      nowMs: servers.monitorsMs(Date.now()),
    };
    const lines = [
      ...headLines(servers, feed, url, view, terminal),
      ...tableLines(servers, view, painter(terminal)),
    ];
    const text = lines.map((line) => `${line}\x1b[K`).join("\r\n");
    void terminal.lines.write(Buffer.from(`\x1b[H${text}\x1b[J`));
  };
  const onKeys = (keys: Buffer): void => {
    for (const key of keys.toString("latin1")) {
      if (key === "q") asked.resolve("asked");
      else if (key === "\x03")
        asked.resolve("SIGINT"); // a raw terminal tells Ctrl-C as a key
      else turn(choice, key);
    }
    draw();
  };
  terminal.change(() => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdout.write(LEAVE_SCREEN);
  });
  stdout.write(ENTER_SCREEN);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", onKeys);
  }
  stdout.on("resize", draw);
  draw();
  const timer = setInterval(draw, DRAW_MS);
  const end = await Promise.race([asked.promise, terminal.told]);
  clearInterval(timer);
  stdout.off("resize", draw);
  stdin.pause();
  await terminal.lines.end();
  terminal.restore();
  return end;
}

function turn(choice: Choice, key: string): void {
  const column = COLUMNS.find((each) => each.key === key);
  if (column !== undefined) choice.sort = column.name;
  else if (key === "r") choice.reversed = !choice.reversed;
  else if (key === "l") choice.links = !choice.links;
}

const HEAD_LINES = 3;

/** What is looked at, and how fresh it is; what the keys do; a blank line. */
function headLines(servers: Servers, feed: Feed, url: URL, view: View, terminal: Terminal): string[] {
  const all = servers.all;
  const up = all.filter(({ view: { state } }) => state.at === "up").length;
  const counts = `${all.length} servers: ${up} up, ${all.length - up} down`;
  const line = (text: string, style: Style): string =>
    terminal.styled(style, fit(text, view.width, "left").trimEnd(), terminal.stdout);
  // What matters most stands first: a narrow window cuts the rest.
  const head = `${counts}  sorted by ${view.sort}${view.reversed ? ", reversed" : ""}  ${url.host}`;
  const keys = `q ends  ${COLUMNS.map(({ name, key }) => `${key} ${name}`).join("  ")}  r reverse  l links`;
  const { state } = feed;
  const nowMs = Date.now();
  if (state.at === "lost") {
    const span = shortSpan(nowMs - state.sinceMs);
    return [
      line(`MONITOR LOST for ${span} (${state.why}), trying again  ${head}`, "red"),
      line(keys, "dim"),
      "",
    ];
  }
  const isOld = nowMs - servers.toldAtMs > OLD_MS && all.length > 0;
  const age = isOld ? `last word ${shortSpan(nowMs - servers.toldAtMs)} ago  ` : "";
  return [line(age + head, "bold"), line(keys, "dim"), ""];
}

function painter(terminal: Terminal): Paint {
  const styles = { head: "bold", up: "green", down: "red", red: "red", faint: "dim" } as const;
  return (text, as) => terminal.styled(styles[as], text, terminal.stdout);
}
