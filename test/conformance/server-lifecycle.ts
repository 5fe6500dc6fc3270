/** start and stop: where a server listens, what it lets out when it ends, and that it may begin again. */
import assert from "node:assert/strict";
import type { SessionId } from "../../src/index.ts";
import { Packet } from "../../src/index.ts";
import { clog } from "../support/clog.ts";
import { assertLanError } from "../support/errors.ts";
import { assertNumbered, frame, numbered, payloads, utf8 } from "../support/frames.ts";
import { AT_ONCE_MS, PATIENCE } from "../support/platform.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

/** How much longer a stop may take than its drainMs. */
const GRACE_MS = 100 * PATIENCE;

export const serverLifecycle: Subject = {
  name: "start and stop",
  tests(tell) {
    starting(tell);
    stopping(tell);
    bounded(tell);
  },
};

function starting(tell: Tell): void {
  // First of all: a process that has accepted nothing yet is slower at it, and that counts here.
  tell("stop({ drainMs: 0 }) resolves however short ago a session joined", async (world) => {
    for (let turns = 0; turns < 8; turns++) {
      const rig = world.newServer();
      await rig.start();
      const dialled = world.peer(rig);
      await world.until(() => rig.server.getSessionCount() === 1);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await rig.stop({ drainMs: AT_ONCE_MS });
      await dialled;
      assert.deepEqual(rig.log.names(), ["request", "join", "leave"]);
    }
  });

  tell(
    "start() tells the real port where 0 was asked for",
    async (world) => {
      const { port } = await world.newServer().start({ port: 0 });
      assert(port > 0);
    },
    "ip",
  );

  tell(
    "start() binds loopback by default",
    async (world) => {
      const { ip } = await world.newServer().start({ port: 0 });
      assert.equal(ip, "127.0.0.1");
    },
    "ip",
  );

  tell("the first server and client need no option but addresses", async (world) => {
    const { server, client, sessionId } = await world.pair({
      script: [{ on: "recv", do: [{ do: "echo" }] }],
    });
    assert.equal(client.client.sendPacket(Packet.from(utf8("hello"))), true);
    await client.event("recv");
    assert.deepEqual(server.log.names({ sessionId }), ["join", "recv"]);
    assert.deepEqual(client.log.names(), ["join", "recv"]);
  });

  tell("start() of a server that runs is refused", async (world) => {
    const { server } = await world.server();
    await assertLanError(world, server.start(world.listenOptions()), "ALREADY_RUNNING");
    assert.equal(server.getSessionCount(), 0);
  });

  tell("start() of a server that starts or stops is refused", async (world) => {
    const rig = world.newServer();
    const starting = rig.start();
    await assertLanError(world, rig.server.start(world.listenOptions()), "ALREADY_RUNNING");
    await starting;
    const stopping = rig.server.stop();
    await assertLanError(world, rig.server.start(world.listenOptions()), "ALREADY_RUNNING");
    await world.until(stopping);
  });

  tell(
    "start() at an address in use says LISTEN_FAILED with the cause, and leaves nothing behind",
    async (world) => {
      const first = await world.server();
      const second = world.newServer();
      const { serverIp: ip, port, path } = first.dial;
      const there = path === undefined ? { ip: ip!, port: port! } : { path };
      const error = await assertLanError(
        world,
        second.server.start({ ...world.linkOptions, ...there }),
        "LISTEN_FAILED",
      );
      assert(error.cause instanceof Error);
      assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRINUSE");
      await second.start();
      await world.client(first);
      await world.client(second);
    },
    "own address",
  );

  tell("getSessionCount() counts the sessions that joined and have not left", async (world) => {
    const rig = await world.server();
    assert.equal(rig.server.getSessionCount(), 0);
    const clients = [await world.client(rig), await world.client(rig), await world.client(rig)];
    await rig.joined(3);
    assert.equal(rig.server.getSessionCount(), 3);
    await clients[0]!.disconnect();
    await rig.event("leave");
    assert.equal(rig.server.getSessionCount(), 2);
  });

  tell("a server that was not started answers no to everything", async (world) => {
    const { server } = world.newServer();
    const id = 1_048_576 as SessionId;
    assert.equal(server.sendPacket(id, Packet.from(utf8("x"))), false);
    assert.equal(server.broadcast(Packet.from(utf8("x"))), 0);
    assert.equal(server.disconnect(id), false);
    assert.equal(server.setHostId(id, "name"), false);
    assert.equal(server.getSessionCount(), 0);
    await server.stop();
  });

  tell("start() again after stop() serves as the first time", async (world) => {
    const rig = await world.server();
    await world.client(rig);
    await rig.joined();
    await rig.stop();
    await rig.start();
    assert.equal(rig.server.stats().accepted, 0);
    const client = await world.client(rig);
    await rig.joined(2);
    client.client.sendPacket(Packet.from(utf8("again")));
    await rig.event("recv");
    assert.equal(rig.server.stats().accepted, 1);
  });

  tell(
    "start() again at the same address works at once",
    async (world) => {
      const rig = await world.server();
      await world.client(rig);
      const { serverIp: ip, port } = rig.dial;
      await rig.stop();
      await rig.start({ ip: ip!, port: port! });
      await world.client(rig);
    },
    "ip",
  );
}

