/**
 * What goes wrong on a direction of a link by itself: where its reads are cut, where it stalls and where it
 * breaks. Everything is drawn from one seeded stream per direction, so that traffic elsewhere changes
 * nothing here.
 */
import { invalidOption, milliseconds, readOptions, show } from "../../base/options.ts";
import type { Random } from "./random.ts";

/** Random faults of a `MemoryNetwork`. */
export interface FaultOptions {
  /**
   * How much of the bytes that lie ready one read gives: "whole" as much as fits, "byte" one at a time,
   * "random" anything between. Default "whole".
   */
  readonly chunking?: "whole" | "random" | "byte";
  /** Up to how many milliseconds each write's bytes take longer than `latencyMs`; they stay in order. Default 0. */
  readonly jitterMs?: number;
  /** How many resets per 1 048 576 bytes read, on average, each at any byte. Default 0. */
  readonly resetPerMegabyte?: number;
  /** How many stalls per 1 048 576 bytes read, on average. Default 0. */
  readonly stallPerMegabyte?: number;
  /** The longest stall in milliseconds of virtual time; each lasts from 0 to this. Default 1000. */
  readonly stallMs?: number;
  /** How probable it is, from 0 to 1, that one more read follows a `pause`, as the contract allows. Default 0. */
  readonly readAfterPause?: number;
  /** How probable it is, from 0 to 1, that a dial is refused though somebody listens. Default 0. */
  readonly dialRefusal?: number;
}

/** `FaultOptions` with everything decided. */
export type Faults = Required<FaultOptions>;

const MEGABYTE = 2 ** 20;

const NO_FAULTS: Faults = Object.freeze({
  chunking: "whole",
  jitterMs: 0,
  resetPerMegabyte: 0,
  stallPerMegabyte: 0,
  stallMs: 1000,
  readAfterPause: 0,
  dialRefusal: 0,
});

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function resolveFaults(given: FaultOptions): Faults {
  readOptions(given, Object.keys(NO_FAULTS), "make faults");
  const faults: Faults = { ...NO_FAULTS, ...given };
  if (!["whole", "random", "byte"].includes(faults.chunking)) {
    throw invalidOption(
      "faults.chunking",
      `must be "whole", "random" or "byte", is ${show(faults.chunking)}`,
    );
  }
  milliseconds("faults.jitterMs", faults.jitterMs);
  milliseconds("faults.stallMs", faults.stallMs);
  inRange("faults.resetPerMegabyte", faults.resetPerMegabyte, MEGABYTE);
  inRange("faults.stallPerMegabyte", faults.stallPerMegabyte, MEGABYTE);
  inRange("faults.readAfterPause", faults.readAfterPause, 1);
  inRange("faults.dialRefusal", faults.dialRefusal, 1);
  return faults;
}

function inRange(name: string, value: unknown, max: number): void {
  if (typeof value !== "number" || !(value >= 0) || value > max) {
    throw invalidOption(name, `must be a number from 0 to ${max}, is ${String(value)}`);
  }
}

/** The faults of one direction, drawn as its bytes go by. */
export class FaultPlan {
  readonly #faults: Faults;
  readonly #random: Random;
  /** Bytes until the next one of each; Infinity where there is none. */
  #resetIn: number;
  #stallIn: number;

  constructor(faults: Faults, random: Random) {
    this.#faults = faults;
    this.#random = random;
    this.#resetIn = this.#distance(faults.resetPerMegabyte);
    this.#stallIn = this.#distance(faults.stallPerMegabyte);
  }

  /** How many of `readyBytes` (> 0) the next read gives; at least one and never past the next fault. */
  readBytes(readyBytes: number): number {
    const untilFault = Math.min(readyBytes, this.#resetIn, this.#stallIn);
    if (this.#faults.chunking === "byte") return 1;
    if (this.#faults.chunking === "whole") return untilFault;
    // Evenly spread over the orders of magnitude, so that a few bytes are as usual as a few thousand.
    return Math.max(1, Math.floor(untilFault ** this.#random.float()));
  }

  /** Tells that `byteLength` bytes were read, and learns what happens behind them. */
  passed(byteLength: number): "reset" | "stall" | "nothing" {
    this.#resetIn -= byteLength;
    this.#stallIn -= byteLength;
    if (this.#resetIn <= 0) return "reset";
    if (this.#stallIn > 0) return "nothing";
    this.#stallIn = this.#distance(this.#faults.stallPerMegabyte);
    return "stall";
  }

  stallMs(): number {
    return this.#random.float() * this.#faults.stallMs;
  }

  jitterMs(): number {
    return this.#faults.jitterMs === 0 ? 0 : this.#random.float() * this.#faults.jitterMs;
  }

  readsAfterPause(): boolean {
    return this.#faults.readAfterPause > 0 && this.#random.chance(this.#faults.readAfterPause);
  }

  /** Bytes until the next of events that come `perMegabyte` times on average and know nothing of each other. */
  #distance(perMegabyte: number): number {
    if (perMegabyte === 0) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.ceil((-Math.log(1 - this.#random.float()) * MEGABYTE) / perMegabyte));
  }
}
