/** The options of a `MemoryNetwork`, their defaults and their checks. */
import { invalidOption, milliseconds, readOptions, show, wholeNumber } from "../../base/options.ts";
import { type FaultOptions, type Faults, resolveFaults } from "./faults.ts";
import type { MemoryLink } from "./link.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Options of a `MemoryNetwork`; each has a default. */
export interface MemoryNetworkOptions {
  /** Where all randomness comes from: the same seed and the same calls give the same deliveries. Default 1. */
  readonly seed?: number;
  /** The time that the network's links live by. Default: a clock of its own, at `network.clock`. */
  readonly clock?: VirtualClock;
  /**
   * How long bytes travel, one way, in milliseconds of virtual time. Default 0: they arrive by themselves,
   * without anybody moving the clock.
   */
  readonly latencyMs?: number;
  /** What a link holds per direction between writer and reader; a write completes once it fits. Default 65 536. */
  readonly windowBytes?: number;
  /** The most that one read gives. Default: as much as fits into the read buffer. */
  readonly chunkBytes?: number;
  /**
   * What the dialling side sees of a connection that was refused: "resets", as TCP mostly does: the dial
   * resolves, then its connection is reset. "rejects": the dial rejects with ECONNRESET. Default "resets".
   */
  readonly refusal?: "resets" | "rejects";
  /** Random faults, on every link. Default: none. */
  readonly faults?: FaultOptions;
  /** Called with each new link, before its first byte. */
  readonly onLink?: (link: MemoryLink) => void;
}

/** `MemoryNetworkOptions` with everything decided. */
export interface MemorySettings {
  readonly seed: number;
  readonly clock: VirtualClock;
  readonly latencyMs: number;
  readonly windowBytes: number;
  readonly chunkBytes: number;
  readonly refusal: "resets" | "rejects";
  readonly faults: Faults;
  readonly onLink: ((link: MemoryLink) => void) | undefined;
}

const NAMES = ["seed", "clock", "latencyMs", "windowBytes", "chunkBytes", "refusal", "faults", "onLink"];
const BYTES_MAX = 2 ** 32;

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function resolveMemoryOptions(given: MemoryNetworkOptions): MemorySettings {
  readOptions(given, NAMES, "make a memory network");
  const { refusal = "resets" } = given;
  if (refusal !== "resets" && refusal !== "rejects") {
    throw invalidOption("refusal", `must be "resets" or "rejects", is ${show(refusal)}`);
  }
  return {
    seed: wholeNumber("seed", given.seed ?? 1, 0, Number.MAX_SAFE_INTEGER),
    clock: given.clock ?? new VirtualClock(),
    latencyMs: milliseconds("latencyMs", given.latencyMs ?? 0),
    windowBytes: wholeNumber("windowBytes", given.windowBytes ?? 65_536, 1, BYTES_MAX),
    chunkBytes: wholeNumber("chunkBytes", given.chunkBytes ?? BYTES_MAX, 1, BYTES_MAX),
    refusal,
    faults: resolveFaults(given.faults ?? {}),
    onLink: given.onLink,
  };
}
