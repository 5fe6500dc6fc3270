/**
 * The figures of one thread's server or client, cheap enough to be always on: one number each in an array
 * that one thread writes and any thread may read (a figure read from another thread is whole, at most a
 * moment old). Byte counts are bytes on the wire, headers and heartbeats included; packets are the
 * application's.
 *
 *     | accepted refused | received packets, bytes | sent packets, bytes | errors by code | leaves, refusals by reason |
 */
import { ERROR_CODES, type ErrorCode } from "./errors.ts";

/** A count of packets and of bytes on the wire. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const ERRORS_AT = 6;
const LEAVES_AT: number = ERRORS_AT + CODES.length;
/** Room for the leave reasons, which a higher floor names. */
const LEAVE_KINDS_MAX = 32;

/** How many numbers a `Counters` has. */
const REFUSALS_AT: number = LEAVES_AT + LEAVE_KINDS_MAX;
/** Room for the reasons to refuse, likewise. */
const REFUSAL_KINDS_MAX = 16;
export const COUNTER_CELLS: number = REFUSALS_AT + REFUSAL_KINDS_MAX;

export class Counters {
  /** Never resized; may lie in shared memory. */
  readonly cells: Float64Array;

  constructor(cells: Float64Array = new Float64Array(COUNTER_CELLS)) {
    this.cells = cells;
  }

  get accepted(): number {
    return this.cells[0]!;
  }
  get refused(): number {
    return this.cells[1]!;
  }
  get received(): Traffic {
    return { packets: this.cells[2]!, bytes: this.cells[3]! };
  }
  get sent(): Traffic {
    return { packets: this.cells[4]!, bytes: this.cells[5]! };
  }
  get errors(): Partial<Record<ErrorCode, number>> {
    const counted = CODES.map((code, i) => [code, this.cells[ERRORS_AT + i]!] as const);
    return Object.fromEntries(counted.filter(([, count]) => count > 0));
  }
  /** Leaves of the kind with that index. */
  left(kind: number): number {
    return this.cells[LEAVES_AT + kind]!;
  }
  /** Refusals of the kind with that index. */
  refusedAs(kind: number): number {
    return this.cells[REFUSALS_AT + kind]!;
  }

  countAccepted(): void {
    this.cells[0]! += 1;
  }
  countRefused(kind: number): void {
    this.cells[1]! += 1;
    this.cells[REFUSALS_AT + kind]! += 1;
  }
  countReceived(packets: number, bytes: number): void {
    this.cells[2]! += packets;
    this.cells[3]! += bytes;
  }
  countSent(packets: number, bytes: number): void {
    this.cells[4]! += packets;
    this.cells[5]! += bytes;
  }
  countError(code: ErrorCode): void {
    this.cells[ERRORS_AT + CODES.indexOf(code)]! += 1;
  }
  countLeft(kind: number): void {
    this.cells[LEAVES_AT + kind]! += 1;
  }

  /** Adds what another one counted. */
  add(other: Counters): void {
    for (let i = 0; i < COUNTER_CELLS; i++) this.cells[i]! += other.cells[i]!;
  }
}
