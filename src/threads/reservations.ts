/**
 * What has been taken for a session and not been written, by all threads: one 64-bit word per session slot.
 *
 *     63       62..49               48..31              30..0
 *     closed | generation (low 14) | packets under way | frame bytes taken, under way or queued
 *
 * Whoever takes a packet adds its bytes by one compare-and-exchange that fails where they do not fit: so no two
 * threads can pass the limit together. Another thread's reservation exchanges the whole word, and is made
 * only for exactly that session and only while it is open. The owner needs the bytes alone and exchanges
 * the low half: a quarter of the cost. What is under way when the session ends is exactly what the word says then.
 * All operations on the word are sequentially consistent (Atomics know no other order).
 *
 * An owner that sends much takes room ahead, a block, and spends it without an exchange per packet. What is left of it is
 * in the count until the owner gives it back, at the end of its turn:
 *
 *     bytes in the word = queued + under way + unspent        unspent > 0 only within a turn of the owner
 *
 * The owner alone writes what is unspent, by plain stores; it lies in shared memory so that others can subtract it: who asks
 * how much is taken, and the handle that counts out a thread which died with a block. Where there are two stores they
 * are in the order that keeps the count above the truth in between, never below.
 *
 * Invariants: only the owning thread opens, closes, ends and subtracts; any thread reserves. A block is taken only where
 * the word with it holds at most half of the limit, and the owner is never refused for what it has not spent.
 */
import type { Traffic } from "../base/counters.ts";
import { generationOf, type SessionId, slotOf } from "../session/session-id.ts";
import type { SharedMemory } from "./shared-memory.ts";

const PACKET_ONE = 1n << 31n;
const BYTES = PACKET_ONE - 1n;
const PACKETS_MAX = 2 ** 18 - 1;
const GENERATION_AT = 49n;
const CLOSED = -(1n << 63n);
const GENERATION_BITS = 14;

/** The most bytes that can be taken for one session: what the word has room for. */
export const BYTES_MAX: number = 2 ** 31 - 1;

/** What the owner takes ahead: at most this much, and at most a quarter of the limit. */
const BLOCK_BYTES = 64 * 1024;
/** How often a reader looks for a moment at which nothing moved: what it tells is a figure of some moment anyway. */
const LOOKS_MAX = 4;

export type Reserved = "taken" | "full" | "gone";

export class Reservations {
  readonly #words: BigInt64Array;
  readonly #halves: Int32Array;
  readonly #unspent: Int32Array;

  constructor(memory: SharedMemory) {
    this.#words = memory.reservations;
    this.#halves = memory.reservationHalves;
    this.#unspent = memory.unspent;
  }

