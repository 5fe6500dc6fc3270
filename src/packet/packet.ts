/**
 * Packet: the serialization buffer. Fields are raw bytes, little-endian unless asked otherwise, without tags.
 *
 *        #start               #cursor                #end                #limit
 *          | type | field ...... | field | field ..... | room ............. |        in #buffer and #view
 *          |                     |<---- remaining ---->|
 *          |<------------ length, bytes -------------->|
 *
 *      written:   #limit >= 0       writes go to #end and stop at #limit, then more memory is taken
 *      unowned:   #limit = ~capacity (< 0)   nothing written yet, or the content was lent: it may be read,
 *                 and the next write first takes memory of that capacity and copies the content
 *      received:  #limit < 0, #max = RECEIVED   the same, and a write is refused
 *
 * So one comparison with #limit tells each write that it may go on. Invariant: #start <= #cursor <= #end, and
 * #end <= #limit where #limit >= 0; #exact, where there is one, is a view that begins at #start of #buffer.
 * A failing call changes neither content nor cursors (it may have taken more memory).
 *
 * One file though it is long: #private fields end at the class. Text is in text.ts, memory in memory.ts,
 * messages in faults.ts. Every method is hot; only what is `static #` is not.
 */
import { isUint8Array } from "node:util/types";
import * as fault from "./faults.ts";
import {
  abandonMemory,
  copyMemory,
  copyWords,
  isLent,
  lendMemory,
  type Memory,
  NO_MEMORY,
  takeMemory,
} from "./memory.ts";
import * as text from "./text.ts";

const CAPACITY_BYTES = 256;
const MAX_BYTES = 2 ** 30;
/** `#max` of a received packet. */
const RECEIVED = -1;
/** What a u16 byte length can say. */
const PREFIXED_BYTES_MAX = 0xffff;
/**
 * Up to this many bytes copying words is faster than `set` of a view: one that a packet keeps from sending to
 * sending, and one that is made for a received packet, which is sent once.
 */
const WORDS_BYTES_MAX = 96;
const RECEIVED_WORDS_BYTES_MAX = 512;

/**
 * Makes the read-only packet over slab[start, end). Hot: one object, no view.
 * @param view over the same range as `slab`. Both stay as they are for as long as the packet is kept.
 * @internal
 */
export let receivedPacket: (slab: Uint8Array, view: DataView, start: number, end: number) => Packet;

/**
 * The content, for sending without a copy: the bytes do not change until `returnMemory` is called with them, once
 * for each loan. A packet that was written here takes new memory if it is written to before that; lending it
 * again gives the same bytes. Those of a received packet never change; returning them does nothing.
 * @internal
 */
export let lendBytes: (packet: Packet) => Uint8Array;

/**
 * The bytes that stay alive with the content: all of the buffer that it lies in.
 * @internal
 */
export let heldBytes: (packet: Packet) => number;

/**
 * Copies the content to `target` from `at`, where room was made before. Hot: no view is made for a small one.
 * @param view over the same range as `target`.
 * @internal
 */
export let copyContent: (packet: Packet, target: Uint8Array, view: DataView, at: number) => void;

/**
 * A buffer with a write cursor at its end and a read cursor.
 *
 * ```ts
 * const login = new Packet().writeUint16(20001).writeInt32(serverNo);
 * client.sendPacket(login);
 *
 * onRecv(packet: Packet) {
 *   switch (packet.readUint16()) { ... }
 * }
 * ```
 *
 * - Every `write` appends and returns the packet; every `read` of the same name takes what it wrote. A call
 *   that throws leaves content and cursors as they were.
 * - A packet that was sent may be cleared and written again at once: `sendPacket` has taken the content.
 * - A packet that `onRecv` was given is read-only and stays valid for as long as it is kept. It keeps the
 *   memory that it arrived in (up to a whole receive buffer): keep `copy()` of few among many.
 */
export class Packet {
  /** The largest `maxBytes`, and its default: 1 GiB. */
  static readonly MAX_BYTES: number = MAX_BYTES;

  #buffer: Uint8Array = NO_MEMORY.bytes;
  #view: DataView = NO_MEMORY.view;
  #start = 0;
  #end = 0;
  #cursor = 0;
  #limit: number;
  #exact: Uint8Array | null = null;
  #max: number;

