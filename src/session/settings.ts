/** What every session of a server or client lives by: the options that reach this floor, checked and complete. */
import type { LengthHeader } from "../framing/length-header.ts";

export interface HeartbeatSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface SessionSettings {
  readonly header: LengthHeader;
  readonly packetBytesMax: number;
  readonly sendQueueBytesMax: number;
  readonly receiveQueueBytesMax: number;
  readonly heartbeat: HeartbeatSettings | false;
  readonly partialFrameTimeoutMs: number;
  readonly sendStallMs: number;
  readonly disconnectDrainMs: number;
  /** How long a peer may take for its first packet; 0 for no limit. */
  readonly firstPacketTimeoutMs: number;
  /** How long a peer may send no packet; 0 for no limit. */
  readonly idleTimeoutMs: number;
  /** What a peer may send; null for no limit. */
  readonly pace: PaceSettings | null;
}

export interface PaceSettings {
  /** 0 for no limit. */
  readonly packetsPerSecondMax: number;
  /** Bytes on the wire; 0 for no limit. */
  readonly bytesPerSecondMax: number;
  /** What happens to who sends more: it leaves, or it is not read from until its time has come. */
  readonly overPace: "leave" | "wait";
}
