/**
 * The memory of packets that are written here (received ones lie in the slab that they arrived in).
 *
 *      pool slab (32 KiB)  [ packet | packet | packet | ...free... ]      takeMemory, up to 2 KiB
 *                                             ^ used
 *      chunk (64 KiB)      [ copy | copy | ...free... ]                   copyMemory, up to 2 KiB
 *      a buffer of its own [ packet ]                                     both above 2 KiB, ownMemory
 *
 * A buffer of 256 bytes with its DataView costs about 1000 ns, a piece of a pool slab 40: that is what makes
 * a `new Packet()` per message affordable. The price: a kept packet keeps its pool slab.
 *
 * Copies are made to be kept, so they lie among copies only. Each in a buffer of its own would be several allocations
 * outside the heap between the slabs of what arrives, which pin the memory of slabs that are gone; so do smaller chunks
 * (keeping 51 MB of 819: 16 KiB 2.6 to 3.3 times as much resident, 64 KiB 2.2 to 2.5).
 *
 * Memory that goes out with a send is lent. Once every loan is back it serves again: the packet itself, where
 * it still holds it, or else the next packet that wants a buffer of that length (making a large buffer anew
 * costs more than filling it).
 *
 * Invariant: no two packets share a byte, and memory is given out again only when no loan and no packet holds
 * it; the collector frees the rest when nothing points into it.
 */
import { Buffer } from "node:buffer";
import { markAsUntransferable } from "node:worker_threads";

/** `bytes` and `view` cover the same range; a packet's part of it begins at `start`. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: number;
}

const POOL_BYTES = 32 * 1024;
const POOLED_BYTES_MAX = 2 * 1024;
/** What a kept copy of up to `POOLED_BYTES_MAX` may keep alive. */
const CHUNK_BYTES = 64 * 1024;

/** Buffers that several packets have a part of. */
const shared = new WeakSet<ArrayBufferLike>();

/** The memory of a packet that has none yet. */
export const NO_MEMORY: Memory = sharedMemory(0);

let pool: Memory = NO_MEMORY;
let poolUsed: number = POOL_BYTES + 1; // no slab yet: even an empty piece makes the first
let chunk: Memory = NO_MEMORY;
let chunkUsed: number = CHUNK_BYTES + 1;

/** Loans that are out, by buffer. */
const loans = new WeakMap<ArrayBufferLike, { count: number; abandoned: Memory | null }>();
/** Buffers that came back and whose packet has gone on, by length. */
const returned = new Map<number, Memory[]>();
let returnedBytes = 0;
const RETURNED_BYTES_MAX = 16 * 1024 * 1024;

/** The memory is read by somebody else until it is returned. */
export function lendMemory({ buffer }: Uint8Array): void {
  const loan = loans.get(buffer);
  if (loan === undefined) loans.set(buffer, { count: 1, abandoned: null });
  else loan.count++;
}

/** One loan of the memory that `bytes` is a view of is over. */
export function returnMemory({ buffer }: Uint8Array): void {
  const loan = loans.get(buffer);
  if (loan === undefined || --loan.count > 0) return;
  loans.delete(buffer);
  if (loan.abandoned !== null) keepForReuse(loan.abandoned);
}

export function isLent({ buffer }: Uint8Array): boolean {
  return loans.has(buffer);
}

/** A packet goes on without memory that it has lent. */
export function abandonMemory(memory: Memory): void {
  const loan = loans.get(memory.bytes.buffer);
  if (loan !== undefined) loan.abandoned = memory;
}

function keepForReuse(memory: Memory): void {
  const { byteLength } = memory.bytes;
  // What others have a part of, lengths that nobody asks for and what is too much are the collector's.
  if (shared.has(memory.bytes.buffer) || byteLength !== reusableLength(byteLength)) return;
  if (byteLength > RETURNED_BYTES_MAX) return;
  if (returnedBytes + byteLength > RETURNED_BYTES_MAX) {
    if (returned.get(byteLength)?.length) return;
    returned.clear(); // lengths that were wanted once make room for the one that is wanted now
    returnedBytes = 0;
  }
  const sameLength = returned.get(byteLength);
  if (sameLength === undefined) returned.set(byteLength, [memory]);
  else sameLength.push(memory);
  returnedBytes += byteLength;
}

/** A little more than asked for, at most a 32nd: so there are few lengths, and most of what comes back fits again. */
function reusableLength(byteLength: number): number {
  const step = 2 ** Math.max(0, 26 - Math.clz32(byteLength - 1));
  return Math.ceil(byteLength / step) * step;
}

function reuse(byteLength: number): Memory | undefined {
  const memory = returned.get(byteLength)?.pop();
  if (memory !== undefined) returnedBytes -= byteLength;
  return memory;
}

/** At least `byteLength` uninitialised bytes, shared with nobody; small ones lie in a slab beside others. */
export function takeMemory(byteLength: number): Memory {
  if (byteLength > POOLED_BYTES_MAX) {
    const length = reusableLength(byteLength);
    return reuse(length) ?? ownMemory(length);
  }
  if (poolUsed + byteLength > POOL_BYTES) {
    pool = sharedMemory(POOL_BYTES);
    poolUsed = 0;
  }
  const start = poolUsed;
  poolUsed += (byteLength + 7) & ~7; // the next piece begins on a word
  return { bytes: pool.bytes, view: pool.view, start };
}

/** The same for a copy, beside others of its kind. */
export function copyMemory(byteLength: number): Memory {
  if (byteLength > POOLED_BYTES_MAX) return ownMemory(byteLength);
  if (chunkUsed + byteLength > CHUNK_BYTES) {
    chunk = sharedMemory(CHUNK_BYTES);
    chunkUsed = 0;
  }
  const start = chunkUsed;
  chunkUsed += (byteLength + 7) & ~7;
  return { bytes: chunk.bytes, view: chunk.view, start };
}

/** `byteLength` uninitialised bytes in a buffer of exactly that length. */
export function ownMemory(byteLength: number): Memory {
  // A plain Uint8Array over it: slice() of a Buffer would be a view where people expect a copy.
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(byteLength);
  return {
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
    view: new DataView(buffer, byteOffset, byteLength),
    start: 0,
  };
}

/**
 * Copies from[start, end) to `to` from `at`, eight bytes at a time: for small contents, without a view. The
 * two do not overlap. BigInts are only carried through here; compiled, they are plain registers.
 */
export function copyWords(from: DataView, start: number, end: number, to: DataView, at: number): void {
  const shift = at - start;
  let read = start;
  for (; read + 8 <= end; read += 8) to.setBigUint64(read + shift, from.getBigUint64(read, true), true);
  if (read + 4 <= end) {
    to.setUint32(read + shift, from.getUint32(read, true), true);
    read += 4;
  }
  for (; read < end; read++) to.setUint8(read + shift, from.getUint8(read));
}

/** Memory that several packets have a part of: posting one's buffer with a transfer list must not take the others along. */
function sharedMemory(byteLength: number): Memory {
  const memory = ownMemory(byteLength);
  shared.add(memory.bytes.buffer);
  markAsUntransferable(memory.bytes.buffer);
  return memory;
}
