/** The whole star of the monitoring example, in real processes, as `npm start` runs it without a terminal. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { isAlive, NodeProcess, type Seen } from "./node-process.ts";

const CHAT_FIGURES = /server-1 chat CPU \d+ %, chat memory (\d+) MiB, .*host CPU \d+ %.*available (\d+) MiB/;
const GAME_FIGURES = /server-2 game CPU \d+ %, game memory (\d+) MiB, .*host CPU \d+ %.*available (\d+) MiB/;

test("both agents join and report figures each second", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  await Promise.all([star.line(/server-1 joined from 127/), star.line(/server-2 joined from 127/)]);
  for (const first of await Promise.all([star.line(CHAT_FIGURES), star.line(GAME_FIGURES)])) {
    for (const mib of first.groups) assert.ok(Number(mib) > 0);
    await star.line(/server-\d \w+ CPU/, first.index);
  }
});

for (const seconds of ["0", "1"]) {
  test(`--seconds ${seconds} ends it with exit code 0, and no process is left`, async (t) => {
    const star = new NodeProcess(t, "main.ts", ["--seconds", seconds]);
    const pids = [await agentPid(star, 1), await agentPid(star, 2)];
    assert.equal(await star.exit(), 0);
    await Promise.all([
      star.line(/of server-1 .* ended: exit code 0/),
      star.line(/of server-2 .* ended: exit code 0/),
    ]);
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
}

test("a killed agent's leave and reason are shown within a second, and started again it rejoins", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  const [port] = (await star.line(/listens on 127\.0\.0\.1:(\d+)/)).groups;
  const pid = await agentPid(star, 1);
  await star.line(/server-1 chat CPU/);

  const killedAtMs = performance.now();
  process.kill(pid, "SIGKILL");
  const leave = await star.line(/server-1 left .*: (\S+)$/);
  assert.ok(performance.now() - killedAtMs < 1000);
  assert.deepEqual(leave.groups, ["peer-closed"]);
  await star.line(/agent of server-1 \(pid \d+\) ended: SIGKILL/);

  const again = new NodeProcess(t, "agent.ts", ["--server-no", "1", "--port", port!]);
  const rejoin = await star.line(/server-1 joined/, leave.index);
  await star.line(/server-1 chat CPU/, rejoin.index);
  again.child.kill("SIGTERM");
  await star.line(/server-1 left .*: peer-closed/, rejoin.index);
  assert.equal(await again.exit(), 0);
});

test("--respawn starts a killed agent again", async (t) => {
  const star = new NodeProcess(t, "main.ts", ["--respawn"]);
  await star.line(/server-2 joined/);
  process.kill(await agentPid(star, 2), "SIGKILL");
  const leave = await star.line(/server-2 left/);
  await star.line(/server-2 joined/, leave.index);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} ends it cleanly: agents leave, exit code 0, no process is left`, async (t) => {
    const star = new NodeProcess(t, "main.ts", []);
    const pids = [await agentPid(star, 1), await agentPid(star, 2)];
    await Promise.all([star.line(/server-1 joined/), star.line(/server-2 joined/)]);
    star.child.kill(signal);
    await Promise.all([star.line(/server-1 left/), star.line(/server-2 left/)]);
    assert.equal(await star.exit(), 0);
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
}

test("it ends when nobody reads its lines any more", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  const pids = [await agentPid(star, 1), await agentPid(star, 2)];
  star.child.stdout?.destroy();
  assert.equal(await star.exit(), 0);
  for (const pid of pids) assert.equal(isAlive(pid), false);
});

test("--port is the port; where it is taken, it says so and exits with 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  t.after(() => taken.close());
  const { port } = taken.address() as AddressInfo;
  const star = new NodeProcess(t, "main.ts", ["--port", `${port}`]);
  await star.line(new RegExp(`Cannot .*${port}`));
  assert.equal(await star.exit(), 1);
});

test("an option that makes no sense is told, with the usage", async (t) => {
  const star = new NodeProcess(t, "main.ts", ["--seconds", "soon"]);
  await star.line(/--seconds takes a whole number, not "soon"/);
  await star.line(/--help tells the options/);
  assert.equal(await star.exit(), 1);
});

async function agentPid(star: NodeProcess, serverNo: number): Promise<number> {
  const started: Seen = await star.line(new RegExp(`agent of server-${serverNo} \\(pid (\\d+)\\) started`));
  return Number(started.groups[0]);
}
