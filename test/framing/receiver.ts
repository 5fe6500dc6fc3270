/**
 * A session's receiving end as the transport drives it: asks where to read, fills that, commits. It keeps every
 * frame that it is handed, as a view into the memory the frame lies in.
 */
import assert from "node:assert/strict";
import type { FrameSink } from "../../src/framing/decode-frames.ts";
import type { FramingFormat } from "../../src/framing/length-header.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceiveBuffer, ReceivePool } from "../../src/framing/receive-buffer.ts";
import { pieces } from "./streams.ts";

interface ReceiverOptions {
  readonly pool?: ReceivePool;
  readonly packetBytesMax?: number;
  /** Asks where the next read goes right behind each commit, as node:net does; otherwise right before the read. */
  readonly asksEarly?: boolean;
}

export class Receiver implements FrameSink {
  readonly buffer: ReceiveBuffer;
  /** Every frame's payload, in the memory it was handed over in. */
  readonly kept: Buffer[] = [];
  /** Where the last `read` put its bytes. */
  lastRead: Uint8Array = new Uint8Array(0);
  readonly #asksEarly: boolean;
  #next: Uint8Array | null = null;

  constructor(
    format: FramingFormat,
    { pool = new ReceivePool(), packetBytesMax = 1024 * 1024, asksEarly = false }: ReceiverOptions = {},
  ) {
    this.buffer = new ReceiveBuffer(lengthHeader(format), packetBytesMax, pool);
    this.#asksEarly = asksEarly;
  }

  /** One read: takes as much of `bytes` as there is room for, and tells how much that was. */
  read(bytes: Uint8Array, limitBytes: number = Number.MAX_SAFE_INTEGER): number {
    const room = this.#next ?? this.buffer.readBuffer(limitBytes);
    const count = Math.min(bytes.length, room.length);
    assert.ok(room.length > 0, "a read buffer is never empty");
    assert.ok(this.#asksEarly || room.length <= limitBytes, "a read buffer is never longer than asked for");
    room.set(bytes.subarray(0, count));
    this.lastRead = room.subarray(0, count);
    this.buffer.commit(count, this);
    if (this.#asksEarly) this.#next = this.buffer.readBuffer(limitBytes);
    return count;
  }

  /** Reads `bytes` in pieces whose lengths are `cuts`, over and over; a piece takes as many reads as it needs. */
  feed(bytes: Uint8Array, cuts: readonly number[] = [Number.MAX_SAFE_INTEGER]): this {
    for (const piece of pieces(bytes, cuts)) {
      for (let at = 0; at < piece.length; ) at += this.read(piece.subarray(at));
    }
    return this;
  }

  onFrame(start: number, end: number): boolean {
    const { bytes, view } = this.buffer.slab;
    assert.equal(view.buffer, bytes.buffer);
    assert.deepEqual([view.byteOffset, view.byteLength], [bytes.byteOffset, bytes.length]);
    this.kept.push(bytes.subarray(start, end));
    return true;
  }
}

/** Asserts that what was kept is, by now, what was sent. */
export function assertSame(kept: readonly Buffer[], sent: readonly Buffer[]): void {
  assert.equal(kept.length, sent.length, "frames");
  for (const [i, bytes] of kept.entries()) {
    if (!bytes.equals(sent[i]!)) assert.fail(`frame ${i} of ${sent[i]!.length} bytes is not what was sent`);
  }
}
