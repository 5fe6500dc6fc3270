/**
 * One connection's life above the bytes: frames in, packets out, and one state that says what it may do.
 *
 *     open --> ending                        the peer closed; packets that arrived are still handed over
 *       |        |
 *       +--------+--> draining --> parting   taken packets go out; then FIN, and we wait for the peer's
 *       |        |        |           |
 *       +--------+--------+-----------+--> closing --> left      the descriptor goes; it is gone
 *
 * The session calls its owner only from the event loop (that is the transport's contract), so an event never
 * nests in another: whatever the application asks for inside one takes effect at once and is told later.
 *
 * Invariants: `onLeft` is the last call, exactly once. Nothing is delivered outside `open` and `ending`, and
 * nothing is taken outside `open`. At most one write is under way.
 */
import assert from "node:assert";
import type { Timer } from "../base/clock.ts";
import type { Traffic } from "../base/counters.ts";
import { LanError, peersError } from "../base/errors.ts";
import { SendBuffer } from "../framing/send-buffer.ts";
import type { Packet } from "../packet/packet.ts";
import type { Connection, ConnectionReceiver } from "../transport/connection.ts";
import { Inflow, type InflowHost } from "./inflow.ts";
import { type LeaveReason, reasonOf, reasonOfBroken } from "./leave.ts";
import { Liveness, type Signs } from "./liveness.ts";
import type { SessionContext } from "./session-context.ts";
import type { SessionId } from "./session-id.ts";

type SessionState =
  | { readonly at: "open" }
  | { readonly at: "ending"; readonly deadline: Timer }
  | {
      readonly at: "draining";
      readonly reason: LeaveReason;
      readonly deadline: Timer;
      readonly peerEnded: boolean;
    }
  | { readonly at: "parting"; readonly reason: LeaveReason; readonly deadline: Timer }
  | { readonly at: "closing"; readonly reason: LeaveReason; readonly cause: Error | undefined }
  | { readonly at: "left" };

const NEXT = {
  open: ["ending", "draining", "closing", "left"],
  ending: ["draining", "closing", "left"],
  draining: ["draining", "parting", "closing", "left"],
  parting: ["closing", "left"],
  closing: ["left"],
  left: [],
} as const satisfies Record<SessionState["at"], readonly SessionState["at"][]>;

const OPEN: SessionState = { at: "open" };

export class Session implements ConnectionReceiver, InflowHost, Signs {
  readonly id: SessionId;
  readonly connection: Connection;
  packetsSent = 0;
  bytesSent = 0;
  writesCompleted = 0;

  readonly #context: SessionContext<Session>;
  readonly #in: Inflow;
  readonly #out: SendBuffer;
  readonly #liveness: Liveness;
  #state: SessionState = OPEN;
  /** What the largest packet that was refused, and not told of room since, would have taken; 0 for none. */
  #refusedBytes = 0;
  #flushAsked = false;
  /** What has just arrived is being handed over. */
  #hands = false;
  #suspicion: Timer | null = null;

  constructor(id: SessionId, connection: Connection, context: SessionContext<Session>) {
    this.id = id;
    this.connection = connection;
    this.#context = context;
    this.#in = new Inflow(this, context);
    this.#out = new SendBuffer(context.settings.header, context.sendPool, context.random);
    this.#liveness = new Liveness(context.settings, context.clock.nowMs());
  }

