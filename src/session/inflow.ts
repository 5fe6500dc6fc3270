/**
 * One session's receiving half: bytes in, packets to the owner in order, one handler at a time.
 *
 *     read --> ReceiveBuffer --> packet --+--> owner.onPacket
 *                                         |        ^ deliverHeld: the handler is done, or the thread's turn came
 *                                         +--> inbox (a handler is pending, or the thread has no turn)
 *
 * Invariants: packets are handed over in the order they arrived. What waits (inbox and broken frame) stays
 * near `receiveQueueBytesMax`: at that mark reading stops, and at most one read more was under way. The memory
 * behind it does too: what lies between held packets counts, and other sessions' bytes are not kept alive.
 */
import type { Clock, Timer } from "../base/clock.ts";
import type { Counters } from "../base/counters.ts";
import type { FrameSink } from "../framing/decode-frames.ts";
import { ReceiveBuffer, type ReceivePool } from "../framing/receive-buffer.ts";
import { weighReceived } from "../framing/young-slabs.ts";
import { ownMemory } from "../packet/memory.ts";
import { type Packet, receivedPacket } from "../packet/packet.ts";
import { Inbox } from "./inbox.ts";
import type { Lateness } from "./lateness.ts";
import { Pace } from "./pace.ts";
import type { SessionSettings } from "./settings.ts";

/** The session around it. */
export interface InflowHost {
  /** Whether frames are decoded any further. */
  readonly isOpen: boolean;
  /** Whether packets that arrived are handed over. */
  readonly delivers: boolean;
  /** Whether events may run now; if not, `deliverHeld` is called once they may. HOT. */
  mayDeliver(): boolean;
  /** Hands a packet to the application; a promise means "not done", never rejects. HOT. */
  handOver(packet: Packet): Promise<void> | undefined;
  pauseReading(): void;
  resumeReading(): void;
  onAllDelivered(): void;
  /** The peer sends faster than it may, and shall leave for it. */
  onOverPace(): void;
}

/** What the receiving half needs of what all sessions share. */
interface InflowContext {
  readonly settings: SessionSettings;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly receivePool: ReceivePool;
  readonly lateness: Lateness;
}

/** Reasons to pause reading: what waits is as much as may, or the peer has sent too fast. */
const QUEUE = 1;
const REST = 2;

export class Inflow implements FrameSink {
  packetsReceived = 0;
  bytesReceived = 0;
  /** Whether the peer has ever sent a heartbeat. */
  peerBeats = false;

  readonly #host: InflowHost;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #pace: Pace | null;
  /** Until the peer may be read from again. */
  #rest: Timer | null = null;
  readonly #headerBytes: number;
  readonly #heldBytesMax: number;
  readonly #emptyIsHeartbeat: boolean;
  readonly #buffer: ReceiveBuffer;
  readonly #inbox = new Inbox();
  /** Other sessions' slab that the inbox keeps alive: one at most, the one that its first packet lies in. */
  #sharedSlab: Uint8Array | null = null;
  /** Heartbeats that arrived behind what the inbox holds: they lie in the memory that it keeps. */
  #beatBytes = 0;
  /** A handler's promise is pending. */
  #handling = false;
  /** Why reading is paused: some of `QUEUE` and `REST`, or 0. */
  #paused = 0;

  constructor(host: InflowHost, { settings, clock, counters, receivePool, lateness }: InflowContext) {
    this.#host = host;
    this.#clock = clock;
    this.#counters = counters;
    this.#pace = settings.pace === null ? null : new Pace(settings.pace, clock.nowMs(), lateness);
    this.#headerBytes = settings.header.byteLength;
    this.#heldBytesMax = settings.receiveQueueBytesMax;
    this.#emptyIsHeartbeat = settings.heartbeat !== false;
    this.#buffer = new ReceiveBuffer(settings.header, settings.packetBytesMax, receivePool);
  }

  /** Bytes of a frame that is not whole. */
  get partialBytes(): number {
    return this.#buffer.partialBytes;
  }
  get reading(): boolean {
    return this.#paused === 0;
  }
  /** Whether packets wait to be handed over. */
  get holds(): boolean {
    return !this.#inbox.isEmpty;
  }

