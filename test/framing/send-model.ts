/**
 * What a SendBuffer is, said the simple way: a list of bytes that grows at one end and leaves at the other.
 * `SendModel` drives the real one and checks it against that after each step.
 */
import assert from "node:assert/strict";
import type { FramingFormat } from "../../src/framing/length-header.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { SendBuffer } from "../../src/framing/send-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet } from "../../src/packet/packet.ts";
import { content, frame } from "./streams.ts";

/** Counts the slabs that sessions hold. */
export class WatchedPool extends SendPool {
  slabsOut = 0;

  override take(byteLength: number): ReturnType<SendPool["take"]> {
    this.slabsOut++;
    return super.take(byteLength);
  }

  override giveBack(slab: Parameters<SendPool["giveBack"]>[0]): void {
    this.slabsOut--;
    super.giveBack(slab);
  }
}

interface Taken {
  readonly frame: Buffer;
  readonly isHeartbeat: boolean;
  /** Bytes of it that no completed write has carried. */
  left: number;
}

interface Flight {
  /** The very memory that the transport was given. */
  readonly chunks: readonly Uint8Array[];
  /** What it held at that moment. */
  readonly bytes: Buffer;
}

export class SendModel {
  readonly buffer: SendBuffer;
  isReleased = false;
  readonly #format: FramingFormat;
  readonly #packet = new Packet();
  readonly #queue: Taken[] = [];
  /** Memory that was handed to the transport and whose write may still be read from: it must never change. */
  readonly #flights: Flight[] = [];
  #appended = 0;

  constructor(format: FramingFormat, pool: SendPool) {
    this.#format = format;
    this.buffer = new SendBuffer(lengthHeader(format), pool);
  }

  get canBeat(): boolean {
    return this.buffer.queuedBytes === 0;
  }

  /** Appends a packet, and at once writes something else into it, as an application may. */
  append(payloadBytes: number, reuse: "clear" | "go on" | "new"): void {
    if (this.isReleased) return;
    const payload = content(this.#appended++, payloadBytes);
    const packet = reuse === "new" ? new Packet() : this.#packet.clear();
    packet.writeBytes(payload);
    this.buffer.append(packet);
    if (reuse === "clear") packet.clear().writeBytes(Buffer.alloc(payloadBytes, 0xdd));
    else packet.writeBytes(Buffer.alloc(100, 0xdd));
    this.#take(frame(this.#format, payload), false);
  }

  /** Appends one packet to every model, as a broadcast does, and at once writes something else into it. */
  static appendToAll(models: readonly SendModel[], packet: Packet, payload: Buffer): void {
    packet.clear().writeBytes(payload);
    for (const model of models) {
      if (model.isReleased) continue;
      model.buffer.append(packet);
      model.#take(frame(model.#format, payload), false);
    }
    packet.clear().writeBytes(Buffer.alloc(payload.length, 0xdd));
  }

  /** Appends one packet twice without a write to it in between. */
  appendTwice(payloadBytes: number): void {
    if (this.isReleased) return;
    const payload = content(this.#appended++, payloadBytes);
    this.#packet.clear().writeBytes(payload);
    for (let i = 0; i < 2; i++) {
      this.buffer.append(this.#packet);
      this.#take(frame(this.#format, payload), false);
    }
  }

  appendHeartbeat(): void {
    if (this.isReleased || !this.canBeat) return;
    this.buffer.appendHeartbeat();
    this.#take(frame(this.#format, Buffer.alloc(0)), true);
  }

  /** Begins a write if none is under way; it carries the oldest bytes, and some if there are any. */
  beginWrite(): void {
    if (this.isReleased || this.buffer.writing) return;
    const waiting = this.#queuedBytes();
    const chunks = this.buffer.beginWrite();
    if (chunks === null) {
      assert.equal(waiting, 0, "what waits is written");
      return;
    }
    const bytes = Buffer.concat(chunks);
    assert.ok(bytes.length > 0, "a write carries bytes");
    assert.ok(
      bytes.equals(this.#oldest(bytes.length)),
      "a write carries the oldest bytes, as they were taken",
    );
    this.#flights.push({ chunks, bytes });
    this.check();
  }

  completeWrite(): void {
    if (this.isReleased || !this.buffer.writing) return;
    this.check();
    const { bytes } = this.#flights.pop()!;
    let packets = 0;
    for (let left = bytes.length; left > 0; ) {
      const taken = this.#queue[0]!;
      const count = Math.min(left, taken.left);
      taken.left -= count;
      left -= count;
      if (taken.left > 0) continue;
      this.#queue.shift();
      if (!taken.isHeartbeat) packets++;
    }
    assert.deepEqual(this.buffer.completeWrite(), { packets, bytes: bytes.length });
    this.check();
  }

  /** Ends it with its write still under way, as a connection that broke does. */
  release(): void {
    this.isReleased = true;
    this.buffer.release();
    this.check();
  }

  /** Everything that can be seen is as it must be. */
  check(): void {
    for (const { chunks, bytes } of this.#flights) {
      assert.ok(Buffer.concat(chunks).equals(bytes), "bytes of a write do not change while it is under way");
    }
    if (this.isReleased) return;
    const packets = this.#queue.filter(({ isHeartbeat }) => !isHeartbeat);
    assert.equal(this.buffer.queuedBytes, this.#queuedBytes());
    assert.equal(this.buffer.queuedPackets, packets.length);
    assert.deepEqual(this.buffer.unsent, {
      packets: packets.length,
      bytes: packets.reduce((sum, { left }) => sum + left, 0),
    });
    assert.equal(this.buffer.writing, this.#flights.length > 0);
  }

  #take(bytes: Buffer, isHeartbeat: boolean): void {
    this.#queue.push({ frame: bytes, isHeartbeat, left: bytes.length });
    this.check();
  }

  #queuedBytes(): number {
    return this.#queue.reduce((sum, { left }) => sum + left, 0);
  }

  /** The first `byteLength` bytes that no completed write has carried. */
  #oldest(byteLength: number): Buffer {
    const parts: Buffer[] = [];
    let missing = byteLength;
    for (const { frame, left } of this.#queue) {
      if (missing <= 0) break;
      parts.push(frame.subarray(frame.length - left).subarray(0, missing));
      missing -= parts.at(-1)!.length;
    }
    return Buffer.concat(parts);
  }
}
