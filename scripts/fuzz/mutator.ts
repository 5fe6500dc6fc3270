/** Payloads as applications write them, and everything that can be wrong with the frames around and within them. */
import { Packet } from "../../src/index.ts";
import type { Random } from "../../src/testing.ts";
import type { FuzzLink } from "./links.ts";
import { SHAPES, TYPE_DISCONNECT, TYPE_RESET } from "./vocabulary.ts";

const NOISE_BYTES = 256 * 1024;
const CORPUS_SIZE = 2000;
const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];
const TEXTS = ["", "x", "server-1", "ÄÖÜ ß", "한국어", "🙂🙃", "\u0000\uffff", "a".repeat(300)];

/** A way to make a case, and how often it is taken. */
type Mutation = readonly [weight: number, make: (mutator: Mutator) => Buffer];

/** Makes the cases of one connection. */
export class Mutator {
  readonly #link: FuzzLink;
  readonly #random: Random;
  readonly #corpus: Corpus;
  readonly #mutations: readonly Mutation[];
  readonly #weight: number;

  constructor(link: FuzzLink, random: Random, corpus: Corpus, mutations: readonly Mutation[] = FRAMES) {
    this.#link = link;
    this.#random = random;
    this.#corpus = corpus;
    this.#mutations = mutations;
    this.#weight = mutations.reduce((sum, [weight]) => sum + weight, 0);
  }

  /** The bytes of one case. */
  next(): Buffer {
    let at = this.#random.float() * this.#weight;
    for (const [weight, make] of this.#mutations) {
      at -= weight;
      if (at < 0) return make(this);
    }
    return this.validFrame();
  }

  validFrame(): Buffer {
    return this.frame(this.payload());
  }

  /** A payload that fits the link; shared, not to be written to. */
  payload(): Buffer {
    const payload = this.#random.pick(this.#corpus.payloads);
    return payload.subarray(0, this.#link.packetBytesMax);
  }

  /** A copy of a payload, to be written to; at least a byte long. */
  ownPayload(): Buffer {
    const payload = this.payload();
    return payload.length === 0 ? Buffer.of(0) : Buffer.from(payload);
  }

  /** Random bytes; shared, not to be written to. */
  noise(byteLength: number): Buffer {
    const length = Math.min(byteLength, NOISE_BYTES);
    const at = this.#random.integer(0, NOISE_BYTES - length);
    return this.#corpus.noise.subarray(at, at + length);
  }

  /** A frame around `payload`, whose header says `lie` more than there is. */
  frame(payload: Buffer, lie: number = 0): Buffer {
    const { lengthBytes, includesHeader = false } = this.#link.format;
    return this.frameSaying(payload.length + lie + (includesHeader ? lengthBytes : 0), payload);
  }

  /** A frame whose header says `told`, as far as it can. */
  frameSaying(told: number, payload: Buffer): Buffer {
    const { lengthBytes, endian } = this.#link.format;
    const frame = Buffer.allocUnsafe(lengthBytes + payload.length);
    const value = ((told % 256 ** lengthBytes) + 256 ** lengthBytes) % 256 ** lengthBytes;
    if (endian === "little") frame.writeUIntLE(value, 0, lengthBytes);
    else frame.writeUIntBE(value, 0, lengthBytes);
    payload.copy(frame, lengthBytes);
    return frame;
  }

  upTo(max: number): number {
    return this.#random.integer(0, max);
  }

  pick<T>(items: readonly T[]): T {
    return this.#random.pick(items);
  }

  get packetBytesMax(): number {
    return this.#link.packetBytesMax;
  }

  get headerBytes(): number {
    return this.#link.format.lengthBytes;
  }
}

function flipBits(m: Mutator, bytes: Buffer): Buffer {
  for (let flips = 1 + m.upTo(3); flips > 0; flips--) {
    const at = m.upTo(bytes.length - 1);
    bytes[at] = bytes[at]! ^ (1 << m.upTo(7));
  }
  return bytes;
}

function overwrite(m: Mutator, bytes: Buffer): Buffer {
  const at = m.upTo(bytes.length - 1);
  return bytes.fill(m.pick(INTERESTING), at, Math.min(bytes.length, at + m.pick([1, 2, 4, 8])));
}

function splice(m: Mutator): Buffer {
  const [head, tail] = [m.payload(), m.payload()];
  const spliced = Buffer.concat([head.subarray(0, m.upTo(head.length)), tail.subarray(m.upTo(tail.length))]);
  return spliced.subarray(0, m.packetBytesMax);
}

function extended(m: Mutator): Buffer {
  return Buffer.concat([m.payload(), m.noise(1 + m.upTo(64))]).subarray(0, m.packetBytesMax);
}

function truncated(m: Mutator): Buffer {
  const payload = m.payload();
  return payload.subarray(0, m.upTo(payload.length));
}

function lastCut(m: Mutator): Buffer {
  const frame = m.validFrame();
  return frame.subarray(0, 1 + m.upTo(frame.length - 1));
}

function headerReversed(m: Mutator): Buffer {
  const frame = m.validFrame();
  frame.subarray(0, m.headerBytes).reverse();
  return frame;
}

/** Mutated frames. Most leave the next frame in its place, or a connection would be over at once. */
const FRAMES: readonly Mutation[] = [
  // The payload is not what its type promises.
  [25, (m) => m.frame(flipBits(m, m.ownPayload()))],
  [15, (m) => m.frame(overwrite(m, m.ownPayload()))],
  [10, (m) => m.frame(truncated(m))],
  [8, (m) => m.frame(extended(m))],
  [8, (m) => m.frame(splice(m))],
  [10, (m) => m.frame(m.noise(m.upTo(Math.min(200, m.packetBytesMax))))],
  [0.1, (m) => m.frame(m.noise(m.upTo(m.packetBytesMax)))],
  // The frame comes again, or is empty.
  [5, (m) => Buffer.concat(Array(2 + m.upTo(3)).fill(m.validFrame()))],
  [3, (m) => m.frame(Buffer.alloc(0))],
  // The length lies: too much, mostly, since filler can make that good.
  [3, (m) => m.frame(m.payload(), m.upTo(20) - 4)],
  [0.2, (m) => m.frameSaying(m.pick([0, 1, m.headerBytes - 1, m.headerBytes]), m.payload())],
  [0.3, (m) => m.frameSaying(m.packetBytesMax + m.upTo(2 * m.headerBytes + 1) - m.headerBytes, m.payload())],
  [0.2, (m) => m.frameSaying(m.upTo(256 ** m.headerBytes - 1), m.payload())],
  [0.2, headerReversed],
  // Bytes are missing, too many or broken anywhere.
  [3, lastCut],
  [0.6, (m) => m.noise(1 + m.upTo(20))],
  [2, (m) => flipBits(m, m.validFrame())],
  // The handler ends the session.
  [0.1, (m) => m.frame(new Bytes().u16(m.pick([TYPE_DISCONNECT, TYPE_RESET])).done())],
];

/** Random streams: no frame at all. */
export const NOISE_ONLY: readonly Mutation[] = [
  [1, (m) => m.noise(1 + m.upTo(20))],
  [1, (m) => m.noise(1 + m.upTo(300))],
];

/** What all connections of a run draw from. */
export class Corpus {
  readonly noise: Buffer;
  readonly payloads: readonly Buffer[];

