/**
 * The workloads, written once over the contract: a Server and a Client for each pattern of plan.ts. They live
 * where the peer's events run (for lanwire with threads: on its worker thread) and obey the commands of the parent.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, Receiver } from "./check.ts";
import type { ClientSide, Link, Served, ServerSide } from "./contract.ts";
import { CreditChannel, creditOf } from "./credit.ts";
import type { ChildPlan, Command, Latency, Reply } from "./plan.ts";

const SAMPLES_MAX = 1 << 22;

function replyOf(received: number, sent: number): Reply {
  const cpu = process.cpuUsage();
  return {
    atMs: Number(process.hrtime.bigint()) / 1e6,
    received,
    sent,
    cpuMicros: cpu.user + cpu.system,
    rssBytes: process.memoryUsage.rss(),
  };
}

/** A full collection, where the parent started this process with --expose-gc. */
async function collect(): Promise<void> {
  const gc = (globalThis as { gc?: () => void }).gc;
  for (let pass = 0; pass < 3 && gc !== undefined; pass++) {
    gc();
    await sleep(50);
  }
}

function sumOf(receivers: readonly Receiver[]): number {
  let sum = 0;
  for (const receiver of receivers) sum += receiver.received;
  return sum;
}

/** Tells the sender every so often how far the slowest of these links is. */
class CreditedReceiver extends Receiver {
  readonly #every: number;
  readonly #onStep: () => void;
  constructor(link: number, plan: ChildPlan, onStep: () => void) {
    super(link, plan.sizes);
    this.#every = Math.max(1, Math.floor(creditOf(plan) / 4));
    this.#onStep = onStep;
  }
  override accept(seq: number, byteLength: number): boolean {
    const whole = super.accept(seq, byteLength);
    if (this.received % this.#every === 0) this.#onStep();
    return whole;
  }
}

/** Acknowledges the minimum over links whenever a step is complete on all of them. */
function acknowledger(receivers: readonly Receiver[], channel: CreditChannel, links: number): () => void {
  let acknowledged = 0;
  return () => {
    if (receivers.length < links) return;
    let least = Number.POSITIVE_INFINITY;
    for (let index = 0; index < links; index++) least = Math.min(least, receivers[index]!.received);
    if (least <= acknowledged) return;
    acknowledged = least;
    channel.acknowledge(least);
  };
}

export class ServerWorkload implements ServerSide {
  readonly #plan: ChildPlan;
  readonly #receivers: Receiver[] = [];
  readonly #channel = new CreditChannel();
  readonly #step: () => void;
  #sent = 0;
  #sending = false;

  constructor(plan: ChildPlan) {
    this.#plan = plan;
    this.#step = acknowledger(this.#receivers, this.#channel, plan.links);
  }

  /** Opens the side channel where the plan needs one; 0 where not. */
  async open(): Promise<number> {
    return this.#plan.credit ? await this.#channel.listen() : 0;
  }

