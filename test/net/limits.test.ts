/** What holds users off: each limit with a peer that breaks it, a reason, a counter, and neighbours who notice nothing. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel } from "node:worker_threads";
import type { NetServerOptions } from "../../src/index.ts";
import { MemoryNetwork, RawPeer } from "../../src/testing.ts";
import { canMoveSockets, tcpNetwork } from "../../src/transport/tcp.ts";
import { BlockedServer } from "./fixtures/blocked-server.ts";
import { GuardedServer } from "./fixtures/guarded-server.ts";

const ADDRESS = { ip: "10.0.0.1", port: 7000 };
/** Limits are the subject here, not the codec: peers speak a length alone. */
const PLAIN = { framing: "u16le" } as const;

/** A frame with a payload of `length` bytes. */
function frame(length: number): Uint8Array {
  const bytes = Buffer.alloc(2 + length, 5);
  bytes.writeUInt16LE(length);
  return bytes;
}

/** A server on the in-memory network, at its own time. */
async function world(t: TestContext, options: NetServerOptions, chunkBytes = 65_536) {
  const network = new MemoryNetwork({ chunkBytes });
  const { clock } = network;
  const server = new GuardedServer();
  await server.start({ network, ...ADDRESS, ...PLAIN, ...options });
  t.after(() => clock.until(server.stop({ drainMs: 0 })));
  let ports = 1000;
  /** A peer from `ip`; undefined where it was refused. */
  const dial = async (ip = "10.0.0.2"): Promise<RawPeer | undefined> => {
    const before = server.stats();
    const dialled = RawPeer.dial(network, ADDRESS, { bindIp: ip, bindPort: ports++ }).catch(() => undefined);
    const peer = await clock.until(dialled);
    await clock.until(
      () => server.stats().accepted + server.stats().refused > before.accepted + before.refused,
    );
    return server.stats().accepted > before.accepted ? peer : undefined;
  };
  /** A peer that was let in. */
  const joined = async (ip?: string): Promise<RawPeer> => {
    const peer = await dial(ip);
    assert.ok(peer, "it was refused");
    return peer;
  };
  const left = (count: number): Promise<void> => clock.until(() => server.of("leave").length >= count);
  return { clock, server, dial, joined, left };
}

describe("places", () => {
  it("sessionsPerAddressMax: one address has so many, others have theirs, and a place that is free again counts", async (t) => {
    const { server, dial, joined, left } = await world(t, { sessionsPerAddressMax: 2 });
    const first = await joined("10.0.0.2");
    await joined("10.0.0.2");
    assert.equal(await dial("10.0.0.2"), undefined);
    await joined("10.0.0.3");
    assert.deepEqual(server.stats().refusedBy, { "sessions-per-address": 1 });
    first.reset();
    await left(1);
    await joined("10.0.0.2");
    assert.equal(await dial("10.0.0.2"), undefined);
    assert.deepEqual(server.stats().refusedBy, { "sessions-per-address": 2 });
    assert.equal(server.getSessionCount(), 3);
  });

  it("sessionsPerAddressMax: all addresses of an IPv6 /64 are one", async (t) => {
    const { server, dial, joined } = await world(t, { sessionsPerAddressMax: 1 });
    await joined("2001:db8::1");
    assert.equal(await dial("2001:db8:0:0:ffff::2"), undefined);
    assert.equal(await dial("2001:0db8::3"), undefined);
    await joined("2001:db8:0:1::1");
    await joined("::1");
    assert.deepEqual(server.stats().refusedBy, { "sessions-per-address": 2 });
  });

  it("sessionsPerAddressMax: who came and went is forgotten, however many addresses there were", async (t) => {
    const { server, joined, left } = await world(t, { sessionsPerAddressMax: 1 });
    for (let i = 0; i < 3000; i++) {
      (await joined(`10.${1 + (i >> 8)}.${i & 255}.9`)).reset();
      await left(i + 1);
    }
    await joined("10.1.0.9");
    assert.deepEqual(server.stats().refusedBy, {});
  });

  it("maxSessions: the one beyond is refused, and counted as that", async (t) => {
    const { server, dial, joined } = await world(t, { maxSessions: 2 });
    await joined();
    await joined();
    assert.equal(await dial(), undefined);
    assert.deepEqual(server.stats().refusedBy, { "sessions-max": 1 });
  });

  it("acceptsPerSecondMax: a storm of one address is let in at that pace, and others at theirs", async (t) => {
    const { clock, server, dial, joined } = await world(t, { acceptsPerSecondMax: 5 });
    let accepted = 0;
    const beganMs = clock.nowMs();
    while (clock.nowMs() < beganMs + 10_000) {
      if ((await dial("10.0.0.2")) !== undefined) accepted++;
      await clock.advance(20);
    }
    const most = 5 + (5 * (clock.nowMs() - beganMs)) / 1000;
    assert.ok(accepted <= most && accepted >= most - 7, `${accepted} of at most ${most}`);
    await joined("10.0.0.3");
    const { refused, refusedBy } = server.stats();
    assert.deepEqual(refusedBy, { "accepts-per-second": refused });
  });
});

