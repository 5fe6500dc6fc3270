/**
 * Puts the monitor's page into a build: its files as they are, and uPlot with its licence.
 *
 *     src/monitor/page/assets/*        -> <dist>/monitor/page/assets/*
 *     node_modules/uplot/dist/, LICENSE -> <dist>/monitor/page/assets/uplot/
 */
import { cpSync, mkdirSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PAGE_FILES, UPLOT_FILES } from "../src/monitor/page/assets.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const assets = resolve(root, process.argv[2] ?? "dist", "monitor/page/assets");

mkdirSync(resolve(assets, "uplot"), { recursive: true });
for (const name of PAGE_FILES) cpSync(resolve(root, "src/monitor/page/assets", name), resolve(assets, name));
for (const path of UPLOT_FILES) {
  cpSync(resolve(root, "node_modules/uplot", path), resolve(assets, "uplot", basename(path)));
}
