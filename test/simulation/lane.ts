/**
 * One way of a link, as the oracle sees it: the bytes that its writer handed to the network, where the frames
 * lie in them, and how many of the bytes the reader was given. It decodes frames the simple way and knows
 * nothing of the code under test.
 *
 *      | header | payload | header | payl...
 *                         ^ read so far      ^ written so far
 *
 * Invariant: what is read is what was written, from its beginning, without a gap.
 */

/** A length header, spelled out. */
export interface Format {
  readonly lengthBytes: 1 | 2 | 3 | 4;
  readonly endian: "little" | "big";
  readonly includesHeader: boolean;
}

export class Lane {
  readonly format: Format;
  /** All that was written, in its first `length` bytes. */
  bytes: Buffer = Buffer.allocUnsafe(512);
  length = 0;
  readBytes = 0;
  /** Where the payload of each frame whose header is written begins and ends. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Where a header begins that no frame can have. */
  invalidAt: number = Number.POSITIVE_INFINITY;
  #headerAt = 0;

  constructor(format: Format) {
    this.format = format;
  }

  write(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger; // who points into the old one may go on: it does not change
    }
    this.bytes.set(chunk, this.length);
    this.length = length;
    this.#findFrames();
  }

  /** Whether `bytes` are what is to be read next. */
  read(bytes: Uint8Array): boolean {
    const end = this.readBytes + bytes.length;
    const isRight =
      end <= this.length && this.bytes.compare(bytes, 0, bytes.length, this.readBytes, end) === 0;
    this.readBytes = end;
    return isRight;
  }

  #findFrames(): void {
    const { lengthBytes, endian, includesHeader } = this.format;
    while (this.#headerAt + lengthBytes <= this.length && this.invalidAt === Number.POSITIVE_INFINITY) {
      const at = this.#headerAt;
      const told =
        endian === "little" ? this.bytes.readUIntLE(at, lengthBytes) : this.bytes.readUIntBE(at, lengthBytes);
      const size = told - (includesHeader ? lengthBytes : 0);
      if (size < 0) {
        this.invalidAt = at;
        return;
      }
      this.starts.push(at + lengthBytes);
      this.ends.push(at + lengthBytes + size);
      this.#headerAt = at + lengthBytes + size;
    }
  }
}

/** One frame, header and payload. */
export function frameOf({ lengthBytes, endian, includesHeader }: Format, payload: Uint8Array): Buffer {
  return headerAnd({ lengthBytes, endian, includesHeader }, payload.length, payload);
}

/** A header that announces `announced` bytes, and whatever follows it. */
export function headerAnd(format: Format, announced: number, payload: Uint8Array): Buffer {
  const { lengthBytes, endian, includesHeader } = format;
  const bytes = Buffer.alloc(lengthBytes + payload.length);
  const told = announced + (includesHeader ? lengthBytes : 0);
  if (endian === "little") bytes.writeUIntLE(told, 0, lengthBytes);
  else bytes.writeUIntBE(told, 0, lengthBytes);
  bytes.set(payload, lengthBytes);
  return bytes;
}

/** The longest payload that a header can tell. */
export function payloadLimit({ lengthBytes, includesHeader }: Format): number {
  return 2 ** (8 * lengthBytes) - 1 - (includesHeader ? lengthBytes : 0);
}
