/** The in-memory network on virtual time. */
import type { ListenAddress, NetServerOptions } from "../../src/index.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../../src/testing.ts";
import { type DialOptions, type Feature, World } from "./world.ts";

/** Virtual time that may pass before a wait counts as failed. */
const LIMIT_MS = 120_000;
/** Ways over the wire after which everything that was on its way before is there. */
const SETTLE_WAYS = 12;

export class MemoryWorld extends World {
  readonly network: MemoryNetwork;
  readonly linkOptions: { readonly network: MemoryNetwork };
  readonly features: ReadonlySet<Feature> = new Set([
    "ip",
    "second ip",
    "ipv6",
    "own address",
    "reset",
    "network",
    "test's thread",
    "virtual time",
  ]);
  readonly #settleMs: number;
  #pathsMade = 0;
  readonly #onPaths: boolean;
  /** One wait at a time moves the clock. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: MemoryNetworkOptions = {}, onPaths = false) {
    super();
    this.network = new MemoryNetwork(options);
    this.linkOptions = { network: this.network };
    this.#settleMs = SETTLE_WAYS * ((options.latencyMs ?? 0) + (options.faults?.jitterMs ?? 0));
    this.#onPaths = onPaths;
    if (onPaths)
      this.features = new Set(["own address", "reset", "network", "test's thread", "virtual time"]);
  }

  listenOptions(): NetServerOptions {
    const { network } = this;
    return this.#onPaths ? { network, path: `/run/${++this.#pathsMade}.sock` } : { network, port: 0 };
  }

  dialOptions({ ip, port, path }: ListenAddress): DialOptions {
    const { network } = this;
    return path === undefined ? { network, serverIp: ip, port } : { network, path };
  }

  until<T>(goal: Promise<T>): Promise<T>;
  until(goal: () => boolean): Promise<void>;
  until<T>(goal: Promise<T> | (() => boolean)): Promise<T | undefined> {
    if (typeof goal !== "function") goal.catch(() => {}); // awaited when its turn comes
    const { clock } = this.network;
    return this.#inTurn<T | undefined>(() =>
      typeof goal === "function"
        ? clock.until(goal, { limitMs: LIMIT_MS }).then(() => undefined)
        : clock.until(goal, { limitMs: LIMIT_MS }),
    );
  }

  pass(ms: number): Promise<void> {
    return this.#inTurn(() => this.network.clock.advance(ms));
  }

  settle(): Promise<void> {
    return this.pass(this.#settleMs);
  }

  #inTurn<T>(move: () => Promise<T>): Promise<T> {
    const moved = this.#turn.then(move);
    this.#turn = moved.catch(() => {});
    return moved;
  }
}
