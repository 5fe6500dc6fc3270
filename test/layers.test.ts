/**
 * The shape of the house, read off the source text: imports go down floor by floor, and a file is what a reader
 * expects of it. `violations` is a function of the files alone, so the tests at the end show it houses that
 * are wrong.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";

/** Rooms from the ground floor up. Rooms of one floor do not know each other. */
const FLOORS = [
  ["base"],
  ["packet"],
  ["framing"],
  ["transport"],
  ["session"],
  ["engine"],
  ["threads"],
  ["link"],
  ["lan", "net"],
  ["monitor"],
  ["cli"],
];
/** They import from everywhere, and nothing imports from them. */
const DOORS = ["index.ts", "testing.ts"];
const LINES_MAX = 400;
/** Files that may be longer, and how long. */
const LONG_FILES: Readonly<Record<string, number>> = {
  "packet/packet.ts": 800, // one class: `#private` fields end where it ends
};

/** Files that import a module of the application, whose name is no literal. */
const LOADERS = ["threads/boot.ts"];

/** Source texts by path, from the source folder on: "session/session.ts". */
type House = Readonly<Record<string, string>>;

test("the source keeps to its floors and to the shape of a file", () => {
  assert.deepEqual(violations(readHouse()), []);
});

test("the package has no runtime dependency", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"]) {
    assert.equal(manifest[kind], undefined, kind);
  }
});

function readHouse(): House {
  const root = new URL("../src/", import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".ts"));
  assert.ok(files.length > 0);
  return Object.fromEntries(files.sort().map((file) => [file, readFileSync(new URL(file, root), "utf8")]));
}

/** Everything in `house` that is not as it should be, a line each. */
function violations(house: House): string[] {
  const graph = new Map<string, string[]>();
  const found: string[] = [];
  for (const [file, source] of Object.entries(house)) {
    const tokens = tokensOf(source);
    found.push(...shapeViolations(file, source, tokens));
    const targets: string[] = [];
    for (const { specifier, line } of importsOf(tokens)) {
      const imported = importedFile(house, file, specifier);
      const wrong = importViolation(file, specifier, imported);
      if (wrong !== undefined) found.push(`${file}:${line}: ${wrong}`);
      else if (imported !== undefined) targets.push(imported);
    }
    graph.set(file, targets);
  }
  return [...found, ...cycles(graph)];
}

// Imports.

/** The file of the house that `specifier` names; undefined where it is none of its files. */
function importedFile(house: House, from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  return Object.hasOwn(house, path) ? path : undefined;
}

function importViolation(from: string, specifier: string, to: string | undefined): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (specifier.startsWith("(") && LOADERS.includes(from)) return undefined;
  if (!specifier.startsWith(".")) return `imports "${specifier}", which is neither node: nor a file of src`;
  if (to === undefined) return `imports "${specifier}", which is no file of src`;
  if (isDoor(to)) return `imports ${to}: a door is for those outside`;
  if (isDoor(from)) return undefined;
  const [room, other] = [roomOf(from), roomOf(to)];
  if (room === other || floorOf(other) < floorOf(room) || floorOf(room) < 0) return undefined;
  return `imports ${to}: ${room} is ${floorOf(room) === floorOf(other) ? "beside" : "below"} ${other}`;
}

function isDoor(file: string): boolean {
  return DOORS.includes(file);
}

function roomOf(file: string): string {
  return file.slice(0, Math.max(0, file.indexOf("/")));
}

/** From 0, the ground floor; -1 where there is no such room. */
function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

/** Files that import each other in a ring; each ring once. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) found.push(`${[...path.slice(at), file].join(" -> ")}: imports in a ring`);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}

// The shape of a file.

function shapeViolations(file: string, source: string, tokens: readonly Token[]): string[] {
  const found: string[] = [];
  if (!isDoor(file) && floorOf(roomOf(file)) < 0) found.push(`${file}: is in no room`);
  const header = /^(?:#!.*\n)?(\/\*\*?[\s\S]*?\*\/|(?:\/\/.*\n)+)/.exec(source)?.[1] ?? "";
  if ((header.match(/[a-z]{2,}/gi) ?? []).length < 4) {
    found.push(`${file}:1: begins with no comment that says what the file is for`);
  }
  const lines = source.trimEnd().split("\n").length;
  const linesMax = LONG_FILES[file] ?? LINES_MAX;
  if (lines > linesMax) found.push(`${file}: has ${lines} lines, at most ${linesMax} are allowed`);
  for (const [i, { text, line }] of tokens.entries()) {
    const [next, afterNext] = [tokens[i + 1]?.text, tokens[i + 2]?.text];
    if (text === "export" && next === "default") found.push(`${file}:${line}: has a default export`);
    if (text === "as" && next === "default" && exports(tokens, i)) {
      found.push(`${file}:${line}: has a default export`);
    }
    if (text === "process" && (afterNext === "env" || afterNext === '"env"')) {
      found.push(`${file}:${line}: reads process.env`);
    }
  }
  return found;
}

/** Whether the token at `index` is inside the braces of an export statement. */
function exports(tokens: readonly Token[], index: number): boolean {
  const brace = tokens.findLastIndex(({ text }, i) => i < index && text === "{");
  return tokens[brace - 1]?.text === "export";
}

