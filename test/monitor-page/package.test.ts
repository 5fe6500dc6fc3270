/** The page in the package: built, packed and served from there, away from the sources and from node_modules. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { PAGE_FILES } from "../../src/monitor/page/assets.ts";
import { get } from "./fixtures/http.ts";
import { MadeUpSource } from "./fixtures/made-up-source.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

it("the built page has all its files, and the package has them and uPlot's licence", {
  timeout: 110_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lanwire-page-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const dist = join(folder, "dist");
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", dist]);
  await run(process.execPath, [join(ROOT, "scripts/copy-page.ts"), dist]);

  const built: typeof import("../../src/monitor/page/page-server.ts") = await import(
    pathToFileURL(join(dist, "monitor/page/page-server.js")).href
  );
  const server = new built.PageServer(new MadeUpSource(4));
  const page = await server.start();
  t.after(() => server.stop());
  const paths = PAGE_FILES.map((name) => (name === "index.html" ? "/" : `/assets/${name}`));
  for (const path of [...paths, "/assets/uplot/uPlot.iife.min.js", "/assets/uplot/uPlot.min.css"]) {
    assert.equal((await get(page, path)).status, 200, path);
  }
  assert.match((await get(page, "/assets/uplot/LICENSE")).text, /MIT License[\s\S]*Leon Sorokin/);

  copyFileSync(join(ROOT, "package.json"), join(folder, "package.json"));
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: folder,
    shell: process.platform === "win32",
  });
  const { files } = Object.values<{ files: { path: string }[] }>(JSON.parse(stdout))[0]!;
  const packed = files.map(({ path }) => path);
  for (const name of [...PAGE_FILES, "uplot/LICENSE", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css"]) {
    assert.ok(packed.includes(`dist/monitor/page/assets/${name}`), name);
  }
});
