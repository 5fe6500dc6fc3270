/**
 * The last hour of each figure, one value a second, in memory.
 *
 *     ring of one figure:  Int32Array, slot = second % length; 64 slots at first, doubled up to 3600 as the hour fills
 *
 * Invariant: slots of the seconds [first, last] are the ring's; a slot of a second without a report holds `NONE`. Of
 * two reports in one second the later stays.
 *
 * Bounded: 14 400 bytes for a figure's full hour, `RINGS_MAX` figures (236 MB at the very most; 50 servers with 40
 * figures take 29 MB). A figure beyond that is kept by the minute only, until a ring is given back.
 */
import { I32_MIN } from "./protocol.ts";

/** How far the seconds go back. */
export const SECONDS_KEPT = 3600;
const RINGS_MAX = 16_384;

const SLOTS_MIN = 64;
/** No report; a value that is this very number is kept as the next greater. */
const NONE = I32_MIN;

class Ring {
  #slots = new Int32Array(SLOTS_MIN).fill(NONE);
  #first: number;
  #last: number;

  constructor(second: number) {
    this.#first = second;
    this.#last = second - 1;
  }

  get first(): number {
    return Math.max(this.#first, this.#last - SECONDS_KEPT + 1);
  }

  get last(): number {
    return this.#last;
  }

  set(second: number, value: number): void {
    if (second > this.#last) this.#advance(second);
    if (second < this.first) return; // the clock was set back behind the ring
    this.#slots[second % this.#slots.length] = Math.max(NONE + 1, value);
  }

  at(second: number): number | undefined {
    if (second < this.first || second > this.#last) return undefined;
    const value = this.#slots[second % this.#slots.length]!;
    return value === NONE ? undefined : value;
  }

  #advance(second: number): void {
    if (second - this.#last > SECONDS_KEPT) {
      this.#slots.fill(NONE);
      this.#first = second;
    } else {
      while (second - this.first >= this.#slots.length && this.#slots.length < SECONDS_KEPT) this.#grow();
      for (let gap = this.#last + 1; gap <= second; gap++) this.#slots[gap % this.#slots.length] = NONE;
    }
    this.#last = second;
  }

  #grow(): void {
    const old = this.#slots;
    const grown = new Int32Array(Math.min(SECONDS_KEPT, old.length * 2)).fill(NONE);
    for (let second = Math.max(this.#first, this.#last - old.length + 1); second <= this.#last; second++)
      grown[second % grown.length] = old[second % old.length]!;
    this.#slots = grown;
  }
}

export class Seconds {
  readonly #servers = new Map<number, Map<number, Ring>>();
  readonly #ringsMax: number;
  #rings = 0;

  constructor(ringsMax: number = RINGS_MAX) {
    this.#ringsMax = ringsMax;
  }

  /** How many figures are kept. */
  get size(): number {
    return this.#rings;
  }

  set(serverNo: number, type: number, value: number, atMs: number): void {
    const second = Math.floor(atMs / 1000);
    let rings = this.#servers.get(serverNo);
    if (rings === undefined) {
      rings = new Map();
      this.#servers.set(serverNo, rings);
    }
    let ring = rings.get(type);
    if (ring === undefined) {
      if (this.#rings >= this.#ringsMax) return;
      ring = new Ring(second);
      rings.set(type, ring);
      this.#rings++;
    }
    ring.set(second, value);
  }

  /** The first second that is kept of a figure; undefined where there is none. */
  firstMs(serverNo: number, type: number): number | undefined {
    const ring = this.#servers.get(serverNo)?.get(type);
    return ring && ring.first * 1000;
  }

  /** Hands each value of [fromMs, toMs] to `take`, in order of time. */
  each(
    serverNo: number,
    type: number,
    fromMs: number,
    toMs: number,
    take: (atMs: number, value: number) => void,
  ): void {
    const ring = this.#servers.get(serverNo)?.get(type);
    if (ring === undefined) return;
    const last = Math.min(ring.last, Math.floor(toMs / 1000));
    for (let second = Math.max(ring.first, Math.ceil(fromMs / 1000)); second <= last; second++) {
      const value = ring.at(second);
      if (value !== undefined) take(second * 1000, value);
    }
  }

  /** Gives back what a server has. */
  forget(serverNo: number): void {
    this.#rings -= this.#servers.get(serverNo)?.size ?? 0;
    this.#servers.delete(serverNo);
  }

  /** Gives back the rings that end before `atMs`. */
  forgetBefore(atMs: number): void {
    const second = Math.floor(atMs / 1000);
    for (const [serverNo, rings] of this.#servers) {
      for (const [type, ring] of rings) {
        if (ring.last >= second) continue;
        rings.delete(type);
        this.#rings--;
      }
      if (rings.size === 0) this.#servers.delete(serverNo);
    }
  }
}
