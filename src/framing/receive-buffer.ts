/**
 * The memory that a session's bytes arrive in, from the read to the frame.
 *
 *     quiet session    shared scratch --copy--> the pool's slab: | ...other sessions' bytes | frames |
 *     busy session     its own slab:   | packets point here | frames... | broken frame | free: next read |
 *                                                           ^start                     ^fill
 *
 * A busy session reads at the fill mark of a slab of its own and frames are decoded where they lie, so that
 * the rest of a broken frame arrives right behind it. A full slab is left to the packets that point into
 * it; only a broken frame moves to the next. A session whose last read was small and left nothing over
 * gives its slab back and reads into a scratch that all quiet sessions of the thread share, so an idle
 * session holds no memory.
 *
 * Invariants: bytes below `fill` of any slab never change again (packets are kept for as long as anybody
 * likes). A slab is at most twice what arrived of a broken frame, or the size that the flow so far earned, by
 * its pace or by a frame that arrived whole; an announced length alone allocates nothing. Each byte is moved a
 * bounded number of times.
 */
import { decodeFrames, type FrameSink, frameBytes } from "./decode-frames.ts";
import type { LengthHeader } from "./length-header.ts";

/**
 * The most that one read takes, but for the rest of a frame that is larger. What is done with it is written
 * before the next read, so the peer works on the first answers while the others are made.
 */
const READ_BYTES_MAX = 32 * 1024;
const SLAB_BYTES_MIN = 64 * 1024;
const SLAB_BYTES_MAX = 1024 * 1024;
/** A read below this, with nothing left over, is the sign of a quiet session. */
const QUIET_READ_BYTES = 4 * 1024;
/** Less free room than this is not worth a read. */
const ROOM_BYTES_MIN = 4 * 1024;
/** Slabs of the smallest size that a thread keeps beside the one in use: at most 1 MiB. */
const SPARE_MAX = 16;

/** Memory that packets point into. Bytes below `fill` are settled. */
export interface Slab {
  readonly bytes: Buffer;
  readonly view: DataView;
  fill: number;
}

function newSlab(byteLength: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(byteLength);
  return { bytes, view: new DataView(bytes.buffer), fill: 0 };
}

function room(slab: Slab): number {
  return slab.bytes.length - slab.fill;
}

/** What quiet sessions share. */
export class ReceivePool {
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(READ_BYTES_MAX);
  /** Where the next scratch bytes settle; null while a session has it. */
  #slab: Slab | null = null;
  /** Left by sessions that ended inside a frame: peers that do so again and again shall cost no slab each. */
  readonly #spare: Slab[] = [];

  /** Moves the first `byteLength` bytes of the scratch into a slab, behind its fill mark, which it raises. */
  settle(byteLength: number): Slab {
    let slab = this.#slab;
    while (slab === null || room(slab) < byteLength)
      this.#slab = slab = this.#spare.pop() ?? newSlab(SLAB_BYTES_MIN);
    this.scratch.copy(slab.bytes, slab.fill, 0, byteLength);
    slab.fill += byteLength;
    return slab;
  }

  /** Leaves the slab of the last `settle` to the session that turned busy. */
  lease(): void {
    this.#slab = null;
  }