  open(id: SessionId): void {
    Atomics.store(this.#words, slotOf(id), generationBits(id));
  }

  /** Another thread reserves `bytes` for one packet where no more than `bytesMax` are then taken. HOT. */
  reserve(id: SessionId, bytes: number, bytesMax: number): Reserved {
    const slot = slotOf(id);
    const generation = generationBits(id) >> GENERATION_AT;
    for (;;) {
      const word = Atomics.load(this.#words, slot);
      if (word >> GENERATION_AT !== generation) return "gone"; // another session's, or closed: the sign is in there
      if (!fits(word, bytes, bytesMax)) return "full";
      if (Atomics.compareExchange(this.#words, slot, word, word + PACKET_ONE + BigInt(bytes)) === word)
        return "taken";
    }
  }

  /** The owner takes `bytes` of its block, where as much is left of it. HOT. */
  spend(id: SessionId, bytes: number): boolean {
    const slot = slotOf(id);
    const left = this.#unspent[slot]! - bytes;
    if (left < 0) return false;
    this.#unspent[slot] = left;
    return true;
  }

  /**
   * The owner takes `bytes` where no more than `bytesMax` are then taken: what is left of its block, and the rest from
   * the count.
   * @param ahead and the next block, where there is plenty of room
   */
  take(id: SessionId, bytes: number, bytesMax: number, ahead: boolean = false): boolean {
    const slot = slotOf(id);
    const low = 2 * slot;
    const left = this.#unspent[slot]!;
    const rest = bytes - left;
    for (;;) {
      const half = Atomics.load(this.#halves, low);
      const taken = (half & BYTES_MAX) + rest;
      if (taken > bytesMax || taken > BYTES_MAX) return false;
      const block = ahead ? blockFor(taken, bytesMax) : 0;
      if (Atomics.compareExchange(this.#halves, low, half, half + rest + block) !== half) continue;
      if (block !== left) this.#unspent[slot] = block;
      return true;
    }
  }

  /** What is left of the owner's block. */
  unspent(id: SessionId): number {
    return this.#unspent[slotOf(id)]!;
  }

  /** The owner gives back what is left of its block; false where nothing is. */
  giveBackUnspent(id: SessionId): boolean {
    const slot = slotOf(id);
    const left = this.#unspent[slot]!;
    if (left === 0) return false;
    this.#unspent[slot] = 0;
    Atomics.sub(this.#halves, 2 * slot, left);
    return true;
  }

  /** Whether `reserve` would find room now. */
  hasRoom(id: SessionId, bytes: number, bytesMax: number): boolean {
    return fits(Atomics.load(this.#words, slotOf(id)), bytes, bytesMax);
  }

  /** Of all threads together, without what is unspent of the owner's block. */
  bytesTaken(id: SessionId): number {
    const slot = slotOf(id);
    let bytes = Atomics.load(this.#halves, 2 * slot) & BYTES_MAX;
    // Looked at again: a block that came or went between the two looks would be counted, or subtracted, alone.
    for (let looks = 1; ; looks++) {
      const unspent = Atomics.load(this.#unspent, slot);
      const again = Atomics.load(this.#halves, 2 * slot) & BYTES_MAX;
      if (again === bytes || looks === LOOKS_MAX) return Math.max(0, again - unspent);
      bytes = again;
    }
  }

  /** Packets arrived at their session's thread: its queue has them, and their bytes go on counting. */
  arrived(id: SessionId, packets: number): void {
    Atomics.sub(this.#words, slotOf(id), BigInt(packets) * PACKET_ONE);
  }

  isUnderWay(id: SessionId): boolean {
    return packetsOf(Atomics.load(this.#words, slotOf(id))) > 0;
  }

  /** Bytes of the queue are written: there is room for as many. */
  written(id: SessionId, bytes: number): void {
    Atomics.sub(this.#halves, 2 * slotOf(id), bytes);
  }

  /** Gives back what a thread that died had reserved for exactly this session and never posted. */
  giveBackFor(id: SessionId, packets: number, bytes: number): void {
    const slot = slotOf(id);
    const taken = BigInt(packets) * PACKET_ONE + BigInt(bytes);
    for (;;) {
      const word = Atomics.load(this.#words, slot);
      if ((word & ~CLOSED) >> GENERATION_AT !== generationBits(id) >> GENERATION_AT) return;
      if (Atomics.compareExchange(this.#words, slot, word, word - taken) === word) return;
    }
  }

  /** Any thread: no more reservations for exactly this session; false where it is closed or gone already. */
  closeIfOpen(id: SessionId): boolean {
    const slot = slotOf(id);
    for (;;) {
      const word = Atomics.load(this.#words, slot);
      if (word >> GENERATION_AT !== generationBits(id) >> GENERATION_AT) return false;
      if (Atomics.compareExchange(this.#words, slot, word, word | CLOSED) === word) return true;
    }
  }

  /** The owner: no more reservations for its session. */
  close(id: SessionId): void {
    Atomics.or(this.#words, slotOf(id), CLOSED);
  }

  isClosed(id: SessionId): boolean {
    return Atomics.load(this.#words, slotOf(id)) >> GENERATION_AT !== generationBits(id) >> GENERATION_AT;
  }

  /** Ends what is taken; returns the packets that were under way, and the bytes of these and of the queue. */
  end(id: SessionId): Traffic {
    const slot = slotOf(id);
    const unspent = Atomics.exchange(this.#unspent, slot, 0);
    const word = Atomics.exchange(this.#words, slot, CLOSED);
    return { packets: packetsOf(word), bytes: Number(word & BYTES) - unspent };
  }
}

function fits(word: bigint, bytes: number, bytesMax: number): boolean {
  const taken = Number(word & BYTES) + bytes;
  return taken <= bytesMax && taken <= BYTES_MAX && packetsOf(word) < PACKETS_MAX;
}

/** What the owner may take ahead where `taken` are; none for a heartbeat, which knows no limit. */
function blockFor(taken: number, bytesMax: number): number {
  if (bytesMax > BYTES_MAX) return 0;
  const block = Math.min(BLOCK_BYTES, Math.floor(bytesMax / 4));
  return taken + block <= bytesMax / 2 ? block : 0;
}

function packetsOf(word: bigint): number {
  return Number((word >> 31n) & BigInt(PACKETS_MAX));
}

function generationBits(id: SessionId): bigint {
  return BigInt(generationOf(id) % 2 ** GENERATION_BITS) << GENERATION_AT;
}
