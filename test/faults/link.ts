/** A server process and client processes on a wire, and what tests do with them. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { LanClientOptions, LanOptions } from "../../src/index.ts";
import { type Place, RECONNECT } from "./bounds.ts";
import type { Saying } from "./fixtures/messages.ts";
import type { Lab } from "./lab.ts";
import { checkComplete, checkLedgers, type Expectations } from "./ledgers.ts";
import { type Command, Peer } from "./peer.ts";

/** What is between the two sides. */
export interface Wire {
  /** Where the server listens. */
  readonly listenAt: { readonly ip: string; readonly port: number };
  /** Where the client finds a server that listens on `port`. */
  dialAt(port: number): Promise<LanClientOptions>;
  /** What runs a program on that side, where that is another host. */
  within(side: Side): Command | undefined;
  /** From now on there is nothing wrong with it. */
  heal(): void;
  /** What a broken link may have held besides a frame that was not whole; undefined where nobody knows. */
  readonly heldBytesMax: number | undefined;
}

export type Side = "server" | "client";

const SILENCE: Saying = { kind: "silent" };
const SIZES = { minBytes: 16, maxBytes: 8000 } as const;
/** So many packets, as fast as the link takes them. */
export const some = (packets: number): Saying => ({ kind: "flood", packets, ...SIZES });

export interface LinkPlan {
  readonly place: Place;
  readonly options: LanOptions;
}

export class Link<Between extends Wire = Wire> {
  readonly wire: Between;
  /** All that ever were. The last one is meant where it is not said. */
  readonly servers: Peer[] = [];
  readonly clients: Peer[] = [];
  readonly #t: TestContext;
  readonly #plan: LinkPlan;

  #port = 0;

  constructor(t: TestContext, plan: LinkPlan, wire: Between) {
    this.#t = t;
    this.#plan = plan;
    this.wire = wire;
  }

  /** A server and a client, each of which has heard the other. */
  static async up<Between extends Wire>(
    t: TestContext,
    plan: LinkPlan,
    wire: Between,
  ): Promise<Link<Between>> {
    const link = new Link(t, plan, wire);
    await link.startServer();
    await link.startClient();
    await link.joined(1);
    return link;
  }

  get server(): Peer {
    return this.servers.at(-1)!;
  }
  get client(): Peer {
    return this.clients.at(-1)!;
  }

