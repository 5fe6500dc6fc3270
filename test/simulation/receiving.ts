/**
 * The receiving half of a session, said a second time: which packets have arrived whole, and which of them were
 * handed to `onRecv`.
 *
 *      | handed over | held, at most receiveQueueBytesMax and one read | a broken frame |
 *
 * Invariant: packets are handed over in the order in which they arrived, each once, as they were written.
 */
import type { Packet } from "../../src/index.ts";
import type { Lane } from "./lane.ts";

export class Receiving {
  readonly lane: Lane;
  arrivedPackets = 0;
  deliveredPackets = 0;
  /** Whether a heartbeat arrived. */
  peerBeats = false;
  /** Why the session must end itself: what it has read so far says so. */
  broken: "frame-too-large" | "frame-invalid" | undefined;
  longestReadBytes = 0;
  readonly #packetBytesMax: number;
  readonly #beats: boolean;
  #framesArrived = 0;
  #framesDelivered = 0;
  #arrivedBytes = 0;
  #deliveredBytes = 0;

  /** @param beats whether an empty frame is a heartbeat. */
  constructor(lane: Lane, packetBytesMax: number, beats: boolean) {
    this.lane = lane;
    this.#packetBytesMax = packetBytesMax;
    this.#beats = beats;
  }

  get heldPackets(): number {
    return this.arrivedPackets - this.deliveredPackets;
  }

  /** Bytes of a frame that is not whole. */
  get partialBytes(): number {
    return this.lane.readBytes - (this.#framesArrived === 0 ? 0 : this.lane.ends[this.#framesArrived - 1]!);
  }

  /** Payloads that wait, and the broken frame. */
  get heldBytes(): number {
    return this.#arrivedBytes - this.#deliveredBytes + this.partialBytes;
  }

  /** Bytes were read. Answers what is wrong with them. */
  read(bytes: Uint8Array): string | undefined {
    const { lane } = this;
    this.longestReadBytes = Math.max(this.longestReadBytes, bytes.length);
    if (!lane.read(bytes)) return "what was read is not what was written";
    while (this.broken === undefined && this.#framesArrived < lane.starts.length) {
      const start = lane.starts[this.#framesArrived]!;
      const end = lane.ends[this.#framesArrived]!;
      if (start > lane.readBytes) break;
      if (end - start > this.#packetBytesMax) this.broken = "frame-too-large";
      else if (end > lane.readBytes) break;
      else this.#arrive(end - start);
    }
    if (lane.invalidAt + lane.format.lengthBytes <= lane.readBytes) this.broken ??= "frame-invalid";
    return undefined;
  }

  /** A packet was handed over. Answers what is wrong with it. */
  deliver(packet: Packet): string | undefined {
    const { lane } = this;
    const nth = this.deliveredPackets + 1;
    const isBeat = (at: number): boolean => this.#beats && lane.starts[at] === lane.ends[at];
    while (this.#framesDelivered < this.#framesArrived && isBeat(this.#framesDelivered))
      this.#framesDelivered++;
    if (this.#framesDelivered >= this.#framesArrived)
      return `packet ${nth} was handed over and has not arrived`;
    const start = lane.starts[this.#framesDelivered]!;
    const end = lane.ends[this.#framesDelivered]!;
    const isRight =
      packet.length === end - start && lane.bytes.compare(packet.bytes, 0, packet.length, start, end) === 0;
    if (!isRight) return `packet ${nth} was handed over otherwise than it arrived`;
    this.#framesDelivered++;
    this.#deliveredBytes += end - start;
    this.deliveredPackets++;
    return undefined;
  }

  /** Where the packet lies that was handed over last. */
  get lastDelivered(): { bytes: Buffer; start: number; size: number } {
    const start = this.lane.starts[this.#framesDelivered - 1]!;
    return { bytes: this.lane.bytes, start, size: this.lane.ends[this.#framesDelivered - 1]! - start };
  }

  #arrive(size: number): void {
    this.#framesArrived++;
    if (size === 0 && this.#beats) {
      this.peerBeats = true;
      return;
    }
    this.arrivedPackets++;
    this.#arrivedBytes += size;
  }
}
