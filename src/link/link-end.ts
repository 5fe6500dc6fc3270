/** What both ends of a link are, whichever of them dials: where an instance lives, and what goes around its events. */
import type { ClientStats, ServerStats } from "../engine/stats.ts";
import { ownThread } from "../threads/boot.ts";

let give: (end: LinkEnd, workerData: unknown) => void;

/** The base of `LinkServer` and `LinkClient`. */
export abstract class LinkEnd {
  static {
    give = (end, workerData) => {
      end.#workerData = workerData;
    };
  }

  #workerData: unknown = ownThread()?.workerData;

  /** What the option `workerData` gave this thread; there from the constructor on where the class runs on threads. */
  get workerData(): unknown {
    return this.#workerData;
  }

  /** The thread that this instance lives on: from 1 on threads of its own, 0 on the caller's. */
  get thread(): number {
    return ownThread()?.thread ?? 0;
  }

  /** Before a batch of events: all that one callback of the event loop leads to. */
  onWorkerThreadBegin(): void {}
  /** After a batch of events. */
  onWorkerThreadEnd(): void {}
}

/** What the option gave the caller's thread. */
export function giveWorkerData(end: LinkEnd, workerData: unknown): void {
  give(end, workerData);
}

/** Whether the subclass wants to hear of batches. */
export function hasBatchHooks(end: LinkEnd): boolean {
  const { onWorkerThreadBegin, onWorkerThreadEnd } = LinkEnd.prototype;
  return end.onWorkerThreadBegin !== onWorkerThreadBegin || end.onWorkerThreadEnd !== onWorkerThreadEnd;
}

/** The figures of an end that is idle. */
export const NO_STATS: Omit<
  ServerStats & ClientStats,
  "atMs" | "accepted" | "refused" | "refusedBy" | "joined"
> = {
  sessions: 0,
  received: { packets: 0, bytes: 0 },
  sent: { packets: 0, bytes: 0 },
  queuedBytes: 0,
  left: {},
  errors: {},
};
