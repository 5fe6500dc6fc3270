/** Row 13. Whatever happens in whatever order: every join has its leave, and nothing stays behind. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { Packet } from "../../src/index.ts";
import { type Address, MemoryNetwork, type Network, Random, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";
import { frame, header } from "./fixtures/frames.ts";
import { RestlessServer } from "./fixtures/restless-server.ts";
import { turns } from "./fixtures/turns.ts";

const PEERS_MAX = 40;

/** Peers without manners, and what they and the application may do next. */
class Havoc {
  readonly server: RestlessServer;
  readonly #random: Random;
  readonly #network: Network;
  readonly #address: Address;
  /** Those that have not hung up. */
  #peers: RawPeer[] = [];
  /** Peers whose descriptor exists. */
  openPeers = 0;

  constructor(server: RestlessServer, random: Random, network: Network, address: Address) {
    this.server = server;
    this.#random = random;
    this.#network = network;
    this.#address = address;
  }

  /** Does one thing. */
  async act(): Promise<void> {
    const random = this.#random;
    if (this.#peers.length === 0) return this.#dial();
    if (this.#peers.length > PEERS_MAX) return this.#take().reset();
    const peer = random.pick(this.#peers);
    switch (random.integer(0, 13)) {
      case 0:
      case 1:
      case 2:
        return this.#dial();
      case 3:
        return this.#take().reset();
      case 4:
        return this.#take().destroy();
      case 5:
        return this.#take().end(); // and never closes, unless the server does
      case 6:
        return void peer.send(header(2 ** 31));
      case 7: // and whatever comes next makes nonsense of it
        return void peer.send(frame("in pieces").subarray(0, random.integer(1, 12)));
      case 8:
        return void peer.send(Buffer.concat([frame("one"), frame("two"), frame("three")]));
      case 9:
        return void this.server.broadcast(Packet.from(random.bytes(20)));
      default:
        return this.#useSession();
    }
  }

  /** Everybody hangs up. */
  end(): void {
    for (const peer of this.#peers.splice(0)) peer.destroy();
  }

  #useSession(): void {
    const { server } = this;
    const random = this.#random;
    if (server.open.size === 0) return;
    const id = random.pick([...server.open]);
    const what = random.pick(["disconnect", "reset", "send", "send"]);
    if (what === "send") server.sendPacket(id, Packet.from(random.bytes(200)));
    else server.disconnect(id, { now: what === "reset" });
  }

  #take(): RawPeer {
    return this.#peers.splice(this.#random.integer(0, this.#peers.length - 1), 1)[0]!;
  }

  async #dial(): Promise<void> {
    let peer: RawPeer;
    try {
      peer = await RawPeer.dial(this.#network, this.#address);
    } catch {
      return; // refused, and told so while dialling
    }
    this.openPeers++;
    this.#peers.push(peer);
    void peer.closed.then(() => {
      this.openPeers--;
    });
  }
}

function checkLives(server: RestlessServer): void {
  assert.deepEqual(server.violations, []);
  assert.equal(server.joins - server.leaves, server.open.size);
  assert.equal(server.getSessionCount(), server.open.size);
  assert.equal(server.admitted, server.joins);
}

function checkEnd(server: RestlessServer): void {
  checkLives(server);
  assert.equal(server.joins, server.leaves);
  assert.ok(server.thrown > 0);
  assert.equal(server.reported, server.thrown);
}

test("100 000 random connects, throws, resets and kicks: joins == leaves, and a handler that throws leaves a defined state", async (t) => {
  const seed = Number(process.env.LANWIRE_SEED ?? 13);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const faults = { chunking: "random", resetPerMegabyte: 2000, readAfterPause: 0.3 } as const;
  const network = new MemoryNetwork({ seed, faults, windowBytes: 1000 });
  const { clock } = network;
  const address = { ip: "10.0.0.1", port: 7000 };
  const server = new RestlessServer(random.fork(1), 0.05);
  await server.start({ network, ...address, packetBytesMax: 1000, disconnectDrainMs: 50 });
  const havoc = new Havoc(server, random.fork(2), network, address);
  for (let n = 0; n < 100_000; n++) {
    await havoc.act();
    if (n % 16 === 0) await clock.advance(random.integer(0, 40));
    if (n % 64 === 0) checkLives(server);
  }
  havoc.end();
  await clock.advance(1000);
  await server.stop({ drainMs: 0 });
  await clock.advance(0);
  checkEnd(server);
  t.diagnostic(
    `${server.joins} sessions, ${server.packets} packets, ${server.thrown} throws; ${[...server.reasons]}`,
  );
  assert.equal(network.links.length, 0);
  assert.equal(clock.pendingTimers, 0);
});

/** Sockets of this process. */
function socketCount(): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:")) count++;
    } catch {
      // The descriptor of the listing itself.
    }
  }
  return count;
}

