/** Whoever only imports the library loads neither node:http nor node:sqlite: a monitor brings them when it needs them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

const DOOR = new URL("../../src/index.ts", import.meta.url).href;

/** The modules of Node that a process has loaded after it ran `code`. */
function loadedBy(code: string): string[] {
  const script = `${code}\nconsole.log(JSON.stringify(process.moduleLoadList));`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "--no-warnings", "--eval", script],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  return (JSON.parse(stdout.trim().split("\n").at(-1)!) as string[])
    .map((entry) => /^NativeModule (.*)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined);
}

const HEAVY = ["http", "_http_server", "sqlite"];

test("importing lanwire loads neither node:http nor node:sqlite, and no more does a monitor that needs neither", () => {
  const loaded = loadedBy(`import { Monitor } from ${JSON.stringify(DOOR)};
    const monitor = new Monitor();
    await monitor.start({ port: 0, page: false });
    await monitor.stop();`);
  assert.ok(loaded.includes("net"), "the list has what is loaded");
  for (const name of HEAVY) assert.ok(!loaded.includes(name), name);
});

test("the list would tell it", () => {
  const loaded = loadedBy('import "node:http"; import "node:sqlite";');
  for (const name of HEAVY) assert.ok(loaded.includes(name), name);
});

test("a monitor with a history file loads node:sqlite", () => {
  const loaded = loadedBy(`import { Monitor } from ${JSON.stringify(DOOR)};
    const monitor = new Monitor();
    await monitor.start({ port: 0, page: false, history: { file: ":memory:" } });
    await monitor.stop();`);
  assert.ok(loaded.includes("sqlite"));
});
