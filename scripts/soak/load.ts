/**
 * What goes on during a soak: links of a server on several threads come and go in every way there is, say their names,
 * echo, are broadcast to, are filled until they refuse; threads die. Whatever is not as it must be is told once.
 *
 *     slots       each keeps one link by hand: dial, name, live for a while, end, again
 *     clients     LanClients with `reconnect`, which leave and come back
 *     ticks       a packet or two for each link that is not waiting, now and then a broadcast
 *     kills       a thread dies, but never the last one: what leaks on a thread would go with it
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ListenAddress, SessionId } from "../../src/index.ts";
import { Random } from "../../src/testing.ts";
import { DEATHS, packetOf } from "../../test/threads/fixtures/soak-server.ts";
import { HeldLink } from "./held-link.ts";
import { LongClient } from "./long-client.ts";
import { LongServer } from "./long-server.ts";

const TICK_MS = 4;
/** Short lives: what a session leaves behind is to be seen after minutes. */
const LINK_MS_MAX = 4000;
const CLIENT_MS_MAX = 4000;
/** When waiting counts as failed. A heap takes long to exhaust where the machine is busy, and its thread accepts nobody. */
const LIMIT_MS = 180_000;
/** How many echoes a link may wait for. */
const WINDOW = 16;
/** A dead thread's memory is back this long after it, and no thread dies for as long again. */
const CALM_MS = 1500;
const LARGE_BYTES = 60_000;
const KIB = 1024;

/** How links end; the packets of those that end in order must all have come. */
const ENDINGS = ["fin", "fin", "fin", "reset", "drained", "thrown-out"] as const;
type Ending = (typeof ENDINGS)[number];

export interface LoadOptions {
  readonly seed: number;
  readonly threads: number;
  readonly links: number;
  readonly clients: number;
  readonly killEveryMs: number;
  readonly stallEveryMs: number;
}

