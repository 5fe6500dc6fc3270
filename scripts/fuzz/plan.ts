/**
 * One connection's attack, made from the seed and the connection's number alone: the bytes, how they are cut, how
 * it ends, and what the server must make of it.
 *
 *     | frame | CASE | frame | frame | CASE | CASE+filler | ... | CASE that breaks the stream |
 *
 * A case is one mutated frame or one piece of a random stream. It counts where the server looks for a header
 * within it: bytes that a lie before them swallowed as payload do not count, and neither does anything
 * behind the point where the server gives up.
 */
import type { LeaveReason } from "../../src/index.ts";
import type { Random } from "../../src/testing.ts";
import { type FuzzLink, LINKS } from "./links.ts";
import { type Corpus, Mutator, NOISE_ONLY } from "./mutator.ts";
import { Oracle } from "./oracle.ts";

const STREAM_BYTES_MAX = 256 * 1024;
const CASES_MAX = 600;
/** A lie that announces more than this stays unfinished. */
const FILLER_BYTES_MAX = 70_000;

/** How we end a stream that the server did not: FIN, RST, or not at all, so that it has to. */
type Ending = "fin" | "reset" | "stall";

export interface Plan {
  readonly index: number;
  readonly link: number;
  readonly bytes: Buffer;
  /** Lengths of the pieces it is written in, over and over; null for all at once. */
  readonly cuts: readonly number[] | null;
  readonly ending: Ending;
  /** Whether we read what the server answers. */
  readonly reads: boolean;
  /** Of each case that counts, how many packets are delivered before the first header in it. */
  readonly cases: readonly number[];
  /** Cases that do not count. */
  readonly swallowed: number;
  readonly expected: Expected;
}

interface Expected {
  readonly packets: number;
  readonly crc: number;
  /** Any of these. */
  readonly reasons: readonly LeaveReason[];
  /** Whether packets and CRC are these and no others; otherwise at most as many packets. */
  readonly isExact: boolean;
}

export function makePlan(random: Random, corpus: Corpus, index: number): Plan {
  const link = random.integer(0, LINKS.length - 1);
  const settings = LINKS[link]!;
  const isNoise = random.chance(0.12);
  const mutator = new Mutator(settings, random, corpus, isNoise ? NOISE_ONLY : undefined);
  const oracle = new Oracle(settings);
  const stream = new Stream();
  const cases: number[] = [];
  const wanted = random.chance(0.1) ? 1 : random.chance(0.1) ? 20 : CASES_MAX;
  let made = 0;
  for (; made < wanted && oracle.over === undefined && stream.length < STREAM_BYTES_MAX; made++) {
    if (!isNoise && random.chance(0.1)) stream.push(mutator.validFrame());
    oracle.look(stream.bytes);
    const { packets } = oracle;
    const begin = stream.length;
    stream.push(mutator.next());
    oracle.look(stream.bytes);
    if (oracle.lastFrameAt(stream.bytes) >= begin) cases.push(packets);
    // A slow event may not have got to a packet that ends the session when what follows it is decoded.
    if (oracle.over === "disconnected") stream.length = oracle.frameEnd;
    const missing = oracle.over === undefined ? oracle.missing(stream.bytes) : 0;
    if (missing > 0 && missing <= FILLER_BYTES_MAX && random.chance(isNoise ? 0.5 : 0.9)) {
      stream.push(mutator.noise(missing));
    }
  }
  oracle.look(stream.bytes);
  const ending = random.chance(0.03) ? "reset" : random.chance(0.003) ? "stall" : "fin";
  return {
    index,
    link,
    bytes: Buffer.from(stream.bytes),
    cuts: cutsOf(random),
    ending,
    reads: random.chance(0.9),
    cases,
    swallowed: made - cases.length,
    expected: expectedOf(settings, oracle, ending),
  };
}

function expectedOf({ isSlow }: FuzzLink, { packets, crc, over }: Oracle, ending: Ending): Expected {
  const isBroken = over === "frame-too-large" || over === "frame-invalid";
  // Packets that wait for a slow event are dropped with the stream that broke behind them.
  const isExact = ending !== "reset" && !(isSlow && isBroken);
  const reasons: LeaveReason[] = over === undefined ? [] : [over];
  if (ending === "reset") reasons.push("reset", "peer-closed");
  if (ending === "fin" && over === undefined) reasons.push("peer-closed");
  if (ending === "stall" && over === undefined) {
    reasons.push("partial-frame-timeout", "heartbeat-timeout", "peer-closed");
  }
  return { packets, crc, reasons, isExact };
}

function cutsOf(random: Random): number[] | null {
  if (random.chance(0.8)) return null;
  const max = random.pick([3, 100, 5000]);
  return Array.from({ length: 16 }, () => random.integer(1, max));
}

/** Bytes that grow at the end. */
class Stream {
  #memory: Buffer = Buffer.allocUnsafe(16 * 1024);
  length = 0;

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.length);
  }

  push(bytes: Buffer): void {
    while (this.length + bytes.length > this.#memory.length) {
      this.#memory = Buffer.concat([this.#memory, Buffer.allocUnsafe(this.#memory.length)]);
    }
    this.length += bytes.copy(this.#memory, this.length);
  }
}