  readBuffer(): Uint8Array {
    if (!this.#handling && this.#inbox.isEmpty) return this.#buffer.readBuffer(Number.MAX_SAFE_INTEGER);
    return this.#buffer.readBuffer(Math.max(1, this.#heldBytesMax - this.#heldBytes()));
  }

  /** Bytes that arrived while nothing is delivered any more: counted as life, and dropped. */
  discard(byteLength: number): void {
    this.bytesReceived += byteLength;
    this.#counters.countReceived(0, byteLength);
  }

  /** @throws LanError FRAME_TOO_LARGE, FRAME_INVALID: the frames before were handed over. */
  commit(byteLength: number): void {
    this.bytesReceived += byteLength;
    const before = this.packetsReceived;
    try {
      this.#buffer.commit(byteLength, this);
    } finally {
      const packets = this.packetsReceived - before;
      this.#counters.countReceived(packets, byteLength);
      weighReceived(byteLength, packets);
    }
    if ((this.#handling || this.holds) && this.#heldBytes() >= this.#heldBytesMax) this.#pause(QUEUE);
    if (this.#pace !== null && this.#host.isOpen) this.#keep(this.#pace);
  }

  /** HOT. */
  onFrame(start: number, end: number): boolean {
    if (start === end && this.#emptyIsHeartbeat) {
      this.peerBeats = true;
      if (!this.#inbox.isEmpty) this.#beatBytes += this.#headerBytes;
      return true;
    }
    this.packetsReceived++;
    const { bytes, view } = this.#buffer.slab;
    if (this.#handling || !this.#inbox.isEmpty || !this.#host.mayDeliver())
      this.#hold(bytes, view, start, end);
    else this.#deliver(receivedPacket(bytes, view, start, end));
    return this.#host.isOpen;
  }

  /** Hands over what waited, as far as handlers and the thread's turn allow. */
  deliverHeld(): void {
    while (!this.#handling && this.#host.delivers && !this.#inbox.isEmpty && this.#host.mayDeliver()) {
      this.#deliver(this.#inbox.shift()!);
    }
    if (this.#inbox.isEmpty || this.#heldBytes() <= this.#heldBytesMax / 2) this.#resume(QUEUE);
    if (!this.#inbox.isEmpty) return;
    this.#holdNothing();
    this.#host.onAllDelivered();
  }

  /** Nothing is delivered any more; reading goes on so that the peer's bytes make no RST. */
  abandon(): void {
    this.release();
    this.#resume(QUEUE | REST);
  }

  /** Lets go of all memory. */
  release(): void {
    this.#rest?.cancel();
    this.#inbox.clear();
    this.#holdNothing();
    this.#buffer.release();
  }

  /** The same, once the connection is gone. */
  end(): void {
    this.release();
    this.#buffer.end();
  }

  /** A packet waits. Among other sessions' bytes it would keep a slab of them alive, so it moves, but for the first. */
  #hold(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    if (this.#inbox.isEmpty && this.#buffer.isShared) this.#sharedSlab = bytes;
    if (!this.#buffer.isShared || this.#sharedSlab === bytes) {
      this.#inbox.push(receivedPacket(bytes, view, start, end));
      return;
    }
    const own = ownMemory(end - start);
    own.bytes.set(bytes.subarray(start, end));
    this.#inbox.push(receivedPacket(own.bytes, own.view, 0, end - start));
  }

  #holdNothing(): void {
    this.#sharedSlab = null;
    this.#beatBytes = 0;
  }

  #deliver(packet: Packet): void {
    const pending = this.#host.handOver(packet);
    if (pending === undefined) return;
    this.#handling = true;
    void pending.then(() => {
      this.#handling = false;
      this.deliverHeld();
    });
  }

  /** A peer over its pace leaves, or is not read from until its time has come. */
  #keep(pace: Pace): void {
    const overMs = pace.overMs(this.packetsReceived, this.bytesReceived, this.#clock.nowMs());
    if (overMs === 0) return;
    if (pace.settings.overPace === "leave") {
      this.#host.onOverPace();
      return;
    }
    this.#pause(REST);
    this.#rest?.cancel();
    this.#rest = this.#clock.after(overMs, () => this.#resume(REST));
  }

  #heldBytes(): number {
    return this.#inbox.heldBytes + this.#beatBytes + this.#buffer.partialBytes;
  }

  #pause(why: number): void {
    const was = this.#paused;
    this.#paused |= why;
    if (was === 0) this.#host.pauseReading();
  }

  #resume(why: number): void {
    const was = this.#paused;
    this.#paused &= ~why;
    if (was !== 0 && this.#paused === 0) this.#host.resumeReading();
  }
}
