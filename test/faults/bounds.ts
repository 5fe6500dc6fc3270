/** The options that the faults meet, and the bounds in time that these give. */
import type { LanClientOptions, LanOptions, LeaveReason } from "../../src/index.ts";
import { HIDES_RESETS, KEEPALIVE_PROBES } from "../support/platform.ts";

/**
 * What a machine that has other work to do may be late by, on top of what the options give. Far below what would
 * happen without the protection that a test is about: that is many minutes, or never.
 */
export const LATE_MS: number = Number(process.env.FAULTS_LATE_MS ?? 1500);

/** What random parts begin with. The same number gives the same run. */
export const SEED: number = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));

export interface Place {
  readonly where: string;
  readonly workerThreads: number;
}

/** Each test runs on both. */
export const PLACES: readonly Place[] = [
  { where: "on the caller's thread", workerThreads: 0 },
  { where: "on worker threads", workerThreads: 1 },
];

interface Watched extends LanOptions {
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number };
}
interface Unwatched extends LanOptions {
  readonly sendStallMs: number;
  readonly partialFrameTimeoutMs: number;
  readonly keepAliveMs: number;
}

const QUEUES = { packetBytesMax: 256 * 1024, sendQueueBytesMax: 1024 * 1024 } as const;

/** Heartbeats are what notices. */
export const BEATING: Watched = {
  ...QUEUES,
  heartbeat: { intervalMs: 300, timeoutMs: 2000 },
  sendStallMs: 8000,
  partialFrameTimeoutMs: 8000,
};

/** The other time-outs are, and the kernel's keepalive. */
export const SILENT: Unwatched = {
  ...QUEUES,
  heartbeat: false,
  sendStallMs: 2000,
  partialFrameTimeoutMs: 2000,
  keepAliveMs: 1000,
};

/** Nothing that is timed has a part in what happens. */
export const PATIENT: LanOptions = {
  ...QUEUES,
  heartbeat: { intervalMs: 1000, timeoutMs: 60_000 },
  sendStallMs: 60_000,
  partialFrameTimeoutMs: 60_000,
  disconnectDrainMs: 60_000,
};

/** On top of either, for a frame that is longer than what the kernels hold. */
export const LONG: LanOptions = { packetBytesMax: 4 * 1024 * 1024, sendQueueBytesMax: 8 * 1024 * 1024 };

/** A side looks at its sessions eight times per shortest time-out, and judges at most two looks late. */
const sweepsMs = (shortestMs: number): number => 2 * Math.min(1000, shortestMs / 8);

/** Until a peer that sends heartbeats is missed. */
export const HEARTBEAT_MS: number = BEATING.heartbeat.timeoutMs + sweepsMs(BEATING.heartbeat.intervalMs);
/** Until writes that do not complete are noticed. */
export const STALL_MS: number = SILENT.sendStallMs + sweepsMs(SILENT.sendStallMs);
/** Until a frame that does not go on is noticed. */
export const PARTIAL_MS: number = SILENT.partialFrameTimeoutMs + sweepsMs(SILENT.partialFrameTimeoutMs);
/** Until the kernel gives an idle link up. */
export const KEEPALIVE_MS: number = SILENT.keepAliveMs + 1000 * KEEPALIVE_PROBES;

/** What a side tells whose peer, or somebody in its name, sent RST. */
export const RESET: readonly LeaveReason[] = HIDES_RESETS === false ? ["reset"] : ["reset", "peer-closed"];

/** Quick to come back, so that a test is. */
export const RECONNECT: Partial<LanClientOptions> = {
  connectTimeoutMs: 2000,
  reconnect: { minDelayMs: 50, maxDelayMs: 300 },
};
