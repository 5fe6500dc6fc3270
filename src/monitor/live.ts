/**
 * A monitor while it runs: where what is reported goes, and where answers come from.
 *
 *     collector --> reception --> board ----> joined, left at once, values once a second
 *                                 seconds --> the last hour
 *                                 minutes --over--> history
 *
 * One timer, once a second on the network's clock, sweeps, ends minutes and tells values. A minute that could not be
 * written is lost, and told.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { SessionId } from "../session/session-id.ts";
import type { HistoryQuery, MonitorEvent, Series, ServerView } from "./api.ts";
import { Board } from "./board.ts";
import type { CollectorEvent } from "./collector.ts";
import { type History, MINUTE_MS, type MinuteRow } from "./history.ts";
import { Minutes, minuteOf } from "./minutes.ts";
import type { MonitorSettings } from "./options.ts";
import { Reception } from "./reception.ts";
import { SECONDS_KEPT, Seconds } from "./seconds.ts";
import { StepSums, stepOf } from "./thinning.ts";

const MINUTES_PER_DAY = 24 * 60;
/** How much of the hour may be missing in the seconds before minutes are the better answer. */
const GAP_MS = 2 * MINUTE_MS;

/** Whom a running monitor tells. */
export interface LiveListener {
  tell(event: MonitorEvent): void;
  notice(text: string): void;
  disconnect(sessionId: SessionId): void;
}

export class Live {
  readonly #clock: Clock;
  readonly #keepMinutes: number;
  readonly #listener: LiveListener;
  readonly #history: History;
  readonly #board: Board;
  readonly #reception: Reception;
  readonly #seconds = new Seconds();
  readonly #minutes: Minutes;
  /** Every type that was ever reported. */
  readonly #types = new Set<number>();
  #timer: Timer;

