/**
 * Where the conformance suite runs: a transport, its time, and what hosts the fixtures. A test asks a world
 * for servers, clients and raw peers, and never which world it is.
 *
 *      World ---- LiveWorld      sockets of this machine, its own time
 *            \--- MemoryWorld    the in-memory network, virtual time
 *
 * What hosts the fixtures is `stage`: here the caller's thread. A world on threads overrides it alone. What they
 * are is `protocol`: LanServer and LanClient, or NetServer and NetClient.
 */
import assert from "node:assert/strict";
import type {
  ListenAddress,
  NetClientOptions,
  NetServerOptions,
  Network,
  SessionId,
} from "../../src/index.ts";
import { type Address, RawPeer, type RawPeerOptions } from "../../src/testing.ts";
import { assertContract } from "./invariants.ts";
import { AT_ONCE_MS } from "./platform.ts";
import { LAN, type Protocol } from "./protocol.ts";
import { type Backstage, ClientRig, type RawServer, ServerRig } from "./rigs.ts";
import type { Action, EventRecord, Script } from "./script.ts";
import type { ScriptedClient } from "./scripted-client.ts";
import type { ScriptedServer } from "./scripted-server.ts";

/**
 * What a test may need of a world; it is left out where that is missing.
 * - ip: links have addresses and ports.
 * - second ip: this machine answers on 127.0.0.2 as well.
 * - ipv6: the addresses may be those of IPv6.
 * - own address: nobody else can listen where somebody listens.
 * - reset: a connection can be reset, and its peer can tell that from an end.
 * - network: `network` may be wrapped, so that a test sees each dial and chooses the random numbers.
 * - test's thread: events run where the test does.
 * - virtual time: minutes pass at once.
 */
export type Feature =
  | "ip"
  | "second ip"
  | "ipv6"
  | "own address"
  | "reset"
  | "network"
  | "test's thread"
  | "virtual time";

/** Options that lead to a server. */
export type DialOptions = Pick<NetClientOptions, "serverIp" | "port" | "path" | "network">;

export interface PairSide<Options> {
  readonly options?: Options;
  readonly script?: Script;
}

/** A server, a client that joined it, and the session between. */
export interface Pair {
  readonly server: ServerRig;
  readonly client: ClientRig;
  readonly sessionId: SessionId;
}

/** A server and a raw peer that joined it. */
export interface RawPair {
  readonly server: ServerRig;
  readonly peer: RawPeer;
  readonly sessionId: SessionId;
}

export interface FixtureOptions {
  /** Whether it has the two events around each batch. Default false. */
  readonly batched?: boolean;
}

export abstract class World {
  /** What servers, clients and raw peers speak here. */
  protocol: Protocol = LAN;
  abstract readonly network: Network;
  abstract readonly features: ReadonlySet<Feature>;
  /** What such a world has elsewhere and this platform has not, with the reason. */
  readonly missing: ReadonlyMap<Feature, string> = new Map();
  readonly #servers: ServerRig[] = [];
  readonly #clients: ClientRig[] = [];
  readonly #peers: RawPeer[] = [];
  readonly #rawServers: RawServer[] = [];

  /** What every start() and connect() needs here. */
  abstract readonly linkOptions: Pick<NetServerOptions, "network">;

  /** Where a server may listen: an address that nobody else uses. */
  abstract listenOptions(): NetServerOptions;
  /** How one gets to a server that listens at `address`. */
  abstract dialOptions(address: ListenAddress): DialOptions;
  /** Waits for a promise, or until something holds; fails when that takes too long. Lets time pass as it must. */
  abstract until<T>(goal: Promise<T>): Promise<T>;
  abstract until(goal: () => boolean): Promise<void>;
  /** Lets `ms` of the world's time pass. Only where the passing of time is the subject. */
  abstract pass(ms: number): Promise<void>;
  /** Resolves once all that was on its way has arrived and was handled. */
  abstract settle(): Promise<void>;

  nowMs(): number {
    return this.network.clock.nowMs();
  }

  /** Puts a fixture on its stage: here on the caller's thread, with copies of everything as a port would make. */
  stage(
    fixture: ScriptedServer | ScriptedClient,
    script: Script,
    tell: (record: EventRecord) => void,
  ): Backstage {
    let perform: (actions: readonly Action[]) => unknown[] = () => [];
    fixture.enter({
      script: structuredClone(script),
      nowMs: () => this.nowMs(),
      tell: (record) => tell(structuredClone(record)),
      listen: (performer) => {
        perform = performer;
      },
    });
    return { options: {}, perform: async (actions) => structuredClone(perform(structuredClone(actions))) };
  }

  newServer(script: Script = [], { batched = false }: FixtureOptions = {}): ServerRig {
    const fixture = this.protocol.newServer({ batched, onThreads: this.isOnThreads("server") });
    const rig = new ServerRig(this, fixture, script);
    this.#servers.push(rig);
    return rig;
  }

