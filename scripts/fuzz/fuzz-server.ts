/**
 * The subclass under test. Its events do what applications do with a packet, with no care at all: they read
 * fields that may not be there, keep packets, answer, name sessions, throw, reject and take their time.
 *
 * Only errors that this can lead to may reach `onError`; anything else is a problem.
 */
import { setImmediate as turn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import {
  type ClientInfo,
  type ErrorCode,
  LanError,
  LanServer,
  type Leave,
  Packet,
  type SessionId,
} from "../../src/index.ts";
import type { FuzzLink } from "./links.ts";
import type { LeftSession } from "./messages.ts";
import { SHAPES, TYPE_DISCONNECT, TYPE_HEALTHY, TYPE_RESET } from "./vocabulary.ts";

/** Thrown by events on purpose. */
class Whim extends Error {}

/** What may reach `onError` by itself, and what an event may have thrown. */
const EXPECTED: readonly ErrorCode[] = [
  "EVENT_THREW",
  "FRAME_TOO_LARGE",
  "FRAME_INVALID",
  "CONNECTION_FAILED",
];
const THROWN: readonly ErrorCode[] = [
  "PACKET_READ_PAST_END",
  "PACKET_TEXT_INVALID",
  "PACKET_VALUE_OUT_OF_RANGE",
  "PACKET_READ_ONLY",
  "PACKET_TOO_LARGE",
  "PACKET_EMPTY",
  "HOST_ID_INVALID",
];
/** Received packets that are kept, to see whether they stay what they were. Each may keep a receive buffer. */
const KEPT_MAX = 8;

interface Guest {
  readonly port: number;
  packets: number;
  crc: number;
  isHealthy: boolean;
}

export class FuzzServer extends LanServer {
  packets = 0;
  joins = 0;
  leaves = 0;
  readonly errors: Map<string, number> = new Map();
  readonly #link: FuzzLink;
  readonly #secret: Buffer;
  readonly #problem: (text: string) => void;
  readonly #guests = new Map<SessionId, Guest>();
  readonly #kept: { readonly packet: Packet; readonly crc: number }[] = [];
  #left: LeftSession[] = [];

  constructor(link: FuzzLink, secret: string, problem: (text: string) => void) {
    super();
    this.#link = link;
    this.#secret = Buffer.from(secret, "hex");
    this.#problem = (text) => problem(`${link.name}: ${text}`);
  }

  /** Sessions that left since the last call. */
  takeLeft(): LeftSession[] {
    const left = this.#left;
    this.#left = [];
    return left;
  }

  /** Looks at every packet that is still kept. */
  checkKept(): void {
    while (this.#kept.length > 0) this.#checkOldest();
  }

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(sessionId: SessionId, { port }: ClientInfo): void {
    this.joins++;
    this.#guests.set(sessionId, { port, packets: 0, crc: 0, isHealthy: false });
  }

  override onClientLeave(sessionId: SessionId, { reason }: Leave): void {
    this.leaves++;
    const guest = this.#guests.get(sessionId);
    if (guest === undefined) {
      this.#problem(`${sessionId} left without being there`);
      return;
    }
    this.#guests.delete(sessionId);
    if (!guest.isHealthy) this.#left.push([guest.port, guest.packets, guest.crc, reason]);
  }

  override onRecv(sessionId: SessionId, packet: Packet): void | Promise<void> {
    this.packets++;
    const guest = this.#guests.get(sessionId);
    if (guest === undefined) {
      this.#problem(`a packet of ${sessionId}, which is not there`);
      return;
    }
    if (guest.isHealthy) return this.#echo(sessionId, packet);
    guest.packets++;
    guest.crc = crc32(packet.bytes, (guest.crc ^ packet.length) >>> 0);
    if (packet.length < 2) return;
    const type = packet.readUint16();
    if (type === TYPE_DISCONNECT) void this.disconnect(sessionId);
    else if (type === TYPE_RESET) void this.disconnect(sessionId, { now: true });
    else if (type === TYPE_HEALTHY && this.#secret.equals(packet.bytes.subarray(2))) guest.isHealthy = true;
    else return this.#handle(sessionId, type % SHAPES, packet);
  }

  override onSendReady(sessionId: SessionId): void {
    if (!this.#guests.has(sessionId)) this.#problem(`${sessionId} is ready, but not there`);
  }

  override onError(error: LanError): void {
    this.errors.set(error.code, (this.errors.get(error.code) ?? 0) + 1);
    const { code, cause } = error;
    if (!EXPECTED.includes(code)) this.#problem(`onError got ${code}: ${error.message}`);
    if (code !== "EVENT_THREW" || cause instanceof Whim) return;
    if (cause instanceof LanError && THROWN.includes(cause.code)) {
      this.errors.set(cause.code, (this.errors.get(cause.code) ?? 0) + 1);
      return;
    }
    this.#problem(`an event threw ${cause instanceof Error ? cause.stack : String(cause)}`);
  }

  #echo(sessionId: SessionId, packet: Packet): void {
    if (!this.sendPacket(sessionId, packet)) this.#problem("a healthy session's echo was refused");
  }

  #handle(sessionId: SessionId, shape: number, packet: Packet): void | Promise<void> {
    switch (shape) {
      case 0:
        this.sendPacket(sessionId, packet);
        return;
      case 1:
        packet.readInt32();
        return;
      case 2:
        packet.readUint8();
        packet.readInt32();
        packet.readInt32();
        return;
      case 3:
        packet.readString();
        packet.readWString();
        return;
      case 4:
        packet.readFixedWString(20);
        packet.readFixedBytes(64);
        return;
      case 5:
        packet.readBigInt64();
        packet.readBigUint64();
        packet.readUint32(false);
        return;
      case 6:
        packet.readFloat32();
        packet.readFloat64();
        packet.readBool();
        return;
      case 7:
        for (let left = packet.readUint16(); left > 0; left--) {
          packet.readUint32();
          packet.readString();
        }
        return;
      case 8:
        packet.readBytes(packet.readUint16());
        return;
      case 9:
        this.#kept.push({ packet, crc: crc32(packet.bytes) });
        if (this.#kept.length > KEPT_MAX) this.#checkOldest();
        return;
      case 10:
        throw new Whim("an event throws");
      case 11:
        return this.#link.isSlow ? Promise.reject(new Whim("an event rejects")) : undefined;
      case 12:
        return this.#link.isSlow ? this.#slowly(packet) : undefined;
      case 13:
        this.setHostId(sessionId, packet.readString(), { replace: true });
        this.sendPacket(packet.readString(), packet);
        return;
      case 14:
        this.#answer(sessionId, packet);
        return;
      default:
        packet.writeUint8(1);
    }
  }

  async #slowly(packet: Packet): Promise<void> {
    const rounds = packet.readUint8() % 8;
    for (let i = 0; i < rounds; i++) await turn();
    packet.readInt32();
  }

  /** Answers that are larger than what was asked, also too large ones. */
  #answer(sessionId: SessionId, packet: Packet): void {
    const times = packet.readUint8() % 8;
    const answer = new Packet().writeUint16(times);
    for (let i = 0; i < times; i++) answer.writeString("again and again").writeBytes(packet.bytes);
    this.sendPacket(sessionId, answer);
    this.sendPacket(sessionId, answer.clear());
  }

  #checkOldest(): void {
    const { packet, crc } = this.#kept.shift()!;
    if (crc32(packet.bytes) !== crc) this.#problem("a kept packet is not what it was");
  }
}
