/**
 * One write per turn: sessions that took something are written together once the code that filled them has
 * returned, before the loop turns.
 *
 * Where writing is most of the work (many sessions, little for each), the next flush waits while more is being
 * taken, at most for as long as the last one took: half of the time is left for filling, so writes get larger
 * instead of more. A flush that nobody adds to goes out in the next turn.
 *
 * What is taken while a write is under way, or because one completed, goes out after the loop has turned: nobody
 * starves it by sending in `onSend`.
 */
import type { Clock } from "../base/clock.ts";

/** What can be flushed: a session. */
interface Flushable {
  flush(): void;
}

export class Flusher {
  readonly #clock: Clock;
  #dirty: Flushable[] = [];
  /** Until when the next flush may wait. */
  #dueMs = 0;
  /** Packets taken so far, and when the loop turned last. */
  #taken = 0;
  #takenBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** HOT. Each session once per flush; the session sees to that. */
  add(session: Flushable): void {
    if (this.#dirty.push(session) === 1) process.nextTick(this.#onTurnEnds);
  }

  /** A session has taken a packet. HOT. */
  noteTaken(): void {
    this.#taken++;
  }

  /** Flushes once the loop has turned: for a session that has written in this turn. */
  addLater(session: Flushable): void {
    setImmediate(() => session.flush());
  }

  readonly #onTurnEnds = (): void => {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#dueMs) this.#wait();
    else this.#flush(nowMs);
  };

  readonly #onNextTurn = (): void => {
    const nowMs = this.#clock.nowMs();
    if (this.#taken !== this.#takenBefore && nowMs < this.#dueMs) this.#wait();
    else this.#flush(nowMs);
  };

  #wait(): void {
    this.#takenBefore = this.#taken;
    setImmediate(this.#onNextTurn);
  }

  #flush(beganMs: number): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const session of dirty) session.flush();
    const endedMs = this.#clock.nowMs();
    this.#dueMs = endedMs + (endedMs - beganMs);
  }
}
