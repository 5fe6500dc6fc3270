/**
 * Every message of the example, of users and between servers: one table, one writer, one reader. Little-endian, a u16
 * type first, then raw fields in the order of the table, no tags, no padding.
 *
 *     user --101--> login server --10002--> game and chat server       (Net frames)   (Lan frames, `LINK`)
 *     user <-102--- login server <-10003--- game and chat server
 *     user --201..206, 301--> game server      user --201..206, 401--> chat server
 */
// In a project of your own: from "lanwire".
import { Packet } from "../../src/index.ts";

/** The link options that the servers must share. */
export const LINK = { framing: "u16le" } as const;

export const FORMS = {
  /** Between servers. A server's first packet to the login server: what it is, and its name (`serverName`). */
  serverLogin: { type: 10001, fields: { serverType: "u8", name: "wchar32" } },
  /** Login server to game and chat server: this account will come with this key. */
  newClient: { type: 10002, fields: { account: "i64", key: "char64", param: "i64" } },
  /** The answer: it may come. `param` is the question's, so that a late answer is told apart. */
  newClientAnswer: { type: 10003, fields: { account: "i64", param: "i64" } },

  /** User to login server. The password is a placeholder: any but an empty one is right. */
  login: { type: 101, fields: { account: "i64", password: "wchar20" } },
  /** The answer: where to go, with which key; nothing of it has a meaning unless `status` is `ok`. */
  loginAnswer: {
    type: 102,
    fields: {
      status: "u8",
      key: "char64",
      gameIp: "wchar16",
      gamePort: "u16",
      chatIp: "wchar16",
      chatPort: "u16",
    },
  },

  /** User to game or chat server: the key opens once. */
  enter: { type: 201, fields: { account: "i64", key: "char64" } },
  /** Where the user stands. A visit is one user's stay in one room; its number never comes again. */
  enterAnswer: { type: 202, fields: { status: "u8", room: "u16", visit: "u32" } },
  /** To another room: the old visit ends, a new one begins. */
  moveOn: { type: 203, fields: { room: "u16" } },
  moveOnAnswer: { type: 204, fields: { room: "u16", visit: "u32" } },
  /** To everybody left in a room: that visit is over, nothing more comes of it. */
  departed: { type: 205, fields: { room: "u16", visit: "u32" } },
  /** Goodbye: the server's answer is that it closes. */
  leave: { type: 206, fields: {} },

  /** Game server only: does something, and is told that it was done. */
  act: { type: 301, fields: { seq: "u32" } },
  actAnswer: { type: 302, fields: { seq: "u32" } },

  /** Chat server only: says something to the room. */
  say: { type: 401, fields: { seq: "u32", text: "text" } },
  /** To everybody in the room, the speaker too: its own copy is the answer. */
  said: { type: 402, fields: { room: "u16", visit: "u32", seq: "u32", text: "text" } },
} as const;

export const STATUS = {
  ok: 1,
  wrongPassword: 2,
  noServers: 3,
  serverLost: 4,
  newerLogin: 5,
  wrongKey: 6,
} as const;

/** The servers that users are handed over to, and their types in 10001. */
export const WORLDS = { game: 1, chat: 2 } as const;
export type World = keyof typeof WORLDS;

type Forms = typeof FORMS;
export type Kind = keyof Forms;
/** The fields of one kind of message, by name. */
export type Fields<K extends Kind> = {
  readonly [F in keyof Forms[K]["fields"]]: Forms[K]["fields"][F] extends FieldType
    ? FieldValues[Forms[K]["fields"][F]]
    : never;
};
/** What a packet says, of some kinds or of any. */
export type Message<K extends Kind = Kind> = { [P in K]: { readonly kind: P } & Fields<P> }[K];
export type Malformed = { readonly kind: "malformed"; readonly why: string };

export function write<K extends Kind>(kind: K, fields: Fields<K>): Packet {
  const { type, fields: types } = FORMS[kind];
  const packet = new Packet().writeUint16(type);
  const values = fields as Readonly<Record<string, unknown>>;
  for (const [name, fieldType] of Object.entries<FieldType>(types)) {
    (FIELDS[fieldType].write as (packet: Packet, value: unknown) => void)(packet, values[name]);
  }
  return packet;
}

/** Reads one message. Whatever the bytes are, it returns and never throws: they come from another process. */
export function read(packet: Packet): Message | Malformed {
  if (packet.remaining < 2) return malformed(`a packet of ${packet.remaining} bytes has no type`);
  const type = packet.readUint16();
  const kind = KINDS.get(type);
  if (kind === undefined) return malformed(`unknown type ${type}`);
  const message: Record<string, unknown> = { kind };
  const byteLength = packet.remaining;
  try {
    for (const [name, fieldType] of Object.entries<FieldType>(FORMS[kind].fields)) {
      message[name] = FIELDS[fieldType].read(packet);
    }
  } catch {
    return malformed(`type ${type} with ${byteLength} bytes of fields is cut short`);
  }
  if (packet.remaining > 0) return malformed(`type ${type} with ${packet.remaining} bytes too many`);
  return message as Message;
}

/** Where users connect. */
export interface UserAddress {
  readonly ip: string;
  readonly port: number;
}

/** By convention of this example a server's name in 10001 is the address of its users' side. */
export function serverName({ ip, port }: UserAddress): string {
  return `${ip}:${port}`;
}

/** Undefined where the name is no address. */
export function addressOfName(name: string): UserAddress | undefined {
  const [, ip, port] = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(name) ?? [];
  return ip === undefined || Number(port) > 0xffff ? undefined : { ip, port: Number(port) };
}

interface FieldValues {
  u8: number;
  u16: number;
  u32: number;
  i64: bigint;
  char64: string;
  wchar16: string;
  wchar20: string;
  wchar32: string;
  text: string;
}
type FieldType = keyof FieldValues;

interface Field<Value> {
  write(packet: Packet, value: Value): void;
  read(packet: Packet): Value;
}

const FIELDS: { readonly [T in FieldType]: Field<FieldValues[T]> } = {
  u8: { write: (packet, value) => packet.writeUint8(value), read: (packet) => packet.readUint8() },
  u16: { write: (packet, value) => packet.writeUint16(value), read: (packet) => packet.readUint16() },
  u32: { write: (packet, value) => packet.writeUint32(value), read: (packet) => packet.readUint32() },
  i64: { write: (packet, value) => packet.writeBigInt64(value), read: (packet) => packet.readBigInt64() },
  char64: {
    write: (packet, value) => packet.writeFixedBytes(Buffer.from(value, "latin1"), 64),
    read: (packet) => Buffer.from(packet.readFixedBytes(64)).toString("latin1").replace(/\0+$/, ""),
  },
  wchar16: wchar(16),
  wchar20: wchar(20),
  wchar32: wchar(32),
  text: { write: (packet, value) => packet.writeWString(value), read: (packet) => packet.readWString() },
};

const KINDS: ReadonlyMap<number, Kind> = new Map(
  Object.entries(FORMS).map(([kind, { type }]) => [type, kind as Kind]),
);

function wchar(units: number): Field<string> {
  return {
    write: (packet, value) => packet.writeFixedWString(value, units),
    read: (packet) => packet.readFixedWString(units),
  };
}

function malformed(why: string): Malformed {
  return { kind: "malformed", why };
}
