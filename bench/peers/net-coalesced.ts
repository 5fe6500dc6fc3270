/**
 * node:net by hand, coalesced: the base of all ratios. What stands behind a `send(message)`: the application makes a
 * message and hands it over, its length goes in front, and all frames of a turn go out in one write, made by
 * Buffer.concat in process.nextTick (setImmediate costs round trip and gains nothing one-way).
 */
import type * as net from "node:net";
import { makeMessage } from "../harness/check.ts";
import { netPeer, type Sender } from "./net-peer.ts";

export class Coalescer implements Sender {
  full = false;
  readonly #socket: net.Socket;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  send(message: Buffer): void {
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32LE(message.length, 0);
    this.push(header);
    this.push(message);
  }

  sendNumbered(seq: number, byteLength: number): void {
    this.send(makeMessage(seq, byteLength));
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#pieces.push(piece) === 1) process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    this.full = !this.#socket.write(bytes);
  };
}

export const peer = netPeer(Coalescer);
