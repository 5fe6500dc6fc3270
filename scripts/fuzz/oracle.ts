/**
 * What a server must make of a stream, said a second time and the simple way: which payloads it delivers, and
 * where it gives up. It knows nothing of the code under test.
 */
import { crc32 } from "node:zlib";
import type { LeaveReason } from "../../src/index.ts";
import type { FuzzLink } from "./links.ts";
import { TYPE_DISCONNECT, TYPE_RESET } from "./vocabulary.ts";

export class Oracle {
  /** Payloads delivered, and the CRC of them all. */
  packets = 0;
  crc = 0;
  /** Why the server has ended the session by itself; what follows it never sees. */
  over: LeaveReason | undefined;
  readonly #link: FuzzLink;
  /** Where the frame begins that is not whole, or that ended the session. */
  #at = 0;
  /** Where the last whole frame begins. */
  #lastAt = -1;

  constructor(link: FuzzLink) {
    this.#link = link;
  }

  /** Looks at `stream`, which is what it was at the last call and more. */
  look(stream: Buffer): void {
    while (this.over === undefined) {
      const length = this.#length(stream);
      if (length === undefined) return;
      const begin = this.#at + this.#link.format.lengthBytes;
      if (length > this.#link.packetBytesMax) this.over = "frame-too-large";
      else if (length < 0) this.over = "frame-invalid";
      else if (begin + length > stream.length) return;
      else {
        this.#deliver(stream.subarray(begin, begin + length));
        this.#lastAt = this.#at;
        this.#at = begin + length;
      }
    }
  }

  /** Where the last whole frame ends. */
  get frameEnd(): number {
    return this.#at;
  }

  /** Where the last frame of `stream` begins, whole or not; -1 where none does. */
  lastFrameAt(stream: Buffer): number {
    return this.#at < stream.length ? this.#at : this.#lastAt;
  }

  /** Bytes that the frame at the end of `stream` lacks; 0 where none is begun. */
  missing(stream: Buffer): number {
    if (this.#at === stream.length) return 0;
    const { lengthBytes } = this.#link.format;
    return this.#at + lengthBytes + (this.#length(stream) ?? 0) - stream.length;
  }

  #length(stream: Buffer): number | undefined {
    const { lengthBytes, endian, includesHeader = false } = this.#link.format;
    if (stream.length - this.#at < lengthBytes) return undefined;
    const told =
      endian === "little"
        ? stream.readUIntLE(this.#at, lengthBytes)
        : stream.readUIntBE(this.#at, lengthBytes);
    return includesHeader ? told - lengthBytes : told;
  }

  #deliver(payload: Buffer): void {
    if (payload.length === 0 && this.#link.heartbeat !== false) return;
    this.packets++;
    this.crc = crc32(payload, (this.crc ^ payload.length) >>> 0);
    const type = payload.length < 2 ? -1 : payload.readUInt16LE();
    if (type === TYPE_DISCONNECT || type === TYPE_RESET) this.over = "disconnected";
  }
}
