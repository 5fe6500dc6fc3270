/**
 * The files of the page, read once at start and served from memory by their exact names.
 *
 *     run from source   assets/ beside this file, and uPlot from node_modules
 *     run from dist     assets/ beside this file, uPlot in assets/uplot/: scripts/copy-page.ts put both there
 *
 * A browser asks again each time and is told "not modified" by the file's digest: no stale page after an update.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { answer, type Exchange, openAnswer } from "./answers.ts";

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly tag: string;
  /** Whether it is served without a token. */
  readonly isOpen: boolean;
}

/** By path on the server. */
export type Assets = ReadonlyMap<string, Asset>;

/** The page's own files; a test holds them against the folder. */
export const PAGE_FILES: readonly string[] = [
  "index.html",
  "favicon.svg",
  "base.css",
  "overview.css",
  "charts.css",
  "token.css",
  "first-paint.js",
  "main.js",
  "announcer.js",
  "card.js",
  "chart.js",
  "chart-axes.js",
  "chart-data.js",
  "chart-toolbar.js",
  "chart-view.js",
  "connection.js",
  "dom.js",
  "empty-state.js",
  "format.js",
  "groups.js",
  "history.js",
  "model.js",
  "overview.js",
  "painter.js",
  "preferences.js",
  "server-view.js",
  "sparkline.js",
  "threshold-editor.js",
  "tile.js",
  "time-window.js",
  "trail-seeder.js",
];

/** uPlot: where it is in its package. */
export const UPLOT_FILES: readonly string[] = ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"];

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

const TOKEN_PAGE_FILES = ["token.css", "favicon.svg"];

/** @throws the system's error where a file is missing. */
export async function readAssets(): Promise<Assets> {
  const isSource = import.meta.url.endsWith(".ts");
  const uplot = new URL(isSource ? "../../../node_modules/uplot/" : "./assets/uplot/", import.meta.url);
  const files = [
    ...PAGE_FILES.map((name) => [name, new URL(`./assets/${name}`, import.meta.url)] as const),
    ...UPLOT_FILES.map((path) => {
      const name = path.replace("dist/", "");
      return [`uplot/${name}`, new URL(isSource ? path : name, uplot)] as const;
    }),
  ];
  const assets = files.map(async ([name, url]) => {
    const body = await readFile(url);
    const tag = `"${createHash("sha256").update(body).digest("base64url")}"`;
    const type = TYPES[name.split(".").at(-1)!] ?? "text/plain; charset=utf-8";
    const path = name === "index.html" ? "/" : `/assets/${name}`;
    return [path, { type, body, tag, isOpen: TOKEN_PAGE_FILES.includes(name) }] as const;
  });
  return new Map(await Promise.all(assets));
}

export function answerAsset(exchange: Exchange, { type, body, tag }: Asset): void {
  const headers = { "cache-control": "no-cache", etag: tag };
  if (exchange.request.headers["if-none-match"] === tag) {
    openAnswer(exchange.response, 304, headers);
    exchange.response.end();
  } else {
    answer(exchange, { type, body, headers });
  }
}
