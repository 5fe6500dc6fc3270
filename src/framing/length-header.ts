/**
 * The length header in front of every payload: what it looks like, and how one is read and written.
 *
 *     | length: 1, 2, 3 or 4 bytes, little- or big-endian | payload |
 *     | code u8 | length u16 LE | randKey u8 | checksum u8 | payload |       the Net frame: see net-codec.ts
 *
 * The length counts the payload alone, or the payload and the header itself. Sources: the C++ Lan frame
 * (u16 LE), and the public documentation of the stacks named in `FRAMING_PRESETS`.
 */
import { LanError } from "../base/errors.ts";
import { show } from "../base/options.ts";
import { NET_HEADER_BYTES, type NetCode } from "./net-codec.ts";

/** A length header, spelled out. */
export interface FramingFormat {
  /** Width of the length field. */
  readonly lengthBytes: 1 | 2 | 3 | 4;
  readonly endian: "little" | "big";
  /** Whether the length counts the header's own bytes too. Default false. */
  readonly includesHeader?: boolean;
  /** The longest payload that the peer takes, where it has a limit of its own: the default of `packetBytesMax`. */
  readonly packetBytesMax?: number;
}

/** `"u32le"` and its siblings: width in bits and byte order of a length that counts the payload alone. */
export type FramingName = "u8" | "u16le" | "u16be" | "u24le" | "u24be" | "u32le" | "u32be";

const NAMED: Readonly<Record<FramingName, FramingFormat>> = {
  u8: { lengthBytes: 1, endian: "little" },
  u16le: { lengthBytes: 2, endian: "little" },
  u16be: { lengthBytes: 2, endian: "big" },
  u24le: { lengthBytes: 3, endian: "little" },
  u24be: { lengthBytes: 3, endian: "big" },
  u32le: { lengthBytes: 4, endian: "little" },
  u32be: { lengthBytes: 4, endian: "big" },
};

/** The option `framing`: a name, a format, or one of `FRAMING_PRESETS`. */
export type Framing = FramingName | FramingFormat;

/** The stacks that `FRAMING_PRESETS` knows. */
export type FramingPreset =
  | "cLanServer"
  | "erlangPacket1"
  | "erlangPacket2"
  | "erlangPacket4"
  | "twistedInt16"
  | "twistedInt32"
  | "pythonMultiprocessing"
  | "tokioLengthDelimited"
  | "nettyInt32"
  | "nettyInt32WithHeader"
  | "kafka"
  | "thriftFramed"
  | "zooKeeper"
  | "dnsOverTcp"
  | "mongodb";

/** Formats by the stack that speaks them. Give one as the option `framing`. */
export const FRAMING_PRESETS: Readonly<Record<FramingPreset, FramingFormat>> = {
  /** C++ CLanServer and CLanClient. They refuse empty frames. */
  cLanServer: { lengthBytes: 2, endian: "little" },
  /** Erlang `{packet, 1}`. */
  erlangPacket1: { lengthBytes: 1, endian: "big" },
  /** Erlang `{packet, 2}`. */
  erlangPacket2: { lengthBytes: 2, endian: "big" },
  /** Erlang `{packet, 4}`. */
  erlangPacket4: { lengthBytes: 4, endian: "big" },
  /** Twisted `Int16StringReceiver`. */
  twistedInt16: { lengthBytes: 2, endian: "big" },
  /** Twisted `Int32StringReceiver`, which takes 99 999 bytes unless told otherwise. */
  twistedInt32: { lengthBytes: 4, endian: "big", packetBytesMax: 99_999 },
  /** Python `multiprocessing.connection`: a signed 32-bit length, so at most 2^31 - 1. */
  pythonMultiprocessing: { lengthBytes: 4, endian: "big" },
  /** tokio `LengthDelimitedCodec`, which takes 8 MiB unless told otherwise. */
  tokioLengthDelimited: { lengthBytes: 4, endian: "big", packetBytesMax: 8 * 1024 * 1024 },
  /** Netty `LengthFieldPrepender(4)`. */
  nettyInt32: { lengthBytes: 4, endian: "big" },
  /** Netty `LengthFieldPrepender(4, true)`: the length counts itself. */
  nettyInt32WithHeader: { lengthBytes: 4, endian: "big", includesHeader: true },
  kafka: { lengthBytes: 4, endian: "big" },
  thriftFramed: { lengthBytes: 4, endian: "big" },
  zooKeeper: { lengthBytes: 4, endian: "big" },
  /** DNS over TCP (RFC 1035, 4.2.2). */
  dnsOverTcp: { lengthBytes: 2, endian: "big" },
  /** MongoDB wire protocol: the length counts itself. The payload starts behind the length field. */
  mongodb: { lengthBytes: 4, endian: "little", includesHeader: true },
};

