/**
 * How much of a room's code its tests hold: Stryker changes the code in one place at a time, in a copy, and runs the
 * tests that reach that place. A mutant that no test sees survived; the score is the share that did not.
 *
 *     npm run test:mutation -- [--room framing|packet|session] [--file src/...] [--incremental] [--concurrency 2]
 *
 * `--incremental` runs again only what a change since the last such run may have changed.
 * Fails where a room is below `SCORE_MIN`. What survives for a reason is told in README.md.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FileResult, printSurvivors, printTable } from "./report.ts";
import { ROOMS } from "./rooms.ts";

/** Per cent. */
const SCORE_MIN = 85;
const ROOT = fileURLToPath(new URL("../", import.meta.url));
const HERE = fileURLToPath(new URL("./", import.meta.url));

const { values } = parseArgs({
  options: {
    room: { type: "string" },
    file: { type: "string", multiple: true },
    concurrency: { type: "string", default: "2" },
    incremental: { type: "boolean", default: false },
  },
});
const names = values.room === undefined ? Object.keys(ROOMS) : [values.room];
install();
let failed = false;
for (const name of names) if (!mutate(name)) failed = true;
if (failed) process.exitCode = 1;

/** Whether the room's score is what it must be. */
function mutate(name: string): boolean {
  const room = ROOMS[name];
  if (room === undefined) throw new Error(`No room "${name}": there are ${Object.keys(ROOMS).join(", ")}`);
  const report = `${HERE}reports/${name}.json`;
  const config = {
    plugins: [`${HERE}runner.ts`],
    testRunner: "in-process",
    inProcess: { testFiles: room.tests },
    mutate: values.file ?? room.mutate,
    ignorePatterns: ["bench", "docs", "dist", "examples", "mutation", "biome.json"],
    coverageAnalysis: "perTest",
    concurrency: Number(values.concurrency),
    // Most endless mutants are found by counting. The time is generous, for the machine may be busy.
    timeoutFactor: 4,
    timeoutMS: 300_000,
    incremental: values.incremental,
    incrementalFile: `${HERE}reports/${name}.incremental.json`,
    dryRunTimeoutMinutes: 10,
    disableTypeChecks: false, // Node only strips the types
    tempDirName: `${HERE}.sandbox`,
    reporters: ["progress-append-only", "json", "html"],
    jsonReporter: { fileName: report },
    htmlReporter: { fileName: `${HERE}reports/${name}.html` },
    allowConsoleColors: false,
  };
  mkdirSync(`${HERE}reports`, { recursive: true });
  rmSync(report, { force: true });
  const configFile = `${HERE}reports/${name}.config.json`;
  writeFileSync(configFile, JSON.stringify(config, null, 2));
  const stryker = `${HERE}node_modules/@stryker-mutator/core/bin/stryker.js`;
  spawnSync(process.execPath, [stryker, "run", configFile], { cwd: ROOT, stdio: "inherit" });
  if (!existsSync(report)) throw new Error("Stryker made no report; what it said stands above");
  const files = (JSON.parse(readFileSync(report, "utf8")) as { files: Record<string, FileResult> }).files;
  printSurvivors(files);
  return printTable(name, files) >= SCORE_MIN;
}

/** From the lockfile beside this, once. */
function install(): void {
  if (existsSync(`${HERE}node_modules`)) return;
  console.error("Installing Stryker into mutation/node_modules ...");
  const done = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: HERE,
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
    shell: process.platform === "win32",
  });
  if (done.status !== 0) throw new Error("npm ci in mutation/ failed; what it said stands above");
}
