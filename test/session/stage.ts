/**
 * One session between a connection, an owner and a clock that do nothing by themselves: a test plays the kernel,
 * the peer and the time, and sees each call that the session makes, in order.
 */
import type { Clock, Timer } from "../../src/base/clock.ts";
import { Counters, type Traffic } from "../../src/base/counters.ts";
import type { LanError } from "../../src/base/errors.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import { SendPool } from "../../src/framing/send-pool.ts";
import { Packet } from "../../src/packet/packet.ts";
import type { Crossing, PublishedFigures } from "../../src/session/crossing.ts";
import { Flusher } from "../../src/session/flusher.ts";
import { Lateness } from "../../src/session/lateness.ts";
import type { Leave } from "../../src/session/leave.ts";
import { Session } from "../../src/session/session.ts";
import type { SessionContext, SessionOwner } from "../../src/session/session-context.ts";
import { makeSessionId, type SessionId } from "../../src/session/session-id.ts";
import type { SessionSettings } from "../../src/session/settings.ts";
import type { Connection, ConnectionReceiver } from "../../src/transport/connection.ts";

export const packetOf = (hex: string): Packet => Packet.from(Buffer.from(hex, "hex"));

/** The system's error of that code. */
export const systemError = (code: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`the ${code}`), { code });

/** A clock that a test moves. */
export class StageClock implements Clock {
  #nowMs = 1000;
  #timers: { atMs: number; task: () => void; keepAlive: boolean }[] = [];
  #afterReads: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }
  epochMs(): number {
    return this.#nowMs;
  }
  after(delayMs: number, task: () => void, keepAlive: boolean = false): Timer {
    const timer = { atMs: this.#nowMs + delayMs, task, keepAlive };
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
    return { cancel };
  }
  afterPendingReads(task: () => void): Timer {
    this.#afterReads.push(task);
    const cancel = (): void => {
      this.#afterReads = this.#afterReads.filter((other) => other !== task);
    };
    return { cancel };
  }

  /** In how many milliseconds each timer is due, and whether the process stays up for it. */
  get timers(): { inMs: number; keepAlive: boolean }[] {
    return this.#timers.map(({ atMs, keepAlive }) => ({ inMs: atMs - this.#nowMs, keepAlive }));
  }
  /** How many wait for the reads that are pending. */
  get suspicions(): number {
    return this.#afterReads.length;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { task } of due) task();
  }
  readsAreDone(): void {
    for (const task of this.#afterReads.splice(0)) task();
  }
}

/** What other threads have taken and not brought, as a test says. */
export class StageCrossing implements Crossing {
  readonly calls: string[] = [];
  published: PublishedFigures | undefined;
  queuedPackets = 0;
  takes = true;
  underWay: Traffic = { packets: 0, bytes: 0 };

  open(id: SessionId): void {
    this.calls.push(`open ${id}`);
  }
  take(_id: SessionId, bytes: number, bytesMax: number): boolean {
    this.calls.push(`take ${bytes} of ${bytesMax}`);
    return this.takes;
  }
  arrived(_id: SessionId, packets: number): void {
    this.calls.push(`arrived ${packets}, queue ${this.queuedPackets}`);
  }
  written(_id: SessionId, bytes: number): void {
    this.calls.push(`written ${bytes}`);
  }
  isUnderWay(): boolean {
    return this.underWay.packets > 0;
  }
  close(): void {
    this.calls.push("close");
  }
  end(_id: SessionId, queuedBytes: number): Traffic {
    this.calls.push(`end ${queuedBytes}`);
    return this.underWay;
  }
  publish({ id, queuedPackets, received, sent }: PublishedFigures): void {
    this.published = { id, queuedPackets, received, sent };
  }
  publishQueue(_id: SessionId, queuedPackets: number): void {
    this.queuedPackets = queuedPackets;
  }
  announceRoom(): void {
    this.calls.push("room");
  }
}

/** A flusher that counts how often it is asked. */
export class StageFlusher extends Flusher {
  asked = 0;
  /** Of these, for what answers a read. */
  answers = 0;

  override add(session: Session): void {
    this.asked++;
    super.add(session);
  }
  override addAnswering(session: Session): void {
    this.asked++;
    this.answers++;
    super.addAnswering(session);
  }
}

const NOWHERE = { ip: "", port: 0 };

export class Stage implements SessionOwner<Session> {
  readonly clock: StageClock = new StageClock();
  readonly crossing: StageCrossing = new StageCrossing();
  readonly flusher: StageFlusher = new StageFlusher(this.clock);
  readonly counters: Counters = new Counters();
  readonly session: Session;
  /** Calls to the connection and the owner. */
  readonly calls: string[] = [];
  readonly errors: LanError[] = [];
  readonly leaves: Leave[] = [];
  hasTurn = true;
  activity = 0;
  /** How long a call of write takes. */
  writeMs = 0;
  /** Done inside the event of that name. */
  readonly inside: Partial<Record<"packet" | "sent" | "send ready", () => void>> = {};
  #receiver: ConnectionReceiver | undefined;

  constructor(settings: Partial<SessionSettings> = {}) {
    const connection: Connection = {
      remote: NOWHERE,
      local: NOWHERE,
      open: (receiver) => {
        this.#receiver = receiver;
        this.calls.push("open");
      },
      write: (chunks) => {
        this.calls.push(`write ${Buffer.concat(chunks).toString("hex")}`);
        this.clock.pass(this.writeMs);
      },
      pause: () => void this.calls.push("pause"),
      resume: () => void this.calls.push("resume"),
      end: () => void this.calls.push("end"),
      destroy: () => void this.calls.push("destroy"),
      reset: () => void this.calls.push("reset"),
    };
    const context: SessionContext<Session> = {
      settings: {
        header: lengthHeader("u16le"),
        packetBytesMax: 1000,
        sendQueueBytesMax: 100,
        receiveQueueBytesMax: 1000,
        heartbeat: false,
        partialFrameTimeoutMs: 2000,
        sendStallMs: 3000,
        disconnectDrainMs: 500,
        firstPacketTimeoutMs: 0,
        idleTimeoutMs: 0,
        pace: null,
        ...settings,
      },
      clock: this.clock,
      counters: this.counters,
      receivePool: new ReceivePool(),
      sendPool: new SendPool(),
      flusher: this.flusher,
      crossing: this.crossing,
      lateness: new Lateness(),
      random: Math.random,
      onActivity: () => void this.activity++,
      owner: this,
    };
    this.session = new Session(makeSessionId(1, 7), connection, context);
  }

  /** Opens the session and forgets the calls of that. */
  opened(): this {
    this.session.open();
    this.calls.length = 0;
    this.crossing.calls.length = 0;
    return this;
  }

  /** The calls since the last look. */
  since(): string[] {
    return this.calls.splice(0);
  }

  /** Lets what was sent in this turn go out. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }

  /** One read of `hex`. */
  read(hex: string): void {
    const bytes = Buffer.from(hex, "hex");
    this.#receiver!.readBuffer().set(bytes);
    this.#receiver!.onRead(bytes.length);
  }

  // The owner.

  mayDeliver(): boolean {
    return this.hasTurn;
  }
  onPacket(_session: Session, packet: Packet): undefined {
    this.calls.push(`packet ${Buffer.from(packet.bytes).toString("hex")}`);
    this.inside.packet?.();
  }
  onSent(_session: Session, byteLength: number): void {
    this.calls.push(`sent ${byteLength}`);
    this.inside.sent?.();
  }
  onSendReady(): void {
    this.calls.push("send ready");
    this.inside["send ready"]?.();
  }
  onError(error: LanError): void {
    this.errors.push(error);
  }
  onLeft(_session: Session, leave: Leave): void {
    this.calls.push(`left ${leave.reason}`);
    this.leaves.push(leave);
  }
}
