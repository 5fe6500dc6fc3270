/** What the fuzzer and the process under test tell each other. */
import type { LeaveReason } from "../../src/index.ts";

/** A session that has left: the peer's port, what `onRecv` got (count and CRC of all payloads), and why it left. */
export type LeftSession = readonly [port: number, packets: number, crc: number, reason: LeaveReason];

/** What the process holds after a collection, in bytes. */
export interface MemorySample {
  readonly rss: number;
  readonly heapUsed: number;
  readonly arrayBuffers: number;
  readonly sessions: number;
}

export type FromTarget =
  | { readonly kind: "listening"; readonly ports: readonly number[] }
  | { readonly kind: "left"; readonly link: number; readonly sessions: readonly LeftSession[] }
  | { readonly kind: "memory"; readonly sample: MemorySample }
  | { readonly kind: "problem"; readonly text: string }
  | {
      readonly kind: "stopped";
      readonly packets: number;
      readonly joins: number;
      readonly leaves: number;
      readonly errors: Readonly<Record<string, number>>;
    };

export type ToTarget = { readonly kind: "measure" } | { readonly kind: "stop" };
