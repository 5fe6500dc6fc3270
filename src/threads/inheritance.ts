/** What the handle does with the sessions of a thread that is gone: each place is freed, each joined one has its leave. */
import { LEAVE_REASON_ORDER, type Leave, type LeaveReason } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { Reservations } from "./reservations.ts";
import { publishedFigures } from "./shared-crossing.ts";
import { UNPOSTED_STRIDE } from "./shared-memory.ts";
import type { SharedView } from "./shared-view.ts";

const HANDLE = 0;

/** Gives back what a dead thread had reserved for others' sessions and never posted. */
export function giveBackUnposted({ memory }: SharedView, thread: number): void {
  const reservations = new Reservations(memory);
  const cells = memory.unposted(thread);
  for (let at = 0; at < cells.length; at += UNPOSTED_STRIDE) {
    const id = cells[at] as SessionId;
    if ((id as number) !== 0) reservations.giveBackFor(id, cells[at + 1]!, cells[at + 2]!);
    cells[at] = 0;
  }
}

/**
 * Counts out what `thread` still holds and hands each leave to `onLeave`. The packets that a session had
 * taken and not sent are those in the queue that its thread last published, and those that were under way to it.
 */
export function countOut(
  { memory, registry }: SharedView,
  thread: number,
  reason: LeaveReason,
  cause: unknown,
  onLeave: (id: SessionId, leave: Leave, hostId: HostId | undefined) => void,
): void {
  const reservations = new Reservations(memory);
  for (const [id, joined] of registry.inherit(thread)) {
    const { queuedPackets } = publishedFigures(memory, id);
    const taken = reservations.end(id);
    const hostId = registry.lastNameOf(id);
    registry.free(id);
    if (!joined) continue;
    const notSent = { packets: queuedPackets + taken.packets, bytes: taken.bytes };
    memory.counters(HANDLE).countLeft(LEAVE_REASON_ORDER.indexOf(reason));
    onLeave(id, cause instanceof Error ? { reason, notSent, cause } : { reason, notSent }, hostId);
  }
}
