/** The command as people get it: the package built, packed, installed in another project, and its bin run. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../docs/markdown.ts";
import { FOREIGN_TOOLS } from "../support/platform.ts";
import { Command, listening } from "./command.ts";

const run = promisify(execFile);

test("npx lanwire of an installed package", { skip: FOREIGN_TOOLS, timeout: 90_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lanwire-bin-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [built, project] = [join(folder, "built"), join(folder, "project")];
  await Promise.all([mkdir(built), mkdir(project)]);
  await cp(join(ROOT, "package.json"), join(built, "package.json"));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  await run(process.execPath, [
    tsc,
    "-p",
    join(ROOT, "tsconfig.build.json"),
    "--outDir",
    join(built, "dist"),
  ]);
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true }));
  // The command's first line asks for a node: that of this test.
  const env = { PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  const npm = (cwd: string, ...args: string[]): Promise<unknown> =>
    run("npm", [...args, "--ignore-scripts"], { cwd, shell: process.platform === "win32" });
  await npm(built, "pack", "--pack-destination", project);
  const [tarball] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await npm(project, "install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);

  const bin = join(project, "node_modules", ".bin", process.platform === "win32" ? "lanwire.cmd" : "lanwire");
  const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(await new Command(t, ["--version"], { command: bin, env }).ends(0), [version]);
  const { target } = await listening(t, "--echo");
  const args = ["connect", target, "--wait-ms", "300"];
  const out = await new Command(t, args, { command: bin, env }).input("from the package\n").ends(0);
  assert.deepEqual(out, ["from the package"]);
});
