/**
 * The memory of send queues: slabs of three sizes, which the sessions of a thread share.
 *
 * A queue begins with a small slab and goes on with larger ones, so a session that says little costs little, and what a
 * busy one sends in a turn lies in one piece.
 */

export interface Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
}

export const SMALL_SLAB_BYTES: number = 4 * 1024;
const LARGEST_SLAB_BYTES = 128 * 1024;

/** How many spare slabs a thread keeps of each size: 4, 12 and 4 MiB at the most. */
const SIZES = [
  { byteLength: SMALL_SLAB_BYTES, spareMax: 1024 },
  { byteLength: 64 * 1024, spareMax: 192 },
  { byteLength: LARGEST_SLAB_BYTES, spareMax: 32 },
] as const;

export function newSlab(byteLength: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** The size of the slab that holds `byteLength` bytes, the largest where none does. */
export function slabBytes(byteLength: number): number {
  for (const size of SIZES) if (byteLength <= size.byteLength) return size.byteLength;
  return LARGEST_SLAB_BYTES;
}

/** The size that follows one, up to the largest. */
export function largerSlabBytes(byteLength: number): number {
  return slabBytes(byteLength + 1);
}

/** Slabs that sessions share. */
export class SendPool {
  readonly #spare: ReadonlyMap<number, Slab[]> = new Map(SIZES.map(({ byteLength }) => [byteLength, []]));

  /** A slab with room for `byteLength` bytes at least. */
  take(byteLength: number): Slab {
    if (byteLength > LARGEST_SLAB_BYTES) return newSlab(byteLength);
    const size = slabBytes(byteLength);
    return this.#spare.get(size)?.pop() ?? newSlab(size);
  }

  giveBack(slab: Slab): void {
    const size = SIZES.find(({ byteLength }) => byteLength === slab.bytes.length);
    if (size === undefined) return;
    const spare = this.#spare.get(size.byteLength)!;
    if (spare.length < size.spareMax) spare.push(slab);
  }
}

/** The pool of this thread: each thread loads this module for itself. */
export const sendPool: SendPool = new SendPool();
