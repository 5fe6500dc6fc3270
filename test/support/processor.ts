/**
 * How long threads were ready to run and waited for a processor that others had. It is what a busy machine adds to a
 * time, and nothing else: a test that takes it off holds the rest to its bound on any machine. Linux tells;
 * elsewhere it is 0, and the bound is held by the clock alone.
 */
import { readdirSync, readFileSync } from "node:fs";

type Waits = ReadonlyMap<string, number>;

/** By thread of this process, since each began. */
export function waitsMs(): Waits {
  const waits = new Map<string, number>();
  for (const thread of threads()) {
    const waitedMs = waitOf(thread);
    if (waitedMs !== undefined) waits.set(thread, waitedMs);
  }
  return waits;
}

/** What the main thread waited since `before`. */
export function waitedMs(before: Waits): number {
  const main = String(process.pid);
  return (waitOf(main) ?? 0) - (before.get(main) ?? 0);
}

/** The same, and what the one other thread that waited longest did: where the main thread in turn waits for others. */
export function waitedWithOthersMs(before: Waits): number {
  const main = String(process.pid);
  let most = 0;
  for (const [thread, wait] of waitsMs())
    if (thread !== main) most = Math.max(most, wait - (before.get(thread) ?? 0));
  return waitedMs(before) + most;
}

function threads(): string[] {
  try {
    return readdirSync("/proc/self/task");
  } catch {
    return [];
  }
}

/** Undefined where the thread is gone, or the system does not tell. */
function waitOf(thread: string): number | undefined {
  try {
    const [, waitedNs] = readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    return undefined;
  }
}
