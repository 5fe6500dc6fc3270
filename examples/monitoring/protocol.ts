/**
 * The two messages between agents and the monitoring server. Little-endian, no tags, no padding; the link
 * puts a u16 length in front (`LINK`).
 *
 *     20001 login         u16 20001 | i32 serverNo
 *     20002 data update   u16 20002 | u8 dataType | i32 value | i32 unixTime (seconds)
 *
 * An agent sends 20001 once, first, then 20002 for each figure each second. The server sends nothing.
 */
// In a project of your own: from "lanwire".
import { Packet } from "../../src/index.ts";
import { describeDataType } from "./data-types.ts";

/** The link options that both sides must share. A framing of another system has no heartbeats by default. */
export const LINK = { framing: "u16le" } as const;

/** One figure at one time. */
export interface Update {
  readonly dataType: number;
  readonly value: number;
  readonly unixTime: number;
}

/** What a packet says; `malformed` tells why it says nothing. */
export type Message =
  | { readonly type: "login"; readonly serverNo: number }
  | ({ readonly type: "update" } & Update)
  | { readonly type: "malformed"; readonly why: string };

/** 20001: the sender is server `serverNo`. */
export function loginPacket(serverNo: number): Packet {
  return new Packet().writeUint16(LOGIN).writeInt32(serverNo);
}

/** 20002: one figure. */
export function updatePacket({ dataType, value, unixTime }: Update): Packet {
  return new Packet().writeUint16(UPDATE).writeUint8(dataType).writeInt32(value).writeInt32(unixTime);
}

/** Reads one message. Whatever the bytes are, it returns and never throws: they come from another process. */
export function readMessage(packet: Packet): Message {
  if (packet.remaining < 2) return malformed(`a packet of ${packet.remaining} bytes has no type`);
  const type = packet.readUint16();
  const size = FIELD_BYTES[type];
  if (size === undefined) return malformed(`unknown type ${type}`);
  if (packet.remaining !== size) {
    return malformed(`type ${type} with ${packet.remaining} bytes of fields instead of ${size}`);
  }
  if (type === LOGIN) return { type: "login", serverNo: packet.readInt32() };

  const dataType = packet.readUint8();
  if (describeDataType(dataType) === undefined) return malformed(`unknown data type ${dataType}`);
  return { type: "update", dataType, value: packet.readInt32(), unixTime: packet.readInt32() };
}

const LOGIN = 20001;
const UPDATE = 20002;
const FIELD_BYTES: Readonly<Record<number, number>> = { [LOGIN]: 4, [UPDATE]: 9 };

function malformed(why: string): Message {
  return { type: "malformed", why };
}