test("over real sockets: session count == live descriptors at every rest, and none is left", async (t) => {
  if (process.platform !== "linux") return t.skip("counts descriptors in /proc/self/fd");
  const seed = Number(process.env.LANWIRE_SEED ?? 13);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const server = new RestlessServer(random.fork(1), 0.05);
  const socketsAtStart = socketCount();
  const { ip, port } = await server.start({ port: 0, packetBytesMax: 1000, disconnectDrainMs: 50 });
  const havoc = new Havoc(server, random.fork(2), tcpNetwork, { ip, port });
  /** At rest everything that was begun is done: that takes the kernel and the loop some turns. */
  const atRest = async (): Promise<void> => {
    const live = (): number => socketCount() - socketsAtStart - 1 - havoc.openPeers;
    for (let tries = 0; tries < 500 && live() !== server.getSessionCount(); tries++) await turns(2);
    assert.equal(live(), server.getSessionCount());
    checkLives(server);
  };
  for (let n = 0; n < 4000; n++) {
    await havoc.act();
    if (n % 16 === 0) await turns(random.integer(1, 4));
    if (n % 400 === 0) await atRest();
  }
  havoc.end();
  await server.stop({ drainMs: 20 });
  for (let tries = 0; tries < 500 && havoc.openPeers > 0; tries++) await turns(2);
  checkEnd(server);
  assert.equal(socketCount(), socketsAtStart);
});

test(
  "on worker threads, some of which die: each join has its leave, and no place or descriptor is left",
  SEVERAL,
  async (t) => {
    const seed = Number(process.env.LANWIRE_SEED ?? 13);
    t.diagnostic(`seed ${seed}`);
    const random = new Random(seed);
    const rig = await Rig.start(t, { workerThreads: 3, packetBytesMax: 1000, disconnectDrainMs: 50 });
    let links: Link[] = [];
    let throws = 0;
    let deaths = 0;
    for (let n = 0; n < 400; n++) {
      if (n % 80 === 79) {
        // A thread ends inside an event, with all its sessions.
        rig.order((await rig.join()).peer, { order: "exit" });
        deaths++;
        const died = (): number => rig.all("error").filter(({ code }) => code === "THREAD_DIED").length;
        await rig.until(() => died() === deaths, "the death is told");
        (await rig.served()).socket.end(); // the port may have been that thread's
      }
      const leaves = new Set(rig.all("leave").map(({ id }) => id));
      links = links.filter(({ id }) => !leaves.has(id));
      if (links.length < 5 || (links.length < PEERS_MAX && random.chance(0.4))) {
        links.push(await rig.join());
        continue;
      }
      const { id, peer } = random.pick(links);
      switch (random.integer(0, 6)) {
        case 0:
          peer.reset();
          break;
        case 1:
          peer.socket.end();
          break;
        case 2:
          peer.socket.write(header(2 ** 31));
          break;
        case 3:
          rig.order(peer, { order: "throw" });
          throws++;
          break;
        case 4:
          rig.server.disconnect(id, { now: random.chance(0.5) });
          break;
        case 5:
          rig.order(peer, { order: "disconnect", target: random.pick(links).id, now: random.chance(0.5) });
          break;
        default:
          rig.server.broadcast(Packet.from(random.bytes(200)));
      }
    }
    for (const { peer } of links) peer.socket.destroy();
    const joined = new Set(rig.all("join").map(({ id }) => id));
    await rig.until(() => rig.all("leave").length >= joined.size, "every leave is told");
    const left = rig.all("leave").map(({ id }) => id);
    assert.deepEqual([left.length, new Set(left)], [joined.size, joined]);
    assert.equal(rig.server.getSessionCount(), 0);
    const reasons = new Set(rig.all("leave").map(({ leave }) => leave.reason));
    t.diagnostic(`${joined.size} sessions, ${throws} throws, ${deaths} deaths; ${[...reasons]}`);
    assert.ok(reasons.has("thread-died"));
  },
);
