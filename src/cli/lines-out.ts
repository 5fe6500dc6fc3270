/**
 * Lines to stdout: gathered for a turn of the loop, one write each, and the writer is told to wait while the reader
 * behind the pipe does not read.
 *
 *     write(line) --> pending --(end of the turn, or 64 KiB)--> stream --(full)--> wait for "drain"
 *
 * Invariants: what waits here stays near PENDING_BYTES_MAX plus one line for each caller that heeds the answer. A reader
 * that has gone (EPIPE) is no error: `gone` resolves, and what is written from then on is dropped.
 */
import type { Writable } from "node:stream";

const PENDING_BYTES_MAX = 64 * 1024;
/** What a write fails with where nobody reads any more; EOF is Windows'. */
const READER_GONE = new Set(["EPIPE", "EOF", "ECONNRESET"]);

export class LinesOut {
  /** Resolves when nobody takes any more: to the error that says why, or to null where the reader has just gone. */
  readonly gone: Promise<Error | null>;
  readonly #stream: Writable;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  #isGone = false;
  #drained: PromiseWithResolvers<void> | null = null;

  constructor(stream: Writable) {
    this.#stream = stream;
    const gone = Promise.withResolvers<Error | null>();
    this.gone = gone.promise;
    const onEnd = (error: NodeJS.ErrnoException | null): void => {
      this.#isGone = true;
      this.#pending = [];
      this.#drained?.resolve();
      gone.resolve(error === null || READER_GONE.has(error.code ?? "") ? null : error);
    };
    stream.on("error", onEnd);
    stream.on("close", () => onEnd(null));
    stream.on("drain", () => {
      this.#drained?.resolve();
      this.#drained = null;
    });
  }

  /** Whether a promise of `write` is pending. */
  get isFull(): boolean {
    return this.#drained !== null;
  }

  /** Takes a line; a promise means: no more until it resolves. */
  write(line: Buffer): Promise<void> | undefined {
    if (this.#isGone) return undefined;
    this.#pending.push(line);
    this.#pendingBytes += line.length;
    if (this.#pendingBytes >= PENDING_BYTES_MAX) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return this.#drained?.promise;
  }

  /** Resolves once everything is with the system, or the reader has gone. */
  async end(): Promise<void> {
    this.#flush();
    if (this.#isGone) return;
    const flushed = new Promise<void>((resolve) => this.#stream.write("", () => resolve()));
    await Promise.race([flushed, this.gone]);
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#pending.length === 0 || this.#isGone) return;
    const bytes = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (!this.#stream.write(bytes) && this.#drained === null) this.#drained = Promise.withResolvers();
  }
}
