/**
 * How fast a peer may send: two buckets, of packets and of bytes, that hold one second's share and empty at that
 * pace. Judged after each read, so a peer is over its pace by at most one read.
 */
import type { PaceSettings } from "./settings.ts";

export class Pace {
  readonly settings: PaceSettings;
  #packets = 0;
  #bytes = 0;
  #packetsSeen = 0;
  #bytesSeen = 0;
  #atMs: number;

  constructor(settings: PaceSettings, nowMs: number) {
    this.settings = settings;
    this.#atMs = nowMs;
  }

  /** Milliseconds until the peer may go on; 0 where it keeps its pace. Told what it has sent, ever. */
  overMs(packets: number, bytes: number, nowMs: number): number {
    const { packetsPerSecondMax, bytesPerSecondMax } = this.settings;
    const seconds = (nowMs - this.#atMs) / 1000;
    this.#packets = Math.max(0, this.#packets - seconds * packetsPerSecondMax) + packets - this.#packetsSeen;
    this.#bytes = Math.max(0, this.#bytes - seconds * bytesPerSecondMax) + bytes - this.#bytesSeen;
    this.#packetsSeen = packets;
    this.#bytesSeen = bytes;
    this.#atMs = nowMs;
    return Math.max(waitMs(this.#packets, packetsPerSecondMax), waitMs(this.#bytes, bytesPerSecondMax));
  }
}

/** Until a bucket has room again. */
function waitMs(level: number, perSecondMax: number): number {
  if (perSecondMax === 0 || level <= perSecondMax) return 0;
  return Math.max(1, ((level - perSecondMax) / perSecondMax) * 1000);
}
