/**
 * One write per turn: sessions that took something are written together once the code that filled them has
 * returned, before the loop turns.
 *
 * Where writing is most of the work (many sessions, little for each), the next flush waits while more is being
 * taken, at most for as long as the last one took: half of the time is left for filling, so writes get larger
 * instead of more. A flush that nobody adds to goes out in the next turn. Three do not wait: an answer to what a session has just
 * read (its peer waits, and will ask no more before), a flush that is large enough (a thread that was kept from running while
 * it wrote would else wait for as long, and fill its queues), and one that many sessions wait for (each holds memory for it).
 *
 * What is taken while a write is under way, or because one completed, goes out after the loop has turned: nobody
 * starves it by sending in `onSend`.
 */
import type { Clock } from "../base/clock.ts";

/** Writes of this many bytes gain nothing from more: a flush waits for no more per session. */
const ENOUGH_BYTES = 64 * 1024;

/** What can be flushed: a session. */
interface Flushable {
  flush(): void;
}

/** As many as the pool of small send slabs has spare ones. */
const WAITING_MAX = 1024;

/** Never added to: the first of a list makes a new one. */
const NOBODY: Flushable[] = [];

export class Flusher {
  readonly #clock: Clock;
  #dirty: Flushable[] = NOBODY;
  /** Of these none waits. */
  #answering: Flushable[] = NOBODY;
  /** Until when the next flush may wait. */
  #dueMs = 0;
  /** Bytes taken since the last flush, and of these before the loop turned last. */
  #taken = 0;
  #takenBefore = 0;
  /** Whether the next turn is waited for already. */
  #waits = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** HOT. Each session once per flush; the session sees to that. */
  add(session: Flushable): void {
    if (this.#dirty.length === 0) {
      this.#dirty = [session]; // of one place: most flushes are of one session
      process.nextTick(this.#onTurnEnds);
    } else if (this.#dirty.push(session) === WAITING_MAX) process.nextTick(this.#onTurnEnds);
  }

  /** The same where what the session took answers what it has just read. HOT. */
  addAnswering(session: Flushable): void {
    if (this.#answering.length === 0) {
      this.#answering = [session];
      process.nextTick(this.#onAnswered);
    } else this.#answering.push(session);
  }

  /** A session has taken a packet. HOT. */
  noteTaken(bytes: number): void {
    this.#taken += bytes;
  }

  /** Flushes once the loop has turned: for a session that has written in this turn. */
  addLater(session: Flushable): void {
    setImmediate(() => session.flush());
  }

  readonly #onAnswered = (): void => {
    const answering = this.#answering;
    this.#answering = NOBODY;
    for (let i = 0; i < answering.length; i++) answering[i]!.flush();
  };

  readonly #onTurnEnds = (): void => {
    const nowMs = this.#clock.nowMs();
    if (this.#mayWait(nowMs)) this.#wait();
    else this.#flush(nowMs);
  };

  readonly #onNextTurn = (): void => {
    this.#waits = false;
    const nowMs = this.#clock.nowMs();
    if (this.#taken !== this.#takenBefore && this.#mayWait(nowMs)) this.#wait();
    else this.#flush(nowMs);
  };

  #mayWait(nowMs: number): boolean {
    const sessions = this.#dirty.length;
    return nowMs < this.#dueMs && sessions < WAITING_MAX && this.#taken < ENOUGH_BYTES * sessions;
  }

  #wait(): void {
    this.#takenBefore = this.#taken;
    if (this.#waits) return;
    this.#waits = true;
    setImmediate(this.#onNextTurn);
  }

  #flush(beganMs: number): void {
    const dirty = this.#dirty;
    this.#dirty = NOBODY;
    this.#taken = 0;
    for (const session of dirty) session.flush();
    const endedMs = this.#clock.nowMs();
    this.#dueMs = endedMs + (endedMs - beganMs);
  }
}