describe("a peer's time", () => {
  it("firstPacketTimeoutMs: who says nothing leaves, who said something stays", async (t) => {
    const { clock, server, joined, left } = await world(t, { firstPacketTimeoutMs: 2000 });
    await joined("10.0.0.2");
    const talker = await joined("10.0.0.3");
    void talker.send(frame(10));
    await clock.until(() => server.of("packet").length === 1);
    const beganMs = clock.nowMs();
    await left(1);
    assert.ok(clock.nowMs() - beganMs <= 2000 + 2 * 250, "two sweeps late at most");
    await clock.advance(10_000);
    assert.deepEqual(server.stats().left, { "first-packet-timeout": 1 });
    assert.equal(server.getSessionCount(), 1);
  });

  it("firstPacketTimeoutMs: who joins late has all of it", async (t) => {
    const { clock, server, joined } = await world(t, { firstPacketTimeoutMs: 2000 });
    await clock.advance(60_000);
    const late = await joined();
    await clock.advance(1900);
    void late.send(frame(10));
    await clock.until(() => server.of("packet").length === 1);
    assert.deepEqual(server.stats().left, {});
  });

  it("firstPacketTimeoutMs: half a packet is none", async (t) => {
    const { server, joined, left } = await world(t, { firstPacketTimeoutMs: 1000 });
    void (await joined()).send(frame(10).subarray(0, 5));
    await left(1);
    assert.deepEqual(server.stats().left, { "first-packet-timeout": 1 });
  });

  it("idleTimeoutMs: who sends no packet for so long leaves; packets in time keep it", async (t) => {
    const { clock, server, joined, left } = await world(t, { idleTimeoutMs: 3000, firstPacketTimeoutMs: 0 });
    const peer = await joined();
    for (let i = 0; i < 10; i++) {
      void peer.send(frame(1));
      await clock.advance(2500);
    }
    assert.equal(server.getSessionCount(), 1);
    await left(1);
    assert.deepEqual(server.stats().left, { "idle-timeout": 1 });
    assert.equal(server.of("packet").length, 10);
  });
});