function stopping(tell: Tell): void {
  tell("stop() lets out every taken packet, then ends each connection in order", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: { heartbeat: false } });
    const packet = new Packet();
    for (let number = 0; number < 500; number++)
      assert(server.server.sendPacket(sessionId, packet.clear().writeBytes(numbered(number, 100))));
    const stopped = server.stop();
    assert.equal(await world.until(peer.ended), true);
    peer.end();
    await stopped;
    assertNumbered(payloads(peer.received), 500, 100);
  });

  tell("stop() runs every leave with server-stopped before it resolves", async (world) => {
    const rig = await world.server();
    for (let n = 0; n < 5; n++) await world.client(rig);
    await rig.joined(5);
    await rig.stop();
    const leaves = rig.log.of("leave");
    assert.deepEqual(
      leaves.map(({ leave }) => leave?.reason),
      Array(5).fill("server-stopped"),
    );
    assert.deepEqual(
      leaves.map(({ leave }) => leave?.notSent),
      Array(5).fill({ packets: 0, bytes: 0 }),
    );
    assert.equal(new Set(leaves.map(({ sessionId }) => sessionId)).size, 5);
    assert.equal(rig.server.getSessionCount(), 0);
  });

  tell("no event comes after stop() has resolved", async (world) => {
    const { server, peer } = await world.rawPair();
    await world.peer(server);
    await server.joined(2);
    for (let n = 0; n < 50; n++) void peer.send(frame(utf8(`packet ${n}`)));
    await server.event("recv");
    await server.stop({ drainMs: 20 });
    const told = server.log.records.length;
    await world.settle();
    await world.pass(30);
    assert.equal(server.log.records.length, told);
  });

  tell("stop() ends sendPacket, disconnect and accepting at once", async (world) => {
    const { server, sessionId, peer } = await world.rawPair();
    const stopped = server.server.stop({ drainMs: 1000 });
    assert.equal(server.server.sendPacket(sessionId, Packet.from(utf8("late"))), false);
    assert.equal(server.server.broadcast(Packet.from(utf8("late"))), 0);
    assert.equal(server.server.setHostId(sessionId, "late"), false);
    assert.equal(server.server.disconnect(sessionId), false);
    await world.until(peer.ended);
    peer.end();
    await world.until(stopped);
    assert.deepEqual(payloads(peer.received), []);
    await assert.rejects(world.peer(server));
    assert.equal(server.log.of("join").length, 1);
  });

  tell("stop() twice is one stop, and of an idle server nothing", async (world) => {
    const { server } = await world.pair();
    await world.until(Promise.all([server.server.stop(), server.server.stop()]));
    assert.equal(server.log.of("leave").length, 1);
    await server.stop();
  });

  tell("stop() may be called inside an event", async (world) => {
    const script = [{ on: "recv", do: [{ do: "stop", drainMs: 100 }, { do: "count" }] }] as const;
    const { server, client } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("stop")));
    const { leave } = await server.event("leave");
    assert.equal(leave?.reason, "server-stopped");
    await server.stop();
    assert.deepEqual(server.log.names(), ["request", "join", "recv", "leave"]);
  });

  for (const drainMs of [0, 50]) {
    tell(`stop({ drainMs: ${drainMs} }) inside onClientJoin ends the session that joins`, async (world) => {
      const script = [{ on: "join", do: [{ do: "stop", drainMs }] }] as const;
      const server = await world.server({}, script);
      const peer = await world.peer(server);
      assert.equal((await server.event("leave")).leave?.reason, "server-stopped");
      await server.stop();
      await world.until(peer.ended);
      assert.deepEqual(server.log.names(), ["request", "join", "leave"]);
    });
  }

  tell("the client of a server that stops leaves with peer-closed", async (world) => {
    const { server, client } = await world.pair();
    await server.stop();
    assert.equal((await client.event("leave")).leave?.reason, "peer-closed");
  });
}

