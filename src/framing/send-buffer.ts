/**
 * Frames -> outgoing bytes: what a session has taken and the kernel has not.
 *
 *     append ->  | flight: being written | waiting chunks ... | open run of the current slab |
 *                  ^ beginWrite moves up to WRITE_BYTES_MAX of waiting chunks here, in order
 *
 * Small payloads are copied behind their header into slabs that are reused; a run of them is one chunk.
 * A large payload is a chunk of its own, by reference, with its header at the end of the run before it;
 * very large ones are cut, so that a slow link still shows progress write by write.
 *
 * Invariants: bytes of a chunk do not change until its write completed. `queuedBytes` and `queuedPackets`
 * count all that was appended and whose write has not completed. A packet completes with its last byte.
 */
import type { Traffic } from "../base/counters.ts";
import { returnMemory } from "../packet/memory.ts";
import type { Packet } from "../packet/packet.ts";
import { copyContent, heldBytes, lendBytes } from "../packet/packet.ts";
import { type LengthHeader, writeLength } from "./length-header.ts";
import { sealFrame } from "./net-codec.ts";
import {
  largerSlabBytes,
  newSlab,
  type SendPool,
  type Slab,
  SMALL_SLAB_BYTES,
  slabBytes,
} from "./send-pool.ts";

/** A payload from this length on is queued by reference: the copy would cost more than a second chunk. */
export const LARGE_PAYLOAD_BYTES: number = 16 * 1024;
/** A payload from this length on is cut where its slab ends, so that slabs are full. */
const SPLIT_PAYLOAD_BYTES = 1024;
/** How much of its memory may be something else for a payload to be queued by reference. */
const HELD_RATIO_MAX = 1.05;
/** One write's share, overshot by at most a chunk of as much; a link that moves this much within `sendStallMs` is not stalled. */
const WRITE_BYTES_MAX = 1024 * 1024;

interface Chunk {
  readonly bytes: Uint8Array;
  /** Packets whose last byte lies in this chunk. */
  readonly packets: number;
  /** The slab that is free once this chunk is written: set on the last run of a full slab. */
  readonly retires: Slab | null;
  /** Whether a packet's own memory goes back to it once this chunk is written. */
  readonly returns: boolean;
}

/** One session's sending end. */
export class SendBuffer {
  readonly #header: LengthHeader;
  readonly #pool: SendPool;
  readonly #random: () => number;
  /** A payload from this length on needs more than a copy: it is cut or queued by reference, or its frame encoded. */
  readonly #longBytes: number;
  readonly #headerBytes: number;
  /** The slab being filled, up to `#slabEnd`; none while nothing is queued. */
  #slab: Slab = NO_SLAB;
  #slabEnd = 0;
  /** How large a slab an empty queue begins with. */
  #firstBytes = SMALL_SLAB_BYTES;
  #runStart = 0;
  #fill = 0;
  #runPackets = 0;
  #waiting: Chunk[] = [];
  #flight: readonly Chunk[] = NO_CHUNKS;
  #flightBytes = 0;
  #heartbeatBytes = 0;
  /** What lies in chunks: all that is queued but the open run. */
  #chunkBytes = 0;
  #chunkPackets = 0;

  /** @param random gives each encoded frame its randKey: a number in [0, 1) */
  constructor(header: LengthHeader, pool: SendPool, random: () => number = Math.random) {
    this.#header = header;
    this.#headerBytes = header.byteLength;
    this.#pool = pool;
    this.#random = random;
    this.#longBytes = header.net === null ? SPLIT_PAYLOAD_BYTES : 0;
  }

  /** Bytes on the wire, headers included, that were taken and not written. */
  get queuedBytes(): number {
    return this.#chunkBytes + this.#fill - this.#runStart;
  }

  /** Packets that were taken and not written. */
  get queuedPackets(): number {
    return this.#chunkPackets + this.#runPackets;
  }

  get writing(): boolean {
    return this.#flight.length > 0;
  }

