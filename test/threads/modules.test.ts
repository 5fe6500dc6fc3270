/** How threads find the class: from source, build, installation and bundle; and what is said where they cannot. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { FOREIGN_TOOLS, PATIENCE } from "../support/platform.ts";

const run = promisify(execFile);
const LIMIT_MS = 40_000 * PATIENCE;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = "../../../src/index.ts";
const CONSUMER = fileURLToPath(new URL("./fixtures/consumer.ts", import.meta.url));
const wrong = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/wrong/${name}.ts`, import.meta.url));
/** More than one where they can be served. */
const CREATED = canMoveSockets() ? 3 : 1;

describe("the class is found on threads", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lanwire-modules-"));
    if (FOREIGN_TOOLS === false) await build(join(folder, "package"));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("from TypeScript source", () => consumes(CONSUMER));

  it("from the built package", { skip: FOREIGN_TOOLS }, async () => {
    const file = join(folder, "from-build.mjs");
    await writeFile(file, await consumerOf("./package/dist/index.js"));
    await consumes(file);
  });

  it("from a package installed in another project, and from bundles of that", {
    skip: FOREIGN_TOOLS,
  }, async (t) => {
    const project = join(folder, "project");
    await mkdir(project);
    await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    await npm(join(folder, "package"), "pack", "--pack-destination", project);
    const [tarball] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
    await npm(project, "install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);
    const file = join(project, "main.js");
    await writeFile(file, await consumerOf("lanwire"));
    await t.test("installed", () => consumes(file));

    const esbuild = await findEsbuild();
    const skip = esbuild === "" && "esbuild is not installed";
    for (const minified of [false, true]) {
      const name = minified ? "a single-file bundle, minified" : "a single-file bundle";
      await t.test(name, { skip }, async () => {
        const bundle = join(folder, `bundle-${minified}.mjs`);
        const options = ["--bundle", "--platform=node", "--format=esm", `--outfile=${bundle}`];
        await run(esbuild, [file, ...options, ...(minified ? ["--minify"] : [])], { cwd: project });
        await consumes(bundle);
      });
    }
  });
});

describe("a class that threads cannot have", () => {
  /** What each message must say to write, or to look at. */
  const WANTED: Record<string, readonly [code: string, says: RegExp]> = {
    "no module": ["THREAD_MODULE_MISSING", /NoModule must say "static module = import\.meta\.url;"/],
    "not exported": ["THREAD_CLASS_NOT_EXPORTED", /does not export class Hidden.*write "export"/],
    "no such file": ["THREAD_MODULE_FAILED", /no-such-file\.ts/],
    "no file": ["THREAD_MODULE_FAILED", /http:\/\/127\.0\.0\.1\/module\.js/],
    "no URL": ["THREAD_MODULE_MISSING", /static module = import\.meta\.url/],
    "fails on threads": ["THREAD_MODULE_FAILED", /fails-on-threads\.ts.*not on a thread/],
    "fails on one": ["THREAD_MODULE_FAILED", /fails-on-one\.ts.*not on this thread/],
    "exits on threads": ["THREAD_MODULE_FAILED", /exits-on-threads\.ts.*ended while it was loaded/],
    "fails to construct": ["THREAD_DIED", /not constructed on a thread/],
    "data that throws": ["OPTION_INVALID", /workerData.*no data/],
    "data that cannot be cloned": ["OPTION_INVALID", /workerData.*could not be cloned/],
  };

  it("is told so with a code and with what to write, and leaves nothing running", async () => {
    const { stdout } = await run(process.execPath, [wrong("main")], { timeout: LIMIT_MS });
    const told = JSON.parse(stdout) as Record<string, { code: string; message: string; isLanError: boolean }>;
    for (const [name, [code, says]] of Object.entries(WANTED)) {
      if (name === "fails on one" && CREATED === 1) continue;
      const { message, ...rest } = told[name]!;
      assert.deepEqual({ name, ...rest }, { name, code, isLanError: true }, message);
      assert.match(message, says);
    }
    const { code, message } = told["exported by another name"]!;
    assert.equal(code, "none", message);
  });

  for (const [name, what] of [
    ["starts-at-top-awaited", "start"],
    ["starts-at-top-floating", "start"],
    ["starts-at-top-caught", "start"],
    ["connects-at-top", "connect"],
  ] as const) {
    it(`is told so where its module ${name.replaceAll("-", " ")}, and leaves nothing running`, async () => {
      const ended = run(process.execPath, [wrong(name)], { timeout: LIMIT_MS });
      const { stderr } = await ended.catch((error: { stderr: string }) => error);
      assert.match(stderr, /THREAD_STARTED_IN_MODULE/);
      assert.match(stderr, new RegExp(`Cannot ${what}: .*if \\(isMainThread\\).*node:worker_threads`));
    });
  }
});

/** Runs the consumer; each of its links must have been served by another thread. */
async function consumes(file: string): Promise<void> {
  const { stdout, stderr } = await run(process.execPath, [file, `${CREATED}`], { timeout: LIMIT_MS });
  assert.equal(stderr, "");
  const wanted = Array.from({ length: CREATED }, (_, i) => {
    const number = i + 1;
    return `hello ${number} on ${number === 1 ? 1 : "."} of ${CREATED}, heard on ${number % 2}`;
  });
  const heard = stdout.trim().split("\n");
  assert.equal(heard.length, CREATED, stdout);
  for (const [i, line] of heard.entries()) assert.match(line, new RegExp(`^${wanted[i]}$`));
}

async function consumerOf(specifier: string): Promise<string> {
  const source = await readFile(CONSUMER, "utf8");
  assert.ok(source.includes(SOURCE));
  return stripTypeScriptTypes(source).replace(SOURCE, specifier);
}

/** The package as it is published, in a folder of its own: what `npm run build` does, without the project's dist. */
async function build(target: string): Promise<void> {
  await mkdir(target);
  await cp(join(ROOT, "package.json"), join(target, "package.json"));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const outDir = join(target, "dist");
  await run(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.build.json"), "--outDir", outDir]);
}

async function npm(cwd: string, ...args: string[]): Promise<void> {
  await run("npm", [...args, "--ignore-scripts"], { cwd, shell: process.platform === "win32" });
}

/** The development dependency, or "" where it is not installed. */
async function findEsbuild(): Promise<string> {
  const file = join(ROOT, "node_modules", ".bin", process.platform === "win32" ? "esbuild.cmd" : "esbuild");
  return readFile(file).then(
    () => file,
    () => "",
  );
}
