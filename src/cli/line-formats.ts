/**
 * Packets as lines and lines as packets: what stands on stdin and stdout.
 *
 *     text    hello                                  the line's bytes are the packet
 *     hex     214e 01000000                          blanks anywhere between bytes
 *     json    {"session":1048576,"hex":"6869","text":"hi"}     one object per line
 *
 * Invariant: a packet is always exactly one line, and no byte of a peer's reaches the terminal as a command: in text,
 * every control character but the tab, and every byte that is no UTF-8, is written as \xNN. That cannot be turned
 * back (a backslash stays what it is): hex and json lose nothing.
 */
import { isUtf8 } from "node:buffer";
import type { SessionId } from "../base/session-id.ts";
import type { Leave } from "../session/leave.ts";

export const LINE_FORMATS = ["text", "hex", "json"] as const;
export type LineFormat = (typeof LINE_FORMATS)[number];

/** A line of input, read: a packet and, where json says so, for whom; nothing, or why it is neither. */
export type ReadLine =
  | { readonly is: "packet"; readonly bytes: Uint8Array; readonly session: SessionId | undefined }
  | { readonly is: "nothing" }
  | { readonly is: "wrong"; readonly why: string };

const NEWLINE = Buffer.from("\n");

/** @param line without its line feed */
export function readLine(format: LineFormat, line: Buffer): ReadLine {
  switch (format) {
    case "text":
      return { is: "packet", bytes: line, session: undefined };
    case "hex": {
      const bytes = bytesOfHex(line.toString("latin1"));
      return bytes === undefined
        ? { is: "wrong", why: "it is no hex: pairs of 0-9 and a-f, with blanks between bytes where you like" }
        : { is: "packet", bytes, session: undefined };
    }
    case "json":
      return readJson(line.toString("utf8"));
  }
}

/** The longest line that a packet of `packetBytesMax` can need. */
export function lineBytesMax(format: LineFormat, packetBytesMax: number): number {
  return format === "text" ? packetBytesMax : 8 * packetBytesMax + 1024; // json: both fields, \u0000 for a byte
}

/** @param session told in json alone; a client has but one */
export function packetLine(format: LineFormat, bytes: Uint8Array, session: SessionId | undefined): Buffer {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "text":
      return Buffer.concat([printable(whole), NEWLINE]);
    case "hex":
      return Buffer.from(`${whole.toString("hex")}\n`, "latin1");
    case "json": {
      const text = isUtf8(whole) ? whole.toString("utf8") : undefined;
      return jsonLine({ session, hex: whole.toString("hex"), text });
    }
  }
}

/** An event as a line; only json has lines for events. */
export function eventLine(event: JsonEvent): Buffer {
  return jsonLine(event);
}

export type JsonEvent =
  | { readonly event: "listening"; readonly ip?: string; readonly port?: number; readonly path?: string }
  | {
      readonly event: "join";
      readonly session?: SessionId;
      readonly ip?: string;
      readonly port?: number;
    }
  | {
      readonly event: "leave";
      readonly session?: SessionId;
      readonly reason: Leave["reason"];
      readonly notSent: Leave["notSent"];
    };

function jsonLine(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`, "utf8");
}

function bytesOfHex(text: string): Buffer | undefined {
  if (!/^(?:\s*[\da-f]{2})*\s*$/i.test(text)) return undefined;
  return Buffer.from(text.replace(/\s/g, ""), "hex");
}

function readJson(line: string): ReadLine {
  if (line.trim() === "") return { is: "nothing" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { is: "wrong", why: `it is no JSON (${(error as Error).message})` };
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    return { is: "wrong", why: 'it is no object such as {"text":"hello"}' };
  const { session, hex, text, ...rest } = value as Record<string, unknown>;
  const surplus = Object.keys(rest)[0];
  if (surplus !== undefined)
    return { is: "wrong", why: `it has "${surplus}", and knows session, hex and text` };
  if (session !== undefined && !Number.isSafeInteger(session))
    return { is: "wrong", why: "its session is no session id" };
  const ofHex = typeof hex === "string" ? bytesOfHex(hex) : undefined;
  if (hex !== undefined && ofHex === undefined) return { is: "wrong", why: "its hex is no hex" };
  if (text !== undefined && (typeof text !== "string" || !text.isWellFormed()))
    return { is: "wrong", why: "its text is no text" };
  const ofText = text === undefined ? undefined : Buffer.from(text as string, "utf8");
  const bytes = ofHex ?? ofText;
  if (bytes === undefined) return { is: "wrong", why: "it has neither hex nor text" };
  if (ofText !== undefined && !ofText.equals(bytes))
    return { is: "wrong", why: "its hex and its text differ" };
  return { is: "packet", bytes, session: session as SessionId | undefined };
}

/** Control characters, those of Unicode's second block and its line separators too; the tab is none of them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROLS = new RegExp(CONTROL.source, "g");

/** The bytes where they are printable UTF-8, which they nearly always are; else with \xNN for what is not. */
function printable(bytes: Buffer): Buffer {
  const valid = isUtf8(bytes);
  if (valid) {
    const text = bytes.toString("utf8");
    return CONTROL.test(text) ? Buffer.from(escaped(text), "utf8") : bytes;
  }
  const parts: string[] = [];
  let start = 0;
  while (start < bytes.length) {
    const length = validRun(bytes, start);
    if (length > 0) parts.push(escaped(bytes.toString("utf8", start, start + length)));
    start += length;
    if (start < bytes.length) parts.push(`\\x${bytes.toString("hex", start, start + 1)}`);
    start += 1;
  }
  return Buffer.from(parts.join(""), "utf8");
}

function escaped(text: string): string {
  return text.replace(CONTROLS, (character) =>
    Buffer.from(character, "utf8").toString("hex").replace(/../g, "\\x$&"),
  );
}

/** How many bytes from `start` on are whole UTF-8 characters. */
function validRun(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length) {
    const first = bytes[at]!;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) break;
    at += length;
  }
  return at - start;
}
