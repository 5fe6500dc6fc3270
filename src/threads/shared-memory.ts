/**
 * The memory that the handle and the threads of one server share: allocated by the handle, never resized.
 *
 *     control       lock | count | next ticket | active | running | places | per thread: turn, ticket, load, incarnation
 *     slots         per session slot: state | generation | owner | waiters
 *     reservations  per session slot: one 64-bit word, see reservations.ts
 *     unspent       per session slot: bytes left of its owner's block, see reservations.ts
 *     figures       per session slot: queued packets | received packets, bytes | sent packets, bytes
 *                   of one that has left: not sent packets | bytes | reason
 *     unposted      per thread and session slot: session id | packets | bytes that wait in its batches
 *     names         per session slot: length | up to 255 UTF-16 units
 *     nameIndex     open addressing: hash of a name -> slot + 1
 *     counters      per thread: see base/counters.ts
 *
 * Threads are numbered from 1; 0 is the handle.
 */
import { COUNTER_CELLS, Counters } from "../base/counters.ts";
import { HOST_ID_LENGTH_MAX } from "../session/session-id.ts";

/** With the handle they fit the bits of one word. */
export const THREADS_MAX = 30;

export const SLOT_STRIDE = 4;
export const FIGURE_STRIDE = 5;
export const UNPOSTED_STRIDE = 3;
export const NAME_STRIDE: number = HOST_ID_LENGTH_MAX + 1;

/** What a thread's turn word says. */
export const TURN = { idle: 0, waiting: 1, active: 2 } as const;

/**
 * What a slot's first word says, so that the handle knows what a thread that died has told and what it has not:
 *
 *     free --> reserved --> opened --join told--> joined --> left --leave told--> free
 *                             \--> leftUnmet --join told-----^
 *
 * An id finds its session while it is opened or joined.
 */
export const SLOT = { free: 0, reserved: 1, opened: 2, joined: 3, leftUnmet: 4, left: 5 } as const;

/** Offsets in `control`. */
export const CONTROL = {
  lock: 0,
  count: 1,
  nextTicket: 2,
  active: 3,
  running: 4,
  places: 5,
  perThread: 8,
} as const;
const PER_THREAD = 4;

/** Plain data, to be handed to a thread as it is. */
export interface SharedBuffers {
  readonly maxSessions: number;
  readonly control: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  readonly reservations: SharedArrayBuffer;
  readonly unspent: SharedArrayBuffer;
  readonly figures: SharedArrayBuffer;
  readonly unposted: SharedArrayBuffer;
  readonly names: SharedArrayBuffer;
  readonly nameIndex: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

/** @param threads how many there will be, beside the handle. */
export function allocateShared(maxSessions: number, threads: number): SharedBuffers {
  const indexSize = 2 ** Math.ceil(Math.log2(maxSessions * 2));
  return {
    maxSessions,
    control: new SharedArrayBuffer(4 * (CONTROL.perThread + PER_THREAD * (THREADS_MAX + 1))),
    slots: new SharedArrayBuffer(4 * SLOT_STRIDE * maxSessions),
    reservations: new SharedArrayBuffer(8 * maxSessions),
    unspent: new SharedArrayBuffer(4 * maxSessions),
    figures: new SharedArrayBuffer(8 * FIGURE_STRIDE * maxSessions),
    unposted: new SharedArrayBuffer(8 * UNPOSTED_STRIDE * maxSessions * (threads + 1)),
    names: new SharedArrayBuffer(2 * NAME_STRIDE * maxSessions),
    nameIndex: new SharedArrayBuffer(4 * indexSize),
    counters: new SharedArrayBuffer(8 * COUNTER_CELLS * (THREADS_MAX + 1)),
  };
}

/** One thread's view of the shared memory. */
export class SharedMemory {
  readonly maxSessions: number;
  readonly control: Int32Array;
  readonly slots: Int32Array;
  readonly reservations: BigInt64Array;
  /** The same words by halves: the low one holds the bytes, and is the owner's to exchange alone. */
  readonly reservationHalves: Int32Array;
  readonly unspent: Int32Array;
  readonly figures: Float64Array;
  readonly #unposted: SharedArrayBuffer;
  readonly names: Uint16Array;
  readonly nameIndex: Int32Array;
  readonly #counters: SharedArrayBuffer;

  constructor(buffers: SharedBuffers) {
    this.maxSessions = buffers.maxSessions;
    this.control = new Int32Array(buffers.control);
    this.slots = new Int32Array(buffers.slots);
    this.reservations = new BigInt64Array(buffers.reservations);
    this.reservationHalves = new Int32Array(buffers.reservations);
    this.unspent = new Int32Array(buffers.unspent);
    this.figures = new Float64Array(buffers.figures);
    this.#unposted = buffers.unposted;
    this.names = new Uint16Array(buffers.names);
    this.nameIndex = new Int32Array(buffers.nameIndex);
    this.#counters = buffers.counters;
  }

  counters(thread: number): Counters {
    return new Counters(new Float64Array(this.#counters, 8 * COUNTER_CELLS * thread, COUNTER_CELLS));
  }

  /** A thread's cells of `unposted`. */
  unposted(thread: number): Float64Array {
    const cells = UNPOSTED_STRIDE * this.maxSessions;
    return new Float64Array(this.#unposted, 8 * cells * thread, cells);
  }

  /** What all threads counted together. */
  totals(): Counters {
    const totals = new Counters();
    for (let thread = 0; thread <= THREADS_MAX; thread++) totals.add(this.counters(thread));
    return totals;
  }
}

// A thread's own words in `control`. One function each: they are used where nothing may be allocated.

export function turnWord(thread: number): number {
  return CONTROL.perThread + PER_THREAD * thread;
}

export function ticketWord(thread: number): number {
  return CONTROL.perThread + PER_THREAD * thread + 1;
}

/** Places taken on the thread. */
export function loadWord(thread: number): number {
  return CONTROL.perThread + PER_THREAD * thread + 2;
}

/** Which worker is this thread: a number that rises with each; 0 while none is. */
export function incarnationWord(thread: number): number {
  return CONTROL.perThread + PER_THREAD * thread + 3;
}
