/**
 * node:net by hand, coalesced: the base of all ratios. All frames of a turn go out in one write, made by
 * Buffer.concat in process.nextTick (setImmediate costs round trip and gains nothing one-way).
 */
import type * as net from "node:net";
import { netPeer, type Sender } from "./net-peer.ts";

export class Coalescer implements Sender {
  full = false;
  readonly #socket: net.Socket;
  #frames: Buffer[] = [];
  #bytes = 0;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  push(frame: Buffer): void {
    this.#bytes += frame.length;
    if (this.#frames.push(frame) === 1) process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const bytes = this.#frames.length === 1 ? this.#frames[0]! : Buffer.concat(this.#frames, this.#bytes);
    this.#frames = [];
    this.#bytes = 0;
    this.full = !this.#socket.write(bytes);
  };
}

export const peer = netPeer(Coalescer);