  constructor(settings: MonitorSettings, history: History, listener: LiveListener) {
    this.#clock = settings.network.clock;
    this.#keepMinutes = settings.history.keepDays * MINUTES_PER_DAY;
    this.#listener = listener;
    this.#history = history;
    this.#board = new Board(settings.names, settings.serversMax);
    this.#minutes = new Minutes(this.#clock.epochMs(), (rows, minute) => this.#keep(rows, minute));
    this.#reception = new Reception(
      {
        joined: (serverNo, address) => this.#joined(serverNo, address),
        left: (serverNo, reason) => this.#left(serverNo, reason),
        reported: (serverNo, type, value) => this.#reported(serverNo, type, value),
        notice: (text) => listener.notice(text),
        disconnect: (sessionId) => listener.disconnect(sessionId),
      },
      settings.silentMs,
    );
    this.#timer = this.#nextTick();
  }

  /** Types that were reported, in order. */
  get types(): number[] {
    return [...this.#types].sort((a, b) => a - b);
  }

  get servers(): ServerView[] {
    return this.#board.views();
  }

  take(events: readonly CollectorEvent[]): void {
    const nowMs = this.#clock.nowMs();
    for (const event of events) this.#reception.take(event, nowMs);
  }

  /** Tells what is left to tell, and keeps the minute that runs. */
  stop(): void {
    this.#timer.cancel();
    this.#tellValues();
    this.#minutes.flush(this.#clock.epochMs());
    this.#history.close();
  }

  /** By the second where the last hour is asked for and is there, else by the minute. */
  series({ serverNo, type, fromMs, toMs }: HistoryQuery): Series {
    const nowMs = this.#clock.epochMs();
    const oldestMs = nowMs - this.#keepMinutes * MINUTE_MS;
    // What is certainly not there takes no points from what is.
    const from = Math.max(fromMs, oldestMs);
    const to = Math.min(toMs, nowMs);
    if (!(from <= to)) return { serverNo, type, stepMs: 1000, points: [] };
    return this.#hasSeconds(serverNo, type, from, nowMs)
      ? this.#bySecond(serverNo, type, from, to)
      : this.#byMinute(serverNo, type, from, to);
  }

  #hasSeconds(serverNo: number, type: number, fromMs: number, nowMs: number): boolean {
    if (fromMs < nowMs - SECONDS_KEPT * 1000) return false;
    const firstMs = this.#seconds.firstMs(serverNo, type);
    if (firstMs === undefined) return false;
    if (firstMs <= fromMs + GAP_MS) return true;
    const before = this.#read(() => this.#history.firstMinute(serverNo, type, minuteOf(fromMs)), undefined);
    return before === undefined || before >= minuteOf(firstMs);
  }

  #bySecond(serverNo: number, type: number, fromMs: number, toMs: number): Series {
    const stepMs = stepOf(fromMs, toMs, 1000);
    const sums = new StepSums(stepMs);
    this.#seconds.each(serverNo, type, fromMs, toMs, (atMs, value) =>
      sums.add(atMs, { min: value, max: value, sum: value, count: 1 }),
    );
    return { serverNo, type, stepMs, points: sums.points(1) };
  }

  #byMinute(serverNo: number, type: number, fromMs: number, toMs: number): Series {
    const stepMs = stepOf(fromMs, toMs, MINUTE_MS);
    const step = stepMs / MINUTE_MS;
    const [first, last] = [minuteOf(fromMs), minuteOf(toMs)];
    const sums = new StepSums(step);
    for (const { minute, ...sum } of this.#read(
      () => this.#history.read(serverNo, type, first, last, step),
      [],
    ))
      sums.add(minute, sum);
    const running = this.#minutes.running(serverNo, type);
    if (running !== undefined && this.#minutes.minute <= last) sums.add(this.#minutes.minute, running);
    return { serverNo, type, stepMs, points: sums.points(MINUTE_MS) };
  }

  #joined(serverNo: number, address: string): boolean {
    const joined = this.#board.join(serverNo, address, this.#clock.epochMs());
    if (joined === undefined) return false;
    if (joined.gone !== undefined) this.#seconds.forget(joined.gone);
    this.#listener.tell({ kind: "joined", server: joined.server });
    return true;
  }

  #left(serverNo: number, reason: string): void {
    const server = this.#board.leave(serverNo, reason, this.#clock.epochMs());
    if (server !== undefined) this.#listener.tell({ kind: "left", server });
  }

  #reported(serverNo: number, type: number, value: number): void {
    const atMs = this.#clock.epochMs();
    this.#types.add(type);
    this.#board.report(serverNo, type, value, atMs);
    this.#seconds.set(serverNo, type, value, atMs);
    this.#minutes.add(serverNo, type, value, atMs);
  }

  /** With the system's seconds, so that each report of one a second finds a second of its own. */
  #nextTick(): Timer {
    const untilMs = 1000 - (this.#clock.epochMs() % 1000);
    return this.#clock.after(untilMs, () => {
      this.#tick();
      this.#timer = this.#nextTick();
    });
  }

  #tick(): void {
    const epochMs = this.#clock.epochMs();
    this.#reception.sweep(this.#clock.nowMs());
    this.#minutes.turn(epochMs);
    this.#tellValues();
    if (Math.floor(epochMs / 1000) % 60 === 0) this.#seconds.forgetBefore(epochMs - SECONDS_KEPT * 1000);
  }

  #tellValues(): void {
    const values = this.#board.takeFresh();
    if (values.length > 0) this.#listener.tell({ kind: "values", atMs: this.#clock.epochMs(), values });
  }

  #keep(rows: readonly MinuteRow[], minute: number): void {
    try {
      this.#history.write(rows, minuteOf(this.#clock.epochMs()) - this.#keepMinutes);
    } catch (error) {
      const at = new Date(minute * MINUTE_MS).toISOString().slice(0, 16);
      this.#listener.notice(`history: the minute ${at}Z is lost: ${(error as Error).message}`);
    }
  }

  #read<T>(read: () => T, instead: T): T {
    try {
      return read();
    } catch (error) {
      this.#listener.notice(`history cannot be read: ${(error as Error).message}`);
      return instead;
    }
  }
}
