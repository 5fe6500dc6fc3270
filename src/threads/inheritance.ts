/** What the handle does with the sessions of a thread that is gone: each place is freed, each join that was told has its leave. */
import { LEAVE_REASON_ORDER, type Leave, type LeaveReason } from "../session/leave.ts";
import type { HostId, SessionId } from "../session/session-id.ts";
import { Reservations } from "./reservations.ts";
import { publishedFigures } from "./shared-crossing.ts";
import { UNPOSTED_STRIDE } from "./shared-memory.ts";
import type { SharedView } from "./shared-view.ts";

const HANDLE = 0;

/** Who hears of the sessions of a dead thread. */
interface Heirs {
  /** One has left, which the thread had not counted yet. */
  readonly onLeft: (id: SessionId, leave: Leave, hostId: HostId | undefined) => void;
  /** Its join was told, so its leave is. */
  readonly onLeave: (id: SessionId, leave: Leave) => void;
}

/** Gives back what a dead thread had reserved for others' sessions and never posted; returns these sessions. */
export function giveBackUnposted({ memory }: SharedView, thread: number): SessionId[] {
  const ids: SessionId[] = [];
  const reservations = new Reservations(memory);
  const cells = memory.unposted(thread);
  for (let at = 0; at < cells.length; at += UNPOSTED_STRIDE) {
    const id = cells[at] as SessionId;
    if ((id as number) === 0) continue;
    reservations.giveBackFor(id, cells[at + 1]!, cells[at + 2]!);
    cells[at] = 0;
    ids.push(id);
  }
  return ids;
}

/**
 * Counts out what `thread` still holds, and has each leave told: of those sessions whose join the thread has
 * told and whose leave it has not. The packets that a session had taken and not sent are those in the queue that its
 * thread last published, and those that were under way to it; one that had left has said so.
 */
export function countOut(
  { memory, registry }: SharedView,
  thread: number,
  reason: LeaveReason,
  cause: unknown,
  { onLeft, onLeave }: Heirs,
): void {
  const reservations = new Reservations(memory);
  const endNow = (id: SessionId): Leave => {
    const { queuedPackets } = publishedFigures(memory, id);
    const taken = reservations.end(id);
    const notSent = { packets: queuedPackets + taken.packets, bytes: taken.bytes };
    return cause instanceof Error ? { reason, notSent, cause } : { reason, notSent };
  };
  for (const { id, wasOpen, joinTold, leave } of registry.inherit(thread)) {
    const told = leave ?? endNow(id);
    const hostId = registry.lastNameOf(id);
    registry.free(id);
    if (wasOpen && leave === undefined) {
      memory.counters(HANDLE).countLeft(LEAVE_REASON_ORDER.indexOf(reason));
      onLeft(id, told, hostId);
    }
    if (joinTold) onLeave(id, told);
  }
}