  join(): Receiver {
    const credited = this.#plan.credit && this.#plan.pattern === "oneway";
    const receiver = credited
      ? new CreditedReceiver(this.#receivers.length, this.#plan, this.#step)
      : new Receiver(this.#receivers.length, this.#plan.sizes);
    this.#receivers.push(receiver);
    return receiver;
  }

  async command(command: Command, broadcast: Served["broadcast"]): Promise<Reply> {
    if (command === "start" && this.#plan.pattern === "broadcast") {
      await this.#allJoined();
      this.#sending = true;
      this.#broadcastTurns(broadcast ?? fail("this peer has no broadcast"));
    }
    if (command === "stop") this.#sending = false;
    if (command === "gc") await collect();
    return replyOf(sumOf(this.#receivers), this.#sent);
  }

  async #allJoined(): Promise<void> {
    const expected = this.#plan.links + this.#plan.idleLinks;
    for (let tries = 0; this.#receivers.length < expected; tries++) {
      if (tries > 1000) fail(`${this.#receivers.length} of ${expected} links joined within 5 s`);
      await sleep(5);
    }
  }

  /** `burst` messages to all, once per turn of the loop, as far as the slowest receiver lets it. */
  #broadcastTurns(broadcast: NonNullable<Served["broadcast"]>): void {
    const { burst, sizes } = this.#plan;
    const ahead = creditOf(this.#plan);
    let waiting = false;
    const turn = (): void => {
      if (!this.#sending) return;
      if (this.#sent + burst - this.#channel.acknowledged > ahead) {
        waiting = true;
        return;
      }
      for (let count = 0; count < burst; count++) {
        broadcast(this.#sent, sizes[this.#sent & (sizes.length - 1)]!);
        this.#sent++;
      }
      setImmediate(turn);
    };
    this.#channel.onAcknowledged = () => {
      if (!waiting) return;
      waiting = false;
      turn();
    };
    turn();
  }
}

/** One link of the client with what it has sent. */
class ClientLink extends Receiver {
  sent = 0;
  /** It refused, and has not said yet that it can take again. */
  refused = false;
  link: Link | undefined;
  readonly #client: ClientWorkload;
  constructor(index: number, plan: ChildPlan, client: ClientWorkload) {
    super(index, plan.sizes);
    this.#client = client;
  }
  override accept(seq: number, byteLength: number): boolean {
    const whole = super.accept(seq, byteLength);
    this.#client.echoed(this);
    return whole;
  }
}

export class ClientWorkload implements ClientSide {
  readonly #plan: ChildPlan;
  readonly #sizes: Uint32Array;
  readonly #links: ClientLink[] = [];
  readonly #receivers: Receiver[] = [];
  readonly #channel = new CreditChannel();
  readonly #step: () => void;
  readonly #samples: Float64Array | undefined;
  #sampleCount = 0;
  #sentAtMs = 0;
  #sending = false;
  #turnPending = false;

  constructor(plan: ChildPlan) {
    this.#plan = plan;
    this.#sizes = Uint32Array.from(plan.sizes);
    this.#step = acknowledger(this.#receivers, this.#channel, plan.links);
    this.#samples = plan.latency ? new Float64Array(SAMPLES_MAX) : undefined;
  }

  async open(): Promise<void> {
    this.#channel.onAcknowledged = () => this.#turnSoon();
    if (this.#plan.credit) await this.#channel.connect(this.#plan.creditPort);
  }

  join(index: number, link: Link): Receiver {
    if (this.#plan.pattern === "broadcast") {
      this.#receivers[index] = new CreditedReceiver(index, this.#plan, this.#step);
      return this.#receivers[index];
    }
    const own = new ClientLink(index, this.#plan, this);
    own.link = link;
    if (index < this.#plan.links) this.#links[index] = own;
    this.#receivers[index] = own;
    return own;
  }

  ready(index: number): void {
    const own = this.#links[index];
    if (own === undefined) return;
    own.refused = false;
    if (!this.#sending) return;
    if (this.#plan.pattern === "echo") this.#fillWindow(own);
    else this.#turnSoon();
  }

  /** Hot. An echo came back: note its time, send the next. */
  echoed(own: ClientLink): void {
    const samples = this.#samples;
    if (samples !== undefined) {
      const now = performance.now();
      samples[this.#sampleCount & (SAMPLES_MAX - 1)] = now - this.#sentAtMs;
      this.#sampleCount++;
      this.#sentAtMs = now;
    }
    if (this.#sending && !own.refused) this.#fillWindow(own);
  }

  async command(command: Command): Promise<Reply> {
    if (command === "start") this.#start();
    if (command === "begin") this.#sampleCount = 0;
    if (command === "stop") this.#sending = false;
    if (command === "gc") await collect();
    let sent = 0;
    for (const own of this.#links) sent += own.sent;
    const reply = replyOf(sumOf(this.#receivers), sent);
    return command === "end" ? { ...reply, latency: this.#percentiles() } : reply;
  }

  #start(): void {
    if (this.#plan.pattern === "broadcast") return;
    this.#sending = true;
    this.#sentAtMs = performance.now();
    if (this.#plan.pattern === "oneway") this.#turnSoon();
    else for (const own of this.#links) this.#fillWindow(own);
  }

  #fillWindow(own: ClientLink): void {
    const sizes = this.#sizes;
    const window = this.#plan.window;
    while (own.sent - own.received < window) {
      if (!own.link!.send(own.sent, sizes[own.sent & (sizes.length - 1)]!)) {
        own.refused = true;
        return;
      }
      own.sent++;
    }
  }

  /** One burst on each link that takes it, then the next turn of the loop. */
  readonly #turn = (): void => {
    this.#turnPending = false;
    if (!this.#sending) return;
    const { burst, credit } = this.#plan;
    const sizes = this.#sizes;
    const mask = sizes.length - 1;
    const limit = credit ? this.#channel.acknowledged + creditOf(this.#plan) : Number.POSITIVE_INFINITY;
    let going = false;
    for (const own of this.#links) {
      if (own.refused || own.sent + burst > limit) continue;
      const link = own.link!;
      let seq = own.sent;
      const end = seq + burst;
      while (seq < end && link.send(seq, sizes[seq & mask]!)) seq++;
      own.sent = seq;
      if (seq < end) own.refused = true;
      else going = true;
    }
    if (going) this.#turnSoon();
  };

  /** Never at once: a peer whose writes complete on the spot would keep the loop from ever turning. */
  #turnSoon(): void {
    if (this.#turnPending || this.#plan.pattern !== "oneway") return;
    this.#turnPending = true;
    setImmediate(this.#turn);
  }

  #percentiles(): Latency | undefined {
    if (this.#samples === undefined) return undefined;
    const sorted = this.#samples.slice(0, Math.min(this.#sampleCount, SAMPLES_MAX)).sort();
    const at = (share: number): number =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1000;
    return { samples: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}
