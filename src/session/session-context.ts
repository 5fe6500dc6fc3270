/** What is above a session and around it: who is told, and what the sessions of one thread share. */
import type { Clock } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { LanError } from "../base/errors.ts";
import type { ReceivePool } from "../framing/receive-buffer.ts";
import type { SendPool } from "../framing/send-pool.ts";
import type { Packet } from "../packet/packet.ts";
import type { Crossing } from "./crossing.ts";
import type { Flusher } from "./flusher.ts";
import type { Lateness } from "./lateness.ts";
import type { Leave } from "./leave.ts";
import type { SessionSettings } from "./settings.ts";

/** The upper side of a session. All calls come from the event loop, none from inside a call of the owner's. */
export interface SessionOwner<Session> {
  /**
   * Whether events may run now. False: packets wait in the session, and `deliver` is called once they may. HOT.
   */
  mayDeliver(session: Session): boolean;
  /** Runs `onRecv`; a promise means "not done", never rejects. HOT. */
  onPacket(session: Session, packet: Packet): Promise<void> | undefined;
  onSent(session: Session, byteLength: number): void;
  onSendReady(session: Session): void;
  onError(error: LanError): void;
  onLeft(session: Session, leave: Leave): void;
}

/** What the sessions of one thread share. */
export interface SessionContext<Session> {
  readonly settings: SessionSettings;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly receivePool: ReceivePool;
  readonly sendPool: SendPool;
  readonly flusher: Flusher;
  readonly crossing: Crossing;
  readonly lateness: Lateness;
  /** A number in [0, 1), for what shall differ from frame to frame. */
  readonly random: () => number;
  /** Called at each read and write: something goes on. HOT. */
  onActivity(): void;
  readonly owner: SessionOwner<Session>;
}
