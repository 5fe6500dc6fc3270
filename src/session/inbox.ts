/**
 * Packets that arrived while the session's `onRecv` was still busy, in order.
 *
 * What it holds counts with a charge per packet, so that a flood of tiny packets cannot take more memory
 * than the limit says.
 */
import type { Packet } from "../packet/packet.ts";

/** What a held packet costs beside its bytes. */
const CHARGE_PER_PACKET_BYTES = 128;

export class Inbox {
  #packets: Packet[] = [];
  #head = 0;
  #heldBytes = 0;

  get isEmpty(): boolean {
    return this.#head === this.#packets.length;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  push(packet: Packet): void {
    this.#packets.push(packet);
    this.#heldBytes += packet.length + CHARGE_PER_PACKET_BYTES;
  }

  shift(): Packet | undefined {
    const packet = this.#packets[this.#head];
    if (packet === undefined) return undefined;
    this.#head++;
    this.#heldBytes -= packet.length + CHARGE_PER_PACKET_BYTES;
    if (this.#head === this.#packets.length) this.clear();
    return packet;
  }

  clear(): void {
    this.#packets = [];
    this.#head = 0;
    this.#heldBytes = 0;
  }
}
