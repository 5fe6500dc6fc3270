/** Whatever becomes of a test's process, nothing of its lab stays behind. */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { noLab } from "./lab.ts";

const FILE = fileURLToPath(new URL("./fixtures/lab-holder.ts", import.meta.url));
const skip = noLab() ?? false;

for (const how of ["SIGINT", "SIGKILL", "a crash"] as const) {
  test(`the namespaces and what runs in them are gone after ${how}`, { skip, timeout: 60_000 }, async () => {
    const holder = fork(FILE, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const [names] = (await once(holder, "message")) as [string[]];
    if (how === "a crash") holder.send("now");
    else holder.kill(how);
    await once(holder, "exit");
    const isThere = (name: string): boolean =>
      execFileSync("ip", ["netns", "list"], { encoding: "utf8" }).includes(name);
    // Nobody tells: the one who would is dead. The test's time is the bound.
    while (names.some(isThere)) await sleep(20);
  });
}
