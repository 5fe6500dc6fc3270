/**
 * The Net frame's transform: checksum and payload are encoded together, in place.
 *
 *     | code u8 | length u16 LE | randKey u8 | checksum u8 | payload |
 *     |<-------------- clear --------------->|<------- encoded ----->|
 *
 * D = checksum, payload; i counts from 1; P and E begin at 0; all modulo 256:
 *
 *     encode: P[i] = D[i] ^ (P[i-1] + randKey + i);  E[i] = P[i] ^ (E[i-1] + key + i)
 *     decode: P[i] = E[i] ^ (E[i-1] + key + i);      D[i] = P[i] ^ (P[i-1] + randKey + i)
 *
 * The checksum is the sum of the payload's bytes. It finds damage and obscures; it is no security.
 * Source: the C++ CNetServer and CNetClient.
 */

/** What both sides of a service agree on. Plain data: it is told to worker threads. */
export interface NetCode {
  /** The first byte of every frame. */
  readonly code: number;
  readonly key: number;
}

/** Bytes of a Net frame in front of its payload. */
export const NET_HEADER_BYTES = 5;
/** Of these, up to where code and length are told. */
export const NET_LENGTH_END = 3;
const RAND_KEY_AT = 3;
const CHECKSUM_AT = 4;
/** A word has four lanes of a byte each. Sums stay in their lane where the highest bits are added apart. */
const LOW = 0x7f7f7f7f;
const HIGH = 0x80808080 | 0;
/** By multiplication a byte in each lane. */
const EACH = 0x01010101;
/** The first four i, and the way to the next four. */
const COUNT = 0x04030201;
const FOUR = 0x04040404;
/** Every other lane, with room for a sum above it. */
const PAIRS = 0x00ff00ff;

/** Seals the frame at `at`, whose payload (up to `end`) is there in clear: writes randKey and checksum, and encodes. HOT. */
export function sealFrame(key: number, randKey: number, view: DataView, at: number, end: number): void {
  const start = at + CHECKSUM_AT;
  view.setUint8(at + RAND_KEY_AT, randKey);
  view.setUint8(start, sumOf(view, start + 1, end));
  encode(key, randKey, view, start, end);
}

/** Decodes a whole frame in place, once; false where its checksum is wrong. HOT. */
export function openFrame(key: number, view: DataView, at: number, end: number): boolean {
  const start = at + CHECKSUM_AT;
  return decode(key, view.getUint8(at + RAND_KEY_AT), view, start, end) === view.getUint8(start);
}

/** The transform alone. Four bytes at a time: the chain of each byte on the one before is what costs. HOT. */
export function encode(key: number, randKey: number, view: DataView, start: number, end: number): void {
  let p = 0;
  let e = 0;
  let r = randKey + 1;
  let k = key + 1;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    p = word ^ ((p + r) | 0);
    e = p ^ ((e + k) | 0);
    const e0 = e & 0xff;
    p = (word >>> 8) ^ ((p + r + 1) | 0);
    e = p ^ ((e + k + 1) | 0);
    const e1 = e & 0xff;
    p = (word >>> 16) ^ ((p + r + 2) | 0);
    e = p ^ ((e + k + 2) | 0);
    const e2 = e & 0xff;
    p = (word >>> 24) ^ ((p + r + 3) | 0);
    e = p ^ ((e + k + 3) | 0);
    view.setInt32(at, e0 | (e1 << 8) | (e2 << 16) | (e << 24), true);
    r = (r + 4) | 0;
    k = (k + 4) | 0;
  }
  for (; at < end; at++) {
    p = view.getUint8(at) ^ ((p + r) | 0);
    e = p ^ ((e + k) | 0);
    view.setUint8(at, e);
    r = (r + 1) | 0;
    k = (k + 1) | 0;
  }
}

/**
 * The transform back; returns the sum of all bytes behind the first, modulo 256. No byte waits for another one's
 * result here, so four are done at once, each in its lane of a word. HOT.
 */
export function decode(key: number, randKey: number, view: DataView, start: number, end: number): number {
  let p = 0;
  let e = 0;
  let k = firstCounts(key);
  let r = firstCounts(randKey);
  let pairs = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    const before = (word << 8) | e;
    const next = word ^ ((((before & LOW) + (k & LOW)) | 0) ^ ((before ^ k) & HIGH));
    const beforeNext = (next << 8) | p;
    const clear = next ^ ((((beforeNext & LOW) + (r & LOW)) | 0) ^ ((beforeNext ^ r) & HIGH));
    view.setInt32(at, clear, true);
    pairs = (pairs + (clear & PAIRS) + ((clear >>> 8) & PAIRS)) & PAIRS;
    e = word >>> 24;
    p = next >>> 24;
    k = (((k & LOW) + FOUR) | 0) ^ (k & HIGH);
    r = (((r & LOW) + FOUR) | 0) ^ (r & HIGH);
  }
  let sum = pairs + (pairs >>> 16);
  // The rest; the lowest lane has the next i.
  for (; at < end; at++) {
    const encoded = view.getUint8(at);
    const next = encoded ^ ((e + k) & 0xff);
    const clear = next ^ ((p + r) & 0xff);
    view.setUint8(at, clear);
    sum = (sum + clear) | 0;
    e = encoded;
    p = next;
    k = (k + 1) | 0;
    r = (r + 1) | 0;
  }
  return start === end ? 0 : (sum - view.getUint8(start)) & 0xff;
}

/** key + i in each lane, for the first four i. HOT. */
function firstCounts(key: number): number {
  const lanes = Math.imul(key, EACH);
  return (((lanes & LOW) + COUNT) | 0) ^ (lanes & HIGH);
}

/** The sum of all bytes; its lowest eight bits count. HOT. */
function sumOf(view: DataView, start: number, end: number): number {
  let pairs = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    pairs = (pairs + (word & PAIRS) + ((word >>> 8) & PAIRS)) & PAIRS;
  }
  let sum = pairs + (pairs >>> 16);
  for (; at < end; at++) sum = (sum + view.getUint8(at)) | 0;
  return sum;
}
