/** disconnect lets taken packets out first, for at most disconnectDrainMs; { now: true } resets. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { clog, drained, PACKET_BYTES, QUEUE_FRAMES, settleFull } from "../support/clog.ts";
import { assertNumbered, frame, numbered, payloads, utf8 } from "../support/frames.ts";
import type { Subject, Tell } from "./suite.ts";

const X: Uint8Array = utf8("x");

export const disconnectAndDrain: Subject = {
  name: "disconnect",
  tests(tell) {
    draining(tell);
    bounded(tell);
    now(tell);
    client(tell);
  },
};

function draining(tell: Tell): void {
  tell("disconnect lets taken packets out first: 12 000 taken, 12 000 received", async (world) => {
    const { server, client, sessionId } = await world.pair();
    const packet = new Packet();
    for (let number = 0; number < 12_000; number++)
      assert(server.server.sendPacket(sessionId, packet.clear().writeBytes(numbered(number, 16))));
    assert.equal(server.server.disconnect(sessionId), true);
    assert.equal((await client.event("leave")).leave?.reason, "peer-closed");
    assertNumbered(client.log.received(), 12_000, 16);
    const { leave } = await server.event("leave");
    assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 }, cause: undefined });
  });

  tell("disconnect lets large packets out first", async (world) => {
    const { server, client, sessionId } = await world.pair();
    for (let number = 0; number < 12; number++)
      assert(server.server.sendPacket(sessionId, Packet.from(numbered(number, 1_000_000))));
    server.server.disconnect(sessionId);
    await client.event("leave");
    assertNumbered(client.log.received(), 12, 1_000_000);
  });

  tell("disconnect of a peer that reads slowly drains, then ends in order", async (world) => {
    const { server, peer, sessionId, taken } = await clog(world);
    server.server.disconnect(sessionId);
    await drained(world, peer, taken());
    assert.equal(await world.until(peer.ended), true);
    peer.end();
    const { leave } = await server.event("leave");
    assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 }, cause: undefined });
    assertNumbered(payloads(peer.received), taken(), PACKET_BYTES);
  });

  tell("disconnect answers at once, and the leave follows", async (world) => {
    const { server, sessionId } = await world.pair();
    const answer: unknown = server.server.disconnect(sessionId);
    assert.equal(answer, true);
    assert.equal(server.log.of("leave").length, 0);
    assert.equal((await server.event("leave")).leave?.reason, "disconnected");
  });

  tell("disconnect ends onRecv at once", async (world) => {
    const script = [{ on: "recv", do: [{ do: "disconnect" }] }] as const;
    const { server, peer } = await world.rawPair({ script });
    void peer.send(Buffer.concat(Array.from({ length: 100 }, () => frame(X))));
    await world.until(peer.ended);
    peer.end();
    await server.event("leave");
    assert.equal(server.log.of("recv").length, 1);
  });

  tell("disconnect in an onRecv among many lets its answer out, and ends in order", async (world) => {
    const script = [{ on: "recv", do: [{ do: "send", bytes: utf8("bye") }, { do: "disconnect" }] }] as const;
    const { server, client } = await world.pair({ script });
    for (let number = 0; number < 60; number++) client.client.sendPacket(Packet.from(numbered(number, 5000)));
    assert.equal((await client.event("leave")).leave?.reason, "peer-closed");
    assert.deepEqual(client.log.received().map(String), [String(utf8("bye"))]);
    const { leave } = await server.event("leave");
    assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 }, cause: undefined });
    assert.equal(server.log.of("recv").length, 1);
  });

  tell("a peer that keeps sending does not keep a session from leaving", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: { disconnectDrainMs: 60 } });
    for (let n = 0; n < 50; n++) void peer.send(new Uint8Array(10_000));
    server.server.disconnect(sessionId);
    assert.equal((await server.event("leave")).leave?.reason, "disconnected");
  });
}

function bounded(tell: Tell): void {
  tell("disconnect of a peer that does not read gives up after disconnectDrainMs", async (world) => {
    const { server, sessionId, sent, taken } = await clog(world, { disconnectDrainMs: 100 });
    const before = world.nowMs();
    server.server.disconnect(sessionId);
    const { leave } = await server.event("leave");
    const tookMs = world.nowMs() - before;
    assert(tookMs >= 90 && tookMs < 2000, `took ${tookMs} ms`);
    assert.equal(leave?.reason, "disconnected");
    assert.equal(leave.notSent.packets, taken() - sent());
    assert(leave.notSent.packets > 0 && leave.notSent.packets <= QUEUE_FRAMES);
  });

  tell("disconnect of a peer that does not end its side leaves within disconnectDrainMs", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: { disconnectDrainMs: 60 } });
    const before = world.nowMs();
    server.server.disconnect(sessionId);
    await world.until(peer.ended);
    const { leave } = await server.event("leave");
    assert(world.nowMs() - before < 2000);
    assert.deepEqual(leave?.notSent, { packets: 0, bytes: 0 });
  });

  tell("disconnectDrainMs: 0 waits for nothing", async (world) => {
    const { server, sessionId } = await clog(world, { disconnectDrainMs: 0 });
    const before = world.nowMs();
    server.server.disconnect(sessionId);
    assert.equal((await server.event("leave")).leave?.reason, "disconnected");
    assert(world.nowMs() - before < 1000);
  });

  tell(
    "what could not be drained is cut off with a reset",
    async (world) => {
      const { server, peer, sessionId } = await clog(world, { disconnectDrainMs: 50 });
      server.server.disconnect(sessionId);
      await server.event("leave");
      peer.resume();
      assert.equal((await world.until(peer.closed))?.code, "ECONNRESET");
    },
    "reset",
  );

  tell("a packet is whole or not there: what arrives of a disconnect that was cut off", async (world) => {
    const { server, peer, sessionId, taken } = await clog(world, { disconnectDrainMs: 50 });
    server.server.disconnect(sessionId);
    await server.event("leave");
    peer.resume();
    await world.until(peer.ended);
    const whole = payloads(peer.received);
    assertNumbered(whole, whole.length, PACKET_BYTES);
    assert(whole.length <= taken());
  });

  tell("disconnect with now resets also what drains: one leave, at once", async (world) => {
    const { server, sessionId } = await clog(world);
    assert.equal(server.server.disconnect(sessionId), true);
    const before = world.nowMs();
    server.server.disconnect(sessionId, { now: true });
    assert.equal((await server.event("leave")).leave?.reason, "disconnected");
    assert(world.nowMs() - before < 2500, "it waited for disconnectDrainMs");
  });
}

function now(tell: Tell): void {
  tell(
    "disconnect with now resets: the peer sees the reset",
    async (world) => {
      const { server, peer, sessionId } = await world.rawPair();
      assert.equal(server.server.disconnect(sessionId, { now: true }), true);
      assert.equal((await world.until(peer.closed))?.code, "ECONNRESET");
      assert.equal((await server.event("leave")).leave?.reason, "disconnected");
    },
    "reset",
  );

  tell(
    "disconnect with now resets: the client leaves with reset",
    async (world) => {
      const { server, client, sessionId } = await world.pair();
      server.server.disconnect(sessionId, { now: true });
      assert.equal((await client.event("leave")).leave?.reason, "reset");
    },
    "reset",
  );

  tell("disconnect with now does not wait for what was taken", async (world) => {
    const { server, sessionId, taken, sent } = await clog(world);
    const before = world.nowMs();
    assert.equal(server.server.disconnect(sessionId, { now: true }), true);
    const { leave } = await server.event("leave");
    assert(world.nowMs() - before < 1000);
    assert.equal(leave?.reason, "disconnected");
    assert.equal(leave.notSent.packets, taken() - sent());
  });

  tell("disconnect with now in the turn of the sendPacket: nothing of it counts as sent", async (world) => {
    const { server, sessionId } = await world.rawPair({ options: { heartbeat: false } });
    server.server.sendPacket(sessionId, Packet.from(numbered(0, 96)));
    server.server.sendPacket(sessionId, Packet.from(numbered(1, 96)));
    server.server.disconnect(sessionId, { now: true });
    const { leave } = await server.event("leave");
    assert.deepEqual(leave?.notSent, { packets: 2, bytes: 2 * (world.protocol.headerBytes + 96) });
    assert.equal(server.log.of("send").length, 0);
  });

  tell("disconnect with { now: false } drains", async (world) => {
    const { server, client, sessionId } = await world.pair();
    server.server.sendPacket(sessionId, Packet.from(X));
    assert.equal(server.server.disconnect(sessionId, { now: false }), true);
    await client.event("leave");
    assert.equal(client.log.of("recv").length, 1);
  });
}

function client(tell: Tell): void {
  tell(
    "the client's disconnect lets taken packets out first, and resolves after the leave",
    async (world) => {
      const { server, client } = await world.pair();
      for (let number = 0; number < 3000; number++)
        assert(client.client.sendPacket(Packet.from(numbered(number, 64))));
      await client.disconnect();
      assert.deepEqual(
        client.log.of("leave").map(({ leave }) => leave),
        [{ reason: "disconnected", notSent: { packets: 0, bytes: 0 }, cause: undefined }],
      );
      assert.equal((await server.event("leave")).leave?.reason, "peer-closed");
      assertNumbered(server.log.received(), 3000, 64);
    },
  );

  tell(
    "the client's disconnect with now resets",
    async (world) => {
      const { server, client } = await world.pair();
      await client.disconnect({ now: true });
      assert.equal(client.log.of("leave")[0]?.leave?.reason, "disconnected");
      assert.equal((await server.event("leave")).leave?.reason, "reset");
    },
    "reset",
  );

  tell(
    "the client's disconnect from a server that does not read is bounded by disconnectDrainMs",
    async (world) => {
      const fill = { do: "fill", size: 60_000 } as const;
      const { client, peer } = await world.rawServed(
        { heartbeat: false, packetBytesMax: 60_000, sendQueueBytesMax: 600_040, disconnectDrainMs: 80 },
        [{ on: "sendReady", do: [fill] }],
      );
      peer.pause();
      await client.command(fill);
      await settleFull(world, client);
      const before = world.nowMs();
      await client.disconnect();
      assert(world.nowMs() - before < 2000);
      const { leave } = await client.event("leave");
      assert.equal(leave?.reason, "disconnected");
      assert(leave.notSent.packets > 0);
      assert.equal(leave.notSent.bytes, leave.notSent.packets * (world.protocol.headerBytes + 60_000));
    },
  );

  tell("no event comes after the client's disconnect has resolved", async (world) => {
    const { server, client, sessionId } = await world.pair();
    for (let n = 0; n < 100; n++) server.server.sendPacket(sessionId, Packet.from(numbered(n, 1000)));
    await client.disconnect();
    const told = client.log.records.length;
    await world.settle();
    assert.equal(client.log.records.length, told);
    await client.disconnect();
  });
}
