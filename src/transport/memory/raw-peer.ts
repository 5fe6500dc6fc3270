/**
 * A peer that speaks no protocol: bytes in, bytes out, over any `Network`. Peers that misbehave are built
 * from it.
 *
 * Nothing here rejects without being asked for: what a test did not await must not fail it.
 */
import assert from "node:assert/strict";
import type { Address, Connection, ConnectionReceiver, Endpoint, Network } from "../connection.ts";

/** How a raw peer reads and dials. */
export interface RawPeerOptions {
  /** Length of its read buffer. Default 65 536. */
  readonly readBufferBytes?: number;
  /** False: it does not read until `resume`. Default true. */
  readonly reading?: boolean;
  /** Where to dial from; by default the system chooses. */
  readonly bindIp?: string;
  readonly bindPort?: number;
  /** Gives a dial up. */
  readonly signal?: AbortSignal;
}

/** Listens for raw peers; those that nobody asked for wait. */
export interface RawListener {
  readonly address: Address;
  /** Every peer that was accepted, oldest first. */
  readonly peers: readonly RawPeer[];
  /** The oldest peer that `next` did not give yet; waits for one. */
  next(): Promise<RawPeer>;
  /** Accepts no more. Its peers stay. */
  close(): Promise<void>;
}

const SOCKET_OPTIONS = { nagle: false, keepAliveMs: 0 };

/** One end of a connection, driven by a test. */
export class RawPeer {
  readonly #connection: Connection;
  readonly #readBuffer: Uint8Array;
  readonly #ended = Promise.withResolvers<boolean>();
  readonly #closed = Promise.withResolvers<NodeJS.ErrnoException | undefined>();
  /** Not handed to the connection yet, or in flight (the first). */
  readonly #sending: { readonly bytes: Uint8Array; readonly taken: (whole: boolean) => void }[] = [];
  #waiting: { readonly byteLength: number; readonly wake: () => void }[] = [];
  #memory: Uint8Array = new Uint8Array(1024);
  #receivedBytes = 0;
  #state: "open" | "ending" | "ended" | "closed" = "open";

  /** Dials `address`; rejects as `network.dial` does. */
  static async dial(network: Network, address: Address, options: RawPeerOptions = {}): Promise<RawPeer> {
    const { bindIp, bindPort, signal = new AbortController().signal } = options;
    return new RawPeer(await network.dial({ ...SOCKET_OPTIONS, address, bindIp, bindPort }, signal), options);
  }

  /** Listens at `address`; rejects as `network.listen` does. */
  static async listen(
    network: Network,
    address: Address,
    options: RawPeerOptions = {},
  ): Promise<RawListener> {
    const peers: RawPeer[] = [];
    const asked: ((peer: RawPeer) => void)[] = [];
    let given = 0;
    const listener = await network.listen(
      { ...SOCKET_OPTIONS, address, backlog: 511 },
      {
        onIncoming: (incoming) => {
          const peer = new RawPeer(incoming.accept(), options);
          peers.push(peer);
          const ask = asked.shift();
          if (ask !== undefined) ask(peers[given++]!);
        },
        onAcceptError: () => {},
      },
    );
    return {
      address: listener.address,
      peers,
      next: () => {
        const peer = peers[given];
        if (peer === undefined) return new Promise((resolve) => asked.push(resolve));
        given++;
        return Promise.resolve(peer);
      },
      close: () => listener.close(),
    };
  }

  /** Drives `connection`, which must be neither open nor closed. */
  constructor(connection: Connection, options: RawPeerOptions = {}) {
    this.#connection = connection;
    this.#readBuffer = new Uint8Array(options.readBufferBytes ?? 65_536);
    connection.open(this.#receiver());
    if (options.reading === false) connection.pause();
  }

  get local(): Endpoint {
    return this.#connection.local;
  }

  get remote(): Endpoint {
    return this.#connection.remote;
  }

  /** Everything received so far; a view, valid until more arrives. */
  get received(): Uint8Array {
    return this.#memory.subarray(0, this.#receivedBytes);
  }

  /** Resolves when the peer has sent FIN: true; or closed without: false. */
  get ended(): Promise<boolean> {
    return this.#ended.promise;
  }

  /** Resolves when the connection is gone, with what broke it or undefined. */
  get closed(): Promise<NodeJS.ErrnoException | undefined> {
    return this.#closed.promise;
  }

  /**
   * Sends a copy of `bytes` behind what was sent before, in a write of its own. Resolves with true once the
   * kernel took it, with false where the connection closed before.
   */
  send(bytes: Uint8Array | string): Promise<boolean> {
    assert(this.#state === "open" || this.#state === "closed", "Cannot send: end() was called");
    const { promise, resolve } = Promise.withResolvers<boolean>();
    if (this.#state === "closed") resolve(false);
    else {
      this.#sending.push({
        bytes: typeof bytes === "string" ? Buffer.from(bytes) : bytes.slice(),
        taken: resolve,
      });
      if (this.#sending.length === 1) this.#writeNext();
    }
    return promise;
  }

  /** Resolves with `received` once it has `byteLength` bytes; rejects where the peer stopped before. */
  async receivedAtLeast(byteLength: number): Promise<Uint8Array> {
    if (this.#receivedBytes < byteLength) {
      const enough = new Promise<void>((wake) => this.#waiting.push({ byteLength, wake }));
      await Promise.race([enough, this.ended]);
    }
    if (this.#receivedBytes >= byteLength) return this.received;
    throw new Error(`Cannot receive ${byteLength} bytes: the peer stopped behind ${this.#receivedBytes}`);
  }

  /** Sends FIN behind everything that was sent; reading goes on. */
  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    if (this.#sending.length === 0) this.#endNow();
  }

  /** Closes now; what the kernel has taken it still sends. */
  destroy(): void {
    this.#connection.destroy();
  }

  /** Closes now with RST. */
  reset(): void {
    this.#connection.reset();
  }

  /** Stops reading. */
  pause(): void {
    this.#connection.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#connection.resume();
  }

  #writeNext(): void {
    const next = this.#sending[0];
    if (next !== undefined) this.#connection.write([next.bytes]);
    else if (this.#state === "ending") this.#endNow();
  }

  #endNow(): void {
    this.#state = "ended";
    this.#connection.end();
  }

  #receiver(): ConnectionReceiver {
    return {
      readBuffer: () => this.#readBuffer,
      onRead: (byteLength) => this.#keep(this.#readBuffer.subarray(0, byteLength)),
      onWritten: () => {
        this.#sending.shift()?.taken(true);
        this.#writeNext();
      },
      onEnd: () => this.#ended.resolve(true),
      onClosed: (error) => {
        this.#state = "closed";
        for (const { taken } of this.#sending.splice(0)) taken(false);
        this.#ended.resolve(false);
        this.#closed.resolve(error);
      },
    };
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#receivedBytes + bytes.length;
    if (length > this.#memory.length) {
      const larger = new Uint8Array(Math.max(length, this.#memory.length * 2));
      larger.set(this.received);
      this.#memory = larger;
    }
    this.#memory.set(bytes, this.#receivedBytes);
    this.#receivedBytes = length;
    this.#waiting = this.#waiting.filter(({ byteLength, wake }) => {
      if (byteLength > length) return true;
      wake();
      return false;
    });
  }
}