  async startServer(): Promise<void> {
    const who = this.servers.length + 1;
    const options = { ...this.#common(), ...this.wire.listenAt };
    const server = new Peer(this.#t, { role: "server", who, options }, this.wire.within("server"));
    this.servers.push(server);
    this.#port = (await server.nth("listening", 1)).port;
  }

  async startClient(): Promise<void> {
    this.#startClient(await this.wire.dialAt(this.#port));
  }

  /** A client that reaches the server by another way, on which nothing is wrong. */
  startNeighbour(): Peer {
    return this.#startClient({ serverIp: this.wire.listenAt.ip, port: this.#port });
  }

  /** The client's `nth` session: each has heard the other's greeting in it. */
  async joined(nth: number): Promise<void> {
    const { client, server } = this;
    await client.until(`the greeting in session ${nth}`, () =>
      client.all("greeted").some(({ epoch, peer }) => epoch === nth && peer?.who === server.who),
    );
    await server.until(`the greeting of session ${nth} of ${client.name}`, () =>
      server.all("greeted").some(({ peer }) => peer?.who === client.who && peer.epoch === nth),
    );
  }

  say(saying: Saying): void {
    for (const peer of [this.server, this.client]) peer.order({ do: "say", saying });
  }

  /** Both send as fast as it goes, so many packets each; resolves once the queues have refused and a lot is through. */
  async flood(packets: number = 1e9): Promise<void> {
    const peers = [this.server, this.client];
    const full = peers.map((peer) => peer.nth("refused", peer.all("refused").length + 1));
    const through = peers.map((peer) => peer.ask({ do: "watch", bytes: 4_000_000 }, "arrived"));
    this.say(some(packets));
    await Promise.all([...full, ...through]);
  }

  /** One side's queue is full now; the other stands still, so it stays that. */
  async fill(side: Side): Promise<void> {
    const peer = this[side];
    const refused = peer.nth("refused", peer.all("refused").length + 1);
    peer.order({ do: "say", saying: some(1e9) });
    await refused;
  }

  /** Both say so much and receive what the other said. */
  async exchange(packets: number, sizes: { minBytes: number; maxBytes: number } = SIZES): Promise<void> {
    const { server, client } = this;
    const count = packets + 1; // and the greeting
    const reached = [received(server, count, client), received(client, count, server)];
    this.say({ kind: "flood", packets, ...sizes });
    await Promise.all(reached);
  }

  /** All fall silent, and what they had said arrives. */
  async quiet(): Promise<void> {
    const { server } = this;
    this.say(SILENCE);
    const { sessions } = await server.ask({ do: "account" }, "account");
    for (const client of this.clients.filter(({ isUp }) => isUp)) {
      const ofServer = sessions.findLast(({ to }) => to === client.who)!;
      const ofClient = (await client.ask({ do: "account" }, "account")).sessions[0]!;
      await received(server, ofClient.takenPackets, client);
      await received(client, ofServer.takenPackets, server);
    }
  }

  /** Nobody left. */
  assertUp(): void {
    const lefts = [...this.servers, ...this.clients].flatMap((peer) => peer.all("left"));
    assert.deepEqual(lefts, []);
  }

  /** The fault is over: the client comes back, and everything arrives, none of it from before. */
  async comesBack(): Promise<void> {
    this.say(SILENCE);
    this.wire.heal();
    await this.goesOn(this.client.all("left").length + 1);
  }

  /** The client's `nth` session works. */
  async goesOn(nth: number): Promise<void> {
    await this.joined(nth);
    await this.exchange(200);
    await this.quiet();
  }

  /** Leaves in order: the last sessions lose nothing, all processes end by themselves, and the ledgers are right. */
  async settle(expectations: Partial<Expectations> = {}): Promise<void> {
    const clients = this.clients.filter((client) => client.isUp);
    for (const client of clients) await this.over(client);
    await this.over(this.server);
    await Promise.all([...clients, this.server].map((peer) => peer.end()));
    for (const client of clients) checkComplete(client, this.servers);
    const { heldBytesMax } = this.wire;
    const frameBytes = this.#plan.options.packetBytesMax!;
    checkLedgers(this.#t, [...this.servers, ...this.clients], {
      heldBytesMax: heldBytesMax === undefined ? undefined : heldBytesMax + frameBytes,
      ...expectations,
    });
  }

  /** It leaves in order, and each of its sessions has had its leave. */
  async over(peer: Peer): Promise<void> {
    await peer.ask({ do: "leave", now: false, drainMs: 60_000 }, "over");
    await peer.until("the last leave", () => peer.all("left").length === peer.all("joined").length);
  }

  #startClient(address: LanClientOptions): Peer {
    const who = 101 + this.clients.length;
    const options = { ...RECONNECT, ...this.#common(), ...address };
    const client = new Peer(this.#t, { role: "client", who, options }, this.wire.within("client"));
    this.clients.push(client);
    return client;
  }

  #common(): LanOptions {
    return { ...this.#plan.options, workerThreads: this.#plan.place.workerThreads };
  }
}

function received(peer: Peer, packets: number, from: Peer): Promise<unknown> {
  return peer.ask({ do: "count", packets, from: from.who }, "reached");
}

/** The client sends one frame of `bytes`, at 2 MB/s; resolves when the server has a part of it. */
export async function sendLong({ wire, server, client }: Link<Lab>, bytes: number): Promise<void> {
  wire.limit("client", 2_000_000);
  const arrived = server.ask({ do: "watch", bytes: 200_000 }, "arrived");
  const saying = { kind: "flood", packets: 1, minBytes: bytes, maxBytes: bytes } as const;
  client.order({ do: "say", saying });
  await arrived;
}
