/** The whole star of the monitoring example, in real processes, as `npm start` runs it without a terminal. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { Series, ServerView } from "../../src/index.ts";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { isAlive, NodeProcess, type Seen } from "./node-process.ts";

const CHAT_FIGURES =
  /chat: process CPU \S+ %, process memory (\d+) MiB, .*LanServer sessions .*chat server players (\d+), host CPU \S+ %.*available (\d+) MiB/;
const GAME_FIGURES =
  /game: process CPU \S+ %, process memory (\d+) MiB, .*LanServer sessions .*game server players (\d+), host CPU \S+ %.*available (\d+) MiB/;

test("both servers join and report figures each second", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  await Promise.all([star.line(/chat joined from 127/), star.line(/game joined from 127/)]);
  for (const first of await Promise.all([star.line(CHAT_FIGURES), star.line(GAME_FIGURES)])) {
    for (const figure of first.groups) assert.ok(Number(figure) > 0);
    await star.line(/(?:chat|game): process CPU/, first.index);
  }
});

test("the page is there, at the address that is printed, and shows both servers", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  const [url] = (await star.line(/open (http:\S+) in a browser/)).groups;
  await Promise.all([star.line(CHAT_FIGURES), star.line(GAME_FIGURES)]);
  const page = await fetch(url!);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type")!, /^text\/html/);
  const servers = (await (await fetch(`${url}api/servers`)).json()) as ServerView[];
  assert.deepEqual(
    servers.map(({ name, state }) => [name, state.at]),
    [
      ["chat", "up"],
      ["game", "up"],
    ],
  );
  const metrics = await (await fetch(`${url}metrics`)).text();
  assert.match(metrics, /^lanwire_lan_server_sessions\{server="chat",server_no="1"\} [1-9]/m);
  const query = `server=1&type=110&from=${Date.now() - 60_000}&to=${Date.now()}`;
  const { points } = (await (await fetch(`${url}api/history?${query}`)).json()) as Series;
  assert.ok(points.length > 0);
});

for (const threads of ["1", "2"]) {
  test(`--threads ${threads}: the same`, { skip: threads === "2" && !canMoveSockets() }, async (t) => {
    const star = new NodeProcess(t, "main.ts", ["--threads", threads]);
    await Promise.all([star.line(CHAT_FIGURES), star.line(GAME_FIGURES)]);
    process.kill(await serverPid(star, 2), "SIGKILL");
    await star.line(/game left .*: (?:peer-closed|reset)$/);
  });
}

for (const seconds of ["0", "1"]) {
  test(`--seconds ${seconds} ends it with exit code 0, and no process is left`, async (t) => {
    const star = new NodeProcess(t, "main.ts", ["--seconds", seconds]);
    const pids = [await serverPid(star, 1), await serverPid(star, 2)];
    assert.equal(await star.exit(), 0);
    await Promise.all([
      star.line(/of server 1 .* ended: exit code 0/),
      star.line(/of server 2 .* ended: exit code 0/),
    ]);
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
}

test("a killed server's leave and reason are shown within a second, and started again it rejoins", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  const [port] = (await star.line(/listens on 127\.0\.0\.1:(\d+)/)).groups;
  const pid = await serverPid(star, 1);
  await star.line(/chat: process CPU/);

  const killedAtMs = performance.now();
  process.kill(pid, "SIGKILL");
  const leave = await star.line(/chat left .*: (\S+)$/);
  assert.ok(performance.now() - killedAtMs < 1000);
  assert.deepEqual(leave.groups, ["peer-closed"]);
  await star.line(/process of server 1 \(pid \d+\) ended: SIGKILL/);

  const again = new NodeProcess(t, "reporting-server.ts", ["--server-no", "1", "--port", port!]);
  const rejoin = await star.line(/chat joined/, leave.index);
  await star.line(/chat: process CPU/, rejoin.index);
  again.child.kill("SIGTERM");
  await star.line(/chat left .*: peer-closed/, rejoin.index);
  assert.equal(await again.exit(), 0);
});

test("--respawn starts a killed server again", async (t) => {
  const star = new NodeProcess(t, "main.ts", ["--respawn"]);
  await star.line(/game joined/);
  process.kill(await serverPid(star, 2), "SIGKILL");
  const leave = await star.line(/game left/);
  await star.line(/game joined/, leave.index);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`${signal} ends it cleanly: servers leave, exit code 0, no process is left`, async (t) => {
    const star = new NodeProcess(t, "main.ts", []);
    const pids = [await serverPid(star, 1), await serverPid(star, 2)];
    await Promise.all([star.line(/chat joined/), star.line(/game joined/)]);
    star.child.kill(signal);
    await Promise.all([star.line(/chat left/), star.line(/game left/)]);
    assert.equal(await star.exit(), 0);
    for (const pid of pids) assert.equal(isAlive(pid), false);
  });
}

test("it ends when nobody reads its lines any more", async (t) => {
  const star = new NodeProcess(t, "main.ts", []);
  const pids = [await serverPid(star, 1), await serverPid(star, 2)];
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

async function serverPid(star: NodeProcess, serverNo: number): Promise<number> {
  const started: Seen = await star.line(new RegExp(`process of server ${serverNo} \\(pid (\\d+)\\) started`));
  return Number(started.groups[0]);
}
