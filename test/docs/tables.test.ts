/** The manual's tables against the code: every error code, leave reason, option and state is told, and no other. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import {
  CHANNELS,
  ERROR_CODES,
  FRAMING_PRESETS,
  LAN_DEFAULTS,
  LEAVE_REASONS,
  NET_DEFAULTS,
  REFUSAL_REASONS,
} from "../../src/index.ts";
import { ROOT, type Row, readPage, rowsOf } from "./markdown.ts";

/** Options whose default is no plain value; what the manual calls it. */
const DEFAULTS_IN_WORDS: Readonly<Record<string, string>> = {
  heartbeat: "on with the default framing, else `false`",
  reconnect: "`false`",
  workerData: "none",
  network: "sockets",
  port: "needed, or `path`",
  path: "none",
  allow: "all",
  bindIp: "the system's choice",
  bindPort: "the system's choice",
  signal: "none",
};

/** What Net has and Lan has not, of both sides and without a page section of its own. */
const NET_ALONE = ["code", "key"];
/** Where a default of Net, or of Lan, is no plain value. */
const DIFFERENCES_IN_WORDS: Readonly<Record<string, { readonly net?: string; readonly lan?: string }>> = {
  code: { lan: "none" },
  key: { lan: "none" },
  framing: { net: "Net frames" },
  heartbeat: { lan: "on with the default framing" },
};

it("docs/errors.md has a row for every error code, once, and for nothing else", () => {
  assert.deepEqual(codes("docs/errors.md", "Code"), Object.keys(ERROR_CODES).sort());
});

it("docs/liveness-and-failure.md has a row for every leave reason, once, and for nothing else", () => {
  const reasons = codes("docs/liveness-and-failure.md", "Reason");
  assert.deepEqual(reasons, Object.keys(LEAVE_REASONS).sort());
});

it("docs/wire-and-interop.md has a row for every framing preset, once, and with its header", () => {
  const told = rows("docs/wire-and-interop.md", "Preset").map(({ code, cells }) => [code, cells[0]!]);
  const known = Object.entries(FRAMING_PRESETS).map(([preset, { lengthBytes, endian, includesHeader }]) => {
    const width = `u${lengthBytes * 8}${lengthBytes === 1 ? "" : endian === "little" ? "le" : "be"}`;
    return [preset, includesHeader === true ? `${width}, counts itself` : width];
  });
  assert.deepEqual(told.sort(), known.sort());
});

it("docs/options.md has a row for every option, once, and for nothing else", () => {
  const interfaces = ["LinkOptions", "LinkServerOptions", "LinkClientOptions"];
  const names = interfaces.flatMap((name) => optionsOf("link/options.ts", name));
  const parts = Object.entries(LAN_DEFAULTS).flatMap(([name, value]) =>
    typeof value === "object" ? Object.keys(value).map((part) => `${name}.${part}`) : [],
  );
  // Both sides have a port and a path, in one row each.
  assert.deepEqual(codes("docs/options.md", "Option"), [...new Set([...names, ...parts])].sort());
});

it("docs/options.md tells each option's default as it is", () => {
  const defaults = new Map<string, unknown>();
  for (const [name, value] of Object.entries(LAN_DEFAULTS)) {
    if (typeof value !== "object") defaults.set(name, value);
    else for (const [part, partValue] of Object.entries(value)) defaults.set(`${name}.${part}`, partValue);
  }
  defaults.set("serverIp", LAN_DEFAULTS.ip);
  for (const { code: name, cells } of rows("docs/options.md", "Option")) {
    const told = cells[1]!;
    if (defaults.has(name)) assert.deepEqual(valueIn(told), defaults.get(name), name);
    else assert.equal(told, DEFAULTS_IN_WORDS[name], name);
  }
});

it("docs/options.md tells each option's unit as its name has it", () => {
  const units = { Ms: "ms", BytesMax: "bytes", Micros: "microseconds" };
  for (const { code: name, cells } of rows("docs/options.md", "Option")) {
    for (const [ending, expected] of Object.entries(units)) {
      if (name.endsWith(ending)) assert.equal(cells[0], expected, name);
    }
  }
});

it("docs/net.md has a row for each option of both sides that differs from Lan, with both defaults", () => {
  const lan: ReadonlyMap<string, unknown> = new Map(Object.entries(LAN_DEFAULTS));
  const net: ReadonlyMap<string, unknown> = new Map(Object.entries(NET_DEFAULTS));
  const differing = [...lan.keys()].filter((name) => !isDeepStrictEqual(net.get(name), lan.get(name)));
  const told = rows("docs/net.md", "Differing option");
  assert.deepEqual(told.map(({ code }) => code).sort(), [...differing, ...NET_ALONE].sort());
  for (const { code: name, cells } of told) {
    const [unit, ofNet = "", ofLan = ""] = cells;
    const words = DIFFERENCES_IN_WORDS[name] ?? {};
    if (words.net === undefined) assert.deepEqual(valueIn(ofNet), net.get(name), name);
    else assert.equal(ofNet, words.net, name);
    if (words.lan === undefined) assert.deepEqual(valueIn(ofLan), lan.get(name), name);
    else assert.equal(ofLan, words.lan, name);
    if (name.endsWith("BytesMax")) assert.equal(unit, "bytes", name);
  }
});

