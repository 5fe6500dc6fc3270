/**
 * What a session shares with other threads that take packets for it: one count of the bytes that are taken.
 *
 * Whoever takes a packet adds to the count first, atomically, and only where it fits. Another thread's packet
 * is then under way until it arrives here, or until the session ends: then it counts as not sent.
 */
import type { Traffic } from "../base/counters.ts";
import type { SessionId } from "./session-id.ts";

export interface PublishedFigures {
  readonly id: SessionId;
  readonly queuedPackets: number;
  readonly received: Traffic;
  readonly sent: Traffic;
}

/** With what all threads together have taken and not written. */
export interface SessionFigures extends PublishedFigures {
  readonly queuedBytes: number;
}

export interface Crossing {
  /** Other threads may take packets from now on. */
  open(id: SessionId): void;
  /** Takes frame bytes for the queue where no more than `bytesMax` are then taken by all threads together. HOT. */
  take(id: SessionId, bytes: number, bytesMax: number): boolean;
  /** Packets of other threads arrived in the queue. */
  arrived(id: SessionId, packets: number): void;
  /** Bytes of the queue were written, and no longer count. */
  written(id: SessionId, bytes: number): void;
  /** Whether packets of other threads are still to come. */
  isUnderWay(id: SessionId): boolean;
  /** Other threads take nothing more; what they took still arrives. */
  close(id: SessionId): void;
  /** Ends the count, of which `queuedBytes` are the queue's; returns the rest, which was under way. Nothing arrives any more. */
  end(id: SessionId, queuedBytes: number): Traffic;
  /** Lets the other threads see the session's figures. */
  publish(figures: PublishedFigures): void;
  /** The same for the queue alone: after each packet that is taken. HOT. */
  publishQueue(id: SessionId, queuedPackets: number): void;
  /** Tells the threads whose packets were refused that the session has room again. */
  announceRoom(id: SessionId): void;
}

const NOTHING: Traffic = { packets: 0, bytes: 0 };

/** One thread: nobody else can take a packet. */
export const NO_CROSSING: Crossing = {
  open() {},
  take: () => true,
  arrived() {},
  written() {},
  isUnderWay: () => false,
  close() {},
  end: () => NOTHING,
  publish() {},
  publishQueue() {},
  announceRoom() {},
};