  newClient(script: Script = [], { batched = false }: FixtureOptions = {}): ClientRig {
    const fixture = this.protocol.newClient({ batched, onThreads: this.isOnThreads("client") });
    const rig = new ClientRig(this, fixture, script);
    this.#clients.push(rig);
    return rig;
  }

  protected isOnThreads(_side: "server" | "client"): boolean {
    return false;
  }

  /** A server that runs. */
  async server(options: NetServerOptions = {}, script: Script = []): Promise<ServerRig> {
    const rig = this.newServer(script);
    await rig.start(options);
    return rig;
  }

  /** A client that joined. */
  async client(
    to: { readonly dial: DialOptions },
    options: NetClientOptions = {},
    script: Script = [],
  ): Promise<ClientRig> {
    const rig = this.newClient(script);
    await rig.connect(to, options);
    return rig;
  }

  async pair(
    server: PairSide<NetServerOptions> = {},
    client: PairSide<NetClientOptions> = {},
  ): Promise<Pair> {
    const rig = await this.server(server.options, server.script);
    const clientRig = await this.client(rig, client.options, client.script);
    return { server: rig, client: clientRig, sessionId: await rig.joined() };
  }

  async rawPair(server: PairSide<NetServerOptions> = {}, peer: RawPeerOptions = {}): Promise<RawPair> {
    const rig = await this.server(server.options, server.script);
    const raw = await this.peer(rig, peer);
    return { server: rig, peer: raw, sessionId: await rig.joined() };
  }

  /** A peer that speaks no protocol, connected to a server. The bytes are those of the default Lan framing in every world. */
  async peer(
    to: { readonly dial: DialOptions; readonly isPlain?: boolean },
    options: RawPeerOptions = {},
  ): Promise<RawPeer> {
    const network = to.isPlain === true ? this.network : this.protocol.raw(this.network);
    const peer = await this.until(RawPeer.dial(network, addressOf(to.dial), options));
    this.#peers.push(peer);
    return peer;
  }

  /** A server that speaks no protocol; `isPlain` where the client has a framing of its own. */
  async rawServer(options: RawPeerOptions = {}, at?: DialOptions, isPlain = false): Promise<RawServer> {
    const { ip = "127.0.0.1", port = 0, path } = this.listenOptions();
    const address: Address = at ? addressOf(at) : path === undefined ? { ip, port } : { path };
    const network = isPlain ? this.network : this.protocol.raw(this.network);
    const listener = await this.until(RawPeer.listen(network, address, options));
    const real = listener.address;
    const server: RawServer = {
      listener,
      dial: this.dialOptions("path" in real ? { ip: "", port: 0, path: real.path } : real),
      accept: () => this.until(listener.next()),
    };
    this.#rawServers.push(server);
    return server;
  }

  /** A client that joined a raw peer. */
  async rawServed(
    options: NetClientOptions = {},
    script: Script = [],
    peerOptions: RawPeerOptions = {},
  ): Promise<{ client: ClientRig; peer: RawPeer; raw: RawServer }> {
    const raw = await this.rawServer(peerOptions, undefined, options.framing !== undefined);
    const client = this.newClient(script);
    const [peer] = await this.until(Promise.all([raw.listener.next(), client.connecting(raw, options)]));
    return { client, peer, raw };
  }

  /** An address where nobody listens. */
  async vacant(): Promise<{ dial: DialOptions }> {
    const { dial, listener } = await this.rawServer();
    await this.until(listener.close());
    return { dial };
  }

  /** What a failed test wants to know. */
  summary(): string {
    const servers = this.#servers.map(({ log }, at) => `server ${at + 1}:\n${log.summary()}`);
    const clients = this.#clients.map(({ log }, at) => `client ${at + 1}:\n${log.summary()}`);
    return [...servers, ...clients].join("\n");
  }

  /** Ends everything that the test began. Servers come last: what a stop cannot end in time it ends by force. */
  async close(): Promise<void> {
    for (const { client } of this.#clients) await this.until(client.disconnect({ now: true }));
    for (const { listener } of this.#rawServers) await this.until(listener.close());
    for (const peer of [...this.#peers, ...this.#rawServers.flatMap(({ listener }) => listener.peers)]) {
      peer.reset();
      await this.until(peer.closed);
    }
    await this.settle();
    for (const { server } of this.#servers) await this.until(server.stop({ drainMs: AT_ONCE_MS }));
    await this.settle();
  }

  /** After `close`: whether everything that the fixtures told is what the contract says of every history. */
  assertContract(): void {
    for (const { log, expected } of [...this.#servers, ...this.#clients]) assertContract(log, expected);
    for (const { server } of this.#servers) assert.equal(server.getSessionCount(), 0);
  }
}

function addressOf({ serverIp = "127.0.0.1", port = 0, path }: DialOptions): Address {
  return path === undefined ? { ip: serverIp, port } : { path };
}