/** A format made ready for use: what the hot paths read. */
export interface LengthHeader {
  readonly byteLength: 1 | 2 | 3 | 4 | 5;
  readonly littleEndian: boolean;
  /** What the length on the wire counts beside the payload: 0, or the header's own bytes. */
  readonly counted: number;
  /** The longest payload that the field can tell. */
  readonly payloadLimit: number;
  /** The longest payload that the peer takes by default, where the format says so. */
  readonly payloadDefaultMax: number | undefined;
  /** What a Net frame is encoded with; null for a length alone. */
  readonly net: NetCode | null;
}

/** What `readLength` says of a Net frame that begins with another code. */
export const WRONG_CODE = -256;

/** The header of Net frames. @throws LanError OPTION_INVALID */
export function netHeader(code: number, key: number): LengthHeader {
  for (const [name, value] of [
    ["code", code],
    ["key", key],
  ] as const) {
    if (!Number.isInteger(value) || value < 0 || value > 0xff)
      throw new LanError("OPTION_INVALID", `Cannot use option ${name}: must be a whole number from 0 to 255`);
  }
  return {
    byteLength: NET_HEADER_BYTES,
    littleEndian: true,
    counted: 0,
    payloadLimit: 0xffff,
    payloadDefaultMax: undefined,
    net: { code, key },
  };
}

/** @throws LanError OPTION_INVALID when `framing` is none of the names and no well-formed format. */
export function lengthHeader(framing: Framing): LengthHeader {
  const format: FramingFormat | undefined =
    typeof framing === "string" ? (Object.hasOwn(NAMED, framing) ? NAMED[framing] : undefined) : framing;
  if (format === null || typeof format !== "object") throw invalidFraming(`unknown framing ${show(framing)}`);
  const { lengthBytes, endian, includesHeader = false, packetBytesMax, ...rest } = format;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) throw invalidFraming(`unknown field ${show(unknown)}`);
  if (![1, 2, 3, 4].includes(lengthBytes)) throw invalidFraming("lengthBytes must be 1, 2, 3 or 4");
  if (endian !== "little" && endian !== "big") throw invalidFraming('endian must be "little" or "big"');
  if (typeof includesHeader !== "boolean") throw invalidFraming("includesHeader must be a boolean");
  const counted = includesHeader ? lengthBytes : 0;
  const payloadLimit = 2 ** (8 * lengthBytes) - 1 - counted;
  const isLength =
    Number.isInteger(packetBytesMax) && packetBytesMax! >= 1 && packetBytesMax! <= payloadLimit;
  if (packetBytesMax !== undefined && !isLength)
    throw invalidFraming(`packetBytesMax must be 1 to ${payloadLimit}`);
  return {
    byteLength: lengthBytes,
    littleEndian: endian === "little",
    counted,
    payloadLimit,
    payloadDefaultMax: packetBytesMax,
    net: null,
  };
}

function invalidFraming(why: string): LanError {
  return new LanError("OPTION_INVALID", `Cannot use option framing: ${why}`);
}

/**
 * The payload length that the header at `at` tells; negative when no frame can have it, or WRONG_CODE. HOT.
 * The caller has made sure that the header's bytes are there.
 */
export function readLength(header: LengthHeader, view: DataView, at: number): number {
  // Small, so that it is inlined: the usual width here, the others out of line.
  return header.byteLength === 4
    ? view.getUint32(at, header.littleEndian) - header.counted
    : readOtherLength(header, view, at);
}

function readOtherLength(header: LengthHeader, view: DataView, at: number): number {
  const littleEndian = header.littleEndian;
  switch (header.byteLength) {
    case 2:
      return view.getUint16(at, littleEndian) - header.counted;
    case 1:
      return view.getUint8(at) - header.counted;
    case 5:
      return view.getUint8(at) === header.net!.code ? view.getUint16(at + 1, true) : WRONG_CODE;
    default:
      return (
        (littleEndian
          ? view.getUint16(at, true) + view.getUint8(at + 2) * 0x10000
          : view.getUint16(at + 1, false) + view.getUint8(at) * 0x10000) - header.counted
      );
  }
}

/** Writes the header of a payload of `payloadBytes` (at most `payloadLimit`) at `at`; of a Net frame, code and length. HOT. */
export function writeLength(header: LengthHeader, view: DataView, at: number, payloadBytes: number): void {
  if (header.byteLength === 4) view.setUint32(at, payloadBytes + header.counted, header.littleEndian);
  else writeOtherLength(header, view, at, payloadBytes + header.counted);
}

function writeOtherLength(header: LengthHeader, view: DataView, at: number, length: number): void {
  const littleEndian = header.littleEndian;
  switch (header.byteLength) {
    case 2:
      view.setUint16(at, length, littleEndian);
      return;
    case 1:
      view.setUint8(at, length);
      return;
    case 5:
      view.setUint8(at, header.net!.code);
      view.setUint16(at + 1, length, true);
      return;
    default:
      view.setUint16(littleEndian ? at : at + 1, length & 0xffff, littleEndian);
      view.setUint8(littleEndian ? at + 2 : at, length >>> 16);
  }
}
