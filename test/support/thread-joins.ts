/**
 * The session ids of a server in the order of their joins, seen by all of its threads: so that a script's
 * "the session that joined as the nth" means the same on each.
 *
 *      Int32 count | pad | Float64 id, one per join
 *
 * Memory order: an id is written before a test can know of its join, so plain reads are enough.
 */

const HEADER_BYTES = 8;
/** Joins beyond are not numbered. */
const JOINS_MAX = 4096;

export class ThreadJoins {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Int32Array;
  readonly #ids: Float64Array;

  constructor(buffer?: SharedArrayBuffer) {
    buffer ??= new SharedArrayBuffer(HEADER_BYTES + JOINS_MAX * Float64Array.BYTES_PER_ELEMENT);
    this.buffer = buffer;
    this.#count = new Int32Array(buffer, 0, 1);
    this.#ids = new Float64Array(buffer, HEADER_BYTES);
  }

  push(sessionId: number): number {
    const at = Atomics.add(this.#count, 0, 1);
    this.#ids[at] = sessionId;
    return at + 1;
  }

  at(index: number): number | undefined {
    return index < Atomics.load(this.#count, 0) ? this.#ids[index] : undefined;
  }
}