  /** Whether the session takes packets. */
  get isOpen(): boolean {
    return this.#state === OPEN;
  }
  /** Whether packets that arrived are handed over. */
  get delivers(): boolean {
    return this.#state === OPEN || this.#state.at === "ending";
  }
  get received(): Traffic {
    return { packets: this.#in.packetsReceived, bytes: this.#in.bytesReceived };
  }
  get sent(): Traffic {
    return { packets: this.packetsSent, bytes: this.bytesSent };
  }
  get queuedBytes(): number {
    return this.#out.queuedBytes;
  }
  get queuedPackets(): number {
    return this.#out.queuedPackets;
  }

  // The signs of life.

  get bytesReceived(): number {
    return this.#in.bytesReceived;
  }
  get packetsReceived(): number {
    return this.#in.packetsReceived;
  }
  get bytesQueued(): number {
    return this.bytesSent + this.#out.queuedBytes;
  }
  get partialBytes(): number {
    return this.#in.partialBytes;
  }
  get reading(): boolean {
    return this.#in.reading;
  }
  get peerBeats(): boolean {
    return this.#in.peerBeats;
  }

  // What the owner asks for.

  /** Starts reading, and lets the peer hear the first heartbeat. */
  open(): void {
    this.#context.crossing.open(this.id);
    this.connection.open(this);
    if (this.#context.settings.heartbeat !== false) this.#beat();
  }

  /**
   * Takes a packet, or not: leaving, or the queue is full. The packet has passed the checks that throw. HOT.
   * @param frame the same as an encoded frame, where it was encoded for many
   */
  send(packet: Packet, frame: Uint8Array | null = null): boolean {
    if (this.#state !== OPEN) return false;
    const { settings, crossing } = this.#context;
    const frameBytes = settings.header.byteLength + packet.length;
    const bytesMax = settings.sendQueueBytesMax;
    if (this.#out.queuedBytes + frameBytes > bytesMax || !crossing.take(this.id, frameBytes, bytesMax)) {
      this.#refusedBytes = Math.max(this.#refusedBytes, frameBytes);
      return false;
    }
    this.#append(packet, frame);
    return true;
  }

  /** A packet arrives that another thread took, with a reservation. One that comes too late stays reserved. */
  sendReserved(packet: Packet, frame: Uint8Array | null): void {
    if (this.#state !== OPEN && this.#state.at !== "draining") return;
    this.#append(packet, frame); // first: no packet is ever neither in the queue nor under way
    this.#context.crossing.arrived(this.id, 1);
  }

  /** Hands over what waited for the thread's turn. */
  deliver(): void {
    this.#in.deliverHeld();
  }

  /** Begins to leave: what was taken goes out first, for at most `drainMs`. False where it already leaves. */
  drain(reason: LeaveReason, drainMs: number): boolean {
    const state = this.#state;
    if (state.at !== "open" && state.at !== "ending") return false;
    const deadline = this.#context.clock.after(drainMs, () => this.close(reason, { reset: true }), true);
    this.#enter({ at: "draining", reason, deadline, peerEnded: state.at === "ending" });
    this.#in.abandon();
    this.flush();
    return true;
  }

  /** Ends now. False where it already has. */
  close(reason: LeaveReason, how: { reset: boolean; cause?: Error }): boolean {
    const state = this.#state;
    if (state.at === "closing" || state.at === "left") return false;
    this.#enter({ at: "closing", reason: "reason" in state ? state.reason : reason, cause: how.cause });
    this.#in.release();
    if (how.reset) this.connection.reset();
    else this.connection.destroy();
    return true;
  }

  /** Starts a write of what waits, unless one is under way; a draining session with nothing left says goodbye. */
  flush(): void {
    this.#flushAsked = false;
    const state = this.#state;
    if (this.#out.writing || state.at === "parting" || state.at === "closing" || state.at === "left") return;
    const chunks = this.#out.beginWrite();
    if (chunks !== null) {
      this.connection.write(chunks);
      this.#context.onActivity();
    } else if (state.at === "draining" && !this.#context.crossing.isUnderWay(this.id)) this.#part(state);
  }

  /** Judges liveness; the engine calls it every `sweepMs`. */
  sweep(nowMs: number, sweepMs: number): void {
    if (this.#state !== OPEN) return;
    this.#liveness.observe(this, nowMs);
    if (this.#liveness.verdict(this, nowMs) !== undefined) this.#suspect();
    if (this.#out.queuedBytes === 0 && this.#liveness.heartbeatDue(nowMs, sweepMs)) this.#beat();
  }

  // From the connection.

  readBuffer(): Uint8Array {
    return this.#in.readBuffer();
  }

  onRead(byteLength: number): void {
    this.#context.onActivity();
    if (this.#state !== OPEN) {
      this.#in.discard(byteLength); // after our goodbye
      return;
    }
    this.#hands = true;
    try {
      this.#in.commit(byteLength);
    } catch (error) {
      if (!(error instanceof LanError)) throw error;
      this.#fail(error, reasonOfBroken(error));
    }
    this.#hands = false;
    this.#publish();
  }

  onWritten(): void {
    const { bytes, packets } = this.#out.completeWrite();
    const { counters, crossing, owner, settings } = this.#context;
    this.writesCompleted++;
    this.bytesSent += bytes;
    this.packetsSent += packets;
    counters.countSent(packets, bytes);
    crossing.written(this.id, bytes);
    this.#publish();
    this.#flushAsked = true; // whatever the events below send goes out with what waits already
    owner.onSent(this, bytes);
    if (this.#state === OPEN) {
      crossing.announceRoom(this.id);
      if (
        this.#refusedBytes > 0 &&
        this.#out.queuedBytes + this.#refusedBytes <= settings.sendQueueBytesMax
      ) {
        this.#refusedBytes = 0;
        owner.onSendReady(this);
      }
    }
    if (this.#out.queuedBytes > 0)
      this.#context.flusher.addLater(this); // the loop shall turn first
    else this.flush(); // a draining session says goodbye
  }

  onEnd(): void {
    const state = this.#state;
    if (state.at === "draining") {
      this.#enter({ ...state, peerEnded: true });
    } else if (state.at === "parting") {
      this.close(state.reason, { reset: false });
    } else if (state.at === "open" && this.#in.holds) {
      const giveUp = (): void => void this.close("peer-closed", { reset: false });
      const deadline = this.#context.clock.after(this.#context.settings.disconnectDrainMs, giveUp);
      this.#enter({ at: "ending", deadline });
    } else if (state.at === "open") {
      this.close("peer-closed", { reset: false });
    }
  }

  // From the inflow.

  /** HOT. */
  mayDeliver(): boolean {
    return this.#context.owner.mayDeliver(this);
  }

  /** HOT. */
  handOver(packet: Packet): Promise<void> | undefined {
    return this.#context.owner.onPacket(this, packet);
  }

  pauseReading(): void {
    if (this.#state.at !== "closing" && this.#state.at !== "left") this.connection.pause();
  }

  resumeReading(): void {
    if (this.#state.at !== "closing" && this.#state.at !== "left") this.connection.resume();
  }

  onOverPace(): void {
    this.close("over-pace", { reset: true });
  }

  onAllDelivered(): void {
    if (this.#state.at === "ending") this.close("peer-closed", { reset: false });
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    const state = this.#state;
    const reason = "reason" in state ? state.reason : reasonOf(error);
    const cause = state.at === "closing" ? (state.cause ?? error) : error;
    this.#enter({ at: "left" });
    this.#suspicion?.cancel();
    const lost = this.#context.crossing.end(this.id, this.#out.queuedBytes);
    const { packets, bytes } = this.#out.unsent;
    const notSent = { packets: packets + lost.packets, bytes: bytes + lost.bytes };
    this.#in.end();
    this.#out.release();
    if (reason === "connection-failed") {
      const details = { sessionId: this.id, cause: error };
      this.#context.owner.onError(
        new LanError("CONNECTION_FAILED", `Cannot go on: ${error?.message}`, details),
      );
    }
    this.#context.owner.onLeft(this, cause === undefined ? { reason, notSent } : { reason, notSent, cause });
  }

  // Inside.

  #append(packet: Packet, frame: Uint8Array | null): void {
    if (frame === null) this.#out.append(packet);
    else this.#out.appendFrame(frame);
    this.#context.crossing.publishQueue(this.id, this.#out.queuedPackets);
    this.#context.flusher.noteTaken(packet.length);
    if (!this.#flushAsked) this.#askFlush();
  }

  #askFlush(): void {
    this.#flushAsked = true;
    if (this.#out.writing) return;
    if (this.#hands) this.#context.flusher.addAnswering(this);
    else this.#context.flusher.add(this);
  }

  #beat(): void {
    const { crossing, settings } = this.#context;
    if (!crossing.take(this.id, settings.header.byteLength, Number.MAX_SAFE_INTEGER)) return; // full: life enough
    this.#out.appendHeartbeat();
    if (!this.#flushAsked) this.#askFlush();
  }

  #publish(): void {
    this.#context.crossing.publish(this);
  }

  /** Everything that was taken is written: says goodbye, and closes once the peer has too. */
  #part(state: SessionState & { at: "draining" }): void {
    if (state.peerEnded) {
      this.close(state.reason, { reset: false });
      return;
    }
    this.#enter({ at: "parting", reason: state.reason, deadline: state.deadline });
    this.connection.end();
  }

  /** A verdict waits until everything that already arrived has been looked at. */
  #suspect(): void {
    this.#suspicion ??= this.#context.clock.afterPendingReads(() => {
      this.#suspicion = null;
      if (this.#state !== OPEN) return;
      const nowMs = this.#context.clock.nowMs();
      this.#liveness.observe(this, nowMs);
      const reason = this.#liveness.verdict(this, nowMs);
      if (reason !== undefined) this.close(reason, { reset: true });
    });
  }

  #fail(error: LanError, reason: LeaveReason): void {
    const known = peersError(error.code, error.message, this.id);
    this.#context.owner.onError(known);
    this.close(reason, { reset: true, cause: known });
  }

  #enter(next: SessionState): void {
    const state = this.#state;
    assert((NEXT[state.at] as readonly string[]).includes(next.at), `session ${state.at} -> ${next.at}`);
    if ("deadline" in state && !("deadline" in next && next.deadline === state.deadline))
      state.deadline.cancel();
    if (state === OPEN) this.#context.crossing.close(this.id);
    this.#state = next;
  }
}
