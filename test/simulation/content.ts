/**
 * What packets contain: pieces of one block of noise, told by where they begin, so that a packet of any number
 * and size is made and compared without memory of its own.
 */
import { Packet } from "../../src/index.ts";
import { Random } from "../../src/testing.ts";

/** `size` bytes of `bytes` from `start`, which never change. */
export interface Content {
  readonly bytes: Buffer;
  readonly start: number;
  readonly size: number;
}

const NOISE_BYTES = 4 * 1024 * 1024;
const NOISE: Buffer = makeNoise();

/** The content of the `number`th packet of a history: unlike any other's. */
export function contentOf(number: number, size: number): Content {
  const start = (Math.imul(number + 1, 0x9e3779b1) >>> 0) % (NOISE_BYTES - size);
  return { bytes: NOISE, start, size };
}

/** A view of the content. */
export function viewOf({ bytes, start, size }: Content): Buffer {
  return bytes.subarray(start, start + size);
}

/** A packet with that content, made in one of the ways there are. @param used one that may be written anew. */
export function packetOf(number: number, content: Content, used: Packet): Packet {
  const bytes = viewOf(content);
  if (number % 3 === 0) return Packet.from(bytes);
  return (number % 3 === 1 ? used.clear() : new Packet(content.size)).writeBytes(bytes);
}

/** Whether `content` is what lies in `bytes` from `start`. */
export function isAt(content: Content, bytes: Buffer, start: number): boolean {
  const { start: from, size } = content;
  return bytes.compare(content.bytes, from, from + size, start, start + size) === 0;
}

function makeNoise(): Buffer {
  const words = new Uint32Array(NOISE_BYTES / 4);
  const random = new Random(4);
  for (let at = 0; at < words.length; at++) words[at] = random.uint32();
  return Buffer.from(words.buffer);
}
