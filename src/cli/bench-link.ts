/**
 * One link of `bench`: sends numbered messages, takes their echoes, and checks each.
 *
 *     | number u32 LE | filler ... | the number again u32 LE, from 8 bytes on |
 *
 * Invariants: at most `outstanding` messages are under way. An echo must be as long as its message and carry, at both
 * ends, the number that comes next: anything else is counted as wrong, so nothing is lost, doubled, mixed up or out of
 * order without being told. HOT: nothing is allocated per message.
 */
import type { LanError } from "../base/errors.ts";
import { Packet } from "../packet/packet.ts";
import type { Leave } from "../session/leave.ts";
import type { Latencies } from "./bench-latencies.ts";
import type { Schedule } from "./bench-schedule.ts";
import { CommandClient } from "./links.ts";

export interface LinkPlan {
  readonly isNet: boolean;
  readonly mode: "echo" | "one-way";
  readonly sizeBytes: number;
  readonly outstanding: number;
  readonly links: number;
}

export class BenchLink extends CommandClient {
  sent = 0;
  received = 0;
  wrong = 0;
  left: Leave | null = null;
  error: LanError | null = null;
  readonly #plan: LinkPlan;
  readonly #index: number;
  readonly #latencies: Latencies;
  readonly #onChange: () => void;
  readonly #packet: Packet;
  readonly #filler: Uint8Array;
  /** Without a rate: when the message was sent whose number, modulo the length, is the index. */
  readonly #sentAtMs: Float64Array;
  #schedule: Schedule | null = null;

  /** @param onChange - a link has ended, or has nothing under way any more */
  constructor(plan: LinkPlan, index: number, latencies: Latencies, onChange: () => void) {
    super(plan.isNet);
    this.#plan = plan;
    this.#index = index;
    this.#latencies = latencies;
    this.#onChange = onChange;
    this.#packet = new Packet(plan.sizeBytes, plan.sizeBytes);
    this.#filler = new Uint8Array(Math.max(0, plan.sizeBytes - 8)).fill(0x6c);
    this.#sentAtMs = new Float64Array(plan.mode === "echo" ? plan.outstanding : 0);
  }

  /** Messages under way: sent, and not answered yet. */
  get outstanding(): number {
    return this.#plan.mode === "echo" ? this.sent - this.received : 0;
  }

  begin(schedule: Schedule): void {
    this.#schedule = schedule;
  }

  /** When this link's next message is due; Infinity where none is left, or an answer has to come first. */
  get nextDueMs(): number {
    if (this.dueAndNotSent === 0 || this.#isHeldBack()) return Number.POSITIVE_INFINITY;
    return this.#schedule!.dueMs(this.#number());
  }

  /** Messages of the schedule that were not sent yet. */
  get dueAndNotSent(): number {
    return this.#schedule!.remaining(this.#number(), this.#plan.links);
  }

  /** Sends what is due, as far as there is room; `onSendReady` goes on where the queue was full. HOT. */
  pump(): void {
    const schedule = this.#schedule;
    if (schedule === null || this.left !== null) return;
    let nowMs = performance.now();
    const { mode, sizeBytes } = this.#plan;
    for (let turn = 1; !this.#isHeldBack() && schedule.isDue(this.#number(), nowMs); turn++) {
      const packet = this.#packet.clear().writeUint32(this.sent >>> 0);
      if (sizeBytes > 8) packet.writeBytes(this.#filler);
      if (sizeBytes >= 8) packet.writeUint32(this.sent >>> 0);
      else for (let rest = sizeBytes - 4; rest > 0; rest--) packet.writeUint8(0);
      if (!this.sendPacket(packet)) return;
      if (schedule.hasRate) this.#latencies.late(nowMs - schedule.dueMs(this.#number()));
      if (mode === "echo") this.#sentAtMs[this.sent % this.#plan.outstanding] = nowMs;
      this.sent++;
      if (turn % 16 === 0) nowMs = performance.now();
    }
  }

  /** HOT. */
  onRecv(packet: Packet): void {
    if (this.#plan.mode === "one-way") return; // an echo peer answers all the same
    const nowMs = performance.now();
    if (this.outstanding === 0 || !this.#isNext(packet)) {
      this.wrong++;
      return;
    }
    const schedule = this.#schedule!;
    const beganMs = schedule.hasRate
      ? schedule.dueMs(this.#index + this.received * this.#plan.links)
      : this.#sentAtMs[this.received % this.#plan.outstanding]!;
    this.#latencies.add(nowMs - beganMs);
    this.received++;
    this.pump();
    if (this.outstanding === 0) this.#onChange();
  }

  override onSendReady(): void {
    this.pump();
  }

  onLeaveServer(leave: Leave): void {
    this.left = leave;
    this.#onChange();
  }

  onError(error: LanError): void {
    this.error = error;
  }

  /** The number, in the whole run, of this link's next message. */
  #number(): number {
    return this.#index + this.sent * this.#plan.links;
  }

  #isHeldBack(): boolean {
    return this.outstanding >= this.#plan.outstanding;
  }

  #isNext(packet: Packet): boolean {
    const { sizeBytes } = this.#plan;
    if (packet.length !== sizeBytes || packet.readUint32() !== this.received >>> 0) return false;
    if (sizeBytes < 8) return true;
    const bytes = packet.bytes;
    const at = sizeBytes - 4;
    const number =
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
    return number === this.received >>> 0;
  }
}
