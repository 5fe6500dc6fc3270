/**
 * A folder outside the project in which the manual's code stands as a reader would have it: files that import
 * from "lanwire", which leads to the source. Checked by the compiler, run in processes of their own.
 *
 *     <temporary>/node_modules/lanwire     leads to src/
 *     <temporary>/README/echo/server.ts    one folder for each page
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { ROOT } from "./markdown.ts";

const DOORS = { ".": "index.ts", "./testing": "testing.ts" };

/** Compiler options of a careful reader: the project's own, but for what only matters to libraries. */
const COMPILER_OPTIONS = {
  target: "es2024",
  lib: ["es2024", "esnext.sharedmemory"],
  module: "nodenext",
  types: ["node"],
  typeRoots: [join(ROOT, "node_modules/@types")],
  paths: { lanwire: [join(ROOT, "src/index.ts")], "lanwire/testing": [join(ROOT, "src/testing.ts")] },
  strict: true,
  noUncheckedIndexedAccess: true,
  noFallthroughCasesInSwitch: true,
  exactOptionalPropertyTypes: true,
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
};

export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), "lanwire-docs-"));

  constructor() {
    this.write("package.json", JSON.stringify({ type: "module" }));
    this.write("tsconfig.json", JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ["**/*.ts"] }));
    const exports: Record<string, string> = {};
    for (const [door, file] of Object.entries(DOORS)) {
      exports[door] = `./${file.replace(".ts", ".js")}`;
      const source = pathToFileURL(join(ROOT, "src", file));
      this.write(`node_modules/lanwire/${exports[door]}`, `export * from "${source}";\n`);
    }
    this.write("node_modules/lanwire/package.json", JSON.stringify({ type: "module", exports }));
  }

  write(path: string, text: string): void {
    const file = join(this.#folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What the compiler has to say about everything in the folder; "" where all is well. */
  async typeErrors(t: TestContext): Promise<string> {
    const compiler = this.program(t, process.execPath, [
      join(ROOT, "node_modules/typescript/bin/tsc"),
      "-p",
      ".",
    ]);
    const end = await compiler.end;
    return end === 0 ? "" : `it ended with ${end}:\n${compiler.lines.join("\n")}`;
  }

  /** Starts a command in the folder, or in one of its own folders. */
  program(t: TestContext, command: string, args: readonly string[], folder = "."): Program {
    return new Program(t, command, args, join(this.#folder, folder), join(this.#folder, "cache"));
  }
}

/** A running program, and the lines it printed. The test's end kills what is left of it. */
export class Program {
  readonly lines: string[] = [];
  /** Its exit code or the signal that ended it, once its output is complete. */
  readonly end: Promise<number | string>;
  readonly #kill: () => void;
  #onLine: () => void = () => {};

  constructor(t: TestContext, command: string, args: readonly string[], cwd: string, cache: string) {
    const child = spawn(command, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      // With a cache of its own each process loads the library several times quicker.
      env: { ...process.env, NODE_NO_WARNINGS: "1", NODE_OPTIONS: "", NODE_COMPILE_CACHE: cache },
    });
    this.#kill = () => child.kill();
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        this.lines.push(line);
        this.#onLine();
      });
    }
    this.end = once(child, "close").then(([code, signal]) => code ?? signal);
    this.end.then(
      () => this.#onLine(),
      () => {}, // told to whoever awaits it
    );
    t.after(async () => {
      child.kill("SIGKILL");
      await this.end.catch(() => {});
    });
  }

  /** Resolves once it has printed `count` lines. Rejects where it ends before. */
  async printed(count: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#onLine = () => {
        if (this.lines.length >= count) resolve();
      };
      this.#onLine();
    });
    const tooFew = this.end.then((end) => {
      assert.ok(this.lines.length >= count, `ended with ${end} after:\n${this.lines.join("\n")}`);
    });
    await Promise.race([enough, tooFew]);
  }

  /** Asks it to end, as Ctrl-C and service managers do. */
  async kill(): Promise<void> {
    this.#kill();
    await this.end;
  }
}

/** Different ports of this machine that nobody uses. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

/** Whether a command is on this machine. */
export function isInstalled(command: string): boolean {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.some((folder) => existsSync(resolve(folder, command)));
}
