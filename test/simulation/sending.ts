/**
 * The sending half of a session, said a second time: what was taken, what was handed to the kernel, what its
 * completed writes carried.
 *
 *      taken  ==  in completed writes  +  in the write under way  +  not written yet
 *                                         `-------- not sent -----------------------'
 *
 * Invariant: the bytes written are the frames of the packets taken, in order, once each, with heartbeats between.
 */
import { type Content, isAt } from "./content.ts";
import type { Lane } from "./lane.ts";

/** No write carries as much as this; docs say "about 1 MiB, less than two". */
const WRITE_BYTES_LIMIT = 2 * 1024 * 1024;

export class Sending {
  readonly lane: Lane;
  takenPackets = 0;
  /** Of the frames of packets, headers included. */
  takenBytes = 0;
  completedPackets = 0;
  completedBytes = 0;
  isWriting = false;
  readonly #headerBytes: number;
  readonly #taken: Content[] = [];
  readonly #beats: boolean;
  /** Frames that were looked at, and packets among them. */
  #framesSeen = 0;
  #packetsSeen = 0;
  /** Heartbeats that were queued, ever, and that completed writes carried. */
  #beatBytes = 0;
  #completedBeatBytes = 0;
  /** The first heartbeat is queued at join, before anything is written. */
  #firstBeatIsDue: boolean;
  /** What the write under way carries. */
  #flightBytes = 0;
  #flightPackets = 0;
  #flightBeatBytes = 0;

  /** @param beats whether an empty frame is a heartbeat. */
  constructor(lane: Lane, beats: boolean) {
    this.lane = lane;
    this.#headerBytes = lane.format.lengthBytes;
    this.#beats = beats;
    this.#firstBeatIsDue = beats;
    if (beats) this.#beatBytes = this.#headerBytes;
  }

  get queuedBytes(): number {
    return this.takenBytes + this.#beatBytes - this.completedBytes;
  }

  get notSent(): { packets: number; bytes: number } {
    return {
      packets: this.takenPackets - this.completedPackets,
      bytes: this.takenBytes - (this.completedBytes - this.#completedBeatBytes),
    };
  }

  fits(size: number, queueBytesMax: number): boolean {
    return this.queuedBytes + this.#headerBytes + size <= queueBytesMax;
  }

  take(content: Content): void {
    this.#taken.push(content);
    this.takenPackets++;
    this.takenBytes += this.#headerBytes + content.size;
  }

  /** A write begins. Answers what is wrong with it. */
  write(chunks: readonly Uint8Array[]): string | undefined {
    if (this.isWriting) return "a write began while another was under way";
    const from = this.lane.length;
    for (const chunk of chunks) this.lane.write(chunk);
    this.isWriting = true;
    this.#flightBytes = this.lane.length - from;
    this.#flightPackets = 0;
    this.#flightBeatBytes = 0;
    if (this.#flightBytes === 0) return "a write of nothing";
    if (this.#flightBytes >= WRITE_BYTES_LIMIT) return `a write of ${this.#flightBytes} bytes`;
    return this.#look();
  }

  completeWrite(): string | undefined {
    if (!this.isWriting) return "a write completed that was not under way";
    this.isWriting = false;
    this.completedBytes += this.#flightBytes;
    this.completedPackets += this.#flightPackets;
    this.#completedBeatBytes += this.#flightBeatBytes;
    return undefined;
  }

  /** Compares the frames that are written whole with what was taken. */
  #look(): string | undefined {
    const { lane } = this;
    if (lane.invalidAt < lane.length) return "a header was written that no frame can have";
    while (this.#framesSeen < lane.starts.length && lane.ends[this.#framesSeen]! <= lane.length) {
      const start = lane.starts[this.#framesSeen]!;
      const size = lane.ends[this.#framesSeen]! - start;
      this.#framesSeen++;
      if (size === 0 && this.#beats) {
        this.#flightBeatBytes += this.#headerBytes;
        if (this.#firstBeatIsDue) this.#firstBeatIsDue = false;
        else this.#beatBytes += this.#headerBytes;
        continue;
      }
      const content = this.#taken[this.#packetsSeen];
      if (content === undefined) return `packet ${this.#packetsSeen + 1} was written and not taken`;
      if (content.size !== size || !isAt(content, lane.bytes, start))
        return `packet ${this.#packetsSeen + 1} was written otherwise than it was taken`;
      this.#packetsSeen++;
      this.#flightPackets++;
    }
    return undefined;
  }
}
