/** A server's or client's figures, put together from what all its threads published. */
import type { Counters } from "../base/counters.ts";
import { type SessionStats, sessionStats } from "../engine/stats.ts";
import type { SessionId } from "../session/session-id.ts";
import { Reservations } from "./reservations.ts";
import { publishedFigures } from "./shared-crossing.ts";
import type { SharedMemory } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";

/** What was counted, what is queued and what is under way, on all threads together. */
export function sharedTotals(
  memory: SharedMemory,
  registry: SharedRegistry,
): { counters: Counters; sessions: number; queuedBytes: number } {
  const reservations = new Reservations(memory);
  let queuedBytes = 0;
  for (const id of registry.joined()) {
    queuedBytes += reservations.bytesTaken(id);
  }
  return { counters: memory.totals(), sessions: registry.count, queuedBytes };
}

/** One session's figures, whichever thread owns it. */
export function sharedSessionStats(
  memory: SharedMemory,
  registry: SharedRegistry,
  id: SessionId,
): SessionStats | undefined {
  if (registry.ownerOf(id) === 0) return undefined;
  const queuedBytes = new Reservations(memory).bytesTaken(id);
  return sessionStats({ ...publishedFigures(memory, id), queuedBytes }, registry.nameOf(id));
}
