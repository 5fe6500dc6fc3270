/**
 * The bytes that a direction of a link has taken and not delivered: segments, each with the time at which
 * it arrives, in order.
 *
 *      put --> [ in flight: arrives later | arrived: may be read ] --> read
 *
 * Invariant: arrival times never go down, so what has arrived is always in front.
 */

interface Segment {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

export class ByteQueue {
  readonly #segments: Segment[] = [];
  /** What was already read of the first segment. */
  #readOfFirst = 0;

  put(bytes: Uint8Array, atMs: number): void {
    this.#segments.push({ bytes, atMs });
  }

  /** When the first byte arrives; Infinity where there is none. */
  get firstAtMs(): number {
    return this.#segments[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** How many bytes have arrived at `nowMs`; `max` where it is that many or more. */
  arrivedBytes(nowMs: number, max: number): number {
    let sum = 0;
    for (let at = 0; at < this.#segments.length && sum < max; at++) {
      const { bytes, atMs } = this.#segments[at]!;
      if (atMs > nowMs) break;
      sum += at === 0 ? bytes.length - this.#readOfFirst : bytes.length;
    }
    return Math.min(sum, max);
  }

  /** Moves the first `byteLength` bytes to the start of `target`. */
  read(target: Uint8Array, byteLength: number): void {
    let filled = 0;
    while (filled < byteLength) {
      const { bytes } = this.#segments[0]!;
      const end = Math.min(bytes.length, this.#readOfFirst + byteLength - filled);
      target.set(bytes.subarray(this.#readOfFirst, end), filled);
      filled += end - this.#readOfFirst;
      this.#readOfFirst = end;
      if (end === bytes.length) this.#shift();
    }
  }

  /** Forgets what has arrived at `nowMs`; answers how many bytes those were. */
  dropArrived(nowMs: number): number {
    const dropped = this.arrivedBytes(nowMs, Number.POSITIVE_INFINITY);
    while (this.firstAtMs <= nowMs) this.#shift();
    return dropped;
  }

  /** Forgets what is still in flight at `nowMs`. */
  dropInFlight(nowMs: number): void {
    const kept = this.#segments.findIndex((segment) => segment.atMs > nowMs);
    if (kept >= 0) this.#segments.length = kept;
    if (kept === 0) this.#readOfFirst = 0;
  }

  #shift(): void {
    this.#segments.shift();
    this.#readOfFirst = 0;
  }
}
