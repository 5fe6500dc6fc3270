/**
 * One way of a link: what the two kernels and the wire between them do with the bytes of one writer.
 *
 *      write --> [ taken, at most windowBytes: in flight | arrived ] --> read
 *                     then FIN, when the writer ends; RST overtakes and drops everything
 *
 * A write whose bytes do not all fit waits; each read makes room. Bytes for a reader that is gone are
 * answered with RST on the way back, as TCP does.
 *
 * Invariant: a writer and a reader hear of anything only from a task of the clock.
 */
import type { Timer } from "../../base/clock.ts";
import { milliseconds, wholeNumber } from "../../base/options.ts";
import { ByteQueue } from "./byte-queue.ts";
import type { FaultPlan } from "./faults.ts";
import type { LinkDirection } from "./link-direction.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What a direction needs to know of the end that it delivers to, and tells it. */
export interface ReadingEnd {
  /** "bytes": it reads. "nothing": it is paused, not open yet or past the end. "gone": it is closed. */
  readonly demand: "bytes" | "nothing" | "gone";
  /** Whether it would notice a reset now: it reads, or a write of its own waits. */
  readonly noticesReset: boolean;
  readBuffer(): Uint8Array;
  onBytes(byteLength: number): void;
  onFin(): void;
  onReset(): void;
}

/** What a direction tells the end that writes into it: the write was taken whole. */
export interface WritingEnd {
  onTaken(): void;
}

/** What every direction of a network shares. */
export interface WireSettings {
  readonly clock: VirtualClock;
  readonly latencyMs: number;
  readonly windowBytes: number;
  readonly chunkBytes: number;
}

type Gate =
  | { readonly at: "moving" | "silent" }
  | { readonly at: "stalled"; readonly timer: Timer | undefined };
type Wake = { readonly for: "step" | "arrival"; readonly atMs: number; readonly timer: Timer };

const NEVER: number = Number.POSITIVE_INFINITY;

/** How finely a slow reader's bytes are spread over time. */
const SLOW_READ_STEP_MS = 10;

export class Direction implements LinkDirection {
  readonly #wire: WireSettings;
  readonly #cutLink: () => void;
  readonly #queue = new ByteQueue();
  #ends: { writer: WritingEnd; reader: ReadingEnd; back: Direction } | undefined;
  #plan: FaultPlan;
  /** Of the write in flight, what was not taken yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #heldBytes = 0;
  #lastAtMs = 0;
  /** When FIN and RST arrive. */
  #finAtMs: number = NEVER;
  #rstAtMs: number = NEVER;
  #gate: Gate = { at: "moving" };
  #wake: Wake | undefined;
  #cutIn: number = Number.POSITIVE_INFINITY;
  #bytesPerSecond: number = Number.POSITIVE_INFINITY;
  #slowUntilMs = 0;
  #takenBytes = 0;
  #deliveredBytes = 0;

  constructor(wire: WireSettings, plan: FaultPlan, cutLink: () => void) {
    this.#wire = wire;
    this.#plan = plan;
    this.#cutLink = cutLink;
  }

