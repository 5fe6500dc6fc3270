/**
 * A stalling peer: it joins and does not read, and its server sends until the kernel takes no more. What the
 * kernels hold differs from machine to machine, so nothing is assumed about it.
 *
 *      taken packets = sent (told by onSend) + queued          queue full: sendPacket says false
 */
import assert from "node:assert/strict";
import type { NetServerOptions } from "../../src/index.ts";
import type { RawPeer } from "../../src/testing.ts";
import type { EventLog } from "./event-log.ts";
import { HEADER_BYTES } from "./frames.ts";
import type { Rule } from "./script.ts";
import type { RawPair, World } from "./world.ts";

/** Of each numbered packet. */
export const PACKET_BYTES = 65_500;
/** More than any kernel's buffers last. */
const SETTLE_ROUNDS_MAX = 3000;
/** A kernel that has taken nothing for so long is full. */
const QUIET_ROUNDS = 3;
/** What the queue holds: ten frames. */
export const QUEUE_FRAMES = 10;

export interface Clogged extends RawPair {
  /** Packets taken. */
  taken(): number;
  /** Packets handed to the kernel by completed writes. */
  sent(): number;
}

const FILL = { do: "fill", to: { joined: 1 }, size: PACKET_BYTES } as const;
const KEEP_FULL: Rule = { on: "sendReady", session: 1, do: [FILL] };

/** What one of them takes on the wire. */
export function frameBytes(world: World): number {
  return world.protocol.headerBytes + PACKET_BYTES;
}

/** A server whose first session is full to its limit and stays so until the peer reads. */
export async function clog(
  world: World,
  options: NetServerOptions = {},
  rules: readonly Rule[] = [],
): Promise<Clogged> {
  const script = [KEEP_FULL, ...rules];
  const limits: NetServerOptions = {
    heartbeat: false,
    packetBytesMax: PACKET_BYTES,
    sendQueueBytesMax: QUEUE_FRAMES * frameBytes(world),
  };
  const pair = await world.rawPair({ options: { ...limits, ...options }, script }, { reading: false });
  let commanded = 0;
  for (let taken = 1; taken > 0; commanded += taken) {
    taken = Number((await pair.server.command(FILL))[0]);
    await settleFull(world, pair.server);
  }
  const { log } = pair.server;
  const taken = (): number =>
    log.of("sendReady").reduce((sum, { results }) => sum + Number(results[0]), commanded);
  const sentBytes = (): number =>
    log.of("send", { sessionId: pair.sessionId }).reduce((sum, { size = 0 }) => sum + size, 0);
  return { ...pair, taken, sent: () => sentBytes() / frameBytes(world) };
}

/** Packets that a stalled peer gets once it reads. */
export async function drained(world: World, peer: RawPeer, packets: number): Promise<void> {
  peer.resume();
  await world.until(peer.receivedAtLeast(packets * (HEADER_BYTES + PACKET_BYTES)));
}

/** Waits until a fixture that sends whenever it can is told nothing any more: the kernels are full. */
export async function settleFull(world: World, { log }: { readonly log: EventLog }): Promise<void> {
  let quiet = 0;
  for (let round = 0; round < SETTLE_ROUNDS_MAX && quiet < QUIET_ROUNDS; round++) {
    const before = log.records.length;
    await world.settle();
    quiet = log.records.length === before ? quiet + 1 : 0;
  }
  assert.equal(quiet, QUIET_ROUNDS, "the peer takes bytes without end though it does not read");
}
