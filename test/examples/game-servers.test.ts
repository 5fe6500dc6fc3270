/** The whole trio of the game example, in real processes, as `npm run example:game` runs it, only smaller. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive, NodeProcess } from "./node-process.ts";

const MAIN = "../game-servers/main.ts";
const SMALL = ["--users", "50", "--seconds", "2", "--token-ms", "5000"];

for (const [what, args] of [
  ["", []],
  [
    " with everything of the login server on one thread and two load processes",
    ["--threads", "0", "--loads", "2"],
  ],
] as const) {
  test(`50 users for 2 seconds end green${what}, and no process is left`, async (t) => {
    const trio = new NodeProcess(t, MAIN, [...SMALL, ...args]);
    const pids = await Promise.all(["login", "chat", "game"].map((name) => pidOf(trio, name)));
    await trio.line(/^green: /);
    assert.equal(await trio.exit(), 0);
    for (const name of ["login", "chat", "game"]) {
      const { groups } = await trio.line(
        new RegExp(`^${name} server at \\d+: (\\d+) accepts; (\\d+) connects`),
      );
      assert.equal(groups[0], groups[1]);
      assert.ok(Number(groups[0]) >= 50);
    }
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
}

test("--kill: everybody comes back to the game server that was killed, and all adds up", async (t) => {
  const trio = new NodeProcess(t, MAIN, [...SMALL, "--kill"]);
  const killed = await trio.line(/killed the game server/);
  await trio.line(/everybody has been in the game at \d+/, killed.index);
  const apart = await trio.line(/^killed game server at \d+: (\d+) connects; \d+ asked/);
  assert.ok(Number(apart.groups[0]) >= 50);
  await trio.line(/^green: /);
  assert.equal(await trio.exit(), 0);
});

test("it is red where a server dies that nobody meant to kill: exit code 1 and a line for each broken proof", async (t) => {
  // Ten seconds to kill it in, of which it needs a few milliseconds.
  const trio = new NodeProcess(t, MAIN, [...SMALL, "--seconds", "10"]);
  await trio.line(/everybody has been in the game/);
  process.kill(await pidOf(trio, "chat"), "SIGKILL");
  await trio.line(/^broken: chat server does not report/);
  await trio.line(/^broken: users connected to port \d+, which no server reported/);
  await trio.line(/^broken: chat server ended with SIGKILL/);
  assert.equal(await trio.exit(), 1);
});

test("an option that makes no sense is told, with the usage", async (t) => {
  const trio = new NodeProcess(t, MAIN, ["--users", "0"]);
  await trio.line(/--users takes a whole number from 1 on, not "0"/);
  await trio.line(/--help tells the options/);
  assert.equal(await trio.exit(), 1);
});

async function pidOf(trio: NodeProcess, name: string): Promise<number> {
  const { groups } = await trio.line(new RegExp(`${name} server \\(pid (\\d+)\\) listens on`));
  return Number(groups[0]);
}
