/**
 * Net frames made and taken apart from the formulas alone, without the library's own codec: slow, and as they
 * are written down.
 *
 *     | code u8 | length u16 LE | randKey u8 | checksum u8 | payload |
 *
 *     D = checksum, payload; i counts from 1; P[0] = E[0] = 0; all mod 256; checksum = sum of the payload's bytes
 *     encode: P[i] = D[i] ^ (P[i-1] + randKey + i);  E[i] = P[i] ^ (E[i-1] + key + i)
 *     decode: P[i] = E[i] ^ (E[i-1] + key + i);      D[i] = P[i] ^ (P[i-1] + randKey + i)
 */

export const NET_HEADER_BYTES = 5;

/** The defaults of both classes. */
export const AGREED: Agreed = { code: 0x77, key: 0x32 };

/** What both sides of a service agree on. */
export interface Agreed {
  readonly code: number;
  readonly key: number;
}

/** One frame of a stream. */
export interface NetFrame {
  readonly code: number;
  readonly randKey: number;
  readonly payload: Uint8Array;
}

/** The byte transform alone. */
export function encoded(key: number, randKey: number, clear: Uint8Array): Uint8Array {
  const result = new Uint8Array(clear.length);
  let before = { P: 0, E: 0 };
  for (let i = 1; i <= clear.length; i++) {
    const P = clear[i - 1]! ^ ((before.P + randKey + i) % 256);
    const E = P ^ ((before.E + key + i) % 256);
    result[i - 1] = E;
    before = { P, E };
  }
  return result;
}

/** The transform back. */
export function decoded(key: number, randKey: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length);
  let before = { P: 0, E: 0 };
  for (let i = 1; i <= bytes.length; i++) {
    const E = bytes[i - 1]!;
    const P = E ^ ((before.E + key + i) % 256);
    result[i - 1] = P ^ ((before.P + randKey + i) % 256);
    before = { P, E };
  }
  return result;
}

export function checksum(payload: Uint8Array): number {
  return payload.reduce((sum, byte) => (sum + byte) % 256, 0);
}

export function netFrame(payload: Uint8Array, randKey: number, { code, key }: Agreed = AGREED): Uint8Array {
  const header = Buffer.alloc(4);
  header[0] = code;
  header.writeUInt16LE(payload.length, 1);
  header[3] = randKey;
  const clear = Buffer.concat([Uint8Array.of(checksum(payload)), payload]);
  return Buffer.concat([header, encoded(key, randKey, clear)]);
}

/** The whole frames at the beginning of a stream. Throws where one is not what it should be. */
export function netFrames(stream: Uint8Array, { code, key }: Agreed = AGREED): NetFrame[] {
  const found: NetFrame[] = [];
  const bytes = Buffer.from(stream.buffer, stream.byteOffset, stream.length);
  for (let at = 0; bytes.length - at >= NET_HEADER_BYTES; ) {
    const end = at + NET_HEADER_BYTES + bytes.readUInt16LE(at + 1);
    if (bytes[at] !== code) throw new Error(`the frame at ${at} has code ${bytes[at]}`);
    if (end > bytes.length) break;
    const randKey = bytes[at + 3]!;
    const [sum, ...payload] = decoded(key, randKey, bytes.subarray(at + 4, end));
    const frame = { code, randKey, payload: Uint8Array.from(payload) };
    if (sum !== checksum(frame.payload)) throw new Error(`the frame at ${at} has checksum ${sum}`);
    found.push(frame);
    at = end;
  }
  return found;
}
