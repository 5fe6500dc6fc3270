/**
 * The parts of a Markdown page that can be held against the code: fences, table rows, headings, links.
 *
 *     ```ts file=echo/server.ts          info string: language, then name=value
 *     <!-- given                         a comment right before a fence: what the reader need not see,
 *     declare const server: Echo;        and the compiler must
 *     -->
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export interface Fence {
  readonly language: string;
  /** The rest of the info string. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  /** What the `given` comment before it has. */
  readonly given: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

export interface Page {
  /** Path from the root of the project. */
  readonly path: string;
  readonly fences: readonly Fence[];
  /** The text without its fences and comments. */
  readonly prose: string;
  readonly text: string;
}

/** The pages of the manual. */
export function allPages(): Page[] {
  const docs = readdirSync(`${ROOT}docs`).filter((file) => file.endsWith(".md"));
  return ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...docs.map((file) => `docs/${file}`)].map(
    readPage,
  );
}

export function readPage(path: string): Page {
  const text = readFileSync(`${ROOT}${path}`, "utf8");
  const fences: Fence[] = [];
  const pattern = /(?:^<!-- given\n([\s\S]*?)^-->\n)?^```(\S+)([^\n]*)\n([\s\S]*?)^```$/gm;
  const prose = text.replace(pattern, (...match) => {
    const [all, given = "", language, info, body] = match as unknown as string[];
    const at = (match as unknown as number[])[5]! + all!.indexOf("```");
    fences.push({
      language: language!,
      attributes: attributesOf(info!),
      text: body!,
      given,
      line: text.slice(0, at).split("\n").length,
    });
    return "";
  });
  return { path, fences, prose: prose.replace(/<!--[\s\S]*?-->/g, ""), text };
}

function attributesOf(info: string): Record<string, string> {
  const pairs = info.trim().split(/\s+/).filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
}

/** A row of a table. */
export interface Row {
  /** The first cell, without its backticks. */
  readonly code: string;
  /** The cells behind it. */
  readonly cells: readonly string[];
}

/** The rows of those tables of a page whose first column is called `heading`. */
export function rowsOf(page: Page, heading: string): Row[] {
  const tables = page.prose.matchAll(/^\|.*\|\n\|[-|: ]+\|\n(?:\|.*\|\n)+/gm);
  return [...tables].flatMap(([table]) => {
    const [head, , ...rows] = table.trimEnd().split("\n").map(cellsOf);
    return head![0] === heading ? rows.map(([code, ...cells]) => ({ code: bare(code!), cells })) : [];
  });
}

function cellsOf(row: string): string[] {
  const cells = row.slice(1, -1).split(/(?<!\\)\|/);
  return cells.map((cell) => cell.trim());
}

function bare(cell: string): string {
  return cell.replace(/^`(.*)`$/, "$1");
}

/** The anchors that headings get, as code hosts make them. */
export function anchors(page: Page): Set<string> {
  const headings = page.prose.matchAll(/^#{1,6} (.+)$/gm);
  return new Set([...headings].map(([, heading]) => slug(heading!)));
}

function slug(heading: string): string {
  const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return plain
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-");
}

/** Every link's target, without those that lead out of the project. */
export function relativeLinks(page: Page): string[] {
  const targets = [...page.prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}
