/**
 * A network without sockets: listening, dialling and the links between, on a virtual clock, with faults
 * from one seed.
 *
 *      dial   --SYN-->      somebody listens?  no: ECONNREFUSED
 *      resolved <--SYN,ACK--
 *             --ACK-->      Acceptor.onIncoming: accept, or refuse (RST)
 *
 * Each arrow takes `latencyMs`. Invariant: an acceptor is called only from a task of the clock.
 */
import assert from "node:assert/strict";
import type {
  Acceptor,
  Address,
  Connection,
  DialOptions,
  Listener,
  ListenOptions,
  Network,
} from "../connection.ts";
import { AddressTable, type Claim, destination } from "./addresses.ts";
import { type FaultOptions, type Faults, resolveFaults } from "./faults.ts";
import { Link, type MemoryLink } from "./link.ts";
import { type MemoryNetworkOptions, type MemorySettings, resolveMemoryOptions } from "./options.ts";
import { Random } from "./random.ts";
import { systemError } from "./system-error.ts";
import type { VirtualClock } from "./virtual-clock.ts";

type Decision = "accepted" | "refused";

interface Listening {
  readonly acceptor: Acceptor;
  isOpen: boolean;
}

/** What a dial to a path has instead of a local address. */
const NO_CLAIM: Claim = { local: { ip: "", port: 0 }, release: () => {} };

/**
 * An in-memory `Network` for tests: give it to `start` and `connect` as `network`. At zero latency everything
 * arrives by itself; latency, timeouts and heartbeats wait for the test to move `clock`.
 *
 * @example
 * const network = new MemoryNetwork({ seed: 1 });
 * await server.start({ network, ip: "10.0.0.1", port: 7000 });
 * await client.connect({ network, serverIp: "10.0.0.1", port: 7000 });
 * network.links[0].halfOpen(); // somebody pulled the cable
 * await network.clock.until(() => server.getSessionCount() === 0); // 15 virtual seconds, no real ones
 */
export class MemoryNetwork implements Network {
  readonly #settings: MemorySettings;
  /** Decides about dials. */
  readonly #random: Random;
  readonly #addresses = new AddressTable<Listening>();
  readonly #links = new Set<Link>();
  /** Spreads reconnect attempts; see `Network.random`. */
  readonly random: () => number;
  #faults: Faults;
  #linksMade = 0;
  /** Error codes of the next accepts. */
  #acceptFailures: string[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  /** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
  constructor(options: MemoryNetworkOptions = {}) {
    this.#settings = resolveMemoryOptions(options);
    this.#faults = this.#settings.faults;
    this.#random = new Random(this.#settings.seed);
    const spread = this.#random.fork(0);
    this.random = () => spread.float();
  }

  /** The clock that everything on this network lives by. */
  get clock(): VirtualClock {
    return this.#settings.clock;
  }

  /** What all randomness comes from; print it where a random test fails. */
  get seed(): number {
    return this.#settings.seed;
  }

