/**
 * One end of an in-memory link: the `Connection` contract on two directions.
 *
 *      new --open--> open --destroy, reset, an error, both sides ended--> closing --task--> closed
 *
 * Invariant: the receiver is called only from a task of the clock; after `closing` began it hears of
 * nothing but `onClosed`.
 */
import assert from "node:assert/strict";
import type { Connection, ConnectionReceiver, Endpoint } from "../connection.ts";
import type { Direction, ReadingEnd, WritingEnd } from "./direction.ts";
import { systemError } from "./system-error.ts";
import type { VirtualClock } from "./virtual-clock.ts";

type State =
  | { readonly at: "new" | "closed" }
  | { readonly at: "open"; readonly receiver: ConnectionReceiver }
  | { readonly at: "closing"; readonly broken: boolean };

const NEXT: Readonly<Record<State["at"], readonly State["at"][]>> = {
  new: ["open", "closing"],
  open: ["closing"],
  closing: ["closed"],
  closed: [],
};

/** "readingOnce": paused, and one read is still to come. */
type Reading = "flowing" | "readingOnce" | "paused" | "ended";
/** "writingLast": FIN goes out behind the write in flight. */
type Writing = "idle" | "writing" | "writingLast" | "ended";

export class MemoryConnection implements Connection, ReadingEnd, WritingEnd {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #clock: VirtualClock;
  readonly #incoming: Direction;
  readonly #outgoing: Direction;
  readonly #onGone: () => void;
  #state: State = { at: "new" };
  #reading: Reading = "flowing";
  #writing: Writing = "idle";

  constructor(
    clock: VirtualClock,
    ends: { readonly local: Endpoint; readonly remote: Endpoint },
    directions: { readonly incoming: Direction; readonly outgoing: Direction },
    onGone: () => void,
  ) {
    this.local = ends.local;
    this.remote = ends.remote;
    this.#clock = clock;
    this.#incoming = directions.incoming;
    this.#outgoing = directions.outgoing;
    this.#onGone = onGone;
  }

  open(receiver: ConnectionReceiver): void {
    assert(this.#state.at === "new", "Cannot open a connection: it was opened or closed before");
    this.#enter({ at: "open", receiver });
    this.#incoming.poke();
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#state.at === "closing" && this.#state.broken) return; // its owner is about to be told
    assert(this.#state.at === "open", "Cannot write to a connection: it is not open");
    assert(
      this.#writing === "idle",
      "Cannot write to a connection: a write is in flight, or its end was sent",
    );
    this.#writing = "writing";
    if (this.#incoming.resetArrived) this.#fail("write");
    else this.#outgoing.put(chunks);
  }

  pause(): void {
    if (this.#reading !== "flowing") return;
    this.#reading = this.#incoming.readsAfterPause() ? "readingOnce" : "paused";
  }

  resume(): void {
    if (this.#reading !== "paused" && this.#reading !== "readingOnce") return;
    this.#reading = "flowing";
    this.#incoming.poke();
  }

  end(): void {
    assert(this.#state.at !== "new", "Cannot end a connection: it is not open");
    if (this.#state.at !== "open") return;
    if (this.#writing === "writing") this.#writing = "writingLast";
    if (this.#writing !== "idle") return;
    this.#writing = "ended";
    this.#outgoing.fin();
    this.#closeIfBothEnded();
  }

  destroy(): void {
    if (!this.#isAlive) return;
    if (this.#incoming.hasUnread) this.#outgoing.rst();
    else this.#outgoing.fin();
    this.#close(undefined);
  }

  reset(): void {
    if (!this.#isAlive) return;
    this.#outgoing.rst();
    this.#close(undefined);
  }

  get demand(): "bytes" | "nothing" | "gone" {
    if (!this.#isAlive) return "gone";
    if (this.#state.at === "new") return "nothing";
    return this.#reading === "flowing" || this.#reading === "readingOnce" ? "bytes" : "nothing";
  }

  get noticesReset(): boolean {
    return this.demand === "bytes" || (this.#state.at === "open" && this.#outgoing.isFull);
  }

  readBuffer(): Uint8Array {
    const buffer = this.#receiver.readBuffer();
    assert(buffer.length > 0, "Cannot read: readBuffer() gave an empty buffer");
    return buffer;
  }

  onBytes(byteLength: number): void {
    if (this.#reading === "readingOnce") this.#reading = "paused";
    this.#receiver.onRead(byteLength);
  }

  onFin(): void {
    this.#reading = "ended";
    this.#receiver.onEnd();
    this.#closeIfBothEnded();
  }

  onReset(): void {
    this.#fail(this.demand === "bytes" ? "read" : "write");
  }

  onTaken(): void {
    if (this.#writing === "writingLast") this.#outgoing.fin();
    this.#clock.after(0, () => {
      if (this.#state.at !== "open") return;
      const wasLast = this.#writing === "writingLast";
      // `end` may have come between the taking and this task; its FIN is then still to send.
      this.#writing = wasLast ? "ended" : "idle";
      if (wasLast) this.#outgoing.fin();
      this.#state.receiver.onWritten();
      this.#closeIfBothEnded();
    });
  }

  /** As TCP: a side that knows its peer has ended gets EPIPE, any other ECONNRESET. */
  #fail(syscall: "read" | "write"): void {
    this.#outgoing.abandon();
    this.#close(systemError(syscall, this.#reading === "ended" ? "EPIPE" : "ECONNRESET"));
  }

  #closeIfBothEnded(): void {
    if (this.#state.at === "open" && this.#reading === "ended" && this.#writing === "ended")
      this.#close(undefined);
  }

  #close(error: NodeJS.ErrnoException | undefined): void {
    const receiver = this.#state.at === "open" ? this.#state.receiver : undefined;
    this.#enter({ at: "closing", broken: error !== undefined });
    this.#incoming.poke();
    this.#clock.after(0, () => {
      this.#enter({ at: "closed" });
      this.#onGone();
      receiver?.onClosed(error);
    });
  }

  get #isAlive(): boolean {
    return this.#state.at === "new" || this.#state.at === "open";
  }

  get #receiver(): ConnectionReceiver {
    assert(this.#state.at === "open");
    return this.#state.receiver;
  }

  #enter(next: State): void {
    assert(
      NEXT[this.#state.at].includes(next.at),
      `a connection cannot go from ${this.#state.at} to ${next.at}`,
    );
    this.#state = next;
  }
}
