/**
 * The healthy: NetClients, some of them by TLS, that send at a fixed rate, whether or not answers come. Each packet comes
 * back, whole and in order, or it is told.
 */
import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type LanError, type Leave, NetClient, Packet } from "../../src/index.ts";
import { serve } from "../overload/child.ts";
import type { Ports } from "./acts.ts";
import { ECHO, pem, TLS_EVERY, userAddress } from "./plan.ts";

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Packets per second of one user. */
const PACE = 4;
const TICK_MS = 5;
const BYTES_MAX = 600;
const CONNECT_AT_ONCE = 50;

class User extends NetClient {
  sent = 0;
  echoed = 0;
  news = 0;
  readonly #users: Users;
  /** When each packet under way was sent, in order. */
  readonly #sentMs: number[] = [];
  readonly #packet = new Packet(BYTES_MAX);

  constructor(users: Users) {
    super();
    this.#users = users;
  }

  say(): void {
    this.#packet.clear().writeUint8(ECHO).writeUint32(this.sent).writeBytes(fillingOf(this.sent));
    if (!this.sendPacket(this.#packet)) {
      this.#users.wrong.push("a healthy user's packet was refused");
      return;
    }
    this.sent++;
    this.#sentMs.push(performance.now());
  }
  onEnterJoinServer(): void {}
  onLeaveServer({ reason }: Leave): void {
    if (!this.#users.isOver) this.#users.wrong.push(`a healthy user left: ${reason}`);
  }
  onRecv(packet: Packet): void {
    if (packet.readUint8() !== ECHO) {
      this.news++;
      return;
    }
    const number = packet.readUint32();
    if (number !== this.echoed) this.#users.wrong.push(`echo ${number} came, wanted ${this.echoed}`);
    if (!Buffer.from(packet.readBytes(packet.remaining)).equals(fillingOf(number)))
      this.#users.wrong.push(`echo ${number} is not what was sent`);
    this.echoed++;
    this.#users.took(performance.now() - this.#sentMs.shift()!);
  }
  onSend(): void {}
  onError({ code }: LanError): void {
    this.#users.wrong.push(`a healthy user: ${code}`);
  }
}

/** All of them. */
export class Users {
  readonly wrong: string[] = [];
  isOver = false;
  readonly #users: readonly User[];
  readonly #times = createHistogram();

  constructor(count: number) {
    this.#users = Array.from({ length: count }, () => new User(this));
  }

  took(ms: number): void {
    this.#times.record(Math.max(1, Math.round(ms * 1e6)));
  }

  async join(ports: Ports): Promise<void> {
    const ca = pem("ca.pem");
    for (let first = 0; first < this.#users.length; first += CONNECT_AT_ONCE) {
      const some = this.#users.slice(first, first + CONNECT_AT_ONCE).map((user, i) => {
        const byTls = (first + i) % TLS_EVERY === 0;
        const to = byTls ? { port: ports.tls, tls: { ca } } : { port: ports.plain };
        return user
          .connect({ ...to, bindIp: userAddress(first + i), connectTimeoutMs: 30_000 })
          .then(() => user.say());
      });
      await Promise.all(some);
    }
  }

  /** They send until `isDone`, one after another at an even pace; resolves once all has come back. */
  async speak(isDone: () => boolean): Promise<Measured> {
    this.#times.reset();
    const [before, beganMs] = [this.echoes, performance.now()];
    const perMs = (this.#users.length * PACE) / 1000;
    for (let due = 0; !isDone(); await sleep(TICK_MS))
      for (; due < (performance.now() - beganMs) * perMs; due++) this.#users[due % this.#users.length]!.say();
    const perSecond = ((this.echoes - before) * 1000) / (performance.now() - beganMs);
    while (this.wrong.length === 0 && this.#users.some(({ sent, echoed }) => echoed < sent))
      await sleep(TICK_MS);
    const ms = (nanoseconds: number): number => nanoseconds / 1e6;
    return {
      perSecond,
      p50Ms: ms(this.#times.percentile(50)),
      p99Ms: ms(this.#times.percentile(99)),
      mostMs: ms(this.#times.max),
    };
  }

  /** All go; what was wrong, or nothing. */
  async finish(): Promise<string[]> {
    this.isOver = true;
    await Promise.all(this.#users.map((user) => user.disconnect()));
    for (const { sent, echoed, news } of this.#users) {
      if (sent !== echoed) this.wrong.push(`${sent} packets sent, ${echoed} came back`);
      if (news === 0) this.wrong.push("a healthy user was never told the news");
    }
    return this.wrong.slice(0, 10);
  }

  get echoes(): number {
    return this.#users.reduce((sum, { echoed }) => sum + echoed, 0);
  }
}

const FILLING = Buffer.from(Uint8Array.from({ length: 2 * BYTES_MAX }, (_, i) => (i * 7) & 0xff));

/** Between packets both length and content change. */
function fillingOf(number: number): Buffer {
  return FILLING.subarray(number % 97, (number % 97) + ((number * 31) % (BYTES_MAX - 5)));
}

if (process.argv[1] === import.meta.filename) {
  let users: Users | undefined;
  let measured: Promise<Measured> | undefined;
  let isDone = false;
  serve({
    join: async ({ ports, count }: { ports: Ports; count: number }) => {
      users = new Users(count);
      await users.join(ports);
    },
    begin: () => {
      isDone = false;
      measured = users!.speak(() => isDone);
    },
    halt: () => {
      isDone = true;
      return measured;
    },
    finish: () => users!.finish(),
  });
}
