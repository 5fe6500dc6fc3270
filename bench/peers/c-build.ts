/** Compiles the C programs where there is a compiler, once per change of their source. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Unavailable } from "../harness/children.ts";
import type { ChildPlan } from "../harness/plan.ts";

const FOLDER = fileURLToPath(new URL("../.build/", import.meta.url));

/** The program of a source in `c/`. */
export function cProgram(name: string): string {
  const source = fileURLToPath(new URL(`./c/${name}.c`, import.meta.url));
  const program = `${FOLDER}${name}`;
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(FOLDER, { recursive: true });
  const done = spawnSync("cc", ["-O2", "-Wall", "-o", program, source], { encoding: "utf8" });
  if (done.error !== undefined) throw new Unavailable("there is no C compiler (cc) here");
  if (done.status !== 0) throw new Unavailable(`it does not compile: ${done.stderr.trim()}`);
  return program;
}

/** The program's command line for one side; `mode` is epoll or spin. */
export function cCommandLine(mode: string, role: "server" | "client", plan: ChildPlan): string[] {
  if (process.platform !== "linux") throw new Unavailable("epoll is there on Linux only");
  const { pattern, links, idleLinks, window, burst, latency, port, sizes } = plan;
  const numbers = [links, idleLinks, window, burst, Number(latency), port].map(String);
  return [cProgram("link"), role, mode, pattern, ...numbers, sizes.join(",")];
}
