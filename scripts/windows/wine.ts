/**
 * Wine with a prefix of its own: no other one is touched, and at its end nothing of it is left, neither a process nor
 * a file. A program's output goes to files: wine's consoles lose some of it.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where wine and its server may be: Debian's wine64 alone puts them beside the PATH. */
const LOADERS: readonly string[] = ["wine64", "/usr/lib/wine/wine64", "wine"];
const SERVERS: readonly string[] = ["wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver"];
const PREPARE_LIMIT_MS = 300_000;
const END_LIMIT_MS = 60_000;
/** What a new prefix would ask to install, and what writes into the desktop's menus. */
const UNWANTED = "mscoree,mshtml,winemenubuilder.exe=";

/** How a program ended. */
export type End =
  | { readonly at: "exit"; readonly code: number | string }
  | { readonly at: "limit"; readonly limitMs: number };

export class Wine {
  readonly #loader: string;
  readonly #server: string;
  readonly #prefix: string = mkdtempSync(join(tmpdir(), "lanwire-wine-"));
  readonly #env: NodeJS.ProcessEnv;

  /** Undefined where there is no wine here. */
  static find(): Wine | undefined {
    const loader = LOADERS.find(answersVersion);
    const server = SERVERS.find(answersVersion);
    return loader === undefined || server === undefined ? undefined : new Wine(loader, server);
  }

  private constructor(loader: string, server: string) {
    this.#loader = loader;
    this.#server = server;
    const {
      DISPLAY: _,
      WAYLAND_DISPLAY: __,
      NODE_OPTIONS: ___,
      NODE_TEST_CONTEXT: ____,
      ...env
    } = process.env;
    this.#env = {
      ...env,
      WINEPREFIX: this.#prefix,
      WINEDEBUG: "-all",
      WINEDLLOVERRIDES: UNWANTED,
      // A thread loads the library twice as fast where somebody stripped its types before.
      NODE_COMPILE_CACHE: windowsPath(join(this.#prefix, "compile-cache")),
    };
  }

  /** Makes the prefix, and says that it is Windows 10; Node takes no older one. */
  async prepare(): Promise<void> {
    const log = join(this.#prefix, "prepare.log");
    const end = await this.run(["winecfg", "-v", "win10"], log, log, PREPARE_LIMIT_MS);
    if (end.at === "exit" && end.code === 0) return;
    throw new Error(`Cannot prepare wine: ${JSON.stringify(end)}\n${readFileSync(log, "utf8")}`);
  }

  get version(): string {
    return spawnSync(this.#loader, ["--version"], { env: this.#env, encoding: "utf8" }).stdout.trim();
  }

  /** Runs a program; at `limitMs` it and everything that it started is killed. */
  async run(command: readonly string[], outFile: string, errorFile: string, limitMs: number): Promise<End> {
    const out = openSync(outFile, "a");
    const errors = openSync(errorFile, "a");
    const child = spawn(this.#loader, command, { env: this.#env, stdio: ["ignore", out, errors] });
    closeSync(out);
    closeSync(errors);
    const exit = once(child, "exit");
    let end: End | undefined;
    const timer = setTimeout(() => {
      end = { at: "limit", limitMs };
      child.kill("SIGKILL");
      this.#killAll();
    }, limitMs);
    const [code, signal] = await exit.finally(() => clearTimeout(timer));
    return end ?? { at: "exit", code: code ?? signal };
  }

  /** Ends every process of this prefix, and the prefix. */
  close(): void {
    this.#killAll();
    rmSync(this.#prefix, { recursive: true, force: true });
  }

  #killAll(): void {
    spawnSync(this.#server, ["-k"], { env: this.#env, timeout: END_LIMIT_MS });
    spawnSync(this.#server, ["-w"], { env: this.#env, timeout: END_LIMIT_MS });
  }
}

/** The path of a file of this machine as a program under wine names it. */
export function windowsPath(path: string): string {
  return `Z:${path.replaceAll("/", "\\")}`;
}

function answersVersion(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore", timeout: END_LIMIT_MS }).status === 0;
}