  /** What would be lost if the connection ended now. Heartbeats are nobody's loss. */
  get unsent(): Traffic {
    return { packets: this.queuedPackets, bytes: this.queuedBytes - this.#heartbeatBytes };
  }

  /** Takes a packet's frame. The caller has checked its length. HOT. */
  append(packet: Packet): void {
    const length = packet.length;
    const at = this.#fill;
    const payloadAt = at + this.#headerBytes;
    const end = payloadAt + length;
    if (length >= this.#longBytes || end > this.#slabEnd) {
      this.#appendElsewhere(packet, length);
      return;
    }
    const { bytes, view } = this.#slab;
    writeLength(this.#header, view, at, length);
    copyContent(packet, bytes, view, payloadAt);
    this.#fill = end;
    this.#runPackets++;
  }

  /** Takes an empty frame. Only while nothing is queued: bytes under way are life enough. */
  appendHeartbeat(): void {
    const headerBytes = this.#headerBytes;
    this.#makeRoom(headerBytes);
    writeLength(this.#header, this.#slab.view, this.#fill, 0);
    this.#seal(this.#fill + headerBytes);
    this.#fill += headerBytes;
    this.#heartbeatBytes += headerBytes;
  }

  /** Takes a frame as `encodeFrame` made it, for one session of many. HOT. */
  appendFrame(frame: Uint8Array): void {
    this.#makeRoom(frame.length);
    this.#slab.bytes.set(frame, this.#fill);
    this.#fill += frame.length;
    this.#runPackets++;
  }

  /** What the next write shall carry, or null when nothing waits. Call only while not `writing`. HOT. */
  beginWrite(): readonly Uint8Array[] | null {
    if (this.#waiting.length > 0) return this.#beginLongWrite();
    const run = this.#endRun(null);
    if (run === null) return null;
    this.#flightBytes = run.bytes.length;
    this.#flight = [run];
    return [run.bytes];
  }

  /** The write in flight is done; returns what it carried, heartbeats counted as bytes only. */
  completeWrite(): Traffic {
    const bytes = this.#flightBytes;
    const flight = this.#flight;
    let packets = 0;
    for (let i = 0; i < flight.length; i++) {
      const chunk = flight[i]!;
      packets += chunk.packets;
      if (chunk.retires !== null) this.#pool.giveBack(chunk.retires);
      if (chunk.returns) returnMemory(chunk.bytes);
    }
    this.#flight = NO_CHUNKS;
    this.#flightBytes = 0;
    // A heartbeat is appended to an empty queue only, so it left with the first write.
    this.#heartbeatBytes = 0;
    this.#chunkBytes -= bytes;
    this.#chunkPackets -= packets;
    if (this.queuedBytes === 0 && this.#slab !== NO_SLAB) {
      this.#firstBytes = Math.min(this.#firstBytes, slabBytes(bytes));
      this.#pool.giveBack(this.#slab);
      this.#takeSlab(NO_SLAB);
    }
    return { packets, bytes };
  }

  /**
   * Forgets everything. Slabs go back, but for those of a write that never completed: the kernel may still read them.
   */
  release(): void {
    for (const { retires } of this.#waiting) this.#giveBackUnread(retires);
    this.#giveBackUnread(this.#slab);
    this.#waiting = [];
    this.#flight = NO_CHUNKS;
    this.#chunkBytes = this.queuedBytes; // what was taken and not written stays told
    this.#chunkPackets = this.queuedPackets;
    this.#runPackets = 0;
    this.#takeSlab(NO_SLAB);
  }

  /** A write where more waits than the open run. */
  #beginLongWrite(): readonly Uint8Array[] {
    this.#closeRun();
    const waiting = this.#waiting;
    let count = 0;
    let bytes = 0;
    while (count < waiting.length && bytes < WRITE_BYTES_MAX) {
      bytes += waiting[count]!.bytes.length;
      count++;
    }
    this.#flightBytes = bytes;
    this.#flight = waiting;
    this.#waiting = waiting.splice(count);
    return waiting.map((chunk) => chunk.bytes);
  }

  /** What does not go into the slab as it is: it is full, or the payload is long, or the frame is encoded. */
  #appendElsewhere(packet: Packet, length: number): void {
    if (this.#header.net !== null) {
      this.#appendEncoded(packet, length);
    } else if (length >= this.#longBytes) {
      this.#appendLong(packet, length);
    } else {
      this.#makeRoom(this.#headerBytes + length);
      this.append(packet);
    }
  }

  #giveBackUnread(slab: Slab | null): void {
    if (slab === null || slab === NO_SLAB) return;
    if (!this.#flight.some(({ bytes }) => bytes.buffer === slab.bytes.buffer)) this.#pool.giveBack(slab);
  }

  /** A Net frame lies whole in one slab. */
  #appendEncoded(packet: Packet, length: number): void {
    const total = this.#headerBytes + length;
    this.#makeRoom(total);
    const { bytes, view } = this.#slab;
    const at = this.#fill;
    writeLength(this.#header, view, at, length);
    copyContent(packet, bytes, view, at + this.#headerBytes);
    this.#seal(at + total);
    this.#fill = at + total;
    this.#runPackets++;
  }

  /** Encodes the frame at the fill mark, if frames are. */
  #seal(end: number): void {
    const { net } = this.#header;
    if (net !== null) sealFrame(net.key, randKeyOf(this.#random), this.#slab.view, this.#fill, end);
  }

  #appendLong(packet: Packet, length: number): void {
    this.#makeRoom(this.#headerBytes);
    writeLength(this.#header, this.#slab.view, this.#fill, length);
    this.#fill += this.#headerBytes;
    // By reference only where little else is kept alive with it: the queue's limit is a limit of memory.
    if (length >= LARGE_PAYLOAD_BYTES && heldBytes(packet) <= length * HELD_RATIO_MAX)
      this.#appendByReference(lendBytes(packet), length);
    else this.#appendInParts(packet.bytes, length);
  }

  /** Fills slabs to the brim. */
  #appendInParts(payload: Uint8Array, length: number): void {
    for (let at = 0; at < length; ) {
      this.#makeRoom(1);
      const count = Math.min(length - at, this.#slabEnd - this.#fill);
      this.#slab.bytes.set(
        at === 0 && count === length ? payload : payload.subarray(at, at + count),
        this.#fill,
      );
      this.#fill += count;
      at += count;
    }
    this.#runPackets++;
  }

  #appendByReference(payload: Uint8Array, length: number): void {
    this.#closeRun();
    for (let at = 0; at < length; at += WRITE_BYTES_MAX) {
      const end = Math.min(length, at + WRITE_BYTES_MAX);
      const bytes = at === 0 && end === length ? payload : payload.subarray(at, end);
      const isLast = end === length;
      this.#waiting.push({ bytes, packets: isLast ? 1 : 0, retires: null, returns: isLast });
    }
    this.#chunkBytes += length;
    this.#chunkPackets++;
  }

  /** Goes on in another slab where this one has no room for `byteLength` bytes. */
  #makeRoom(byteLength: number): void {
    if (this.#slabEnd - this.#fill >= byteLength) return;
    if (this.#slab !== NO_SLAB) {
      this.#waiting.push(this.#endRun(this.#slab)!);
      this.#firstBytes = largerSlabBytes(this.#slabEnd);
    }
    this.#takeSlab(this.#pool.take(Math.max(byteLength, this.#firstBytes)));
  }

  #takeSlab(slab: Slab): void {
    this.#slab = slab;
    this.#slabEnd = slab.bytes.length;
    this.#runStart = 0;
    this.#fill = 0;
  }

  /** The open run waits as a chunk of its own. */
  #closeRun(): void {
    const run = this.#endRun(null);
    if (run !== null) this.#waiting.push(run);
  }

  /** Makes a chunk of the open run, null where it is empty. A full slab retires with its last run. */
  #endRun(retires: Slab | null): Chunk | null {
    const start = this.#runStart;
    const end = this.#fill;
    if (start === end && retires === null) return null;
    const packets = this.#runPackets;
    this.#chunkBytes += end - start;
    this.#chunkPackets += packets;
    this.#runStart = end;
    this.#runPackets = 0;
    return { bytes: this.#slab.bytes.subarray(start, end), packets, retires, returns: false };
  }
}

const NO_CHUNKS: readonly Chunk[] = [];
const NO_SLAB: Slab = newSlab(0);

/** A packet's frame, encoded once for sending to many; null where frames are not encoded. */
export function encodeFrame(header: LengthHeader, packet: Packet, random: () => number): Uint8Array | null {
  if (header.net === null) return null;
  const { bytes, view } = newSlab(header.byteLength + packet.length);
  writeLength(header, view, 0, packet.length);
  copyContent(packet, bytes, view, header.byteLength);
  sealFrame(header.net.key, randKeyOf(random), view, 0, bytes.length);
  return bytes;
}

function randKeyOf(random: () => number): number {
  return Math.floor(random() * 256);
}
