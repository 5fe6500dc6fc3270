/**
 * The two messages between a server and its monitor, as the C++ systems have them. Little-endian, no tags, no padding;
 * the link puts a u16 length in front (`REPORT_FRAMING`).
 *
 *     20001 login         u16 20001 | i32 serverNo
 *     20002 data update   u16 20002 | u8 dataType | i32 value | i32 unixTime (seconds)
 *
 * A server sends 20001 once, first, then 20002 for each figure each second. The monitor sends nothing.
 */
import type { Packet } from "../packet/packet.ts";

/** The framing of the C++ systems: no heartbeats, which they would choke on. */
export const REPORT_FRAMING = "u16le";

export const I32_MIN: number = -(2 ** 31);
export const I32_MAX: number = 2 ** 31 - 1;

/** One figure at one time. */
export interface Update {
  /** 0 to 255; see figures.ts. */
  readonly dataType: number;
  readonly value: number;
  /** Seconds since 1970. */
  readonly unixTime: number;
}

/** What a packet says; `malformed` tells why it says nothing. */
export type ReportMessage =
  | { readonly type: "login"; readonly serverNo: number }
  | ({ readonly type: "update" } & Update)
  | { readonly type: "malformed"; readonly why: string };

const LOGIN = 20001;
const UPDATE = 20002;
const FIELD_BYTES: Readonly<Record<number, number>> = { [LOGIN]: 4, [UPDATE]: 9 };

/** The nearest i32: what does not fit is told as the most that does, and what is no number as 0. */
export function saturate(value: number): number {
  return Number.isNaN(value) ? 0 : Math.max(I32_MIN, Math.min(I32_MAX, Math.round(value)));
}

/** Makes `packet` a 20001: the sender is server `serverNo`. */
export function writeLogin(packet: Packet, serverNo: number): Packet {
  return packet.clear().writeUint16(LOGIN).writeInt32(saturate(serverNo));
}

/** Makes `packet` a 20002: one figure. */
export function writeUpdate(packet: Packet, { dataType, value, unixTime }: Update): Packet {
  return packet
    .clear()
    .writeUint16(UPDATE)
    .writeUint8(dataType)
    .writeInt32(saturate(value))
    .writeInt32(saturate(unixTime));
}

/** Reads one message. Whatever the bytes are, it returns and never throws: they come from another process. */
export function readReport(packet: Packet): ReportMessage {
  if (packet.remaining < 2) return malformed(`a packet of ${packet.remaining} bytes has no type`);
  const type = packet.readUint16();
  const size = FIELD_BYTES[type];
  if (size === undefined) return malformed(`unknown type ${type}`);
  if (packet.remaining !== size)
    return malformed(`type ${type} with ${packet.remaining} bytes of fields instead of ${size}`);
  if (type === LOGIN) return { type: "login", serverNo: packet.readInt32() };
  const dataType = packet.readUint8();
  return { type: "update", dataType, value: packet.readInt32(), unixTime: packet.readInt32() };
}

function malformed(why: string): ReportMessage {
  return { type: "malformed", why };
}