  constructor(random: Random) {
    this.noise = Buffer.from(random.bytes(NOISE_BYTES));
    this.payloads = Array.from({ length: CORPUS_SIZE }, () => validPayload(random));
  }
}

class Bytes extends Packet {
  u16(value: number): this {
    return this.writeUint16(value);
  }
  done(): Buffer {
    return Buffer.from(this.bytes);
  }
}

/** A packet whose fields are what its type promises, as `FuzzServer` reads them. */
function validPayload(random: Random): Buffer {
  const shape = random.integer(0, SHAPES - 1);
  const packet = new Packet().writeUint16(SHAPES * random.integer(0, 4000) + shape);
  const text = (): string => random.pick(TEXTS);
  switch (shape) {
    case 2:
      packet.writeUint8(random.integer(0, 255)).writeInt32(7).writeInt32(random.integer(0, 1e9));
      break;
    case 3:
      packet.writeString(text()).writeWString(text());
      break;
    case 4:
      packet
        .writeFixedWString(text().replaceAll("\0", "").slice(0, 20), 20)
        .writeFixedBytes(random.bytes(20), 64);
      break;
    case 5:
      packet.writeBigInt64(-1n).writeBigUint64(1n).writeUint32(random.uint32(), false);
      break;
    case 6:
      packet.writeFloat32(1.5).writeFloat64(random.float()).writeBool(true);
      break;
    case 7: {
      const count = random.integer(0, 12);
      packet.writeUint16(count);
      for (let i = 0; i < count; i++) packet.writeUint32(i).writeString(text());
      break;
    }
    case 8: {
      const length = random.integer(0, 400);
      packet.writeUint16(length).writeBytes(random.bytes(length));
      break;
    }
    case 13:
      packet.writeString(text()).writeString(text());
      break;
    default:
      packet.writeBytes(random.bytes(random.integer(0, 100)));
  }
  return Buffer.from(packet.bytes);
}
