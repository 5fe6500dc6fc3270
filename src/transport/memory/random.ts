/**
 * Random numbers from a seed: the same seed gives the same numbers on every machine and every run.
 * sfc32 (Chris Doty-Humphrey), seeded by splitmix32. Not for secrets.
 */

/** A seeded stream of random numbers. A random test prints its seed. */
export class Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed any whole number; its low 53 bits count. */
  constructor(seed: number) {
    this.seed = seed;
    const low = splitmix32(seed >>> 0);
    const high = splitmix32(Math.floor(seed / 2 ** 32) >>> 0);
    this.#a = low;
    this.#b = high;
    this.#c = splitmix32(low ^ 0x9e3779b9);
    for (let round = 0; round < 12; round++) this.uint32();
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number in [0, 1). */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number {
    return min + Math.floor(this.float() * (max - min + 1));
  }

  /** True in `probability` of all calls. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  /** One of `items`, which are not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)] as T;
  }

  /** `length` random bytes. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) bytes[at] = this.uint32() >>> 24;
    return bytes;
  }

  /** A stream of its own, the same for the same `label` however much was drawn from this one. */
  fork(label: number): Random {
    return new Random(splitmix32(splitmix32(this.seed >>> 0) ^ Math.floor(this.seed / 2 ** 32) ^ label));
  }
}

function splitmix32(seed: number): number {
  let mixed = (seed + 0x9e3779b9) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
