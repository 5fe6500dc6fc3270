/**
 * A network with a window in it: every dial is seen with its time, the random numbers are the test's, and what
 * no healthy machine does can be brought about: a host that does not answer, an accept that fails, a link that
 * the system gives up.
 */
import type { Network } from "../../src/index.ts";
import type {
  Acceptor,
  Connection,
  ConnectionReceiver,
  DialOptions,
  Listener,
  ListenOptions,
} from "../../src/testing.ts";

export class WatchedNetwork implements Network {
  readonly clock: Network["clock"];
  /** When each dial began, on the world's clock. */
  readonly dialsAtMs: number[] = [];
  readonly dials: DialOptions[] = [];
  readonly acceptors: Acceptor[] = [];
  /** What `random()` gives. */
  randomness = 0.5;
  /** Dials are not answered from now on. */
  isSilent = false;
  readonly #network: Network;
  readonly #failing: ((error: NodeJS.ErrnoException) => void)[] = [];

  constructor(network: Network) {
    this.#network = network;
    this.clock = network.clock;
  }

  random(): number {
    return this.randomness;
  }

  /** What lies between the dials. */
  get gapsMs(): number[] {
    return this.dialsAtMs.slice(1).map((atMs, before) => atMs - this.dialsAtMs[before]!);
  }

  listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener> {
    this.acceptors.push(acceptor);
    return this.#network.listen(options, acceptor);
  }

  async dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    this.dialsAtMs.push(this.clock.nowMs());
    this.dials.push(options);
    if (this.isSilent) await aborted(signal);
    return this.#watched(await this.#network.dial(options, signal));
  }

  /** The system gives up every link that was dialled here. */
  failLinks(error: NodeJS.ErrnoException): void {
    for (const fail of this.#failing.splice(0)) fail(error);
  }

  #watched(connection: Connection): Connection {
    const { open } = connection;
    connection.open = (receiver: ConnectionReceiver): void => {
      let cause: NodeJS.ErrnoException | undefined;
      this.#failing.push((error) => {
        cause = error;
        connection.reset();
      });
      open.call(connection, {
        readBuffer: () => receiver.readBuffer(),
        onRead: (byteLength) => receiver.onRead(byteLength),
        onWritten: () => receiver.onWritten(),
        onEnd: () => receiver.onEnd(),
        onClosed: (error) => receiver.onClosed(error ?? cause),
      });
    };
    return connection;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
