/**
 * One history, drawn from its seed: how large the cluster is, every option of network, server and clients, how
 * handlers behave, and what happens when. The same seed gives the same plan.
 *
 *      seed --> scale of time --> options (timeouts are a few of it, waits too) --> operations
 */
import type { LanClientOptions, LanServerOptions } from "../../src/index.ts";
import type { MemoryNetworkOptions } from "../../src/testing.ts";
import { Random } from "../../src/testing.ts";
import { type Format, payloadLimit } from "./lane.ts";
import { drawOperations, type Operation } from "./operations.ts";

/** What the oracle must know of one side's options. */
export interface LinkLimits {
  readonly headerBytes: number;
  readonly packetBytesMax: number;
  readonly sendQueueBytesMax: number;
  readonly receiveQueueBytesMax: number;
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number } | false;
  readonly partialFrameTimeoutMs: number;
  readonly sendStallMs: number;
  readonly disconnectDrainMs: number;
  /** How often the library looks at its sessions. */
  readonly sweepMs: number;
}

/** How handlers behave: how probable each is, per event. */
export interface Manners {
  readonly throws: number;
  /** An onRecv that takes its time, up to `slowMs`. */
  readonly slow: number;
  readonly slowMs: number;
  /** An event that sends something, echoes included. */
  readonly talks: number;
  /** An event that ends somebody's session. */
  readonly kicks: number;
  /** An event that blocks the thread. */
  readonly blocks: number;
}

export interface ClientPlan {
  readonly options: LanClientOptions;
  readonly limits: LinkLimits;
  readonly reconnect: { readonly minDelayMs: number; readonly maxDelayMs: number } | false;
  readonly hasBatchHooks: boolean;
}

export interface Plan {
  readonly seed: number;
  /** The unit of its timeouts and waits. */
  readonly scaleMs: number;
  readonly format: Format;
  readonly network: MemoryNetworkOptions;
  /** Whether its links are so slow that healthy ends may miss each other. */
  readonly isSlow: boolean;
  readonly server: {
    readonly options: LanServerOptions;
    readonly limits: LinkLimits;
    readonly hasBatchHooks: boolean;
  };
  readonly clients: readonly ClientPlan[];
  readonly manners: Manners;
  /** What all sides together may send. */
  readonly packetsMax: number;
  readonly bytesMax: number;
  readonly operations: readonly Operation[];
}

export const SERVER_ADDRESS = { ip: "10.0.0.1", port: 7000 } as const;

const FORMATS: readonly Format[] = [
  { lengthBytes: 4, endian: "little", includesHeader: false },
  { lengthBytes: 4, endian: "little", includesHeader: false },
  { lengthBytes: 2, endian: "little", includesHeader: false },
  { lengthBytes: 1, endian: "big", includesHeader: false },
  { lengthBytes: 3, endian: "big", includesHeader: false },
  { lengthBytes: 4, endian: "big", includesHeader: true },
  { lengthBytes: 2, endian: "big", includesHeader: true },
];

/** The seeds of the histories that follow from one. */
export function* historySeeds(seed: number): Generator<number, never> {
  const random = new Random(seed).fork(0);
  for (;;) yield random.uint32();
}

export function makePlan(seed: number): Plan {
  const random = new Random(seed).fork(1);
  const scaleMs = random.pick([50, 200, 1000, 4000]);
  const format = random.pick(FORMATS);
  const clientCount = random.chance(0.1)
    ? random.integer(9, 20)
    : random.chance(0.4)
      ? 1
      : random.integer(2, 8);
  const network = drawNetwork(random, scaleMs);
  const grain = Math.min(
    network.windowBytes!,
    network.chunkBytes!,
    network.faults!.chunking === "byte" ? 1 : 2 ** 20,
  );
  const isLarge = grain >= 4096 && random.chance(0.08);
  const bytesMax = isLarge ? 12 * 2 ** 20 : Math.min(400_000, 3000 + grain * 600);
  const packetBytesMax = Math.min(
    payloadLimit(format),
    isLarge ? random.integer(2 ** 20, 3 * 2 ** 20) : random.pick([64, 1000, 16_384, 20_000, 70_000, 300_000]),
  );
  const heartbeat = random.chance(0.75)
    ? { intervalMs: scaleMs, timeoutMs: scaleMs * random.pick([1.5, 2, 3]) }
    : false;
  const both = (): Both => drawBoth(random, format, packetBytesMax, bytesMax, heartbeat, scaleMs);
  const server = both();
  return {
    seed,
    scaleMs,
    format,
    network: { ...network, seed: random.uint32() },
    isSlow: network.latencyMs! + network.faults!.jitterMs! > scaleMs / 8 || grain < 1000,
    server: {
      ...server,
      options: {
        ...server.options,
        ...SERVER_ADDRESS,
        maxSessions: random.chance(0.2) ? random.integer(1, clientCount + 1) : clientCount + 8,
      },
      hasBatchHooks: random.chance(0.3),
    },
    clients: Array.from({ length: clientCount }, () => drawClient(random, both(), scaleMs)),
    manners: drawManners(random, scaleMs),
    packetsMax: random.pick([50, 300, 1200]),
    bytesMax,
    operations: drawOperations(random, clientCount),
  };
}

