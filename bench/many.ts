/**
 * Many users in one process: --sessions NetClients in a second process connect to a NetServer in a storm, all of them
 * echo, in waves and then all in one moment, and are idle again. Prints how long the storm took, how many were refused, echoes per second, and resident
 * memory per idle session. Fails where one was refused, or the storm took longer than --seconds, or an idle session
 * takes more than --kib.
 *
 *   node bench/many.ts [--sessions 10000] [--seconds 20] [--kib 12] [--threads 0] [--json FILE]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { EchoServer, EchoUser } from "./harness/users.ts";

const { values: given } = parseArgs({
  options: {
    role: { type: "string", default: "main" },
    port: { type: "string", default: "0" },
    sessions: { type: "string", default: "10000" },
    seconds: { type: "string", default: "20" },
    kib: { type: "string", default: "12" },
    threads: { type: "string", default: "0" },
    json: { type: "string" },
  },
});
const SESSIONS = Number(given.sessions);
const ECHOES = 5;
const PAYLOAD_BYTES = 64;
/** Users that speak in the same moment, of many who are there. */
const WAVE = 500;

const COLLECT = "collect";

/** @public threads find it among this module's exports */
export class ManyServer extends EchoServer {
  static module: string = import.meta.url;

  /** A thread collects its own garbage only. */
  constructor() {
    super();
    if (this.thread === 0) return;
    const told = new BroadcastChannel(COLLECT);
    told.onmessage = collect;
    told.unref();
  }
}

/** What is free goes back to the system, the room of the young generation too: sessions are measured, not garbage. */
function collect(): void {
  globalThis.gc!({ type: "major", execution: "sync", flavor: "last-resort" });
}

/** Starts a child, and asks it. */
class Child {
  readonly process: ChildProcess;

  constructor(role: string, ...more: string[]) {
    const args = ["--role", role, "--sessions", given.sessions, "--threads", given.threads, ...more];
    this.process = fork(import.meta.filename, args, { execArgv: ["--expose-gc"] });
  }

  async ask(word: string): Promise<number> {
    this.process.send(word);
    const [answer] = await once(this.process, "message");
    return answer as number;
  }
}

function obey(answers: Readonly<Record<string, () => Promise<number>>>): void {
  process.on("message", (word: string) => void answers[word]!().then((answer) => process.send!(answer)));
  process.on("disconnect", () => process.exit());
}

const threads = new BroadcastChannel(COLLECT);
threads.unref();

/** Once all is quiet, and the garbage of every thread is gone. */
async function restingBytes(): Promise<number> {
  await sleep(1000);
  threads.postMessage("");
  collect();
  await sleep(1000);
  return process.memoryUsage.rss();
}

function serve(): void {
  const server = new ManyServer();
  obey({
    start: async () => {
      const workerThreads = Number(given.threads);
      const { port } = await server.start({
        port: 0,
        maxSessions: SESSIONS,
        firstPacketTimeoutMs: 0,
        workerThreads,
      });
      return port;
    },
    memory: restingBytes,
    sessions: async () => server.getSessionCount(),
    refused: async () => server.stats().refused,
  });
}

function connect(): void {
  const users = Array.from({ length: SESSIONS }, () => new EchoUser(PAYLOAD_BYTES));
  obey({
    storm: async () => {
      const began = performance.now();
      await Promise.all(
        users.map((user) => user.connect({ port: Number(given.port), connectTimeoutMs: 60_000 })),
      );
      return performance.now() - began;
    },
    waves: () => echo(users, WAVE),
    burst: () => echo(users, SESSIONS),
  });
}

/** All users echo, so many at once; resolves with echoes per second. */
async function echo(users: readonly EchoUser[], atOnce: number): Promise<number> {
  const [began, before] = [performance.now(), EchoUser.echoes];
  let said = 0;
  for (let round = 0; round < ECHOES; round++) {
    for (let first = 0; first < users.length; first += atOnce) {
      const wave = users.slice(first, first + atOnce);
      for (const user of wave) user.say();
      said += wave.length;
      while (EchoUser.echoes - before < said && EchoUser.left === 0) await new Promise(setImmediate);
    }
  }
  if (EchoUser.left > 0) throw new Error(`${EchoUser.left} users left`);
  return said / ((performance.now() - began) / 1000);
}

async function main(): Promise<void> {
  const server = new Child("server");
  const port = await server.ask("start");
  const before = await server.ask("memory");
  const users = new Child("users", "--port", String(port));
  const storm = (await users.ask("storm")) / 1000;
  while ((await server.ask("sessions")) < SESSIONS) await sleep(10);
  const kibPerSession = async (): Promise<number> =>
    ((await server.ask("memory")) - before) / SESSIONS / 1024;
  const idle = await kibPerSession();
  const inWaves = await users.ask("waves");
  const afterWaves = await kibPerSession();
  const atOnce = await users.ask("burst");
  const afterBurst = await kibPerSession();
  const refused = await server.ask("refused");
  users.process.disconnect();
  server.process.disconnect();
  const figures = { sessions: SESSIONS, storm, refused, inWaves, atOnce, idle, afterWaves, afterBurst };
  console.log(`${SESSIONS} sessions, ${given.threads} worker threads`);
  console.log(`  connected within ${storm.toFixed(1)} s, ${refused} refused`);
  console.log(
    `  echoes per second: ${Math.round(inWaves)} in waves of ${WAVE}, ${Math.round(atOnce)} all at once`,
  );
  console.log("  KiB resident per idle session:");
  console.log(`    ${idle.toFixed(1)} before anybody spoke, ${afterWaves.toFixed(1)} after the waves`);
  console.log(`    ${afterBurst.toFixed(1)} after all spoke in one moment`);
  if (given.json !== undefined) writeFileSync(given.json, `${JSON.stringify(figures, undefined, 1)}\n`);
  if (
    refused > 0 ||
    storm > Number(given.seconds) ||
    Math.max(idle, afterWaves, afterBurst) > Number(given.kib)
  )
    process.exitCode = 1;
}

if (isMainThread) {
  if (given.role === "server") serve();
  else if (given.role === "users") connect();
  else await main();
}
