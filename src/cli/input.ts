/**
 * Lines of input on their way to becoming packets: read, checked, and handed on one after another. What cannot be
 * a packet is told with its line number, counted, and left out; the lines behind it go on.
 *
 * Invariant: the next line is read only when the one before was taken, so a peer that does not read holds back whoever
 * writes to our stdin.
 */
import type { Readable } from "node:stream";
import { LanError } from "../base/errors.ts";
import { Packet } from "../packet/packet.ts";
import type { SessionId } from "../session/session-id.ts";
import { type LineFormat, lineBytesMax, readLine } from "./line-formats.ts";
import { linesOf } from "./lines-in.ts";
import type { Terminal } from "./terminal.ts";

/** Takes a packet, now or later; a text says why it was not taken. @throws LanError where it never could be */
type Deliver = (packet: Packet, session: SessionId | undefined) => Promise<string | undefined>;

export interface InputSettings {
  readonly format: LineFormat;
  readonly packetBytesMax: number;
  readonly deliver: Deliver;
}

export class Input {
  /** Lines that did not become packets. */
  refused = 0;
  readonly #terminal: Terminal;
  readonly #settings: InputSettings;
  #line = 0;
  #stopped = false;

  constructor(terminal: Terminal, settings: InputSettings) {
    this.#terminal = terminal;
    this.#settings = settings;
  }

  /** How many lines were read. */
  get lines(): number {
    return this.#line;
  }

  /** Nothing is read any more, and what was not taken is not told of. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves at the end of the input, when the last packet was taken. */
  async pump(stream: Readable): Promise<void> {
    const { format, packetBytesMax } = this.#settings;
    for await (const line of linesOf(stream, lineBytesMax(format, packetBytesMax))) {
      this.#line++;
      const why = line === null ? "it is longer than any packet" : await this.#take(line);
      if (this.#stopped) return;
      if (why === undefined) continue;
      this.refused++;
      this.#terminal.problem(`line ${this.#line} is not sent: ${why}`);
    }
  }

  /** Why the line is no packet that was taken. */
  async #take(line: Buffer): Promise<string | undefined> {
    const read = readLine(this.#settings.format, line);
    if (read.is === "nothing") return undefined;
    if (read.is === "wrong") return read.why;
    try {
      return await this.#settings.deliver(Packet.from(read.bytes), read.session);
    } catch (error) {
      if (error instanceof LanError) return `${error.code}: ${error.message}`;
      throw error;
    }
  }
}
