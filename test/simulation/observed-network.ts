/**
 * The network that servers and clients are given: the in-memory one, with the oracle between it and them.
 *
 *      library --write, end, reset--> ObservedConnection --> MemoryConnection
 *              <--read, written, FIN, closed--'  (the oracle sees each of them first)
 *
 * Invariant: it changes nothing, but where a link is given up by the system.
 */
import type {
  Acceptor,
  Connection,
  ConnectionReceiver,
  DialOptions,
  Endpoint,
  Incoming,
  Listener,
  ListenOptions,
  Network,
} from "../../src/testing.ts";
import type { LinkModel } from "./link-model.ts";
import type { World } from "./world.ts";

/** What follows a connection: an end's model, or what stands for a peer that speaks no protocol. */
export interface Watcher {
  write(chunks: readonly Uint8Array[]): void;
  written(): void;
  afterWritten(): void;
  read(bytes: Uint8Array): void;
  afterRead(): void;
  pause(isPaused: boolean): void;
  end(): void;
  destroy(): void;
  reset(): void;
  fin(): void;
  afterFin(): void;
  closed(error: NodeJS.ErrnoException | undefined): void;
}

/** Whose network it is. */
export interface Owner {
  /** A dial begins. */
  dialling?(): void;
  /** A connection was made or accepted and is about to be used. */
  joining(link: LinkModel, connection: ObservedConnection): Watcher;
  /** A connection comes in; the answer says whether it must be refused without a question. */
  incoming?(link: LinkModel): void;
  refused?(link: LinkModel): void;
}

export class ObservedNetwork implements Network {
  readonly clock: Network["clock"];
  readonly random: () => number;
  readonly #world: World;
  readonly #owner: Owner;

  constructor(world: World, owner: Owner) {
    this.#world = world;
    this.#owner = owner;
    this.clock = world.clock;
    this.random = world.network.random;
  }

  listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener> {
    return this.#world.network.listen(options, {
      onIncoming: (incoming) => acceptor.onIncoming(this.#observed(incoming)),
      onAcceptError: (error) => acceptor.onAcceptError(error),
    });
  }

  async dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    this.#owner.dialling?.();
    const connection = await this.#world.network.dial(options, signal);
    return new ObservedConnection(connection, this.#world.linkFrom(connection.local), this.#owner);
  }

  #observed(incoming: Incoming): Incoming {
    const { remote, local } = incoming;
    const link = this.#world.linkFrom(remote);
    this.#owner.incoming?.(link);
    return {
      remote,
      local,
      accept: () => new ObservedConnection(incoming.accept(), link, this.#owner),
      refuse: () => {
        link.mayReset = true;
        this.#owner.refused?.(link);
        incoming.refuse();
      },
    };
  }
}

export class ObservedConnection implements Connection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  readonly link: LinkModel;
  readonly #inner: Connection;
  readonly #owner: Owner;
  #watcher: Watcher | undefined;
  #readBuffer: Uint8Array = new Uint8Array(0);
  #givenUp: NodeJS.ErrnoException | undefined;

  constructor(inner: Connection, link: LinkModel, owner: Owner) {
    this.#inner = inner;
    this.link = link;
    this.#owner = owner;
    this.remote = inner.remote;
    this.local = inner.local;
  }

  open(receiver: ConnectionReceiver): void {
    const watcher = this.#owner.joining(this.link, this);
    this.#watcher = watcher;
    this.#inner.open({
      readBuffer: () => (this.#readBuffer = receiver.readBuffer()),
      onRead: (byteLength) => {
        watcher.read(this.#readBuffer.subarray(0, byteLength));
        receiver.onRead(byteLength);
        watcher.afterRead();
      },
      onWritten: () => {
        watcher.written();
        receiver.onWritten();
        watcher.afterWritten();
      },
      onEnd: () => {
        watcher.fin();
        receiver.onEnd();
        watcher.afterFin();
      },
      onClosed: (error) => {
        const cause = error ?? this.#givenUp;
        watcher.closed(cause);
        receiver.onClosed(cause);
      },
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    this.#watcher?.write(chunks);
    if (this.#givenUp === undefined) this.#inner.write(chunks); // or its owner is about to be told
  }

  pause(): void {
    this.#watcher?.pause(true);
    this.#inner.pause();
  }

  resume(): void {
    this.#watcher?.pause(false);
    this.#inner.resume();
  }

  end(): void {
    this.#watcher?.end();
    this.#inner.end();
  }

  destroy(): void {
    this.#watcher?.destroy();
    this.#inner.destroy();
  }

  reset(): void {
    if (this.#watcher === undefined)
      this.link.mayReset = true; // given up before it was used
    else this.#watcher.reset();
    this.#inner.reset();
  }

  /** The system gives the connection up, as keepalive does. */
  giveUp(error: NodeJS.ErrnoException): void {
    this.#givenUp = error;
    this.link.mayReset = true;
    this.#inner.reset();
  }
}
