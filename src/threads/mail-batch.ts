/**
 * Packets on their way to another thread: many in one buffer, whose ownership moves with the message.
 *
 *     | session id f64 | length u32 | payload | session id f64 | length u32 | payload | ...
 *                        highest bit: what follows is the packet's frame, encoded for many
 *
 * The writer takes a fresh buffer for each batch; its size follows what the last ones held. A batch that is not half
 * full is cut to what it holds: a thread that is stuck collects them.
 */
import assert from "node:assert";
import { copyContent, type Packet, receivedPacket } from "../packet/packet.ts";
import type { SessionId } from "../session/session-id.ts";

const RECORD_HEADER_BYTES = 12;
/** No packet is as long. */
const FRAME_BIT = 2 ** 31;
const BATCH_BYTES_MIN = 4 * 1024;
const BATCH_BYTES_MAX = 256 * 1024;

export interface Batch {
  readonly bytes: ArrayBuffer;
  readonly byteLength: number;
}

/** A batch and the sessions that it has packets for; one may be named more than once. */
export interface FinishedBatch extends Batch {
  readonly ids: readonly SessionId[];
}

export class BatchWriter {
  #size = BATCH_BYTES_MIN;
  #bytes: Uint8Array<ArrayBuffer> | null = null;
  #view: DataView<ArrayBuffer> | null = null;
  #fill = 0;
  #ids: SessionId[] = [];

  get isEmpty(): boolean {
    return this.#fill === 0;
  }

  /** Whether a packet, or its frame, fits behind what is there. */
  hasRoom(packet: Packet, frame: Uint8Array | null): boolean {
    const length = frame === null ? packet.length : frame.length;
    return this.#bytes === null || this.#bytes.length - this.#fill >= RECORD_HEADER_BYTES + length;
  }

  /** HOT. The caller has asked `hasRoom`. */
  append(id: SessionId, packet: Packet, frame: Uint8Array | null): void {
    const length = frame === null ? packet.length : frame.length;
    if (this.#bytes === null) this.#take(RECORD_HEADER_BYTES + length);
    const view = this.#view!;
    const at = this.#fill;
    view.setFloat64(at, id, true);
    view.setUint32(at + 8, frame === null ? length : length + FRAME_BIT, true);
    if (frame === null) copyContent(packet, this.#bytes!, view, at + RECORD_HEADER_BYTES);
    else this.#bytes!.set(frame, at + RECORD_HEADER_BYTES);
    this.#fill = at + RECORD_HEADER_BYTES + length;
    if (this.#ids[this.#ids.length - 1] !== id) this.#ids.push(id);
  }

  /** Takes the batch out. */
  finish(): FinishedBatch {
    const whole = this.#bytes!.buffer;
    const bytes = this.#fill * 2 < whole.byteLength ? whole.transfer(this.#fill) : whole;
    const batch = { bytes, byteLength: this.#fill, ids: this.#ids };
    this.#ids = [];
    if (this.#fill * 2 > this.#size) this.#size = Math.min(BATCH_BYTES_MAX, this.#size * 2);
    else if (this.#fill * 8 < this.#size) this.#size = Math.max(BATCH_BYTES_MIN, this.#size / 2);
    this.#bytes = null;
    this.#view = null;
    this.#fill = 0;
    return batch;
  }

  #take(atLeast: number): void {
    this.#bytes = new Uint8Array(new ArrayBuffer(Math.max(this.#size, atLeast)));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/**
 * Hands each packet of a batch to `take`, in order. The packets point into the batch. Where `frame` is there, it is
 * what goes out, and the packet's content. Nobody but the library writes batches; one that is broken all the same fails
 * here, before a packet shows bytes that are none of its own.
 */
export function readBatch(
  { bytes, byteLength }: Batch,
  take: (id: SessionId, packet: Packet, frame: Uint8Array | null) => void,
): void {
  const memory = new Uint8Array(bytes);
  const view = new DataView(bytes);
  assert(byteLength <= memory.length, "a batch is longer than its memory");
  for (let at = 0; at < byteLength; ) {
    const start = at + RECORD_HEADER_BYTES;
    assert(start <= byteLength, "a batch ends in the middle of a record");
    const id = view.getFloat64(at, true) as SessionId;
    const length = view.getUint32(at + 8, true);
    at = start + (length & ~FRAME_BIT);
    assert(at <= byteLength, "a batch ends in the middle of a packet");
    const frame = length >= FRAME_BIT ? memory.subarray(start, at) : null;
    take(id, receivedPacket(memory, view, start, at), frame);
  }
}
