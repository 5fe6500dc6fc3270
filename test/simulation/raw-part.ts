/**
 * Peers that speak no protocol, or speak it badly: whole frames, half a frame, a header that lies; they stop
 * reading, close, reset, or do nothing at all.
 */
import { RawPeer } from "../../src/testing.ts";
import { contentOf, viewOf } from "./content.ts";
import { frameOf, headerAnd, type Lane, payloadLimit } from "./lane.ts";
import type { LinkModel } from "./link-model.ts";
import { ObservedNetwork, type Watcher } from "./observed-network.ts";
import { SERVER_ADDRESS } from "./plan.ts";
import type { World } from "./world.ts";

export class RawPart {
  readonly #world: World;
  readonly #peers: RawPeer[] = [];
  #isClosed = false;

  constructor(world: World) {
    this.#world = world;
  }

  come(): void {
    const network = new ObservedNetwork(this.#world, {
      joining: (link) => new RawWatcher(this.#world, link),
    });
    RawPeer.dial(network, SERVER_ADDRESS).then(
      (peer) => {
        if (this.#isClosed) peer.destroy();
        else this.#peers.push(peer);
        this.#world.count("fault: a peer without a protocol came");
      },
      () => {},
    );
  }

  sendFrames(which: number, count: number, size: number): void {
    const { format } = this.#world.plan;
    for (let n = 0; n < count; n++) {
      const number = this.#world.nextPacket(size);
      if (number === undefined) return;
      this.#send(which, frameOf(format, viewOf(contentOf(number, size))));
    }
  }

  sendHalfFrame(which: number, size: number): void {
    const { format } = this.#world.plan;
    const frame = frameOf(format, viewOf(contentOf(0, size)));
    this.#send(which, frame.subarray(0, Math.floor(frame.length / 2)));
  }

  /** A header that announces too much, or one that no frame can have. */
  sendNonsense(which: number, isTooLong: boolean): void {
    const { format } = this.#world.plan;
    if (isTooLong) this.#send(which, headerAnd(format, payloadLimit(format), new Uint8Array(3)));
    else this.#send(which, Buffer.alloc(format.lengthBytes)); // invalid where the length counts itself
  }

  stopReading(which: number): void {
    this.#pick(which)?.pause();
  }

  leave(which: number, how: number): void {
    const peer = this.#pick(which);
    if (peer === undefined) return;
    if (how < 0.4) peer.end();
    else {
      if (how < 0.7) peer.reset();
      else peer.destroy();
      this.#peers.splice(this.#peers.indexOf(peer), 1);
    }
  }

  /** Everybody hangs up. */
  close(): void {
    this.#isClosed = true;
    for (const peer of this.#peers.splice(0)) peer.destroy();
  }

  #pick(which: number): RawPeer | undefined {
    return this.#peers[Math.floor(which * this.#peers.length)];
  }

  #send(which: number, bytes: Uint8Array): void {
    const peer = this.#pick(which);
    if (peer === undefined) return;
    try {
      void peer.send(bytes);
    } catch {
      // it has ended its stream
    }
  }
}

/** Follows a raw peer's connection, so that the bytes of both lanes are known. */
class RawWatcher implements Watcher {
  readonly #world: World;
  readonly #link: LinkModel;
  readonly #out: Lane;
  readonly #in: Lane;

  constructor(world: World, link: LinkModel) {
    this.#world = world;
    this.#link = link;
    this.#out = link.toServer;
    this.#in = link.toClient;
    link.isDisturbed = true; // it sends no heartbeats
  }

  write(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.#out.write(chunk);
  }

  read(bytes: Uint8Array): void {
    if (!this.#in.read(bytes)) this.#world.fail(this.#link.name, "what was read is not what was written");
  }

  destroy(): void {
    this.#link.mayReset = true; // with unread bytes it is one
  }

  reset(): void {
    this.#link.mayReset = true;
  }

  closed(): void {
    this.#link.mayReset = true; // what still comes is answered so
  }

  written(): void {}
  afterWritten(): void {}
  afterRead(): void {}
  pause(): void {}
  end(): void {}
  fin(): void {}
  afterFin(): void {}
}
