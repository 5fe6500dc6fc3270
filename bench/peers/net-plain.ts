/** node:net by hand, plain: one write per message, header and payload in one buffer. */
import type * as net from "node:net";
import { frameOf, netPeer, numberedFrame, type Sender } from "./net-peer.ts";

class Writer implements Sender {
  full = false;
  readonly #socket: net.Socket;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  send(message: Buffer): void {
    this.push(frameOf(message));
  }

  sendNumbered(seq: number, byteLength: number): void {
    this.push(numberedFrame(seq, byteLength));
  }

  push(frame: Buffer): void {
    this.full = !this.#socket.write(frame);
  }
}

export const peer = netPeer(Writer);
