/**
 * The owner's side of crossing packets: what a thread's own sessions tell the shared memory, and what they
 * learn from it.
 */
import type { Traffic } from "../base/counters.ts";
import type { Crossing, PublishedFigures } from "../session/crossing.ts";
import { type SessionId, slotOf } from "../session/session-id.ts";
import { Reservations } from "./reservations.ts";
import { FIGURE_STRIDE, type SharedMemory, THREADS_MAX } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";

const NOTHING: Traffic = { packets: 0, bytes: 0 };

export class SharedCrossing implements Crossing {
  readonly #figures: Float64Array;
  readonly #registry: SharedRegistry;
  readonly #reservations: Reservations;
  readonly #tellRoom: (thread: number, id: SessionId) => void;

  constructor(
    memory: SharedMemory,
    registry: SharedRegistry,
    tellRoom: (thread: number, id: SessionId) => void,
  ) {
    this.#figures = memory.figures;
    this.#registry = registry;
    this.#reservations = new Reservations(memory);
    this.#tellRoom = tellRoom;
  }

  open(id: SessionId): void {
    this.publish({ id, queuedPackets: 0, received: NOTHING, sent: NOTHING });
    this.#reservations.open(id);
    this.#registry.markOpened(id);
  }

  take(id: SessionId, bytes: number, bytesMax: number): boolean {
    return this.#reservations.take(id, bytes, bytesMax);
  }

  arrived(id: SessionId, packets: number): void {
    this.#reservations.arrived(id, packets);
  }

  written(id: SessionId, bytes: number): void {
    this.#reservations.written(id, bytes);
  }

  isUnderWay(id: SessionId): boolean {
    return this.#reservations.isUnderWay(id);
  }

  close(id: SessionId): void {
    this.#reservations.close(id);
  }

  end(id: SessionId, queuedBytes: number): Traffic {
    const { packets, bytes } = this.#reservations.end(id);
    return { packets, bytes: bytes - queuedBytes };
  }

  publish(figures: PublishedFigures): void {
    const at = slotOf(figures.id) * FIGURE_STRIDE;
    const cells = this.#figures;
    cells[at] = figures.queuedPackets;
    cells[at + 1] = figures.received.packets;
    cells[at + 2] = figures.received.bytes;
    cells[at + 3] = figures.sent.packets;
    cells[at + 4] = figures.sent.bytes;
  }

  publishQueue(id: SessionId, queuedPackets: number): void {
    this.#figures[slotOf(id) * FIGURE_STRIDE] = queuedPackets;
  }

  announceRoom(id: SessionId): void {
    const waiters = this.#registry.takeWaiters(id);
    if (waiters === 0) return;
    for (let thread = 0; thread <= THREADS_MAX; thread++) {
      if ((waiters & (1 << thread)) !== 0) this.#tellRoom(thread, id);
    }
  }
}

/** What a session's owner last published: any thread may read it. The bytes that are taken: see reservations.ts. */
export function publishedFigures(memory: SharedMemory, id: SessionId): PublishedFigures {
  const at = slotOf(id) * FIGURE_STRIDE;
  const cells = memory.figures;
  return {
    id,
    queuedPackets: cells[at]!,
    received: { packets: cells[at + 1]!, bytes: cells[at + 2]! },
    sent: { packets: cells[at + 3]!, bytes: cells[at + 4]! },
  };
}
