/**
 * What is in a message, and how a receiver knows that each one came, once, in order and whole.
 *
 *     | seq u32le | filler[4 .. size)        |      size follows from seq by the plan
 *
 * Every message: seq is the next one of its link, and the length is the one that this seq has. Every 1021st
 * message: each byte of it. At the end the parent compares what was sent with what was received.
 */
import { writeSync } from "node:fs";

const WHOLE_CHECK_EVERY = 1021;

/** Byte i of every message from byte 4 on; the same in peers/c/link.c. */
let filler = new Uint8Array(0);

function fillerOf(byteLength: number): Uint8Array {
  if (filler.length < byteLength) {
    filler = new Uint8Array(Math.max(byteLength, 1 << 18));
    for (let index = 0; index < filler.length; index++)
      filler[index] = (index * 31 + (index >> 8) + 7) & 0xff;
  }
  return filler;
}

const bodies = new Map<number, Uint8Array>();
let lastLength = -1;
let lastBody: Uint8Array = filler;

/** Hot. What follows seq in a message of `byteLength` bytes; a view to copy from, made once per size. */
export function bodyOf(byteLength: number): Uint8Array {
  if (byteLength === lastLength) return lastBody;
  let body = bodies.get(byteLength);
  if (body === undefined) {
    body = fillerOf(byteLength).subarray(4, byteLength);
    bodies.set(byteLength, body);
  }
  lastLength = byteLength;
  lastBody = body;
  return body;
}

/** A message in memory of its own, for peers that keep what they are given until it is sent. */
export function makeMessage(seq: number, byteLength: number): Buffer {
  const message = Buffer.allocUnsafe(byteLength);
  message.writeUInt32LE(seq, 0);
  message.set(bodyOf(byteLength), 4);
  return message;
}

/** Tells the parent that this peer cannot run here, and ends the process. */
export function unavailable(why: string): never {
  writeSync(1, `${JSON.stringify({ unavailable: why })}\n`);
  process.exit(0);
}

/** Tells the parent why this run does not count, and ends the process. */
export function fail(why: string): never {
  // Synchronous: on a worker thread nothing else would reach the parent before the end.
  writeSync(1, `${JSON.stringify({ failed: why })}\n`);
  process.kill(process.pid, "SIGKILL");
  throw new Error(why);
}

/** The receiving end of one link. */
export class Receiver {
  /** Messages so far, and so the next seq. */
  received = 0;
  readonly #link: number;
  readonly #sizes: Uint32Array;

  constructor(link: number, sizes: readonly number[]) {
    this.#link = link;
    this.#sizes = Uint32Array.from(sizes);
  }

  /**
   * Hot. One message came. True: hand its bytes to `compare`, before they can change.
   * The peer reads seq and length in the way that is natural for it, so that none has to make a view for this.
   */
  accept(seq: number, byteLength: number): boolean {
    const expected = this.received;
    const sizes = this.#sizes;
    if (seq !== expected || byteLength !== sizes[expected & (sizes.length - 1)]) {
      fail(`link ${this.#link}: message ${expected} expected, ${seq} came with ${byteLength} bytes`);
    }
    this.received = expected + 1;
    return expected % WHOLE_CHECK_EVERY === 0;
  }

  /** Compares a whole message with what was sent. */
  compare(message: Uint8Array): void {
    const expected = fillerOf(message.length);
    for (let index = 4; index < message.length; index++) {
      if (message[index] !== expected[index])
        fail(`link ${this.#link}: byte ${index} of a message changed on its way`);
    }
  }
}
