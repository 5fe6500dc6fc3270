/** Sockets of this machine: TCP on loopback, or Unix sockets (named pipes on Windows). */
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenAddress, NetServerOptions, Network } from "../../src/index.ts";
import { RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { HIDES_RESETS, PATIENCE, SHARES_PIPE_NAMES } from "./platform.ts";
import { type DialOptions, type Feature, World } from "./world.ts";

/** When a wait counts as failed. Never reached by a run that goes well. */
const LIMIT_MS = 60_000 * PATIENCE;
/** Round trips after which everything that was on its way before is there. */
const SETTLE_ROUNDS = 6;

let pathsMade = 0;

export class LiveWorld extends World {
  readonly network: Network = tcpNetwork;
  readonly linkOptions = {};
  readonly features: ReadonlySet<Feature>;
  override readonly missing: ReadonlyMap<Feature, string>;
  readonly #kind: "tcp" | "path";
  #loop: { readonly near: RawPeer; readonly far: RawPeer; readonly close: () => Promise<void> } | undefined;

  constructor(kind: "tcp" | "path") {
    super();
    this.#kind = kind;
    const wanted: Feature[] = ["network", "test's thread", "own address"];
    if (kind === "tcp") wanted.push("ip", "reset", "second ip", "ipv6");
    this.missing = missingFrom(wanted, kind);
    this.features = new Set(wanted.filter((feature) => !this.missing.has(feature)));
  }

  listenOptions(): NetServerOptions {
    return this.#kind === "tcp" ? { port: 0 } : { path: freshPath() };
  }

  dialOptions({ ip, port, path }: ListenAddress): DialOptions {
    return path === undefined ? { serverIp: ip, port } : { path };
  }

  until<T>(goal: Promise<T>): Promise<T>;
  until(goal: () => boolean): Promise<void>;
  until<T>(goal: Promise<T> | (() => boolean)): Promise<T | undefined> {
    const late = Promise.withResolvers<never>();
    const stack = new Error(`Cannot go on: what the test waits for did not happen in ${LIMIT_MS} ms`);
    const timer = setTimeout(() => late.reject(stack), LIMIT_MS);
    let isOver = false;
    const reached = typeof goal === "function" ? turnUntil(() => isOver || goal()) : goal;
    return Promise.race([reached, late.promise]).finally(() => {
      isOver = true;
      clearTimeout(timer);
    }) as Promise<T | undefined>;
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Bytes that go round on a link of their own: the loop polled, and the kernel delivered, once per round. */
  async settle(): Promise<void> {
    this.#loop ??= await makeLoop(this.network);
    const { near, far } = this.#loop;
    for (let round = 0; round < SETTLE_ROUNDS; round++) {
      void near.send("x");
      await this.until(far.receivedAtLeast(near.received.length + 1));
      void far.send("x");
      await this.until(near.receivedAtLeast(far.received.length));
    }
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#loop?.close();
    this.#loop = undefined;
  }
}

/** What such links have elsewhere, and this platform has not. */
function missingFrom(wanted: readonly Feature[], kind: "tcp" | "path"): ReadonlyMap<Feature, string> {
  const reasons: readonly [Feature, string | false][] = [
    ["reset", HIDES_RESETS],
    ["second ip", process.platform === "darwin" && "macOS has 127.0.0.1 alone on loopback"],
    ["ipv6", !hasIpv6() && "there is no ::1 here"],
    ["own address", kind === "path" && SHARES_PIPE_NAMES],
  ];
  return new Map(
    reasons.filter((one): one is [Feature, string] => wanted.includes(one[0]) && one[1] !== false),
  );
}

async function turnUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function makeLoop(network: Network) {
  const listener = await RawPeer.listen(network, { ip: "127.0.0.1", port: 0 });
  const near = await RawPeer.dial(network, listener.address);
  const far = await listener.next();
  const close = async (): Promise<void> => {
    near.reset();
    far.reset();
    await Promise.all([near.closed, far.closed, listener.close()]);
  };
  return { near, far, close };
}

/** A path for a local socket that nobody used before. */
export function freshPath(): string {
  const name = `lanwire-${process.pid}-${++pathsMade}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === "::1"));
}
