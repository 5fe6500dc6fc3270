/**
 * Time, for one end: what may end it, and what must have by now.
 *
 *      last sign of life ---- timeout ----+---- two looks of the library ----+
 *                                         ^ from here on it may end          ^ here it must have
 *
 * Time that was jumped over while it waited counts for the first mark only: what came due runs late.
 */
import type { LeaveReason } from "../../src/index.ts";
import type { End } from "./end.ts";

/** Looks that a judgement may be late by. */
const SWEEPS_LATE = 2;
/** Rounding of sums of virtual milliseconds. */
const EPSILON_MS = 1e-6;

/** A moment, and how far the clock had been jumped by then. */
interface Mark {
  readonly atMs: number;
  readonly blockedMs: number;
}

export class Vigil {
  /** What it may have ended for, where it did by itself. */
  readonly reasons: LeaveReason[] = [];
  readonly #end: End;
  /** When anything happened, bytes were read, a write began, and one completed or nothing was queued. */
  #touched: Mark;
  #read: Mark;
  #writeBegan: Mark;
  #written: Mark;
  #hasPaused = false;

  constructor(end: End) {
    this.#end = end;
    this.#touched = this.#read = this.#writeBegan = this.#written = this.#now;
  }

  touch(): void {
    this.#touched = this.#now;
  }

  read(): void {
    this.#read = this.#now;
  }

  /** Reading stops, or goes on: who does not read misses nothing. */
  pause(): void {
    this.#hasPaused = true;
    this.#read = this.#now;
  }

  /** A packet is about to be taken: where nothing was queued before, a stall can begin. */
  take(): void {
    if (this.#end.sending.queuedBytes === 0) this.#written = this.#now;
  }

  writeBegan(): void {
    this.#writeBegan = this.#now;
  }

  written(): void {
    this.#written = this.#now;
  }

  /** The library ends the session by itself, now. Answers why it must not. */
  mayEnd(): string | undefined {
    const { limits, receiving, sending, world, link } = this.#end;
    const { heartbeat, partialFrameTimeoutMs, sendStallMs, sweepMs } = limits;
    // A pause between two looks is not seen.
    const silentMs = world.nowMs - this.#read.atMs + EPSILON_MS + (this.#hasPaused ? sweepMs : 0);
    const stalledMs = world.nowMs - this.#written.atMs + EPSILON_MS;
    if (heartbeat !== false && receiving.peerBeats && silentMs > heartbeat.timeoutMs) {
      // Both ends beat by the same rules: nobody is silent for so long whom nothing keeps from speaking.
      const isExcused = link.isDisturbed || world.clock.blockedMs > 0 || world.plan.isSlow;
      if (isExcused) this.reasons.push("heartbeat-timeout");
    }
    if (receiving.partialBytes > 0 && silentMs > partialFrameTimeoutMs)
      this.reasons.push("partial-frame-timeout");
    if (sending.queuedBytes > 0 && stalledMs > sendStallMs) this.reasons.push("send-stalled");
    if (this.reasons.length > 0) return undefined;
    return (
      `was reset without a reason (read nothing for ${silentMs} ms, ${receiving.partialBytes} bytes of a frame, ` +
      `completed no write for ${stalledMs} ms, ${sending.queuedBytes} bytes queued)`
    );
  }

  /** Whether something should have happened by now. */
  check(): void {
    const end = this.#end;
    const { phase, sending } = end;
    if (phase === "open") this.#checkOpen();
    else if (phase !== "closing" && this.#since({ atMs: end.drainDeadlineMs, blockedMs: 0 }) > 0)
      end.fail(`is ${phase} though its time is up`);
    if (this.#since(this.#touched) <= EPSILON_MS) return;
    if (phase === "closing") end.fail("is closing and does not leave");
    if (sending.isWriting || end.finSent || (phase !== "open" && phase !== "draining")) return;
    if (sending.queuedBytes > 0) end.fail(`has ${sending.queuedBytes} bytes queued and writes none`);
    else if (phase === "draining") end.fail("has drained and sends no FIN");
  }

  #checkOpen(): void {
    const end = this.#end;
    const { receiving, sending, limits } = end;
    const { heartbeat, partialFrameTimeoutMs, sendStallMs } = limits;
    const late = SWEEPS_LATE * limits.sweepMs + EPSILON_MS;
    const silentMs = end.isPaused ? 0 : this.#since(this.#read);
    const idleMs = Math.min(this.#since(this.#written), this.#since(this.#writeBegan));
    if (heartbeat !== false && receiving.peerBeats && silentMs > heartbeat.timeoutMs + late)
      end.fail("misses its peer and stays");
    if (receiving.partialBytes > 0 && silentMs > partialFrameTimeoutMs + late)
      end.fail("waits for a frame for ever");
    if (sending.queuedBytes > 0 && idleMs > sendStallMs + late) end.fail("is stalled and stays");
    if (heartbeat !== false && sending.queuedBytes === 0 && idleMs > heartbeat.intervalMs + late)
      end.fail("sends no heartbeat");
  }

  /** Time that the clock ran by itself since then. */
  #since({ atMs, blockedMs }: Mark): number {
    const { nowMs, clock } = this.#end.world;
    return nowMs - atMs - (clock.blockedMs - blockedMs);
  }

  get #now(): Mark {
    const { nowMs, clock } = this.#end.world;
    return { atMs: nowMs, blockedMs: clock.blockedMs };
  }
}
