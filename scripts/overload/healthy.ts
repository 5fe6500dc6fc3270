/**
 * The healthy links, a process of its own: LanClients whose packets come back, in order, or it is told. Each sends at a
 * fixed rate far below what the server can do, whether or not answers come: so a pause of the server is felt by all
 * that were sent in it, and the processor of those that misbehave, where they have none of their own, by nobody.
 */
import { createHistogram } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { LanClient, type LanError, type Leave, Packet } from "../../src/index.ts";
import { serve } from "./child.ts";
import { addressOf, LIMITS, ROLES } from "./plan.ts";

export interface Measured {
  /** Echoes per second. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

const PACKET_BYTES = 64;
const TICK_MS = 1;
/** Packets per second of one link. */
const PACE = 1000;

const wrong: string[] = [];

class HealthyLink extends LanClient {
  sent = 0;
  echoed = 0;
  leaves = 0;
  /** When each packet under way was sent, in order. */
  readonly #sentMs: number[] = [];
  readonly #packet = new Packet(PACKET_BYTES);

  send(): void {
    this.#packet.clear().writeUint32(this.sent).writeBytes(FILLING);
    if (!this.sendPacket(this.#packet)) {
      wrong.push("a healthy link's packet was refused");
      return;
    }
    this.sent++;
    this.#sentMs.push(performance.now());
  }

  onEnterJoinServer(): void {}
  onLeaveServer({ reason }: Leave): void {
    this.leaves++;
    if (!isOver) wrong.push(`a healthy link left: ${reason}`);
  }
  onRecv(packet: Packet): void {
    const number = packet.readUint32();
    if (number !== this.echoed) wrong.push(`echo ${number} came, wanted ${this.echoed}`);
    this.echoed++;
    latencies.record(Math.max(1, Math.round((performance.now() - this.#sentMs.shift()!) * 1e6)));
  }
  onSend(): void {}
  onError({ code }: LanError): void {
    wrong.push(`a healthy link: ${code}`);
  }
}

const FILLING = new Uint8Array(PACKET_BYTES - 4);
const latencies = createHistogram();
const links = Array.from({ length: ROLES.healthy.count }, () => new HealthyLink());
let isOver = false;

async function measure({ seconds }: { seconds: number }): Promise<Measured> {
  latencies.reset();
  const beganMs = performance.now();
  const before = echoes();
  const elapsedMs = (): number => performance.now() - beganMs;
  for (let due = 0; elapsedMs() < seconds * 1000; await sleep(TICK_MS))
    for (; due < (elapsedMs() * PACE) / 1000; due++) for (const link of links) link.send();
  const perSecond = ((echoes() - before) * 1000) / elapsedMs();
  await allBack();
  const ms = (nanoseconds: number): number => nanoseconds / 1e6;
  return {
    perSecond,
    p50Ms: ms(latencies.percentile(50)),
    p99Ms: ms(latencies.percentile(99)),
    mostMs: ms(latencies.max),
  };
}

function echoes(): number {
  return links.reduce((sum, { echoed }) => sum + echoed, 0);
}

/** Those that come late count too. */
async function allBack(): Promise<void> {
  while (links.some(({ sent, echoed, leaves }) => sent > echoed && leaves === 0)) await sleep(5);
}

serve({
  join: async ({ port }: { port: number }) => {
    const { packetBytesMax, sendQueueBytesMax } = LIMITS;
    for (const [i, link] of links.entries())
      await link.connect({ port, bindIp: addressOf("healthy", i), packetBytesMax, sendQueueBytesMax });
  },
  measure,
  finish: async () => {
    isOver = true;
    await Promise.all(links.map((link) => link.disconnect()));
    for (const { sent, echoed, leaves } of links) {
      if (sent !== echoed) wrong.push(`${sent} packets sent, ${echoed} came back`);
      if (leaves !== 1) wrong.push(`a healthy link left ${leaves} times`);
    }
    return { wrong: wrong.slice(0, 10), echoes: echoes() };
  },
});