function bounded(tell: Tell): void {
  const DRAIN_MS = 80;

  async function stopIn(world: World, rig: { stop(options: { drainMs: number }): Promise<void> }) {
    const before = world.nowMs();
    await rig.stop({ drainMs: DRAIN_MS });
    return world.nowMs() - before;
  }

  tell("stop({ drainMs }) resolves within drainMs + 100 ms though a peer does not read", async (world) => {
    const { server, sessionId } = await clog(world);
    const tookMs = await stopIn(world, server);
    assert(tookMs <= DRAIN_MS + GRACE_MS, `took ${tookMs} ms`);
    const { leave } = await server.event("leave", { sessionId });
    assert.equal(leave?.reason, "server-stopped");
    assert(leave.notSent.packets > 0);
  });

  tell(
    "stop({ drainMs }) is not held up by peers that are idle or in the middle of a frame",
    async (world) => {
      const { server, peer } = await world.rawPair();
      await world.peer(server);
      await server.joined(2);
      await world.until(peer.send(frame(utf8("cut short")).subarray(0, 6)));
      await world.settle();
      const tookMs = await stopIn(world, server);
      assert(tookMs <= DRAIN_MS + GRACE_MS, `took ${tookMs} ms`);
      assert.equal(server.log.of("leave").length, 2);
    },
  );

  tell("stop({ drainMs: 0 }) waits for nothing", async (world) => {
    const { server } = await clog(world);
    const before = world.nowMs();
    await server.stop({ drainMs: 0 });
    assert(world.nowMs() - before <= GRACE_MS);
  });

  tell("stop() does not wait for a pending onRecv", async (world) => {
    const script = [{ on: "recv", do: [{ do: "wait", gate: "never" }] }] as const;
    const { server, peer } = await world.rawPair({ script });
    await world.until(peer.send(frame(utf8("x"))));
    await server.event("recv");
    const tookMs = await stopIn(world, server);
    assert(tookMs <= DRAIN_MS + GRACE_MS, `took ${tookMs} ms`);
    assert.deepEqual(server.log.names(), ["request", "join", "recv", "leave"]);
  });

  tell("a session that joins while the server stops is none", async (world) => {
    const rig = await world.server();
    const peers = Promise.allSettled([world.peer(rig), world.peer(rig)]);
    await rig.event("request");
    await rig.stop({ drainMs: AT_ONCE_MS });
    await peers;
    await world.settle();
    assert.equal(rig.log.of("join").length, rig.log.of("leave").length);
  });
}