// Reading source text: as much of the language as imports need.

interface Token {
  readonly text: string;
  readonly line: number;
}

const COMMENT = /\/\/.*|\/\*[\s\S]*?\*\//;
const STRING = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/;
/** With `${...}` that may itself hold braces or templates, one deep. */
const TEMPLATE = /`(?:[^`\\$]|\\[\s\S]|\$(?!\{)|\$\{(?:[^`{}]|`[^`]*`|\{[^{}]*\})*\})*`/;
/** A slash begins one where no value can have ended. */
const REGEXP =
  /(?<=(?:[=(,:;!&|?{}[+\-*%<>~^]|\breturn|=>)\s*)\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/;
const TOKEN = new RegExp(
  [COMMENT, STRING, TEMPLATE, REGEXP, /[\w$]+/, /\S/].map(({ source }) => source).join("|"),
  "g",
);

/** The source without comments. Strings keep their quotes, as double ones. */
function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let counted = 0;
  for (const { 0: text, index } of source.matchAll(TOKEN)) {
    line += source.slice(counted, index).split("\n").length - 1;
    counted = index;
    if (text.startsWith("//") || text.startsWith("/*")) continue;
    tokens.push({ text: text.startsWith("'") ? `"${text.slice(1, -1)}"` : text, line });
  }
  return tokens;
}

interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** `import` and `export` from, imports for effects, of types and at run time, and `require`. */
function importsOf(tokens: readonly Token[]): Import[] {
  const found: Import[] = [];
  const textAt = (index: number): string => tokens[index]?.text ?? "";
  for (const [i, { text, line }] of tokens.entries()) {
    if (textAt(i - 1) === "." || (text !== "import" && text !== "export" && text !== "require")) continue;
    let at = i + 1;
    if (textAt(at) === "(") {
      at++;
      if (!textAt(at).startsWith('"')) found.push({ specifier: `(${textAt(at)}`, line });
    } else if (text === "require" || textAt(at) === ".") {
      continue; // a name, or import.meta
    } else if (!textAt(at).startsWith('"')) {
      if (text === "export" && !/^[{*]$/.test(textAt(textAt(at) === "type" ? at + 1 : at))) continue;
      while (at < tokens.length && textAt(at) !== ";" && !isFrom(tokens, at)) at++;
      at++;
    }
    if (textAt(at).startsWith('"')) found.push({ specifier: textAt(at).slice(1, -1), line });
  }
  return found;
}

function isFrom(tokens: readonly Token[], at: number): boolean {
  return tokens[at]!.text === "from" && tokens[at + 1]?.text.startsWith('"') === true;
}

// The checker, on houses that are wrong.

const HEADER = "/** What this file is for. */\n";

test("an import that goes up is told with file, line and target", () => {
  const house = {
    "framing/frame.ts": `${HEADER}import { type Session } from "../session/session.ts";\n`,
    "session/session.ts": HEADER,
  };
  assert.deepEqual(violations(house), [
    "framing/frame.ts:2: imports session/session.ts: framing is below session",
  ]);
});

for (const statement of [
  'import { a } from "../engine/a.ts";',
  "import { a } from '../engine/a.ts';",
  'import type { A } from "../engine/a.ts";',
  'import * as a from "../engine/a.ts";',
  'import {\n  a,\n  b as c,\n} from "../engine/a.ts";',
  'import "../engine/a.ts";',
  'export { a } from "../engine/a.ts";',
  'export type { A } from "../engine/a.ts";',
  'export * from "../engine/a.ts";',
  'export * as a from "../engine/a.ts";',
  'const a = await import("../engine/a.ts");',
  'let a: import("../engine/a.ts").A;',
  'const a = require("../engine/a.ts");',
  'const quote = /["\'`]/; import { a } from "../engine/a.ts"; const b = "`";',
  "const text = `$" + '{b ? `"` : ""}`; import { a } from "../engine/a.ts";',
  'export const x = 1;\nexport { a } from "../engine/a.ts";',
]) {
  test(`an import that goes up is seen: ${JSON.stringify(statement)}`, () => {
    const found = violations({ "base/a.ts": `${HEADER}${statement}\n`, "engine/a.ts": HEADER });
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0]!, /^base\/a\.ts:\d: imports engine\/a\.ts: base is below engine$/);
  });
}

