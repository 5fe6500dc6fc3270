/**
 * What one run does, as plain data: the parent writes a Plan, both children read it, the C program gets
 * it as arguments. Nothing here runs.
 */

/**
 * echo:       the client keeps `window` messages outstanding on each of `links` links; the server returns each
 *             message as it came. With window 1 and one link this is the round trip.
 * oneway:     the client sends `burst` messages per turn of its loop on each link; the server receives.
 * broadcast:  the server sends `burst` messages per turn to all `links` sessions, which live in the client.
 */
export type Pattern = "echo" | "oneway" | "broadcast";

export interface Plan {
  readonly pattern: Pattern;
  /** Message sizes in bytes (payload, without any header); message n has sizes[n & (sizes.length - 1)]. */
  readonly sizes: readonly number[];
  readonly links: number;
  /** Sessions beside them that are connected and never send. */
  readonly idleLinks: number;
  readonly window: number;
  readonly burst: number;
  /** Keep the time of every echo (for the round trip); else only count. */
  readonly latency: boolean;
}

/** A plan as a child gets it: for one peer, with the addresses that are known by then. */
export interface ChildPlan extends Plan {
  readonly peer: string;
  /** lanwire: worker threads of the server. */
  readonly threads: number;
  /** lanwire: of the client; several links stay on the client process's main thread. */
  readonly clientThreads: number;
  /** lanwire: see `busyPollMicros`. */
  readonly busyPollMicros: number;
  /** lanwire: the server's handle sends instead of its worker thread. */
  readonly fromHandle: boolean;
  /** lanwire: take dist/ instead of src/. */
  readonly built: boolean;
  /** The peer cannot tell a sender to wait: receivers acknowledge beside it. Broadcast does so for all. */
  readonly credit: boolean;
  /** Where the broker listens, for peers that have one. */
  readonly brokerPort: number;
  /** For the client: what the server child announced. */
  readonly port: number;
  readonly creditPort: number;
}

/** What the children answer to a command. Counts are totals since the child began. */
export interface Reply {
  /** Milliseconds on the system-wide monotonic clock. */
  readonly atMs: number;
  readonly received: number;
  readonly sent: number;
  /** User and system time of the process so far. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
  /** Sorted percentiles of the time between "begin" and "end", when the plan asks for them. */
  readonly latency?: Latency | undefined;
}

export interface Latency {
  readonly samples: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** busy: from now on the main thread of that process works in slices of 5 ms, whoever else lives in it. */
export const BUSY_SLICE_MS = 5;

/** start: begin sending; begin, end: edges of the measured time; stop: send no more; count: where are you. */
export type Command = "start" | "begin" | "end" | "stop" | "count" | "gc" | "busy";

/** Bytes of the first `count` messages of a plan. */
export function bytesOf(sizes: readonly number[], count: number): number {
  const cycle = sizes.reduce((sum, size) => sum + size, 0);
  const rest = sizes.slice(0, count % sizes.length).reduce((sum, size) => sum + size, 0);
  return Math.floor(count / sizes.length) * cycle + rest;
}

/** Repeats a list of sizes to a power of two entries, so that message n's size is found with a mask. */
export function cycleOf(sizes: readonly number[]): number[] {
  for (const size of sizes) {
    if (!Number.isInteger(size) || size < 8)
      throw new Error(`Cannot send messages of ${size} bytes: 8 is the least`);
  }
  if (sizes.length <= 1) return [...sizes];
  const length = 2 ** Math.ceil(Math.log2(Math.max(sizes.length * 8, 64)));
  return Array.from({ length }, (_, index) => sizes[index % sizes.length]!);
}

/** 256 sizes between two bounds, spread evenly over the orders of magnitude; the same ones each time. */
export function mixedSizes(least: number, most: number): number[] {
  let state = 0x2545f491;
  return Array.from({ length: 256 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.round(least * (most / least) ** (state / 2 ** 32));
  });
}
