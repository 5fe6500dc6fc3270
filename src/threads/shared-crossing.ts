/**
 * The owner's side of crossing packets: what a thread's own sessions tell the shared memory, and what they
 * learn from it.
 *
 *     take: spend the block --too little--> exchange, perhaps a new block --end of turn--> what is left goes back
 *
 * Invariant: between turns no session has anything left of a block, so with nothing queued and nothing under way the count
 * is 0.
 */
import type { Traffic } from "../base/counters.ts";
import type { Crossing, PublishedFigures } from "../session/crossing.ts";
import { type SessionId, slotOf } from "../session/session-id.ts";
import { Reservations } from "./reservations.ts";
import { FIGURE_STRIDE, type SharedMemory, THREADS_MAX } from "./shared-memory.ts";
import type { SharedRegistry } from "./shared-registry.ts";

/** A block costs as much as about this many exchanges, so it pays only where a turn goes on to send to one session. */
const ALONE_BEFORE_BLOCK = 4;

const NOBODY = 0 as SessionId;
const NOTHING: Traffic = { packets: 0, bytes: 0 };

export class SharedCrossing implements Crossing {
  readonly #figures: Float64Array;
  readonly #registry: SharedRegistry;
  readonly #reservations: Reservations;
  readonly #tellRoom: (thread: number, id: SessionId) => void;
  readonly #aloneBeforeBlock: number;
  /** The session that took last by an exchange, and how many it took alone in a row. */
  #last: SessionId = NOBODY;
  #inRow = 0;
  /** Sessions that took a block in this turn. */
  #withBlock: SessionId[] = [];
  #endAsked = false;
  readonly #onTurnEnds = (): void => {
    this.#endAsked = false;
    this.endTurn();
  };

  /** @param aloneBeforeBlock how many packets in a row a session takes alone before it takes room ahead */
  constructor(
    memory: SharedMemory,
    registry: SharedRegistry,
    tellRoom: (thread: number, id: SessionId) => void,
    aloneBeforeBlock: number = ALONE_BEFORE_BLOCK,
  ) {
    this.#aloneBeforeBlock = aloneBeforeBlock;
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
    return this.#reservations.spend(id, bytes) || this.#takeMore(id, bytes, bytesMax);
  }

  /** What this turn's sessions have not spent of their blocks goes back; who was refused meanwhile is told. */
  endTurn(): void {
    this.#inRow = 0;
    const ids = this.#withBlock;
    if (ids.length === 0) return;
    this.#withBlock = [];
    for (const id of ids) if (this.#reservations.giveBackUnspent(id)) this.announceRoom(id);
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
    // It has a block no more: one that follows in this place would have it given back under the wrong id.
    this.#withBlock = this.#withBlock.filter((other) => other !== id);
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

  /**
   * Takes packets alone, and where a turn has many in a row for one session, with a block. The turn ends as the flusher's
   * does: once the code that sends has returned, before the loop turns. It is waited for only where a block may come
   * next: a broadcast, or a turn with one packet, costs an exchange for each and nothing else.
   */
  #takeMore(id: SessionId, bytes: number, bytesMax: number): boolean {
    if (id !== this.#last) {
      this.#last = id;
      this.#inRow = 0;
    }
    if (this.#inRow < this.#aloneBeforeBlock) {
      if (!this.#reservations.take(id, bytes, bytesMax)) return false;
      if (++this.#inRow < this.#aloneBeforeBlock) return true;
    } else {
      const had = this.#reservations.unspent(id);
      if (!this.#reservations.take(id, bytes, bytesMax, true)) return false;
      if (had === 0 && this.#reservations.unspent(id) > 0) this.#withBlock.push(id);
    }
    if (!this.#endAsked) {
      this.#endAsked = true;
      process.nextTick(this.#onTurnEnds);
    }
    return true;
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