it("docs/net.md has a row for each option of a NetServer alone, with its default", () => {
  const told = rows("docs/net.md", "Server option");
  assert.deepEqual(
    told.map(({ code }) => code).sort(),
    optionsOf("net/options.ts", "NetServerOptions").sort(),
  );
  const defaults: ReadonlyMap<string, unknown> = new Map(Object.entries(NET_DEFAULTS));
  for (const { code: name, cells } of told) {
    if (defaults.has(name)) assert.deepEqual(valueIn(cells[1]!), defaults.get(name), name);
    else assert.equal(cells[1], "none", name);
  }
});

it("docs/net.md has a row for every reason to refuse, once, and with its meaning", () => {
  const told = rows("docs/net.md", "Refused").map(({ code, cells }) => [code, cells[0]]);
  assert.deepEqual(told, Object.entries(REFUSAL_REASONS));
});

it("docs/diagnostics.md has a row for every channel, with what is told there, and says what each message has", () => {
  const told = rows("docs/diagnostics.md", "Channel").map(({ code, cells }) => [code, cells[0]]);
  assert.deepEqual(told, Object.entries(CHANNELS));
  const source = sourceOf("engine/channels.ts");
  for (const { code: channel, cells } of rows("docs/diagnostics.md", "Message of")) {
    const type = new RegExp(`"${channel}": (\\w+);`).exec(source)![1]!;
    const body = new RegExp(`interface ${type} extends Told \\{([^}]*)\\}`).exec(source)![1]!;
    for (const [, field = ""] of body.matchAll(/readonly (\w+):/g))
      assert.match(cells[0]!, new RegExp(`\`${field}\``), field);
  }
});

it("docs/net.md tells the leave and the error of each frame that is none as they are", () => {
  for (const { cells } of rows("docs/net.md", "What arrived")) {
    const [error = "", leave = ""] = cells.map((cell) => cell.replaceAll("`", ""));
    if (error !== "-") assert.ok(Object.hasOwn(ERROR_CODES, error), `error ${error}`);
    assert.ok(Object.hasOwn(LEAVE_REASONS, leave), `leave ${leave}`);
  }
});

it("docs/testing.md has a row for every option and every fault of the in-memory network", () => {
  const options = optionsOf("transport/memory/options.ts", "MemoryNetworkOptions");
  const faults = optionsOf("transport/memory/faults.ts", "FaultOptions");
  assert.deepEqual(codes("docs/testing.md", "Option"), options.sort());
  assert.deepEqual(codes("docs/testing.md", "Fault"), faults.sort());
});

it("docs/events-and-ordering.md draws the session states as the code has them", () => {
  const source = sourceOf("session/session.ts");
  const table = /const NEXT = \{([^}]*)\}/.exec(source)![1]!;
  const known = [...table.matchAll(/(\w+): \[([^\]]*)\]/g)].flatMap(([, from, list]) =>
    [...list!.matchAll(/"(\w+)"/g)].map(([, to]) => `${from} --> ${to}`),
  );
  const diagram = readPage("docs/events-and-ordering.md").fences.find(
    ({ language }) => language === "mermaid",
  )!;
  const drawn = [...diagram.text.matchAll(/^ *(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} --> ${to}`);
  assert.ok(known.length > 0);
  assert.deepEqual(drawn.sort(), known.sort());
});

function rows(path: string, heading: string): Row[] {
  return rowsOf(readPage(path), heading);
}

/** What a table is about, sorted: each is told once. */
function codes(path: string, heading: string): string[] {
  return rows(path, heading)
    .map(({ code }) => code)
    .sort();
}

/** The names that an interface of options declares. */
function optionsOf(file: string, name: string): string[] {
  const pattern = new RegExp(`export interface ${name}\\b[^{]*\\{([\\s\\S]*?)^\\}`, "m");
  const body = pattern.exec(sourceOf(file))![1]!;
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, option]) => option!);
}

/** The value that a cell tells: `30 000`, `16 MiB`, `256 KiB`, `0x77`, `"u32le"`, `false`. */
function valueIn(cell: string): unknown {
  const text = /`([^`]+)`/.exec(cell)?.[1] ?? "";
  const [, count, unit] = /^(\d+) (KiB|MiB)$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (unit === "KiB" ? 1024 : 1024 * 1024);
  if (text.startsWith("0x")) return Number(text);
  return JSON.parse(text.replace(/(?<=\d) (?=\d{3})/g, ""));
}

function sourceOf(file: string): string {
  return readFileSync(`${ROOT}src/${file}`, "utf8");
}