describe("a peer's pace", () => {
  for (const [name, limit] of [
    ["packetsPerSecondMax", { packetsPerSecondMax: 100 }],
    ["bytesPerSecondMax", { bytesPerSecondMax: 100 * 12 }],
  ] as const) {
    it(`${name}: who keeps it stays, who floods leaves, and a neighbour notices nothing`, async (t) => {
      const { clock, server, joined, left } = await world(t, limit);
      const [steady, flood] = [await joined("10.0.0.2"), await joined("10.0.0.3")];
      const [, { id: floodId }] = (await server.count("join", 2)) as [unknown, { id: number }];
      for (let i = 0; i < 30; i++) {
        for (let n = 0; n < 9; n++) void steady.send(frame(10));
        await clock.advance(100);
      }
      assert.equal(server.getSessionCount(), 2);
      void flood.send(Buffer.concat(Array.from({ length: 250 }, () => frame(10))));
      await left(1);
      const [leave] = server.of("leave");
      assert.deepEqual([leave?.reason, leave?.id], ["over-pace", floodId]);
      assert.deepEqual(server.stats().left, { "over-pace": 1 });
      void steady.send(frame(10));
      await clock.until(() => server.of("packet").filter(({ id }) => id !== floodId).length === 271);
    });

    it(`${name} with overPace "wait": nothing is lost, and it takes the time that it takes`, async (t) => {
      const { clock, server, joined } = await world(t, { ...limit, overPace: "wait" }, 240);
      const flood = await joined();
      const beganMs = clock.nowMs();
      for (let i = 0; i < 50; i++)
        void flood.send(Buffer.concat(Array.from({ length: 20 }, () => frame(10))));
      await clock.until(() => server.of("packet").length === 1000);
      const tookMs = clock.nowMs() - beganMs;
      // The first second's share at once, the rest at its pace, and one read too early.
      assert.ok(tookMs >= 8700 && tookMs <= 9300, `${tookMs} ms`);
      assert.equal(server.getSessionCount(), 1);
    });
  }

  it('overPace "wait" beside a slow handler: reading goes on when both are done', async (t) => {
    const network = new MemoryNetwork();
    const { clock } = network;
    const gates: (() => void)[] = [];
    class Slow extends GuardedServer {
      override async onRecv(...args: Parameters<GuardedServer["onRecv"]>): Promise<void> {
        super.onRecv(...args);
        await new Promise<void>((resolve) => gates.push(resolve));
      }
    }
    const server = new Slow();
    const pace = { packetsPerSecondMax: 10, overPace: "wait", receiveQueueBytesMax: 500 } as const;
    await server.start({ network, ...ADDRESS, ...PLAIN, ...pace });
    t.after(() => clock.until(server.stop({ drainMs: 0 })));
    const peer = await clock.until(RawPeer.dial(network, ADDRESS));
    for (let i = 0; i < 60; i++) void peer.send(frame(10));
    for (let handled = 1; handled <= 60; handled++) {
      await clock.until(() => gates.length === handled);
      gates.at(-1)!();
    }
    assert.equal(server.of("packet").length, 60);
  });
});

