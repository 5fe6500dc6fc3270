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
 * All operations are sequentially consistent (Atomics know no other order).
 *
 * Invariant: only the owning thread opens, closes, ends and subtracts; any thread reserves.
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

export type Reserved = "taken" | "full" | "gone";

export class Reservations {
  readonly #words: BigInt64Array;
  readonly #halves: Int32Array;

  constructor(memory: SharedMemory) {
    this.#words = memory.reservations;
    this.#halves = memory.reservationHalves;
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

  /** The owner takes `bytes` where no more than `bytesMax` are then taken. HOT. */
  take(id: SessionId, bytes: number, bytesMax: number): boolean {
    const low = 2 * slotOf(id);
    for (;;) {
      const half = Atomics.load(this.#halves, low);
      const taken = (half & BYTES_MAX) + bytes;
      if (taken > bytesMax || taken > BYTES_MAX) return false;
      if (Atomics.compareExchange(this.#halves, low, half, half + bytes) === half) return true;
    }
  }

  /** Whether `reserve` would find room now. */
  hasRoom(id: SessionId, bytes: number, bytesMax: number): boolean {
    return fits(Atomics.load(this.#words, slotOf(id)), bytes, bytesMax);
  }

  /** Of all threads together. */
  bytesTaken(id: SessionId): number {
    return Atomics.load(this.#halves, 2 * slotOf(id)) & BYTES_MAX;
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
    const word = Atomics.exchange(this.#words, slotOf(id), CLOSED);
    return { packets: packetsOf(word), bytes: Number(word & BYTES) };
  }
}

function fits(word: bigint, bytes: number, bytesMax: number): boolean {
  const taken = Number(word & BYTES) + bytes;
  return taken <= bytesMax && taken <= BYTES_MAX && packetsOf(word) < PACKETS_MAX;
}

function packetsOf(word: bigint): number {
  return Number((word >> 31n) & BigInt(PACKETS_MAX));
}

function generationBits(id: SessionId): bigint {
  return BigInt(generationOf(id) % 2 ** GENERATION_BITS) << GENERATION_AT;
}
