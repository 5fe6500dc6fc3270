/**
 * Two worlds in one process: a NetServer full of users, and a LanServer for a server link on an address of its own. Does
 * the link feel the users, and do the users feel the link?
 *
 *     users' process:  --users NetClients, closed loop --> 127.0.0.1  NetServer --+
 *                                                                                 | one process
 *     link's process:  a LanClient ----------------------> 127.0.0.2  LanServer --+
 *
 * Interleaved rounds of --seconds: the link's round trip without and with the users' load, the users' throughput
 * without and with the link's --flow packets per second. Each with the LanServer on a thread of its own ("apart"), and with
 * both on one thread ("together"), to show what the separation buys. Medians and ratios; fails where "apart" misses
 * p50 1.5x, p99 3x, throughput 0.9x.
 *
 * With --namespaces (root on Linux) each of the three is a host of its own, and the two addresses are two interfaces.
 *
 * --bytes is the payload of the users' packets.
 *
 *   node bench/two-worlds.ts [--users 5000] [--bytes 64] [--seconds 3] [--rounds 5] [--flow 50000] [--namespaces] [--json FILE]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { LanClient, LanServer, Packet, type SessionId } from "../src/index.ts";
import { choosePlacement } from "./harness/children.ts";
import { type Hosts, makeHosts } from "./harness/hosts.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import { median } from "./harness/table.ts";
import { EchoServer, EchoUser } from "./harness/users.ts";

const { values: given } = parseArgs({
  options: {
    role: { type: "string", default: "main" },
    layout: { type: "string", default: "apart" },
    ports: { type: "string", default: "[0,0]" },
    users: { type: "string", default: "5000" },
    bytes: { type: "string", default: "64" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
    flow: { type: "string", default: "50000" },
    "users-ip": { type: "string", default: "127.0.0.1" },
    "servers-ip": { type: "string", default: "127.0.0.2" },
    namespaces: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const HOSTS: Hosts | undefined = given.namespaces ? makeHosts() : undefined;
const USERS_IP = HOSTS?.usersIp ?? given["users-ip"];
const SERVERS_IP = HOSTS?.serversIp ?? given["servers-ip"];
/** Of the link's packets. */
const BYTES = 64;
const FLOW_TICK_MS = 2;
/** What the first byte of a link's packet says. */
const PING = 1;
const FLOW = 2;

export class ServerLinks extends LanServer {
  static module: string = import.meta.url;

  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(sessionId: SessionId, packet: Packet): void {
    if (packet.readUint8() === PING) this.sendPacket(sessionId, packet);
  }
  onError(error: Error): void {
    console.error(error);
  }
}

class User extends EchoUser {
  override onLeaveServer(): void {
    throw new Error("a user left");
  }
}

class Link extends LanClient {
  readonly #packet = new Packet(BYTES);
  #resolve: () => void = () => {};

  async ping(): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#send(PING);
    await answered;
  }
  flow(): void {
    this.#send(FLOW);
  }
  #send(kind: number): void {
    const packet = this.#packet.clear().writeUint8(kind).writeBytes(REST);
    if (!this.sendPacket(packet)) throw new Error("the link's packet was refused");
  }
  onEnterJoinServer(): void {}
  onLeaveServer(): void {
    throw new Error("the link left");
  }
  onRecv(): void {
    this.#resolve();
  }
  onSend(): void {}
  onError(error: Error): void {
    console.error(error);
  }
}

const REST = Buffer.alloc(BYTES - 1, 9);

class Child {
  readonly #process: ChildProcess;

  constructor(role: string, layout: string, ports: readonly number[] = []) {
    const args = [
      "--role",
      role,
      "--layout",
      layout,
      "--ports",
      JSON.stringify(ports),
      "--users",
      given.users,
      "--bytes",
      given.bytes,
    ];
    const more = [
      "--users-ip",
      USERS_IP,
      "--servers-ip",
      SERVERS_IP,
      "--seconds",
      given.seconds,
      "--flow",
      given.flow,
    ];
    const onHost = HOSTS && { execPath: "ip", execArgv: [...HOSTS.prefix[role]!, process.execPath] };
    this.#process = fork(import.meta.filename, [...args, ...more], { ...onHost });
    this.#process.on("exit", () => process.exit(1)); // it has said why
  }

