/**
 * How fast a peer may send: two buckets, of packets and of bytes, that hold one second's share and empty at that
 * pace. Judged after each read, so a peer is over its pace by at most one read. Of a thread that was blocked both may empty
 * further, by what came meanwhile.
 */
import type { Lateness } from "./lateness.ts";
import type { PaceSettings } from "./settings.ts";

export class Pace {
  readonly settings: PaceSettings;
  readonly #lateness: Lateness;
  #packets = 0;
  #bytes = 0;
  #packetsSeen = 0;
  #bytesSeen = 0;
  #atMs: number;

  constructor(settings: PaceSettings, nowMs: number, lateness: Lateness) {
    this.settings = settings;
    this.#lateness = lateness;
    this.#atMs = nowMs - lateness.lateMs(nowMs);
  }

  /** Milliseconds until the peer may go on; 0 where it keeps its pace. Told what it has sent, ever. */
  overMs(packets: number, bytes: number, nowMs: number): number {
    const { packetsPerSecondMax, bytesPerSecondMax } = this.settings;
    const seconds = (nowMs - this.#atMs) / 1000;
    const late = this.#lateness.lateMs(nowMs) / 1000;
    this.#packets = emptied(this.#packets, seconds, late, packetsPerSecondMax) + packets - this.#packetsSeen;
    this.#bytes = emptied(this.#bytes, seconds, late, bytesPerSecondMax) + bytes - this.#bytesSeen;
    this.#packetsSeen = packets;
    this.#bytesSeen = bytes;
    this.#atMs = nowMs;
    return Math.max(waitMs(this.#packets, packetsPerSecondMax), waitMs(this.#bytes, bytesPerSecondMax));
  }
}

/** What is left in a bucket after so many seconds; below nothing only by those that the thread was late. */
export function emptied(level: number, seconds: number, lateSeconds: number, perSecondMax: number): number {
  return Math.max(-lateSeconds * perSecondMax, level - seconds * perSecondMax);
}

/** Until a bucket has room again. */
function waitMs(level: number, perSecondMax: number): number {
  if (perSecondMax === 0 || level <= perSecondMax) return 0;
  return Math.max(1, ((level - perSecondMax) / perSecondMax) * 1000);
}
