/**
 * The most memory that a server's sessions can take, computed from its options: docs/bounds.md explains each part.
 * The collector's share is not the library's to bound, so it stands beside the sum and not in it.
 */
import type { Limits } from "./plan.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

const HEADER_BYTES = 4;
/** A session that says nothing: socket, objects, timers. */
const SESSION_BYTES = 8 * KIB;
const SEND_SLAB_BYTES = 128 * KIB;
const RECEIVE_SLAB_BYTES_MIN = 64 * KIB;
const RECEIVE_SLAB_BYTES_MAX = MIB;
/** Spare send slabs, buffers of packets that came back, what quiet sessions read into. */
const POOLS_BYTES_PER_THREAD = 20 * MIB + 16 * MIB + MIB + 256 * KIB;
/** Garbage that V8 lets lie: buffers outside the heap before it collects for them, and the young generation. */
export const GARBAGE_BYTES_PER_THREAD: number = 64 * MIB + 48 * MIB;

/** One queue at its limit: what is kept by reference may be 5 % larger than it counts, slabs are full but for the last. */
function sendingBytes({ sendQueueBytesMax }: Limits): number {
  return 1.1 * sendQueueBytesMax + SEND_SLAB_BYTES;
}

/** Packets that wait for a handler, and two slabs: one that still fills, one whose first packets are done. */
function receivingBytes({ receiveQueueBytesMax, packetBytesMax }: Limits): number {
  return receiveQueueBytesMax + 2 * Math.max(RECEIVE_SLAB_BYTES_MAX, HEADER_BYTES + packetBytesMax);
}

/** A frame of which `arrivedBytes` are here. */
function partialBytes(arrivedBytes: number): number {
  return Math.max(RECEIVE_SLAB_BYTES_MIN, 2 * arrivedBytes);
}

/** Every session at every limit at once. */
export function boundBytes(limits: Limits, threads: number): number {
  const perSession = SESSION_BYTES + sendingBytes(limits) + receivingBytes(limits);
  return limits.maxSessions * perSession + poolsBytes(threads);
}

/** Of all sessions only `deaf` have a full queue, and `partial` a frame with a few bytes. */
export function boundBytesOf(limits: Limits, threads: number, deaf: number, partial: number): number {
  const { maxSessions } = limits;
  return (
    maxSessions * SESSION_BYTES +
    deaf * sendingBytes(limits) +
    partial * partialBytes(KIB) +
    poolsBytes(threads)
  );
}

function poolsBytes(threads: number): number {
  return Math.max(1, threads) * POOLS_BYTES_PER_THREAD;
}