export class Load {
  readonly server: LongServer = new LongServer();
  readonly wrong: string[] = [];
  readonly counts = {
    links: 0,
    echoes: 0,
    fromHandle: 0,
    fromThreads: 0,
    broadcasts: 0,
    refused: 0,
    kills: 0,
    unsure: 0,
    ends: {} as Record<string, number>,
  };
  readonly #options: LoadOptions;
  readonly #random: Random;
  readonly #heaps = new SharedArrayBuffer(16 * 32);
  readonly #links = new Set<HeldLink>();
  readonly #clients: LongClient[] = [];
  readonly #running: Promise<void>[] = [];
  /** Sessions that a death took along, as the handle was told, until their links ask. */
  readonly #died = new Map<SessionId, number>();
  #address: ListenAddress = { ip: "", port: 0 };
  #deaths = 0;
  /** The death that is under way, and when the last one was over. */
  #dying: string | undefined;
  #diedMs = 0;
  #number = 0;
  #isOver = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.server.onLeave = (id, reason) => {
      if (reason !== "thread-died") this.fail(`the handle is told that ${id} left with ${reason}`);
      this.#died.set(id, performance.now());
    };
    this.server.onTold = (error) => {
      if (error.code === "THREAD_DIED") this.#deaths++;
      else this.fail(`onError: ${error.code} ${error.message}`);
    };
  }

  /** Of the thread that is never killed: used heap, and buffers outside it. */
  get threadMemory(): { heap: number; buffers: number } {
    const cells = new Float64Array(this.#heaps, 16 * this.#options.threads, 2);
    return { heap: cells[0]!, buffers: cells[1]! };
  }

  /** Whether nobody is dying, and the last one's memory is back. */
  get isCalm(): boolean {
    return this.#dying === undefined && performance.now() - this.#diedMs > CALM_MS;
  }

  async begin(): Promise<void> {
    const { threads, links, clients, killEveryMs, stallEveryMs } = this.#options;
    this.#address = await this.server.start({
      port: 0,
      workerThreads: threads,
      workerData: { heaps: this.#heaps },
      maxSessions: 2 * (links + clients),
      packetBytesMax: 64 * KIB,
      sendQueueBytesMax: 512 * KIB,
    });
    for (let i = 0; i < links; i++) this.#run(this.#keepLink(`link-${i}`));
    for (let i = 0; i < clients; i++) this.#run(this.#keepClient());
    this.#run(
      this.#every(
        () => TICK_MS,
        async () => this.#tick(),
      ),
    );
    this.#run(
      this.#every(
        () => this.#random.integer(0, 2 * killEveryMs),
        () => this.#kill(),
      ),
    );
    this.#run(
      this.#every(
        () => this.#random.integer(0, 2 * stallEveryMs),
        () => this.#fill(),
      ),
    );
  }

  fail(what: string): void {
    if (this.wrong.length < 10) this.wrong.push(what);
  }

  /** Ends every link in order, and checks that everything adds up. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#until(() => this.server.getSessionCount() === 0, "no session is left").catch(() => {});
    const { accepted, left, sessions } = this.server.stats();
    const leaves = Object.values(left).reduce((sum, count) => sum + count, 0);
    if (sessions !== 0) this.fail(`${sessions} sessions though all links are closed`);
    if (accepted !== leaves) this.fail(`${accepted} joins and ${leaves} leaves`);
    for (const { joins, leaves: left } of this.#clients)
      if (joins !== left) this.fail(`a client joined ${joins} times and left ${left} times`);
    if (this.#deaths !== this.counts.kills)
      this.fail(`${this.#deaths} deaths for ${this.counts.kills} kills`);
  }

  // Links by hand.

  async #keepLink(name: string): Promise<void> {
    while (!this.#isOver) {
      const held = await HeldLink.dial(name, this.#address, (what) => this.fail(`${name}: ${what}`));
      if (held === undefined) {
        await sleep(20);
        continue;
      }
      const { link } = held;
      await this.#until(() => link.id !== undefined || held.isOver, `${name} is spoken to`, held);
      if (held.isOver) continue; // with a thread that never took it up
      this.#links.add(held);
      held.introduce();
      const endsAtMs = performance.now() + this.#random.integer(10, LINK_MS_MAX);
      const isDue = (): boolean => held.isOver || this.#isOver || performance.now() > endsAtMs;
      await this.#until(() => held.isNamed || held.isOver, `${name} is named`, held);
      while (!isDue()) await sleep(10);
      await this.#until(() => !link.isQuiet || held.isOver, `${name} is no more filled`, held);
      const ending = this.#isOver ? "fin" : this.#random.pick(ENDINGS);
      const isExpected = !held.isOver && (await this.#endLink(held, ending));
      await this.#until(() => held.isOver, `${name} is closed (${ending})`, held);
      if (!isExpected) await this.#excuse(held);
      this.#links.delete(held);
      this.#count(held, isExpected ? ending : "death");
    }
  }

  /** False where the link ended by itself meanwhile. */
  async #endLink(held: HeldLink, ending: Ending): Promise<boolean> {
    const { link, name } = held;
    held.isEnding = true;
    link.isQuiet = true;
    switch (ending) {
      case "reset":
        link.peer.reset();
        return true;
      case "thrown-out":
        return this.server.disconnect(name, { now: true });
      case "drained":
        if (!this.server.disconnect(link.id!)) return false;
        await this.#until(() => held.isOver, `${name} is drained`, held);
        return held.hasAllFromServer;
      case "fin":
        await this.#until(() => held.isComplete || held.isOver, `all has come for ${name}`, held);
        if (held.isOver) return false;
        link.peer.socket.end();
        return true;
    }
  }

  /** A link that nobody ended, or that lost something, must have died with its thread. */
  async #excuse(held: HeldLink): Promise<void> {
    const told = (): boolean => this.#died.has(held.id!);
    await this.#until(told, `${held.name} ended by itself, and its thread died`, held);
  }

  #count({ link, broadcasts }: HeldLink, how: string): void {
    const { counts } = this;
    counts.links++;
    counts.ends[how] = (counts.ends[how] ?? 0) + 1;
    counts.echoes += link.received.echoes;
    counts.fromHandle += link.received.handles;
    counts.fromThreads += link.received.relays;
    counts.broadcasts += broadcasts;
  }

  // Clients.

  async #keepClient(): Promise<void> {
    const client = new LongClient((what) => this.fail(what));
    this.#clients.push(client);
    while (!this.#isOver) {
      await client.connect({ port: this.#address.port, reconnect: { minDelayMs: 20, maxDelayMs: 500 } });
      const endsAtMs = performance.now() + this.#random.integer(10, CLIENT_MS_MAX);
      while (!this.#isOver && performance.now() < endsAtMs) {
        await sleep(10);
        if (client.id !== undefined && this.#random.chance(0.001))
          this.server.disconnect(client.id, { now: true });
      }
      client.quieten();
      const joins = client.joins;
      const isDone = (): boolean => client.isComplete || client.joins !== joins || client.id === undefined;
      await this.#until(isDone, "a client's echoes are back");
      await client.disconnect();
    }
    this.counts.echoes += client.echoes;
  }

  // What goes on.

  #tick(): void {
    const random = this.#random;
    const serving = [...this.#links].filter(({ isServing }) => isServing);
    for (const { link, name } of serving) {
      if (link.sent - link.received.echoes < WINDOW)
        link.send(random.chance(0.1) ? random.pick(serving).id : undefined);
      const target = random.chance(0.5) ? name : link.id!;
      if (random.chance(0.1) && this.server.sendPacket(target, packetOf(`H${link.taken}`))) link.taken++;
    }
    for (const client of this.#clients) client.push();
    if (random.chance(0.05)) this.#broadcast(serving);
    if (random.chance(0.01)) this.server.broadcast(packetOf(`A${this.#number++}`));
    for (const [id, atMs] of this.#died) if (performance.now() - atMs > LIMIT_MS) this.#died.delete(id);
  }

  #broadcast(links: readonly HeldLink[]): void {
    const targets = links.map(({ id, name }) => (this.#random.chance(0.5) ? name : id!));
    const number = this.#number++;
    const isSure = this.server.broadcast(packetOf(`B${number}`), targets) === targets.length;
    if (!isSure) this.counts.unsure++;
    for (const link of links) link.expectBroadcast(number, isSure);
  }

  /** Fills a link that does not read until it refuses; then it reads, and everything that was taken must come. */
  async #fill(): Promise<void> {
    const serving = [...this.#links].filter(({ isServing }) => isServing);
    if (serving.length === 0) return;
    const held = this.#random.pick(serving);
    const { link } = held;
    link.isQuiet = true;
    // An echo would be refused, too, and nobody would know.
    await this.#until(() => held.isComplete || held.isOver, `${held.name} is idle`, held);
    link.peer.socket.pause();
    const isFull = (): boolean => {
      for (let burst = 0; burst < 8 && !held.isOver; burst++) {
        const text = `H${link.taken}`.padEnd(LARGE_BYTES);
        if (!this.server.sendPacket(held.name, packetOf(text))) return true;
        link.taken++;
      }
      return held.isOver;
    };
    await this.#until(isFull, `${held.name} refuses`, held);
    this.counts.refused++;
    link.peer.socket.resume();
    await this.#until(() => held.hasAllFromServer || held.isOver, `${held.name} has all it was sent`, held);
    if (!held.isEnding) link.isQuiet = false;
  }

  async #kill(): Promise<void> {
    const { threads } = this.#options;
    const victims = [...this.#links].filter(({ isServing, link }) => isServing && link.thread < threads);
    if (victims.length === 0) return;
    const { link } = this.#random.pick(victims);
    const how = this.#random.pick(DEATHS);
    const before = this.#deaths;
    const doomed = [...this.#links].filter((held) => held.link.thread === link.thread);
    this.#dying = `thread ${link.thread} (${how})`;
    link.peer.send(`!${how}`);
    this.counts.kills++;
    await this.#until(() => this.#deaths > before, `${this.#dying} dies`);
    await this.#until(() => doomed.every(({ isOver }) => isOver), `the links of ${this.#dying} end`);
    this.#dying = undefined;
    this.#diedMs = performance.now();
  }

  // Inside.

  #run(task: Promise<void>): void {
    this.#running.push(task.catch((error: Error) => this.fail(error.message)));
  }

  async #every(pauseMs: () => number, task: () => Promise<void>): Promise<void> {
    for (;;) {
      const untilMs = performance.now() + pauseMs();
      do await sleep(Math.min(100, Math.max(1, untilMs - performance.now())));
      while (performance.now() < untilMs && !this.#isOver);
      if (this.#isOver) return;
      await task();
    }
  }

  async #until(holds: () => boolean, what: string, held?: HeldLink): Promise<void> {
    const latestMs = performance.now() + LIMIT_MS;
    while (!holds()) {
      if (performance.now() > latestMs)
        throw new Error(
          `did not happen: ${what} ${held?.describe() ?? ""}; dying: ${this.#dying ?? "nobody"}`,
        );
      await sleep(2);
    }
  }
}