  static {
    receivedPacket = (slab, view, start, end) => {
      const packet = new Packet(0);
      packet.#buffer = slab;
      packet.#view = view;
      packet.#start = start;
      packet.#end = end;
      packet.#cursor = start;
      packet.#max = RECEIVED;
      return packet;
    };

    lendBytes = (packet) => {
      if (packet.#limit >= 0) packet.#limit = ~(packet.#limit - packet.#start);
      if (packet.#max !== RECEIVED) lendMemory(packet.#buffer);
      return packet.bytes;
    };

    heldBytes = (packet) => packet.#buffer.length;

    copyContent = (packet, target, view, at) => {
      const length = packet.#end - packet.#start;
      const wordsMax = packet.#max === RECEIVED ? RECEIVED_WORDS_BYTES_MAX : WORDS_BYTES_MAX;
      if (length > wordsMax) target.set(packet.bytes, at);
      else copyWords(packet.#view, packet.#start, packet.#end, view, at);
    };
  }

  /**
   * An empty packet. Its memory is taken at the first write.
   * @param capacityBytes how much is taken then; the packet doubles whenever that does not do. Default 256
   *   (or `maxBytes`, if that is less).
   * @param maxBytes what it never grows past, 1 to `Packet.MAX_BYTES` (the default).
   * @throws LanError OPTION_INVALID
   */
  constructor(capacityBytes?: number, maxBytes: number = MAX_BYTES) {
    // Out of line, so that making a packet is inlined; a received one asks for nothing.
    this.#limit = capacityBytes === 0 && maxBytes === MAX_BYTES ? -1 : ~capacityOf(capacityBytes, maxBytes);
    this.#max = maxBytes;
  }

  /**
   * A packet with a copy of `bytes` as its content, to be read or written on.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE (no Uint8Array), PACKET_TOO_LARGE (over `Packet.MAX_BYTES`)
   */
  static from(bytes: Uint8Array): Packet {
    if (!isUint8Array(bytes)) throw fault.notBytes(bytes);
    return new Packet(Math.min(bytes.length, MAX_BYTES)).writeBytes(bytes);
  }

  /** Bytes written, or received. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Bytes between the read cursor and the end. */
  get remaining(): number {
    return this.#end - this.#cursor;
  }

  /** Whether the packet was received, and so refuses writes and `clear()`. */
  get readOnly(): boolean {
    return this.#max === RECEIVED;
  }

  /**
   * The whole content, wherever the read cursor is: a view, borrowed from the packet. That of a received
   * packet stays valid and must not be written to. That of another ends at the packet's next write, `clear()`
   * or sending. Its `buffer` is larger than the view: to post it to another thread take `toBytes()`.
   */
  get bytes(): Uint8Array {
    const length = this.#end - this.#start;
    const exact = this.#exact;
    if (exact !== null && exact.length === length) return exact;
    this.#exact = Packet.#viewOf(this, this.#start, length);
    return this.#exact;
  }

  /** The whole content in memory of the caller's own. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice();
  }

  /**
   * A packet with the same content in memory of its own, which can be written on. Up to 2 KiB it lies beside other
   * copies: one that is kept keeps at most 64 KiB; a longer one just its length. Its
   * read cursor is at the first byte; `maxBytes` is the same, or the default where this one was received.
   */
  copy(): Packet {
    const length = this.#end - this.#start;
    const packet = new Packet(length, this.#max === RECEIVED ? MAX_BYTES : this.#max);
    if (length > 0) {
      Packet.#settle(packet, copyMemory(length), length);
      copyContent(this, packet.#buffer, packet.#view, packet.#start);
      packet.#end = packet.#start + length;
    }
    return packet;
  }

  /**
   * Empties the packet; its memory serves the next content.
   * @throws LanError PACKET_READ_ONLY
   */
  clear(): this {
    if (this.#limit < 0) Packet.#dropContent(this);
    this.#end = this.#start;
    this.#cursor = this.#start;
    return this;
  }

  /** Puts the read cursor back to the first byte. */
  rewind(): this {
    this.#cursor = this.#start;
    return this;
  }

  // Numbers. The second argument is DataView's, but true by default.

  /**
   * Writes an unsigned byte.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeUint8(value: number): this {
    if (typeof value !== "number" || (value & 0xff) !== value) {
      throw fault.outOfRange("Uint8", this.length, value);
    }
    if (this.#end + 1 > this.#limit) Packet.#makeRoom(this, "Uint8", 1);
    const at = this.#end;
    this.#view.setUint8(at, value);
    this.#end = at + 1;
    return this;
  }

  /**
   * Writes a signed byte.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeInt8(value: number): this {
    if (typeof value !== "number" || (value << 24) >> 24 !== value) {
      throw fault.outOfRange("Int8", this.length, value);
    }
    if (this.#end + 1 > this.#limit) Packet.#makeRoom(this, "Int8", 1);
    const at = this.#end;
    this.#view.setInt8(at, value);
    this.#end = at + 1;
    return this;
  }

  /**
   * Writes an unsigned 16-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeUint16(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number" || (value & 0xffff) !== value) {
      throw fault.outOfRange("Uint16", this.length, value);
    }
    if (this.#end + 2 > this.#limit) Packet.#makeRoom(this, "Uint16", 2);
    const at = this.#end;
    this.#view.setUint16(at, value, littleEndian);
    this.#end = at + 2;
    return this;
  }

  /**
   * Writes a signed 16-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeInt16(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number" || (value << 16) >> 16 !== value) {
      throw fault.outOfRange("Int16", this.length, value);
    }
    if (this.#end + 2 > this.#limit) Packet.#makeRoom(this, "Int16", 2);
    const at = this.#end;
    this.#view.setInt16(at, value, littleEndian);
    this.#end = at + 2;
    return this;
  }

  /**
   * Writes an unsigned 32-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeUint32(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number" || value >>> 0 !== value) {
      throw fault.outOfRange("Uint32", this.length, value);
    }
    if (this.#end + 4 > this.#limit) Packet.#makeRoom(this, "Uint32", 4);
    const at = this.#end;
    this.#view.setUint32(at, value, littleEndian);
    this.#end = at + 4;
    return this;
  }

  /**
   * Writes a signed 32-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeInt32(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number" || (value | 0) !== value) {
      throw fault.outOfRange("Int32", this.length, value);
    }
    if (this.#end + 4 > this.#limit) Packet.#makeRoom(this, "Int32", 4);
    const at = this.#end;
    this.#view.setInt32(at, value, littleEndian);
    this.#end = at + 4;
    return this;
  }

  /**
   * Writes an unsigned 64-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeBigUint64(value: bigint, littleEndian: boolean = true): this {
    if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) {
      throw fault.outOfRange("BigUint64", this.length, value);
    }
    if (this.#end + 8 > this.#limit) Packet.#makeRoom(this, "BigUint64", 8);
    const at = this.#end;
    this.#view.setBigUint64(at, value, littleEndian);
    this.#end = at + 8;
    return this;
  }

  /**
   * Writes a signed 64-bit integer.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeBigInt64(value: bigint, littleEndian: boolean = true): this {
    if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
      throw fault.outOfRange("BigInt64", this.length, value);
    }
    if (this.#end + 8 > this.#limit) Packet.#makeRoom(this, "BigInt64", 8);
    const at = this.#end;
    this.#view.setBigInt64(at, value, littleEndian);
    this.#end = at + 8;
    return this;
  }

  /**
   * Writes a number rounded to single precision; a finite one that would become infinite is refused.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeFloat32(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number" || (Number.isFinite(value) && !Number.isFinite(Math.fround(value)))) {
      throw fault.outOfRange("Float32", this.length, value);
    }
    if (this.#end + 4 > this.#limit) Packet.#makeRoom(this, "Float32", 4);
    const at = this.#end;
    this.#view.setFloat32(at, value, littleEndian);
    this.#end = at + 4;
    return this;
  }

  /**
   * Writes a double precision number.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeFloat64(value: number, littleEndian: boolean = true): this {
    if (typeof value !== "number") {
      throw fault.outOfRange("Float64", this.length, value);
    }
    if (this.#end + 8 > this.#limit) Packet.#makeRoom(this, "Float64", 8);
    const at = this.#end;
    this.#view.setFloat64(at, value, littleEndian);
    this.#end = at + 8;
    return this;
  }

  /**
   * Writes true as byte 1, false as byte 0.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE, PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeBool(value: boolean): this {
    if (typeof value !== "boolean") {
      throw fault.outOfRange("Bool", this.length, value);
    }
    if (this.#end + 1 > this.#limit) Packet.#makeRoom(this, "Bool", 1);
    const at = this.#end;
    this.#view.setUint8(at, value ? 1 : 0);
    this.#end = at + 1;
    return this;
  }

  /** Reads an unsigned byte. @throws LanError PACKET_READ_PAST_END */
  readUint8(): number {
    const at = this.#cursor;
    if (at + 1 > this.#end) throw Packet.#pastEnd(this, "Uint8", 1);
    this.#cursor = at + 1;
    return this.#view.getUint8(at);
  }

  /** Reads a signed byte. @throws LanError PACKET_READ_PAST_END */
  readInt8(): number {
    const at = this.#cursor;
    if (at + 1 > this.#end) throw Packet.#pastEnd(this, "Int8", 1);
    this.#cursor = at + 1;
    return this.#view.getInt8(at);
  }

  /** Reads an unsigned 16-bit integer. @throws LanError PACKET_READ_PAST_END */
  readUint16(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 2 > this.#end) throw Packet.#pastEnd(this, "Uint16", 2);
    this.#cursor = at + 2;
    return this.#view.getUint16(at, littleEndian);
  }

  /** Reads a signed 16-bit integer. @throws LanError PACKET_READ_PAST_END */
  readInt16(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 2 > this.#end) throw Packet.#pastEnd(this, "Int16", 2);
    this.#cursor = at + 2;
    return this.#view.getInt16(at, littleEndian);
  }

  /** Reads an unsigned 32-bit integer. @throws LanError PACKET_READ_PAST_END */
  readUint32(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 4 > this.#end) throw Packet.#pastEnd(this, "Uint32", 4);
    this.#cursor = at + 4;
    return this.#view.getUint32(at, littleEndian);
  }

  /** Reads a signed 32-bit integer. @throws LanError PACKET_READ_PAST_END */
  readInt32(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 4 > this.#end) throw Packet.#pastEnd(this, "Int32", 4);
    this.#cursor = at + 4;
    return this.#view.getInt32(at, littleEndian);
  }

  /** Reads an unsigned 64-bit integer. @throws LanError PACKET_READ_PAST_END */
  readBigUint64(littleEndian: boolean = true): bigint {
    const at = this.#cursor;
    if (at + 8 > this.#end) throw Packet.#pastEnd(this, "BigUint64", 8);
    this.#cursor = at + 8;
    return this.#view.getBigUint64(at, littleEndian);
  }

  /** Reads a signed 64-bit integer. @throws LanError PACKET_READ_PAST_END */
  readBigInt64(littleEndian: boolean = true): bigint {
    const at = this.#cursor;
    if (at + 8 > this.#end) throw Packet.#pastEnd(this, "BigInt64", 8);
    this.#cursor = at + 8;
    return this.#view.getBigInt64(at, littleEndian);
  }

  /** Reads a single precision number. @throws LanError PACKET_READ_PAST_END */
  readFloat32(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 4 > this.#end) throw Packet.#pastEnd(this, "Float32", 4);
    this.#cursor = at + 4;
    return this.#view.getFloat32(at, littleEndian);
  }

  /** Reads a double precision number. @throws LanError PACKET_READ_PAST_END */
  readFloat64(littleEndian: boolean = true): number {
    const at = this.#cursor;
    if (at + 8 > this.#end) throw Packet.#pastEnd(this, "Float64", 8);
    this.#cursor = at + 8;
    return this.#view.getFloat64(at, littleEndian);
  }

  /** Reads a byte as a boolean: true for anything but 0. @throws LanError PACKET_READ_PAST_END */
  readBool(): boolean {
    const at = this.#cursor;
    if (at + 1 > this.#end) throw Packet.#pastEnd(this, "Bool", 1);
    this.#cursor = at + 1;
    return this.#view.getUint8(at) !== 0;
  }

  // Bytes and text.

  /**
   * Writes `bytes` as they are, without a length.
   * @throws LanError PACKET_VALUE_OUT_OF_RANGE (no Uint8Array), PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeBytes(bytes: Uint8Array): this {
    if (!isUint8Array(bytes)) throw fault.outOfRange("Bytes", this.length, bytes);
    const byteLength = bytes.length;
    if (this.#end + byteLength > this.#limit) Packet.#makeRoom(this, "Bytes", byteLength);
    const at = this.#end;
    this.#buffer.set(bytes, at);
    this.#end = at + byteLength;
    return this;
  }

  /**
   * Reads the next `byteLength` bytes: a view, borrowed under the same terms as `bytes`.
   * @throws LanError PACKET_READ_PAST_END, PACKET_VALUE_OUT_OF_RANGE (`byteLength`)
   */
  readBytes(byteLength: number): Uint8Array {
    return Packet.#take(this, "Bytes", byteLength);
  }

  /**
   * Writes `bytes` as a field of `width` bytes, padded with NUL.
   * @throws LanError PACKET_TEXT_TOO_LONG (more than `width` bytes), PACKET_VALUE_OUT_OF_RANGE (no Uint8Array,
   *   or no width), PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeFixedBytes(bytes: Uint8Array, width: number): this {
    if (!isUint8Array(bytes)) throw fault.outOfRange("FixedBytes", this.length, bytes);
    if (!isSize(width)) throw fault.sizeOutOfRange("write", "FixedBytes", this.length, width);
    const byteLength = bytes.length;
    if (byteLength > width) {
      throw fault.textTooLong("FixedBytes", this.length, `${byteLength} bytes`, `${width} bytes`);
    }
    if (this.#end + width > this.#limit) Packet.#makeRoom(this, "FixedBytes", width);
    const at = this.#end;
    this.#buffer.set(bytes, at);
    this.#buffer.fill(0, at + byteLength, at + width);
    this.#end = at + width;
    return this;
  }

  /**
   * Reads a field of `width` bytes whole, with its padding, for the bytes may hold NUL themselves: a view,
   * borrowed under the same terms as `bytes`.
   * @throws LanError PACKET_READ_PAST_END, PACKET_VALUE_OUT_OF_RANGE (`width`)
   */
  readFixedBytes(width: number): Uint8Array {
    return Packet.#take(this, "FixedBytes", width);
  }

  /**
   * Writes a byte length (u16, little-endian) and `value` in UTF-8, at most 65535 bytes.
   * @throws LanError PACKET_TEXT_TOO_LONG, PACKET_TEXT_INVALID (a lone surrogate, which UTF-8 has no bytes for),
   *   PACKET_VALUE_OUT_OF_RANGE (no string), PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeString(value: string): this {
    if (typeof value !== "string") throw fault.outOfRange("String", this.length, value);
    const units = value.length;
    if (units <= text.SHORT_UNITS) {
      if (this.#end + 2 + units > this.#limit) Packet.#makeRoom(this, "String", 2 + units);
      if (text.putAscii(value, this.#buffer, this.#end + 2)) {
        this.#view.setUint16(this.#end, units, true);
        this.#end += 2 + units;
        return this;
      }
    }
    const byteLength = Packet.#utf8ByteLength(this, value);
    if (this.#end + 2 + byteLength > this.#limit) Packet.#makeRoom(this, "String", 2 + byteLength);
    this.#view.setUint16(this.#end, byteLength, true);
    text.putUtf8(value, this.#buffer, this.#end + 2, byteLength);
    this.#end += 2 + byteLength;
    return this;
  }

  /**
   * Reads a byte length (u16, little-endian) and that much UTF-8.
   * @throws LanError PACKET_READ_PAST_END, PACKET_TEXT_INVALID
   */
  readString(): string {
    const at = this.#cursor;
    const byteLength = Packet.#prefix(this, "String");
    const value = text.takeUtf8(this.#buffer, at + 2, byteLength);
    if (value === undefined)
      throw Packet.#unreadable(this, "String", `its ${byteLength} bytes are not UTF-8`);
    this.#cursor = at + 2 + byteLength;
    return value;
  }

  /**
   * Writes a byte length (u16, little-endian) and `value` in UTF-16LE without NUL, at most 32767 units. Any
   * string is carried as it is.
   * @throws LanError PACKET_TEXT_TOO_LONG, PACKET_VALUE_OUT_OF_RANGE (no string), PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeWString(value: string): this {
    if (typeof value !== "string") throw fault.outOfRange("WString", this.length, value);
    const byteLength = value.length * 2;
    if (byteLength > PREFIXED_BYTES_MAX) {
      throw fault.textTooLong(
        "WString",
        this.length,
        `${byteLength} bytes`,
        `${PREFIXED_BYTES_MAX - 1} bytes`,
      );
    }
    if (this.#end + 2 + byteLength > this.#limit) Packet.#makeRoom(this, "WString", 2 + byteLength);
    this.#view.setUint16(this.#end, byteLength, true);
    text.putUtf16(value, this.#buffer, this.#end + 2);
    this.#end += 2 + byteLength;
    return this;
  }

  /**
   * Reads a byte length (u16, little-endian) and that much UTF-16LE.
   * @throws LanError PACKET_READ_PAST_END, PACKET_TEXT_INVALID (an odd length)
   */
  readWString(): string {
    const at = this.#cursor;
    const byteLength = Packet.#prefix(this, "WString");
    if (byteLength % 2 !== 0) {
      throw Packet.#unreadable(this, "WString", `${byteLength} bytes are not whole UTF-16 units`);
    }
    const value = text.takeUtf16(this.#buffer, at + 2, byteLength / 2);
    this.#cursor = at + 2 + byteLength;
    return value;
  }

  /**
   * Writes `value` in UTF-16LE as a field of `widthUnits` 16-bit units, padded with NUL: a `WCHAR[widthUnits]`.
   * It may fill the field whole; peers that want a closing NUL take one unit less.
   * @throws LanError PACKET_TEXT_TOO_LONG, PACKET_TEXT_INVALID (a NUL, at which reading would stop),
   *   PACKET_VALUE_OUT_OF_RANGE (no string, or no width), PACKET_TOO_LARGE, PACKET_READ_ONLY
   */
  writeFixedWString(value: string, widthUnits: number): this {
    if (typeof value !== "string") throw fault.outOfRange("FixedWString", this.length, value);
    if (!isSize(widthUnits)) {
      throw fault.sizeOutOfRange("write", "FixedWString", this.length, widthUnits);
    }
    const units = value.length;
    if (units > widthUnits) {
      throw fault.textTooLong("FixedWString", this.length, `${units} units`, `${widthUnits} units`);
    }
    const nul = value.indexOf("\0");
    if (nul !== -1) {
      throw fault.textInvalid("write", "FixedWString", this.length, `unit ${nul} of the text is NUL`);
    }
    const byteLength = widthUnits * 2;
    if (this.#end + byteLength > this.#limit) Packet.#makeRoom(this, "FixedWString", byteLength);
    const at = this.#end;
    text.putUtf16(value, this.#buffer, at);
    this.#buffer.fill(0, at + units * 2, at + byteLength);
    this.#end = at + byteLength;
    return this;
  }

  /**
   * Reads a field of `widthUnits` UTF-16LE units: the text before the first NUL, or all of it.
   * @throws LanError PACKET_READ_PAST_END, PACKET_VALUE_OUT_OF_RANGE (`widthUnits`)
   */
  readFixedWString(widthUnits: number): string {
    const at = this.#cursor;
    if (!isSize(widthUnits)) {
      throw fault.sizeOutOfRange("read", "FixedWString", at - this.#start, widthUnits);
    }
    const byteLength = widthUnits * 2;
    if (at + byteLength > this.#end) throw Packet.#pastEnd(this, "FixedWString", byteLength);
    this.#cursor = at + byteLength;
    return text.takeUtf16(this.#buffer, at, text.unitsBeforeNul(this.#buffer, at, widthUnits));
  }

  /** Makes `byteLength` bytes writable at the end: copies a lent content, grows a full one, refuses the rest. */
  static #makeRoom(packet: Packet, kind: fault.FieldKind, byteLength: number): void {
    const length = packet.#end - packet.#start;
    if (packet.#max === RECEIVED) throw fault.readOnly(`write ${kind}`, length);
    const needed = length + byteLength;
    if (needed > packet.#max) throw fault.tooLarge(kind, length, byteLength, packet.#max);
    if (Packet.#takesBack(packet) && needed <= packet.#limit - packet.#start) return;
    const held = packet.#limit < 0 ? ~packet.#limit : packet.#limit - packet.#start;
    const capacity = needed <= held ? held : Math.min(Math.max(needed, held * 2), packet.#max);
    const read = packet.#cursor - packet.#start;
    const content = length > 0 ? packet.bytes : null;
    const memory = takeMemory(capacity); // throws before anything is changed
    Packet.#abandon(packet);
    Packet.#settle(packet, memory, capacity);
    if (content !== null) packet.#buffer.set(content, packet.#start);
    packet.#end = packet.#start + length;
    packet.#cursor = packet.#start + read;
  }

  /** Puts an empty packet into `memory`. */
  static #settle(packet: Packet, memory: Memory, capacity: number): void {
    packet.#buffer = memory.bytes;
    packet.#view = memory.view;
    packet.#start = memory.start;
    packet.#end = memory.start;
    packet.#cursor = memory.start;
    packet.#limit = memory.start + capacity;
    packet.#exact = null;
  }

  /** Lets go of a content that was lent (or of none); the capacity stays. */
  static #dropContent(packet: Packet): void {
    if (packet.#max === RECEIVED) throw fault.readOnly("clear", packet.length);
    if (Packet.#takesBack(packet)) return;
    const capacity = ~packet.#limit;
    Packet.#abandon(packet);
    Packet.#settle(packet, NO_MEMORY, 0);
    packet.#limit = ~capacity;
  }

  /** Makes lent memory writable again, if every loan is back. */
  static #takesBack(packet: Packet): boolean {
    if (packet.#limit >= 0 || packet.#buffer === NO_MEMORY.bytes || isLent(packet.#buffer)) return false;
    packet.#limit = packet.#start + ~packet.#limit;
    return true;
  }

  static #abandon(packet: Packet): void {
    if (packet.#limit < 0) abandonMemory({ bytes: packet.#buffer, view: packet.#view, start: packet.#start });
  }

  static #viewOf(packet: Packet, at: number, byteLength: number): Uint8Array {
    const { buffer, byteOffset } = packet.#buffer;
    return new Uint8Array(buffer, byteOffset + at, byteLength); // also over a Buffer a plain Uint8Array
  }

  static #take(packet: Packet, kind: fault.FieldKind, byteLength: number): Uint8Array {
    const at = packet.#cursor;
    if (!isSize(byteLength)) {
      throw fault.sizeOutOfRange("read", kind, at - packet.#start, byteLength);
    }
    if (at + byteLength > packet.#end) throw Packet.#pastEnd(packet, kind, byteLength);
    packet.#cursor = at + byteLength;
    return Packet.#viewOf(packet, at, byteLength);
  }

  /** The u16 byte length at the read cursor, once that many bytes are known to follow; the cursor stays. */
  static #prefix(packet: Packet, kind: fault.FieldKind): number {
    const at = packet.#cursor;
    if (at + 2 > packet.#end) throw Packet.#pastEnd(packet, kind, 2);
    const byteLength = packet.#view.getUint16(at, true);
    if (at + 2 + byteLength > packet.#end) throw Packet.#pastEnd(packet, kind, 2 + byteLength);
    return byteLength;
  }

  /** Bytes of `value` in UTF-8, where it is text that a String field takes. */
  static #utf8ByteLength(packet: Packet, value: string): number {
    const most = `${PREFIXED_BYTES_MAX} bytes`;
    // UTF-8 is never shorter than that: no need to look through a text of any size.
    if (value.length > PREFIXED_BYTES_MAX) {
      throw fault.textTooLong("String", packet.length, `at least ${value.length} bytes`, most);
    }
    if (!value.isWellFormed()) {
      throw fault.textInvalid("write", "String", packet.length, "the text has a lone surrogate");
    }
    const byteLength = text.utf8ByteLength(value);
    if (byteLength > PREFIXED_BYTES_MAX) {
      throw fault.textTooLong("String", packet.length, `${byteLength} bytes`, most);
    }
    return byteLength;
  }

  static #pastEnd(packet: Packet, kind: fault.FieldKind, wanted: number): Error {
    return fault.pastEnd(kind, packet.#cursor - packet.#start, wanted, packet.remaining);
  }

  static #unreadable(packet: Packet, kind: fault.FieldKind, why: string): Error {
    return fault.textInvalid("read", kind, packet.#cursor - packet.#start, why);
  }
}

/** What a new packet takes at its first write. @throws LanError OPTION_INVALID */
function capacityOf(capacityBytes: number | undefined, maxBytes: number): number {
  if (!Number.isInteger(maxBytes) || maxBytes < 1 || maxBytes > MAX_BYTES) {
    throw fault.optionInvalid("maxBytes", `an integer from 1 to ${MAX_BYTES}`, maxBytes);
  }
  const capacity = capacityBytes === undefined ? Math.min(CAPACITY_BYTES, maxBytes) : capacityBytes;
  if (!Number.isInteger(capacity) || capacity < 0 || capacity > maxBytes) {
    throw fault.optionInvalid("capacityBytes", `an integer from 0 to maxBytes (${maxBytes})`, capacityBytes);
  }
  return capacity;
}

/** Whether `size` can be a byte length or a width; the sums made with it stay exact. */
function isSize(size: unknown): boolean {
  return typeof size === "number" && size >>> 0 === size;
}
