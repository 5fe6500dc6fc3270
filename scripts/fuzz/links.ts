/** What is fuzzed: one LanServer per entry, all in one process, each with a healthy session beside the attackers. */
import type { FramingFormat, LanServerOptions } from "../../src/index.ts";

export interface FuzzLink {
  readonly name: string;
  readonly format: FramingFormat;
  readonly packetBytesMax: number;
  readonly heartbeat: { readonly intervalMs: number; readonly timeoutMs: number } | false;
  /** Whether some `onRecv` answer with a promise, so that packets wait and reading stops. */
  readonly isSlow: boolean;
}

const BEATS = { intervalMs: 500, timeoutMs: 2000 };

export const LINKS: readonly FuzzLink[] = [
  {
    name: "u16le",
    format: { lengthBytes: 2, endian: "little" },
    packetBytesMax: 65_535,
    heartbeat: false,
    isSlow: false,
  },
  {
    name: "u32le, heartbeats",
    format: { lengthBytes: 4, endian: "little" },
    packetBytesMax: 1024 * 1024,
    heartbeat: BEATS,
    isSlow: false,
  },
  {
    name: "u24be, heartbeats, slow",
    format: { lengthBytes: 3, endian: "big" },
    packetBytesMax: 65_536,
    heartbeat: BEATS,
    isSlow: true,
  },
  {
    name: "u32be with header, slow",
    format: { lengthBytes: 4, endian: "big", includesHeader: true },
    packetBytesMax: 32_768,
    heartbeat: false,
    isSlow: true,
  },
  {
    name: "u16le with header, heartbeats",
    format: { lengthBytes: 2, endian: "little", includesHeader: true },
    packetBytesMax: 2000,
    heartbeat: BEATS,
    isSlow: false,
  },
  {
    name: "u8",
    format: { lengthBytes: 1, endian: "big" },
    packetBytesMax: 255,
    heartbeat: false,
    isSlow: false,
  },
];

/** Limits are small where a fuzzed process shall get to them. */
export function serverOptions({ format, packetBytesMax, heartbeat }: FuzzLink): LanServerOptions {
  return {
    port: 0,
    framing: format,
    packetBytesMax,
    heartbeat,
    sendQueueBytesMax: Math.max(256 * 1024, packetBytesMax + 4),
    receiveQueueBytesMax: 32 * 1024,
    partialFrameTimeoutMs: 1000,
    disconnectDrainMs: 10_000,
    sendStallMs: 10_000,
  };
}
