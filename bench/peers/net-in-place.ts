/**
 * node:net by hand, coalesced, without a layer between: the application writes each message straight into its frame,
 * behind the length, and what comes back is copied into a frame of its own.
 */
import { Coalescer } from "./net-coalesced.ts";
import { frameOf, netPeer, numberedFrame } from "./net-peer.ts";

class InPlace extends Coalescer {
  override send(message: Buffer): void {
    this.push(frameOf(message));
  }
  override sendNumbered(seq: number, byteLength: number): void {
    this.push(numberedFrame(seq, byteLength));
  }
}

export const peer = netPeer(InPlace);
