/** Installs the peers from bench's own lockfile, once. Without them the node:net, C and lanwire rows still run. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../", import.meta.url));

export async function installPeers(): Promise<void> {
  if (existsSync(`${FOLDER}node_modules`)) return;
  console.error("Installing the peers into bench/node_modules ...");
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: FOLDER,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: 300_000,
    shell: process.platform === "win32",
  });
  if (done.status !== 0)
    console.error(`npm ci in bench/ failed, its peers will be left out:\n${done.stderr ?? done.error}`);
}