  /** Takes a slab that a session no longer needs, if more of it is free than of the one here. */
  giveBack(slab: Slab): void {
    if (this.#slab === null || room(slab) > room(this.#slab)) this.#slab = slab;
  }

  /** Takes the smallest slab of a session that ended, while much of it is free. */
  inherit(slab: Slab): void {
    if (room(slab) > SLAB_BYTES_MIN / 2 && this.#spare.length < SPARE_MAX) this.#spare.push(slab);
  }
}

/** The pool of this thread: each thread loads this module for itself. */
export const receivePool: ReceivePool = new ReceivePool();

/** One session's receiving end. */
export class ReceiveBuffer {
  readonly #header: LengthHeader;
  readonly #packetBytesMax: number;
  readonly #pool: ReceivePool;
  /** Its own slab while the session is busy; null reads into the pool's scratch. */
  #slab: Slab | null = null;
  /** Whether its slab was the pool's, and so has bytes of other sessions below those of this one. */
  #isLeased = false;
  /** First byte not yet handed over as part of a frame. */
  #start = 0;
  #slabBytes = SLAB_BYTES_MIN;
  /** What the frame that has a slab of its own takes, and the most that one took that arrived whole. */
  #frameBytes = 0;
  #frameBytesEarned = 0;
  #readBytesMax = READ_BYTES_MAX;
  #decoding: Slab;
  /** The slab that it let go of, which a read under way may still write to; none that was large. */
  #left: Slab | null = null;

  constructor(header: LengthHeader, packetBytesMax: number, pool: ReceivePool) {
    this.#header = header;
    this.#packetBytesMax = packetBytesMax;
    this.#pool = pool;
    this.#decoding = NO_SLAB;
  }

  /** The slab whose offsets `FrameSink.onFrame` is being told. */
  get slab(): Slab {
    return this.#decoding;
  }

  /** Whether other sessions have bytes in the slab that is being decoded: whoever keeps it keeps those. */
  get isShared(): boolean {
    return this.#slab === null || this.#isLeased;
  }

  /** Bytes of a frame that is not whole. */
  get partialBytes(): number {
    return this.#slab === null ? 0 : this.#slab.fill - this.#start;
  }

  /** Where the next read goes; at most `limitBytes` (at least 1). */
  readBuffer(limitBytes: number): Uint8Array {
    if (this.#slab === null) {
      const scratch = this.#pool.scratch;
      return limitBytes >= scratch.length ? scratch : scratch.subarray(0, limitBytes);
    }
    const { bytes, fill } = this.#slab;
    return bytes.subarray(fill, Math.min(bytes.length, fill + Math.min(limitBytes, this.#readBytesMax)));
  }

  /**
   * Hands over every frame that the `byteLength` bytes just read make whole. HOT.
   * @throws LanError FRAME_TOO_LARGE, FRAME_INVALID from `decodeFrames`.
   */
  commit(byteLength: number, sink: FrameSink): void {
    let slab = this.#slab;
    if (slab === null) {
      slab = this.#pool.settle(byteLength);
      this.#start = slab.fill - byteLength;
    } else {
      slab.fill += byteLength;
    }
    this.#decoding = slab;
    const start = decodeFrames(this.#header, this.#packetBytesMax, slab.view, this.#start, slab.fill, sink);
    if (this.#decoding === NO_SLAB) return; // the sink let go of it
    this.#decoding = NO_SLAB;
    this.#start = start;
    this.#arrange(slab, byteLength);
  }

  /** Lets go of all memory, and of what is not handed over yet; packets keep what they point into. */
  release(): void {
    this.#decoding = NO_SLAB;
    if (this.#slab?.bytes.length === SLAB_BYTES_MIN) this.#left ??= this.#slab;
    this.#slab = null;
    this.#start = 0;
  }

  /** The connection is gone: no read writes any more to what `readBuffer` gave, so others may have the rest of it. */
  end(): void {
    this.release();
    if (this.#left !== null) this.#pool.inherit(this.#left);
    this.#left = null;
  }

  /** Decides where the next read goes. `slab` holds everything that arrived so far. */
  #arrange(slab: Slab, lastReadBytes: number): void {
    const left = slab.fill - this.#start;
    const free = room(slab);
    // A read that was small because the slab ended there says nothing about the session.
    if (left === 0 && lastReadBytes < QUIET_READ_BYTES && (this.#slab === null || free > 0)) {
      if (this.#slab !== null) this.#pool.giveBack(slab);
      this.#slab = null;
      this.#slabBytes = SLAB_BYTES_MIN;
      this.#frameBytes = 0;
      this.#frameBytesEarned = 0;
      return;
    }
    if (this.#start >= this.#frameBytes)
      this.#frameBytesEarned = Math.max(this.#frameBytesEarned, this.#frameBytes);
    const wanted = left === 0 ? ROOM_BYTES_MIN : frameBytes(this.#header, slab.view, this.#start, slab.fill);
    this.#readBytesMax = wanted > READ_BYTES_MAX ? Number.MAX_SAFE_INTEGER : READ_BYTES_MAX;
    if (this.#start + wanted <= slab.bytes.length || this.#growsHere(left, free, wanted)) {
      if (this.#slab === null) {
        this.#pool.lease();
        this.#isLeased = true;
      }
      this.#slab = slab;
      return;
    }
    const grown = this.#grownSize(lastReadBytes);
    this.#frameBytes = wanted;
    this.#takeSlab(Math.max(grown, Math.min(wanted, Math.max(2 * left, this.#frameBytesEarned))), slab);
  }

  /**
   * Whether a broken frame that does not fit, and whose size is not earned, goes on here for now: behind others while it can double, alone until
   * the slab is full. So it moves once, and then each time it has doubled. Once half of it is here, twice
   * what arrived is all it wants: it moves, and the rest arrives in place.
   */
  #growsHere(left: number, free: number, wanted: number): boolean {
    if (this.#slabBytes > SLAB_BYTES_MIN && wanted <= Math.max(this.#slabBytes, this.#frameBytesEarned))
      return false;
    return left > 0 && 2 * left < wanted && (this.#start === 0 ? free > 0 : free >= left);
  }

  /** A flow that leaves something for the next read earns larger slabs. */
  #grownSize(lastReadBytes: number): number {
    if (lastReadBytes >= READ_BYTES_MAX && this.#slabBytes < SLAB_BYTES_MAX) this.#slabBytes *= 2;
    return this.#slabBytes;
  }

  /** Moves what is not whole into a fresh slab, which the session owns from now on. */
  #takeSlab(byteLength: number, from: Slab): void {
    const slab = newSlab(byteLength);
    slab.fill = from.bytes.copy(slab.bytes, 0, this.#start, from.fill);
    this.#slab = slab;
    this.#isLeased = false;
    this.#start = 0;
  }
}

const NO_SLAB: Slab = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)), fill: 0 };
