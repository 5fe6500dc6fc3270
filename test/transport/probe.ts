/**
 * A receiver that watches whether a connection keeps the contract of `src/transport/connection.ts`, and
 * remembers what it heard.
 */
import assert from "node:assert/strict";
import type { Connection, ConnectionReceiver } from "../../src/transport/connection.ts";

export type ProbeEvent = "read" | "written" | "end" | "closed";

const CANARY = 0xee;
let canaries = Buffer.alloc(65_536, CANARY);
const MARGIN_BYTES = 16;

export class Probe implements ConnectionReceiver {
  readonly connection: Connection;
  /** What the receiver heard, in order. */
  readonly events: ProbeEvent[] = [];
  /** Sentences of the contract that were broken. */
  readonly violations: string[] = [];
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  writtenCount = 0;
  closedWith: NodeJS.ErrnoException | undefined;
  /** Called after each event; a test reacts here. */
  onEvent: (event: ProbeEvent) => void = () => {};
  readonly #bufferLengths: Iterator<number>;
  #slab: Uint8Array = new Uint8Array(0);
  #bufferIsGiven = false;
  #isCalling = false;
  #isGivenUp = false;
  #waiting: { readonly holds: () => boolean; readonly resolve: () => void }[] = [];

  constructor(connection: Connection, bufferLengths: Iterable<number> = repeat(65_536)) {
    this.connection = connection;
    this.#bufferLengths = bufferLengths[Symbol.iterator]();
  }

  /** Calls the connection; hearing anything before that call returned breaks the contract. */
  call(what: (connection: Connection) => void): void {
    this.#isCalling = true;
    try {
      what(this.connection);
    } finally {
      this.#isCalling = false;
    }
  }

  open(): this {
    this.call((connection) => connection.open(this));
    return this;
  }

  write(...chunks: Uint8Array[]): void {
    this.call((connection) => connection.write(chunks));
  }

  pause(): void {
    this.call((connection) => connection.pause());
  }

  resume(): void {
    this.call((connection) => connection.resume());
  }

  end(): void {
    this.call((connection) => connection.end());
  }

  destroy(): void {
    this.#isGivenUp = true;
    this.call((connection) => connection.destroy());
  }

  reset(): void {
    this.#isGivenUp = true;
    this.call((connection) => connection.reset());
  }

  /** Resolves once `holds` answers true behind an event. */
  when(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  has(event: ProbeEvent): boolean {
    return this.events.includes(event);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  check(): void {
    assert.deepEqual(this.violations, []);
  }

  readBuffer(): Uint8Array {
    this.#expect(!this.has("closed"), "readBuffer was called after onClosed");
    const { value } = this.#bufferLengths.next();
    const length = Number(value);
    if (this.#slab.length !== length + 2 * MARGIN_BYTES)
      this.#slab = new Uint8Array(length + 2 * MARGIN_BYTES);
    this.#slab.fill(CANARY);
    this.#bufferIsGiven = true;
    return this.#slab.subarray(MARGIN_BYTES, MARGIN_BYTES + length);
  }

  onRead(byteLength: number): void {
    const end = this.#slab.length - MARGIN_BYTES;
    this.#expect(this.#bufferIsGiven, "onRead without asking for a buffer since the last one");
    this.#expect(byteLength > 0, "onRead without bytes");
    this.#expect(MARGIN_BYTES + byteLength <= end, "onRead told of more bytes than the buffer has");
    this.#expect(isCanary(this.#slab.subarray(0, MARGIN_BYTES)), "wrote in front of the read buffer");
    this.#expect(
      isCanary(this.#slab.subarray(MARGIN_BYTES + byteLength)),
      "wrote behind the bytes of a read",
    );
    this.#expect(!this.has("end"), "onRead after onEnd");
    this.#bufferIsGiven = false;
    this.received.push(Buffer.from(this.#slab.subarray(MARGIN_BYTES, MARGIN_BYTES + byteLength)));
    this.receivedBytes += byteLength;
    this.#heard("read");
  }

  onWritten(): void {
    this.writtenCount++;
    this.#heard("written");
  }

  onEnd(): void {
    this.#expect(!this.has("end"), "onEnd twice");
    this.#heard("end");
  }

  onClosed(error: NodeJS.ErrnoException | undefined): void {
    this.closedWith = error;
    this.#heard("closed");
  }

  #heard(event: ProbeEvent): void {
    this.#expect(!this.#isCalling, `${event} was told from inside a call of its owner`);
    this.#expect(!this.has("closed"), `${event} was told after onClosed`);
    this.#expect(event === "closed" || !this.#isGivenUp, `${event} was told after destroy or reset`);
    this.events.push(event);
    this.onEvent(event);
    this.#waiting = this.#waiting.filter(({ holds, resolve }) => {
      if (!holds()) return true;
      resolve();
      return false;
    });
  }

  #expect(holds: boolean, violation: string): void {
    if (!holds) this.violations.push(violation);
  }
}

export function* repeat<T>(...values: T[]): Generator<T, never> {
  for (;;) yield* values;
}

function isCanary(bytes: Uint8Array): boolean {
  if (bytes.length > canaries.length) canaries = Buffer.alloc(bytes.length, CANARY);
  return canaries.subarray(0, bytes.length).equals(bytes);
}