function drawNetwork(random: Random, scaleMs: number): MemoryNetworkOptions {
  const isRough = random.chance(0.5);
  return {
    latencyMs: random.pick([0, 0, 1, scaleMs / 50, scaleMs / 10]),
    windowBytes: random.pick([1, 30, 1000, 5000, 65_536, 65_536]),
    chunkBytes: random.pick([1, 13, 1000, 2 ** 20, 2 ** 20]),
    refusal: random.pick(["resets", "rejects"]),
    faults: {
      chunking: random.pick(["whole", "whole", "random", "byte"]),
      jitterMs: random.pick([0, 0, scaleMs / 20, scaleMs / 5]),
      readAfterPause: random.pick([0, 0.5, 1]),
      ...(isRough ? drawRoughness(random, scaleMs) : {}),
    },
  };
}

/** Faults that come by themselves. */
function drawRoughness(random: Random, scaleMs: number): NonNullable<MemoryNetworkOptions["faults"]> {
  return {
    resetPerMegabyte: random.pick([0, 5, 200]),
    stallPerMegabyte: random.pick([0, 20, 500]),
    stallMs: scaleMs * random.pick([0.5, 3]),
    dialRefusal: random.pick([0, 0.3]),
  };
}

interface Both {
  readonly options: LanServerOptions & LanClientOptions;
  readonly limits: LinkLimits;
}

/** What both sides of every link have, the first three of which all must agree about. */
function drawBoth(
  random: Random,
  format: Format,
  agreedBytesMax: number,
  bytesMax: number,
  heartbeat: LinkLimits["heartbeat"],
  scaleMs: number,
): Both {
  const packetBytesMax = random.chance(0.93) ? agreedBytesMax : Math.max(1, Math.ceil(agreedBytesMax / 3));
  const frameBytesMax = format.lengthBytes + packetBytesMax;
  const partialFrameTimeoutMs = scaleMs * random.pick([1, 4]);
  const sendStallMs = scaleMs * random.pick([1, 2, 6]);
  const told = {
    packetBytesMax,
    sendQueueBytesMax: Math.ceil(frameBytesMax * random.pick([1, 1.5, 4, 30])),
    receiveQueueBytesMax: random.pick([Math.ceil(bytesMax / 400), 300, 5000, 2 ** 20]),
    heartbeat,
    partialFrameTimeoutMs,
    sendStallMs,
    disconnectDrainMs: scaleMs * random.pick([0, 0.5, 2, 5]),
  };
  const shortest = Math.min(
    partialFrameTimeoutMs,
    sendStallMs,
    ...(heartbeat === false ? [] : [heartbeat.intervalMs, heartbeat.timeoutMs]),
  );
  const sweepMs = Math.max(5, Math.min(1000, shortest / 8));
  return {
    options: { ...told, framing: format },
    limits: { ...told, headerBytes: format.lengthBytes, sweepMs },
  };
}

function drawClient(random: Random, both: Both, scaleMs: number): ClientPlan {
  const minDelayMs = Math.ceil(scaleMs * random.pick([0.05, 0.5]));
  const reconnect = random.chance(0.85)
    ? { minDelayMs, maxDelayMs: minDelayMs * random.pick([1, 4, 20]) }
    : false;
  return {
    options: {
      ...both.options,
      serverIp: SERVER_ADDRESS.ip,
      port: SERVER_ADDRESS.port,
      connectTimeoutMs: scaleMs * random.pick([0.5, 3]),
      reconnect,
    },
    limits: both.limits,
    reconnect,
    hasBatchHooks: random.chance(0.3),
  };
}

function drawManners(random: Random, scaleMs: number): Manners {
  const sometimes = (chance: number, most: number): number =>
    random.chance(chance) ? random.float() * most : 0;
  return {
    throws: sometimes(0.4, 0.1),
    slow: sometimes(0.5, 0.7),
    slowMs: scaleMs * random.pick([0, 0.1, 1]),
    talks: sometimes(0.7, 0.6),
    kicks: sometimes(0.3, 0.03),
    blocks: sometimes(0.15, 0.02),
  };
}
