import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Connection,
  type Incoming,
  type MemoryLink,
  MemoryNetwork,
  RawPeer,
  VirtualClock,
} from "../../src/testing.ts";
import { Probe } from "./probe.ts";

const ADDRESS = { ip: "10.0.0.1", port: 7000 };
const SOCKET_OPTIONS = { nagle: false, keepAliveMs: 0 };
const NEVER = new AbortController().signal;

function dial(network: MemoryNetwork, address: { ip: string; port: number } = ADDRESS): Promise<Connection> {
  return network.dial({ ...SOCKET_OPTIONS, address, bindIp: undefined, bindPort: undefined }, NEVER);
}

describe("MemoryNetwork", () => {
  it("connects and delivers at zero latency without anybody moving the clock", async () => {
    const network = new MemoryNetwork();
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await RawPeer.dial(network, ADDRESS);
    void client.send("hello");
    const server = await listener.next();
    await server.receivedAtLeast(5);
    assert.equal(network.clock.nowMs(), 0);
  });

  it("with latency, a dial takes a round trip and bytes take half of one", async () => {
    const network = new MemoryNetwork({ latencyMs: 40 });
    const { clock } = network;
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await clock.until(RawPeer.dial(network, ADDRESS));
    assert.equal(clock.nowMs(), 80);
    assert.equal(await client.send("taken at once"), true);
    assert.equal(clock.nowMs(), 80);
    const server = await clock.until(listener.next());
    await clock.until(server.receivedAtLeast(13));
    assert.equal(clock.nowMs(), 120);
    server.end();
    await clock.until(client.ended);
    assert.equal(clock.nowMs(), 160);
    client.reset();
    await clock.until(server.closed);
    assert.equal(clock.nowMs(), 200);
  });

  it("what arrived while a handler blocked is read behind the timers that are due", async () => {
    const network = new MemoryNetwork({ latencyMs: 10 });
    const { clock } = network;
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await clock.until(RawPeer.dial(network, ADDRESS));
    const server = await clock.until(listener.next());
    void client.send("alive");
    const seen: number[] = [];
    clock.after(30, () => {
      seen.push(server.received.length);
      clock.afterPendingReads(() => seen.push(server.received.length));
    });
    clock.block(100);
    await clock.advance(0);
    assert.deepEqual(seen, [0, 5]);
  });

  it("takes any text as a host, and IPv4-mapped addresses as IPv4", async () => {
    const network = new MemoryNetwork();
    for (const ip of ["10.1.2.3", "fd00::1", "node-17.rack-3"])
      await RawPeer.listen(network, { ip, port: 1 });
    const mapped = await RawPeer.listen(network, { ip: "::ffff:10.9.9.9", port: 1 });
    assert.deepEqual(mapped.address, { ip: "10.9.9.9", port: 1 });
    for (const ip of ["10.1.2.3", "FD00::1", "node-17.rack-3", "::FFFF:10.9.9.9"])
      await dial(network, { ip, port: 1 });
    await assert.rejects(dial(network, { ip: "10.1.2.4", port: 1 }), {
      code: "ECONNREFUSED",
      message: "connect ECONNREFUSED 10.1.2.4:1",
      address: "10.1.2.4",
      port: 1,
      syscall: "connect",
    });
    const path = { ...SOCKET_OPTIONS, address: { path: "/run/x" }, bindIp: undefined, bindPort: undefined };
    await assert.rejects(network.dial(path, NEVER), { code: "ENOENT", message: "connect ENOENT /run/x" });
  });

  for (const wildcard of ["0.0.0.0", "::"]) {
    it(`${wildcard} takes every address, and a port of any address conflicts with it`, async () => {
      const network = new MemoryNetwork();
      const listener = await RawPeer.listen(network, { ip: wildcard, port: 7000 });
      await dial(network, { ip: "10.5.5.5", port: 7000 });
      const [peer] = [await listener.next()];
      assert.deepEqual(peer.local, { ip: "10.5.5.5", port: 7000 });
      await dial(network, { ip: wildcard, port: 7000 });
      assert.equal((await listener.next()).local.ip, "127.0.0.1");
      const message = "listen EADDRINUSE: address already in use 10.0.0.1:7000";
      await assert.rejects(RawPeer.listen(network, ADDRESS), { code: "EADDRINUSE", message });
      await RawPeer.listen(network, { ip: "10.0.0.1", port: 7001 });
      await assert.rejects(RawPeer.listen(network, { ip: wildcard, port: 7001 }), { code: "EADDRINUSE" });
    });
  }

  it("gives every dialling end a port of its own and frees it when the end is gone", async () => {
    const network = new MemoryNetwork();
    await RawPeer.listen(network, ADDRESS);
    const bound = { bindIp: "10.0.0.9", bindPort: 500 };
    const first = await RawPeer.dial(network, ADDRESS, bound);
    assert.deepEqual(first.local, { ip: "10.0.0.9", port: 500 });
    await assert.rejects(RawPeer.dial(network, ADDRESS, bound), { code: "EADDRINUSE", syscall: "connect" });
    first.reset();
    await first.closed;
    await RawPeer.dial(network, ADDRESS, bound);
    const ports = new Set<number>();
    for (let count = 0; count < 50; count++) ports.add((await RawPeer.dial(network, ADDRESS)).local.port);
    assert.equal(ports.size, 50);
  });

  it("a failed or aborted dial frees its port", async () => {
    const network = new MemoryNetwork();
    const bound = { bindIp: "10.0.0.9", bindPort: 500 };
    await assert.rejects(RawPeer.dial(network, ADDRESS, bound), { code: "ECONNREFUSED" });
    network.holdDials();
    const controller = new AbortController();
    const held = RawPeer.dial(network, ADDRESS, { ...bound, signal: controller.signal });
    await network.clock.advance(60_000);
    controller.abort(new Error("too late"));
    await assert.rejects(held, /too late/);
    network.releaseDials();
    await RawPeer.listen(network, ADDRESS);
    await RawPeer.dial(network, ADDRESS, bound);
  });

  it("holdDials answers no dial until releaseDials", async () => {
    const network = new MemoryNetwork();
    await RawPeer.listen(network, ADDRESS);
    network.holdDials();
    let peer: RawPeer | undefined;
    const dialled = RawPeer.dial(network, ADDRESS).then((made) => {
      peer = made;
    });
    await network.clock.advance(60_000);
    assert.equal(peer, undefined);
    network.releaseDials();
    await dialled;
  });

  it("failNextAccept tells the acceptor and resets the connection; the listener goes on", async () => {
    const network = new MemoryNetwork();
    const errors: Error[] = [];
    const taken: Connection[] = [];
    const acceptor = {
      onIncoming: (incoming: { accept(): Connection }) => void taken.push(incoming.accept()),
      onAcceptError: (error: Error) => void errors.push(error),
    };
    await network.listen({ ...SOCKET_OPTIONS, address: ADDRESS, backlog: 1 }, acceptor);
    network.failNextAccept("EMFILE");
    const client = await RawPeer.dial(network, ADDRESS);
    assert.equal((await client.closed)?.code, "ECONNRESET");
    assert.deepEqual(
      errors.map((error) => error.message),
      ["accept EMFILE"],
    );
    await RawPeer.dial(network, ADDRESS);
    await network.clock.advance(0);
    assert.equal(taken.length, 1);
  });

  for (const refusal of ["resets", "rejects"] as const) {
    it(`refusal "${refusal}" is what the dialling side sees`, async () => {
      const network = new MemoryNetwork({ refusal, latencyMs: 5 });
      const acceptor = {
        onIncoming: (incoming: { refuse(): void }) => incoming.refuse(),
        onAcceptError: assert.fail,
      };
      await network.listen({ ...SOCKET_OPTIONS, address: ADDRESS, backlog: 1 }, acceptor);
      const dialled = network.clock.until(RawPeer.dial(network, ADDRESS));
      if (refusal === "rejects") await assert.rejects(dialled, { code: "ECONNRESET", syscall: "connect" });
      else assert.equal((await network.clock.until((await dialled).closed))?.code, "ECONNRESET");
      await network.clock.advance(100);
      assert.deepEqual(network.links, []);
    });
  }

  it("a connection that waits to be accepted when the listener closes is reset", async () => {
    const network = new MemoryNetwork({ latencyMs: 5 });
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await network.clock.until(RawPeer.dial(network, ADDRESS));
    await listener.close();
    await listener.close();
    assert.equal((await network.clock.until(client.closed))?.code, "ECONNRESET");
    assert.equal(listener.peers.length, 0);
  });

  it("onLink and links give a handle before the first byte", async () => {
    const seen: MemoryLink[] = [];
    const network = new MemoryNetwork({ onLink: (link) => void seen.push(link) });
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await RawPeer.dial(network, ADDRESS);
    await listener.next();
    assert.deepEqual(network.links, seen);
    assert.deepEqual([seen[0]?.id, seen[0]?.dialler, seen[0]?.acceptor], [1, client.local, ADDRESS]);
  });

  it("a write completes once the window has it; a reader makes room byte by byte", async () => {
    const network = new MemoryNetwork({ windowBytes: 100 });
    const listener = await RawPeer.listen(network, ADDRESS, { reading: false, readBufferBytes: 10 });
    const client = await RawPeer.dial(network, ADDRESS);
    const server = await listener.next();
    const [link] = network.links;
    assert.equal(await client.send(new Uint8Array(100)), true);
    const waits = client.send(new Uint8Array(1));
    await network.clock.advance(1000);
    assert.equal(await Promise.race([waits, "waits"]), "waits");
    assert.equal(link?.toAcceptor.takenBytes, 100);
    server.resume();
    assert.equal(await waits, true);
    await server.receivedAtLeast(101);
    assert.equal(link?.toAcceptor.takenBytes, 101);
  });

  it("reads are at most chunkBytes", async () => {
    const network = new MemoryNetwork({ chunkBytes: 7 });
    const lengths: number[] = [];
    const acceptor = {
      onIncoming: (incoming: { accept(): Connection }) => {
        const server = new Probe(incoming.accept()).open();
        server.onEvent = () => lengths.push(server.received.at(-1)!.length);
      },
      onAcceptError: assert.fail,
    };
    await network.listen({ ...SOCKET_OPTIONS, address: ADDRESS, backlog: 1 }, acceptor);
    const client = await RawPeer.dial(network, ADDRESS);
    await client.send(new Uint8Array(20));
    await network.clock.advance(0);
    assert.deepEqual(lengths, [7, 7, 6]);
  });

  it("bytes for an end that was destroyed come back as a reset, as with TCP", async () => {
    const network = new MemoryNetwork({ latencyMs: 10 });
    const { clock } = network;
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await clock.until(RawPeer.dial(network, ADDRESS));
    const server = await clock.until(listener.next());
    const start = clock.nowMs();
    void client.send("crosses the goodbye");
    await clock.advance(5);
    void server.send("lost with it");
    await clock.advance(0);
    server.destroy();
    assert.equal((await clock.until(client.closed))?.code, "ECONNRESET");
    assert.equal(clock.nowMs(), start + 20);
    assert.deepEqual([await client.ended, client.received.length], [false, 0]);
  });

  it("an end that knows its peer's end and writes to nobody gets EPIPE", async () => {
    const network = new MemoryNetwork();
    const listener = await RawPeer.listen(network, ADDRESS);
    const client = await RawPeer.dial(network, ADDRESS);
    (await listener.next()).destroy();
    assert.equal(await client.ended, true);
    assert.equal(await client.send("taken, and answered with RST"), true);
    await network.clock.advance(0);
    assert.equal(await client.send("too late"), false);
    const error = await client.closed;
    assert.deepEqual([error?.code, error?.syscall, error?.message], ["EPIPE", "write", "write EPIPE"]);
  });

  it("asserts one write at a time, and open once", async () => {
    const network = new MemoryNetwork();
    await RawPeer.listen(network, ADDRESS, { reading: false });
    const probe = new Probe(await dial(network)).open();
    assert.throws(() => probe.open(), /opened or closed before/);
    probe.write(new Uint8Array(1));
    assert.throws(() => probe.write(new Uint8Array(1)), /a write is in flight/);
    probe.end();
    await probe.when(() => probe.writtenCount === 1);
    assert.throws(() => probe.write(new Uint8Array(1)), /its end was sent/);
    probe.destroy();
    assert.throws(() => probe.write(new Uint8Array(1)), /it is not open/);
  });

  it("asserts one decision about each connection", async () => {
    const network = new MemoryNetwork();
    const waiting: Incoming[] = [];
    const acceptor = {
      onIncoming: (incoming: Incoming) => void waiting.push(incoming),
      onAcceptError: assert.fail,
    };
    await network.listen({ ...SOCKET_OPTIONS, address: ADDRESS, backlog: 1 }, acceptor);
    await dial(network);
    await network.clock.advance(0);
    waiting[0]!.accept();
    assert.throws(() => waiting[0]!.refuse(), /it was accepted before/);
  });

  it("shares a clock that is given, and refuses unknown and impossible options by name", () => {
    const clock = new VirtualClock();
    assert.equal(new MemoryNetwork({ clock }).clock, clock);
    assert.equal(new MemoryNetwork({ seed: 42 }).seed, 42);
    assert.throws(() => new MemoryNetwork({ delayMs: 1 } as object), {
      code: "OPTION_UNKNOWN",
      message: /delayMs/,
    });
    for (const options of [
      { seed: 0.5 },
      { latencyMs: -1 },
      { windowBytes: 0 },
      { chunkBytes: 0 },
      { refusal: "no" },
    ]) {
      const message = new RegExp(Object.keys(options)[0]!);
      assert.throws(() => new MemoryNetwork(options as object), { code: "OPTION_INVALID", message });
    }
  });

  it("spreads reconnect attempts from its seed", () => {
    const { random } = new MemoryNetwork({ seed: 5 });
    const { random: same } = new MemoryNetwork({ seed: 5 });
    const drawn = Array.from({ length: 10 }, () => random());
    assert.deepEqual(
      Array.from({ length: 10 }, () => same()),
      drawn,
    );
    assert.equal(new Set(drawn).size, 10);
  });
});