  /** Called once, before anything else. */
  connect(writer: WritingEnd, reader: ReadingEnd, back: Direction): void {
    this.#ends = { writer, reader, back };
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  /** Whether a write waits for room. */
  get isFull(): boolean {
    return this.#waitingBytes > 0;
  }

  /** Whether the reader's kernel has bytes that it did not read. */
  get hasUnread(): boolean {
    return this.#gate.at === "moving" && this.#queue.arrivedBytes(this.#nowMs, 1) > 0;
  }

  /** Whether an RST lies at the reader, noticed or not. */
  get resetArrived(): boolean {
    return this.#gate.at === "moving" && this.#rstAtMs <= this.#nowMs;
  }

  get isSilent(): boolean {
    return this.#gate.at === "silent";
  }

  /** Takes a write, as far as there is room. */
  put(chunks: readonly Uint8Array[]): void {
    this.#waiting = chunks.filter((chunk) => chunk.length > 0);
    for (const chunk of chunks) this.#waitingBytes += chunk.length;
    if (this.#waitingBytes === 0) this.#ends!.writer.onTaken();
    else this.#take();
  }

  /** Sends FIN behind what was taken; a write that waits is given up. */
  fin(): void {
    this.#giveUpWaiting();
    this.#finAtMs = Math.min(this.#finAtMs, this.#arrival());
    this.poke();
  }

  /** Sends RST; what is in flight is dropped, and what arrived before it is lost when it arrives. */
  rst(afterMs: number = this.#wire.latencyMs): void {
    this.#giveUpWaiting();
    this.#queue.dropInFlight(this.#nowMs);
    if (this.#finAtMs > this.#nowMs) this.#finAtMs = NEVER;
    this.#rstAtMs = Math.min(this.#rstAtMs, this.#nowMs + afterMs);
    this.poke();
  }

  /** The writer is gone and sends nothing more, not even FIN. */
  abandon(): void {
    this.#giveUpWaiting();
    this.#queue.dropInFlight(this.#nowMs);
  }

  /** As if a machine on the way had sent RST to the reader. */
  cutNow(): void {
    this.#open();
    this.rst(0);
  }

  /** Both ends are gone: nothing is left to do. */
  retire(): void {
    this.halfOpen();
    this.#wake?.timer.cancel();
  }

  setPlan(plan: FaultPlan): void {
    this.#plan = plan;
  }

  readsAfterPause(): boolean {
    return this.#plan.readsAfterPause();
  }

  cutAfter(byteLength: number): void {
    this.#cutIn = wholeNumber("byteLength", byteLength, 0, 2 ** 53 - 1);
    if (byteLength === 0) this.#cutLink();
  }

  stall(ms?: number): void {
    if (this.#gate.at === "silent") return;
    if (ms !== undefined) milliseconds("ms", ms);
    this.#open();
    const timer = ms === undefined ? undefined : this.#wire.clock.after(ms, () => this.resume());
    this.#gate = { at: "stalled", timer };
  }

  resume(): void {
    if (this.#gate.at !== "stalled") return;
    this.#open();
    this.poke();
  }

  halfOpen(): void {
    this.#open();
    this.#gate = { at: "silent" };
  }

  slowRead(bytesPerSecond: number): void {
    if (!(bytesPerSecond > 0)) wholeNumber("bytesPerSecond", bytesPerSecond, 1, 2 ** 53 - 1);
    this.#bytesPerSecond = bytesPerSecond;
    this.#slowUntilMs = 0;
    this.poke();
  }

  /** Something changed: finds out when the reader is to hear of it. */
  poke(): void {
    if (this.#wake?.for === "step") return;
    const dueMs = this.#nextDueMs();
    if (this.#wake !== undefined && this.#wake.atMs === dueMs) return;
    this.#wake?.timer.cancel();
    this.#wake = undefined;
    if (dueMs === NEVER) return;
    const { clock } = this.#wire;
    // What arrives later is read by a task of its own, behind timers that are due at the same time.
    this.#wake =
      dueMs > this.#nowMs
        ? { for: "arrival", atMs: dueMs, timer: clock.after(dueMs - this.#nowMs, this.#onArrival) }
        : { for: "step", atMs: dueMs, timer: clock.after(0, this.#onStep) };
  }

  readonly #onArrival = (): void => {
    this.#wake = undefined;
    this.poke();
  };

  readonly #onStep = (): void => {
    this.#wake = undefined;
    const dueMs = this.#nextDueMs();
    try {
      if (dueMs <= this.#nowMs) this.#step();
    } finally {
      this.poke();
    }
  };

  /** When the reader can next be told something. */
  #nextDueMs(): number {
    if (this.#gate.at !== "moving") return NEVER;
    const { demand, noticesReset } = this.#ends!.reader;
    const firstAtMs = this.#queue.firstAtMs;
    if (demand === "gone") return this.#rstAtMs === NEVER ? firstAtMs : NEVER;
    const resetAtMs = noticesReset ? this.#rstAtMs : NEVER;
    if (demand === "nothing") return resetAtMs;
    return Math.min(resetAtMs, firstAtMs === NEVER ? this.#finAtMs : Math.max(firstAtMs, this.#slowUntilMs));
  }

  #step(): void {
    const { reader, back } = this.#ends!;
    if (reader.demand === "gone") {
      this.#heldBytes -= this.#queue.dropArrived(this.#nowMs);
      this.#take();
      back.rst();
    } else if (this.resetArrived) {
      this.#queue.dropArrived(this.#nowMs);
      reader.onReset();
    } else if (this.#queue.firstAtMs === NEVER) {
      reader.onFin();
    } else {
      this.#deliver(reader, back);
    }
  }

  #deliver(reader: ReadingEnd, back: Direction): void {
    const perStep = Math.max(1, Math.ceil((this.#bytesPerSecond * SLOW_READ_STEP_MS) / 1000));
    const buffer = reader.readBuffer();
    const wanted = Math.min(buffer.length, this.#wire.chunkBytes, this.#cutIn, perStep);
    const byteLength = this.#plan.readBytes(this.#queue.arrivedBytes(this.#nowMs, wanted));
    this.#queue.read(buffer, byteLength);
    this.#slowUntilMs = this.#nowMs + (byteLength * 1000) / this.#bytesPerSecond;
    this.#deliveredBytes += byteLength;
    this.#cutIn -= byteLength;
    // The acknowledgement that makes room travels on the way back.
    if (!back.isSilent) {
      this.#heldBytes -= byteLength;
      this.#take();
    }
    const fault = this.#plan.passed(byteLength);
    if (fault === "stall") this.stall(this.#plan.stallMs());
    reader.onBytes(byteLength);
    if (fault === "reset" || this.#cutIn === 0) this.#cutLink();
  }

  /** Moves bytes of the waiting write into the window; tells the writer once all are in. */
  #take(): void {
    const byteLength = Math.min(this.#waitingBytes, this.#wire.windowBytes - this.#heldBytes);
    if (byteLength <= 0) return;
    this.#queue.put(this.#cutFromWaiting(byteLength), this.#arrival());
    this.#heldBytes += byteLength;
    this.#takenBytes += byteLength;
    if (this.#waitingBytes === 0) this.#ends!.writer.onTaken();
    this.poke();
  }

  #cutFromWaiting(byteLength: number): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    for (let filled = 0; filled < byteLength; ) {
      const chunk = this.#waiting[0]!;
      const part = chunk.subarray(0, byteLength - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) this.#waiting.shift();
      else this.#waiting[0] = chunk.subarray(part.length);
    }
    this.#waitingBytes -= byteLength;
    return bytes;
  }

  #arrival(): number {
    const atMs = this.#nowMs + this.#wire.latencyMs + this.#plan.jitterMs();
    this.#lastAtMs = Math.max(this.#lastAtMs, atMs);
    return this.#lastAtMs;
  }

  #giveUpWaiting(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #open(): void {
    if (this.#gate.at === "stalled") this.#gate.timer?.cancel();
    this.#gate = { at: "moving" };
  }

  get #nowMs(): number {
    return this.#wire.clock.nowMs();
  }
}