describe("a server that was blocked blames nobody", () => {
  const BLOCKED_MS = 2500;

  /** On a thread of its own; blocked for as long as a packet says. */
  async function blockable(
    t: TestContext,
    options: NetServerOptions,
  ): Promise<{ server: BlockedServer; port: number }> {
    const server = new BlockedServer();
    const { port1, port2 } = new MessageChannel();
    server.hear(port1);
    t.after(() => port1.close());
    const workerData = (thread: number): unknown => (thread === 0 ? undefined : { port: port2 });
    const { port } = await server.start({ port: 0, ...PLAIN, workerThreads: 1, workerData, ...options });
    t.after(() => server.stop({ drainMs: 0 }));
    return { server, port };
  }

  async function dial(t: TestContext, port: number): Promise<RawPeer> {
    const peer = await RawPeer.dial(tcpNetwork, { ip: "127.0.0.1", port });
    t.after(() => peer.reset());
    return peer;
  }

  it("packetsPerSecondMax: who kept the pace stays, though all that it sent is read at once; who floods leaves", async (t) => {
    const { server, port } = await blockable(t, { packetsPerSecondMax: 50 });
    const [blocker, steady, flood] = [await dial(t, port), await dial(t, port), await dial(t, port)];
    const joins = await server.count("join", 3);
    void steady.send(frame(1));
    await server.count("packet", 1);
    void blocker.send(frame(BLOCKED_MS));
    void flood.send(Buffer.concat(Array.from({ length: 500 }, () => frame(1))));
    const beganMs = performance.now();
    let sent = 0;
    for (let ms = 0; ms < BLOCKED_MS - 100; ms = performance.now() - beganMs) {
      for (; sent < (ms / 1000) * 45; sent++) void steady.send(frame(1));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(sent > 60, `${sent} packets are more than one second's share`);
    await server.count("leave", 1);
    await server.until(() => server.of("packet").filter(({ id }) => id === joins[1]!.id).length === 1 + sent);
    assert.deepEqual(
      server.of("leave").map(({ id, reason }) => [id, reason]),
      [[joins[2]!.id, "over-pace"]],
    );
  });

  it("acceptsPerSecondMax: who came at the pace is let in, though all are accepted at once", async (t) => {
    const { server, port } = await blockable(t, { acceptsPerSecondMax: 10 });
    const blocker = await dial(t, port);
    await server.count("join", 1);
    void blocker.send(frame(BLOCKED_MS));
    for (let n = 1; n <= 18; n++) {
      await dial(t, port);
      await new Promise((resolve) => setTimeout(resolve, 125));
    }
    await server.until(() => server.stats().accepted + server.stats().refused === 19);
    assert.deepEqual(server.stats().refusedBy, {});
  });
});

for (const workerThreads of [0, 1, 2]) {
  const skip =
    workerThreads > 1 && !canMoveSockets() ? "sockets cannot be moved between threads here" : false;
  it(`setAddressLists while it runs, ${workerThreads} worker threads: who comes next is asked, who is there stays`, {
    skip,
  }, async (t) => {
    const server = new GuardedServer();
    const workerData = (thread: number): unknown => {
      if (thread === 0) return undefined;
      const { port1, port2 } = new MessageChannel();
      server.hear(port1);
      t.after(() => port1.close());
      return { port: port2 };
    };
    const { ip, port } = await server.start({
      port: 0,
      ...PLAIN,
      workerThreads,
      workerData,
      deny: ["127.0.0.9"],
    });
    t.after(() => server.stop({ drainMs: 0 }));
    /** Whether a peer from there is let in. */
    const dial = async (bindIp: string): Promise<boolean> => {
      const before = server.stats();
      const peer = await RawPeer.dial(tcpNetwork, { ip, port }, { bindIp }).catch(() => undefined); // reset at once
      t.after(() => peer?.reset());
      const sum = (): number => server.stats().accepted + server.stats().refused;
      while (sum() === before.accepted + before.refused)
        await new Promise((resolve) => setImmediate(resolve));
      return server.stats().accepted > before.accepted;
    };
    /** The lists reach the accepting thread a moment later: asked until it says so. */
    const until = async (bindIp: string, expected: boolean): Promise<void> => {
      while ((await dial(bindIp)) !== expected);
    };
    assert.equal(await dial("127.0.0.1"), true);
    assert.equal(await dial("127.0.0.9"), false);
    server.setAddressLists({ deny: ["127.0.0.1"] });
    await until("127.0.0.1", false);
    assert.equal(await dial("127.0.0.9"), true);
    server.setAddressLists({ allow: ["127.0.0.8/29"], deny: ["127.0.0.9"] });
    await until("127.0.0.9", false);
    assert.equal(await dial("127.0.0.1"), false);
    assert.equal(await dial("127.0.0.10"), true);
    server.setAddressLists({});
    await until("127.0.0.1", true);
    assert.deepEqual(server.of("leave"), []);
    assert.ok(server.stats().refusedBy.denied! >= 2 && server.stats().refusedBy["not-allowed"]! >= 1);
    assert.throws(() => server.setAddressLists({ deny: ["nowhere"] }), {
      code: "OPTION_INVALID",
      message: /deny/,
    });
  });
}

it("too few descriptors for maxSessions are said at start", {
  skip: process.platform !== "linux" && "Linux tells",
}, () => {
  const program = `
    import { GuardedServer } from ${JSON.stringify(new URL("./fixtures/guarded-server.ts", import.meta.url).href)};
    const server = new GuardedServer();
    await server.start({ port: 0, maxSessions: Number(process.argv[1]) });
    console.log(JSON.stringify(server.of("error")));
    await server.stop();`;
  const told = (maxSessions: number): { code: string; message: string }[] => {
    const node = [process.execPath, "--input-type=module", "-e", program, String(maxSessions)];
    const { stdout, stderr } = spawnSync("sh", ["-c", 'ulimit -n 200 && exec "$@"', "sh", ...node], {
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    return JSON.parse(stdout) as { code: string; message: string }[];
  };
  assert.deepEqual(told(100), []);
  const [error] = told(1000);
  assert.equal(error?.code, "DESCRIPTORS_TOO_FEW");
  assert.match(error?.message ?? "", /200 descriptors.*1000/);
});