  async ask<Answer>(word: string): Promise<Answer> {
    this.#process.send(word);
    const [{ answer }] = (await once(this.#process, "message")) as [{ answer: Answer }];
    return answer;
  }

  end(): void {
    this.#process.removeAllListeners("exit");
    this.#process.disconnect();
  }
}

function obey(answers: Readonly<Record<string, () => Promise<unknown>>>): void {
  process.on("message", (word: string) => void answers[word]!().then((answer) => process.send!({ answer })));
  process.on("disconnect", () => process.exit());
}

function beServer(): void {
  const users = new EchoServer();
  const links = new ServerLinks();
  const workerThreads = given.layout === "apart" ? 1 : 0;
  obey({
    start: async () => [
      (await users.start({ ip: USERS_IP, port: 0, firstPacketTimeoutMs: 0 })).port,
      (await links.start({ ip: SERVERS_IP, port: 0, workerThreads })).port,
    ],
  });
}

function beUsers(port: number): void {
  const users = Array.from({ length: Number(given.users) }, () => new User(Number(given.bytes)));
  obey({
    connect: () =>
      Promise.all(users.map((user) => user.connect({ serverIp: USERS_IP, port, connectTimeoutMs: 60_000 }))),
    begin: async () => {
      EchoUser.loops = true;
      for (const user of users) user.say();
    },
    measure: async () => {
      const [before, began] = [EchoUser.echoes, performance.now()];
      await sleep(Number(given.seconds) * 1000);
      return (EchoUser.echoes - before) / ((performance.now() - began) / 1000);
    },
    end: async () => {
      EchoUser.loops = false;
      for (let seen = -1; seen !== EchoUser.echoes; ) {
        seen = EchoUser.echoes;
        await sleep(200);
      }
    },
  });
}

interface Latency {
  readonly p50: number;
  readonly p99: number;
}

function beLink(port: number): void {
  const link = new Link();
  let flow: NodeJS.Timeout | undefined;
  obey({
    connect: () => link.connect({ serverIp: SERVERS_IP, port }),
    measure: async (): Promise<Latency> => {
      const times = createHistogram();
      const end = performance.now() + Number(given.seconds) * 1000;
      while (performance.now() < end) {
        const began = process.hrtime.bigint();
        await link.ping();
        times.record(process.hrtime.bigint() - began);
      }
      return { p50: times.percentile(50) / 1000, p99: times.percentile(99) / 1000 };
    },
    flow: async () => {
      let sent = 0;
      const began = performance.now();
      flow = setInterval(() => {
        const due = ((performance.now() - began) / 1000) * Number(given.flow);
        for (; sent < due; sent++) link.flow();
      }, FLOW_TICK_MS);
    },
    halt: async () => clearInterval(flow),
  });
}

interface Round {
  readonly quiet: Latency;
  readonly full: Latency;
  readonly alone: number;
  readonly beside: number;
}

/** One layout, set up and standing still until a round is asked of it. */
class Stand {
  readonly layout: string;
  readonly rounds: Round[] = [];
  readonly #server: Child;
  #users: Child | undefined;
  #link: Child | undefined;

  constructor(layout: string) {
    this.layout = layout;
    this.#server = new Child("server", layout);
  }

  async setUp(): Promise<void> {
    const ports = await this.#server.ask<number[]>("start");
    this.#users = new Child("users", this.layout, ports);
    this.#link = new Child("link", this.layout, ports);
    await Promise.all([this.#users.ask("connect"), this.#link.ask("connect")]);
  }

  async round(): Promise<void> {
    const users = this.#users!;
    const link = this.#link!;
    const quiet = await link.ask<Latency>("measure");
    await users.ask("begin");
    const full = await link.ask<Latency>("measure");
    const alone = await users.ask<number>("measure");
    await link.ask("flow");
    const beside = await users.ask<number>("measure");
    await link.ask("halt");
    await users.ask("end");
    this.rounds.push({ quiet, full, alone, beside });
  }

  end(): void {
    for (const child of [this.#server, this.#users, this.#link]) child?.end();
  }

  /** Medians of all rounds, and what they are of each other. */
  get figures() {
    const of = (pick: (round: Round) => number): number => median(this.rounds.map(pick));
    return {
      p50: [
        of(({ quiet }) => quiet.p50),
        of(({ full }) => full.p50),
        of(({ quiet, full }) => full.p50 / quiet.p50),
      ],
      p99: [
        of(({ quiet }) => quiet.p99),
        of(({ full }) => full.p99),
        of(({ quiet, full }) => full.p99 / quiet.p99),
      ],
      users: [
        of(({ alone }) => alone),
        of(({ beside }) => beside),
        of(({ alone, beside }) => beside / alone),
      ],
    } as const;
  }
}

async function main(): Promise<void> {
  const machine = thisMachine(choosePlacement());
  console.log(describeMachine(machine));
  console.log(
    `${given.users} users in a closed loop, ${given.bytes} bytes each; a link that pings, or carries ${given.flow} packets per second\n`,
  );
  const stands = [new Stand("apart"), new Stand("together")];
  for (const stand of stands) await stand.setUp();
  for (let round = 0; round < Number(given.rounds); round++) for (const stand of stands) await stand.round();
  for (const stand of stands) stand.end();
  if (HOSTS !== undefined) console.log("three network namespaces, two cables\n");
  console.log(
    "| | link p50 quiet | beside users | ratio | p99 quiet | beside users | ratio | users' echoes/s | beside the link | ratio |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|");
  for (const { layout, figures } of stands) {
    const micros = ([before, after, ratio]: readonly number[]): string =>
      `${before!.toFixed(1)} us | ${after!.toFixed(1)} us | ${ratio!.toFixed(2)}x`;
    const [alone, beside, kept] = figures.users;
    const rate = `${Math.round(alone!)} | ${Math.round(beside!)} | ${kept!.toFixed(2)}x`;
    console.log(`| ${layout} | ${micros(figures.p50)} | ${micros(figures.p99)} | ${rate} |`);
  }
  if (given.json !== undefined) {
    const report = {
      machine,
      given,
      stands: stands.map(({ layout, rounds, figures }) => ({ layout, rounds, figures })),
    };
    writeFileSync(given.json, `${JSON.stringify(report, undefined, 1)}\n`);
  }
  const { p50, p99, users } = stands[0]!.figures;
  const isWithin = p50[2]! <= 1.5 && p99[2]! <= 3 && users[2]! >= 0.9; // nobody's echoes are no ratio
  if (!isWithin) process.exitCode = 1;
}

if (isMainThread) {
  const [usersPort = 0, linkPort = 0] = JSON.parse(given.ports) as number[];
  if (given.role === "server") beServer();
  else if (given.role === "users") beUsers(usersPort);
  else if (given.role === "link") beLink(linkPort);
  else await main();
}
