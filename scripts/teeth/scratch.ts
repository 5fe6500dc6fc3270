/** A copy of the source and the tests, in which one protection at a time is taken out. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Protection } from "./protection.ts";

const exec = promisify(execFile);
const CONFIG = "tsconfig.teeth.json";
/** What takes a protection out may leave something unused. */
const TOLERANT = {
  extends: "./tsconfig.json",
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  include: ["src"],
};

export class Scratch {
  readonly directory: string = mkdtempSync(join(tmpdir(), "lanwire-teeth-"));

  constructor(repository: string) {
    for (const name of ["src", "test", "package.json", "tsconfig.json"])
      cpSync(join(repository, name), join(this.directory, name), { recursive: true });
    symlinkSync(realpathSync(join(repository, "node_modules")), join(this.directory, "node_modules"));
    writeFileSync(join(this.directory, CONFIG), JSON.stringify(TOLERANT));
  }

  /** How often the text that is to be replaced is there; it must be once. */
  occurrences({ file, find }: Protection): number {
    return readFileSync(join(this.directory, file), "utf8").split(find).length - 1;
  }

  /** Takes the protection out; what is returned puts it back. */
  takeOut({ file, find, replace }: Protection): () => void {
    const path = join(this.directory, file);
    const original = readFileSync(path, "utf8");
    writeFileSync(
      path,
      original.replace(find, () => replace),
    );
    return () => writeFileSync(path, original);
  }

  /** Why the source as it is cannot be checked or loaded, or undefined: a red test must mean more than that. */
  async whyBroken({ file }: Protection): Promise<string | undefined> {
    const load = `await import(${JSON.stringify(pathToFileURL(join(this.directory, file)).href)})`;
    const cwd = this.directory;
    try {
      await exec(process.execPath, ["--input-type=module", "--eval", load], { cwd, timeout: 60_000 });
      await exec(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", CONFIG], {
        cwd,
        timeout: 300_000,
      });
      return undefined;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return `${stdout}${stderr}`.trim() || String(error);
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