  /** The links of which an end is still there, oldest first. */
  get links(): readonly MemoryLink[] {
    return [...this.#links];
  }

  /** Replaces the random faults, also on links that exist; `{}` ends them. */
  setFaults(faults: FaultOptions): void {
    this.#faults = resolveFaults(faults);
    for (const link of this.#links) link.setFaults(this.#faults);
  }

  /** Answers no dial from now on, as a host that is switched off, until `releaseDials`. */
  holdDials(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  /** Ends `holdDials`; the dials that waited go on. */
  releaseDials(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /**
   * Lets the next accept fail with the system's `code`, as "EMFILE" where no descriptors are left; its
   * connection is reset. Failures add up.
   */
  failNextAccept(code: string): void {
    this.#acceptFailures.push(code);
  }

  /** See `Network.listen`; rejects with EADDRINUSE. The `backlog` is never filled: an acceptor decides at once. */
  async listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener> {
    const listening: Listening = { acceptor, isOpen: true };
    const address = this.#addresses.listen(options.address, listening);
    return {
      address,
      close: async () => {
        if (listening.isOpen) this.#addresses.unlisten(address);
        listening.isOpen = false;
        await new Promise<void>((resolve) => this.clock.after(0, resolve));
      },
    };
  }

  /**
   * See `Network.dial`; rejects with ECONNREFUSED (for a path ENOENT) where nobody listens. Without `bindIp`
   * it dials from the address that it dials to, as on one machine.
   */
  async dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const remote = destination(options.address);
    const claim =
      "path" in remote ? NO_CLAIM : this.#addresses.claim(remote, options.bindIp, options.bindPort);
    try {
      return await this.#connect(claim, remote, signal);
    } catch (error) {
      claim.release();
      throw error;
    }
  }

  async #connect(claim: Claim, remote: Address, signal: AbortSignal): Promise<Connection> {
    await this.#travel(signal);
    while (this.#held !== undefined) await unlessAborted(this.#held.promise, signal);
    const isRefused = this.#random.chance(this.#faults.dialRefusal);
    const listening = isRefused ? undefined : this.#addresses.find(remote);
    if (listening === undefined) {
      await this.#travel(signal);
      throw systemError("connect", "path" in remote ? "ENOENT" : "ECONNREFUSED", remote);
    }
    if (this.#settings.refusal === "rejects")
      return this.#connectAfterDecision(claim, remote, listening, signal);
    await this.#travel(signal);
    const link = this.#makeLink(claim, remote);
    this.clock.after(this.#settings.latencyMs, () => this.#announce(listening, link));
    return link.dialled;
  }

  /** As if the RST of a refusal had overtaken the news that the connection was made. */
  async #connectAfterDecision(
    claim: Claim,
    remote: Address,
    listening: Listening,
    signal: AbortSignal,
  ): Promise<Connection> {
    const link = this.#makeLink(claim, remote);
    const decision = Promise.withResolvers<Decision>();
    this.clock.after(0, () => this.#announce(listening, link, decision.resolve));
    try {
      const decided = await unlessAborted(decision.promise, signal);
      await this.#travel(signal);
      if (decided === "refused") throw systemError("connect", "ECONNRESET", remote);
    } catch (error) {
      link.dialled.reset();
      throw error;
    }
    return link.dialled;
  }

  /** Lets the acceptor decide about `link`, now or later. */
  #announce(listening: Listening, link: Link, onDecided: (decision: Decision) => void = () => {}): void {
    let decision: Decision | undefined;
    const decide = (next: Decision): void => {
      assert(decision === undefined, `Cannot decide about a connection: it was ${decision} before`);
      decision = next;
      if (next === "refused") link.accepted.reset();
      onDecided(next);
    };
    const failure = listening.isOpen ? this.#acceptFailures.shift() : undefined;
    if (failure !== undefined) {
      decide("refused");
      listening.acceptor.onAcceptError(systemError("accept", failure));
    } else if (!listening.isOpen) {
      decide("refused");
    } else {
      const { remote, local } = link.accepted;
      const accept = (): Connection => {
        decide("accepted");
        return link.accepted;
      };
      listening.acceptor.onIncoming({ remote, local, accept, refuse: () => decide("refused") });
    }
  }

  #makeLink(claim: Claim, remote: Address): Link {
    const id = ++this.#linksMade;
    const ends = { dialler: claim.local, acceptor: "path" in remote ? NO_CLAIM.local : remote };
    const link = new Link(id, ends, this.#settings, this.#faults, this.#random.fork(id), (end, isLast) => {
      if (end === "dialled") claim.release();
      if (isLast) this.#links.delete(link);
    });
    this.#links.add(link);
    this.#settings.onLink?.(link);
    return link;
  }

  /** One way over the wire. Rejects with `signal.reason`. */
  #travel(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.clock.after(this.#settings.latencyMs, resolve);
    return unlessAborted(promise, signal).finally(() => timer.cancel());
  }
}

/** What `promise` gives, unless `signal` aborts first: then rejects with its reason. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