test("what is no import is not taken for one", () => {
  const source = [
    'const entry = new URL("../engine/a.ts", import.meta.url);',
    '// import { a } from "../engine/a.ts";',
    '/* export * from "../engine/a.ts"; */',
    "const text = 'import { a } from \"../engine/a.ts\"';",
    'export const from = "../engine/a.ts";',
    'export type From = "from" | "../engine/a.ts";',
    'const half = (6 / 2) / 3; const import_ = "../engine/a.ts"; const c = half / 2;',
    'export { from };\nconst a = "../engine/a.ts";',
  ];
  for (const line of source) {
    assert.deepEqual(violations({ "base/a.ts": `${HEADER}${line}\n`, "engine/a.ts": HEADER }), [], line);
  }
});

test("rooms of one floor do not import each other", () => {
  const house = { "lan/a.ts": `${HEADER}import "../net/a.ts";`, "net/a.ts": HEADER };
  assert.deepEqual(violations(house), ["lan/a.ts:2: imports net/a.ts: lan is beside net"]);
});

test("a ring of imports is told, within a room and of types too", () => {
  const house = {
    "base/a.ts": `${HEADER}import "./b.ts";`,
    "base/b.ts": `${HEADER}import type { C } from "./c/c.ts";`,
    "base/c/c.ts": `${HEADER}export { a } from "../a.ts";`,
  };
  assert.deepEqual(violations(house), [
    "base/a.ts -> base/b.ts -> base/c/c.ts -> base/a.ts: imports in a ring",
  ]);
});

test("nothing imports a door, and a door imports everything", () => {
  const house = {
    "index.ts": `${HEADER}export { a } from "./cli/a.ts";`,
    "testing.ts": `${HEADER}export { b } from "./base/b.ts";`,
    "cli/a.ts": `${HEADER}import "../index.ts";`,
    "base/b.ts": HEADER,
  };
  assert.deepEqual(violations(house), ["cli/a.ts:2: imports index.ts: a door is for those outside"]);
});

test("packages, files outside and files that are not there are told", () => {
  const house = {
    "base/a.ts": `${HEADER}import "ws";\nimport "fs";\nimport "../../bench/a.ts";\nimport "./b.ts";\nimport(name);\nimport "node:fs";`,
  };
  assert.deepEqual(violations(house), [
    'base/a.ts:2: imports "ws", which is neither node: nor a file of src',
    'base/a.ts:3: imports "fs", which is neither node: nor a file of src',
    'base/a.ts:4: imports "../../bench/a.ts", which is no file of src',
    'base/a.ts:5: imports "./b.ts", which is no file of src',
    'base/a.ts:6: imports "(name", which is neither node: nor a file of src',
  ]);
});

test("a file without a header, in no room, too long, with a default export or reading the environment is told", () => {
  const house = {
    "base/bare.ts": 'import "node:fs";\n/** A function that does this. */\n',
    "base/default.ts": `${HEADER}export default 1;\nexport { a as default, b };\n`,
    "base/env.ts": `${HEADER}process.env;\nprocess["env"];\nprocess.argv;\n`,
    "base/long.ts": `${HEADER}${"\n".repeat(400)}1;\n`,
    "base/terse.ts": "/** Types. */\n",
    "cellar/a.ts": HEADER,
  };
  assert.deepEqual(violations(house), [
    "base/bare.ts:1: begins with no comment that says what the file is for",
    "base/default.ts:2: has a default export",
    "base/default.ts:3: has a default export",
    "base/env.ts:2: reads process.env",
    "base/env.ts:3: reads process.env",
    "base/long.ts: has 402 lines, at most 400 are allowed",
    "base/terse.ts:1: begins with no comment that says what the file is for",
    "cellar/a.ts: is in no room",
  ]);
});
