/** stats(): what it counts, on the wire and off it; rates between two of them; one session's figures. */
import assert from "node:assert/strict";
import { Packet, rates } from "../../src/index.ts";
import { clog, frameBytes, QUEUE_FRAMES } from "../support/clog.ts";
import { numbered, utf8 } from "../support/frames.ts";
import { refusal } from "../support/refusal.ts";
import type { Subject, Tell } from "./suite.ts";

const NOTHING = { packets: 0, bytes: 0 };

export const statistics: Subject = {
  name: "statistics",
  tests(tell) {
    server(tell);
    client(tell);
    perSecond(tell);
  },
};

function server(tell: Tell): void {
  tell("an idle server has all figures at zero", async (world) => {
    const { atMs, ...figures } = world.newServer().server.stats();
    assert(atMs > 0);
    const { sessions, received, sent, queuedBytes, errors, accepted, refused } = figures;
    assert.deepEqual({ sessions, received, sent }, { sessions: 0, received: NOTHING, sent: NOTHING });
    assert.deepEqual(
      { queuedBytes, errors, accepted, refused },
      { queuedBytes: 0, errors: {}, accepted: 0, refused: 0 },
    );
  });

  tell(
    "packets are the application's, bytes are those on the wire, headers and heartbeats included",
    async (world) => {
      const { server, client, sessionId } = await world.pair();
      for (let n = 0; n < 10; n++) server.server.sendPacket(sessionId, Packet.from(numbered(n, 96)));
      for (let n = 0; n < 7; n++) client.client.sendPacket(Packet.from(numbered(n, 46)));
      await client.event("recv", { nth: 10 });
      await server.event("recv", { nth: 7 });
      const { headerBytes } = world.protocol;
      const sent = { packets: 10, bytes: 10 * (headerBytes + 96) + headerBytes };
      const received = { packets: 7, bytes: 7 * (headerBytes + 46) + headerBytes };
      await world.until(() => server.server.stats().sent.bytes === sent.bytes);
      await world.until(() => server.server.stats().received.packets === received.packets);
      await world.until(() => client.client.stats().sent.bytes === received.bytes);
      const ofServer = server.server.stats();
      const ofClient = client.client.stats();
      assert.deepEqual([ofServer.sent, ofServer.received], [sent, received]);
      assert.deepEqual([ofClient.sent, ofClient.received], [received, sent]);
      const ofSession = server.server.sessionStats(sessionId);
      assert.deepEqual(ofSession, { sessionId, hostId: undefined, sent, received, queuedBytes: 0 });
    },
  );

  tell("sent counts completed writes: their sum is what onSend told", async (world) => {
    const { server, sessionId, sent } = await clog(world);
    const { sent: figures, queuedBytes } = server.server.stats();
    assert.equal(figures.bytes, sent() * frameBytes(world));
    assert.equal(figures.packets, sent());
    assert.equal(queuedBytes, QUEUE_FRAMES * frameBytes(world));
    assert.equal(server.server.sessionStats(sessionId)?.queuedBytes, queuedBytes);
  });

  tell("sessions, accepted and refused", async (world) => {
    const server = await world.server({ maxSessions: 2 });
    const clients = [await world.client(server), await world.client(server)];
    await server.joined(2);
    await refusal(world, server);
    await refusal(world, server);
    await clients[0]?.disconnect();
    await server.event("leave");
    const { sessions, accepted, refused } = server.server.stats();
    assert.deepEqual({ sessions, accepted, refused }, { sessions: 1, accepted: 2, refused: 2 });
  });

  tell("the figures of sessions that left stay in the sum", async (world) => {
    const server = await world.server({}, [{ on: "recv", do: [{ do: "echo" }] }]);
    for (let n = 1; n <= 5; n++) {
      const client = await world.client(server);
      client.client.sendPacket(Packet.from(utf8("x")));
      await client.event("recv");
      await client.disconnect();
      await server.event("leave", { nth: n });
    }
    const { received, sent } = server.server.stats();
    const frameAndHeartbeat = world.protocol.headerBytes + 1 + world.protocol.headerBytes;
    assert.deepEqual(received, { packets: 5, bytes: 5 * frameAndHeartbeat });
    assert.deepEqual(sent, { packets: 5, bytes: 5 * frameAndHeartbeat });
  });

  tell("errors are counted by code", async (world) => {
    const script = [{ on: "recv", do: [{ do: "throw", message: "on purpose" }] }] as const;
    const { server, client } = await world.pair({ script });
    for (let n = 0; n < 3; n++) client.client.sendPacket(Packet.from(utf8("x")));
    await server.error("EVENT_THREW", { nth: 3 });
    assert.deepEqual(server.server.stats().errors, { EVENT_THREW: 3 });
  });

  tell("atMs is the time of the world, and figures are a snapshot", async (world) => {
    const { server, client } = await world.pair();
    const before = server.server.stats();
    assert(Math.abs(before.atMs - world.network.clock.epochMs()) < 1000);
    client.client.sendPacket(Packet.from(utf8("x")));
    await server.event("recv");
    assert.equal(before.received.packets, 0);
    await world.until(() => server.server.stats().received.packets === 1);
  });

  tell("a session that does not exist has no figures", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assert.equal(server.server.sessionStats("nobody"), undefined);
    await client.disconnect();
    await server.event("leave");
    assert.equal(server.server.sessionStats(sessionId), undefined);
  });
}

function client(tell: Tell): void {
  tell("a client that is not connected has all figures at zero", async (world) => {
    const { received, sent, sessions, joined, queuedBytes, errors } = world.newClient().client.stats();
    assert.deepEqual({ received, sent }, { received: NOTHING, sent: NOTHING });
    assert.deepEqual(
      { sessions, joined, queuedBytes, errors },
      { sessions: 0, joined: 0, queuedBytes: 0, errors: {} },
    );
  });

  tell("a client's figures go on over its reconnects", async (world) => {
    const server = await world.server();
    const client = await world.client(server, {
      reconnect: { minDelayMs: 1, maxDelayMs: 5 },
      heartbeat: false,
    });
    for (let n = 1; n <= 3; n++) {
      client.client.sendPacket(Packet.from(utf8("x")));
      await server.event("recv", { nth: n });
      server.server.disconnect(await server.joined(n));
      await client.event("join", { nth: n + 1 });
    }
    const { joined, sent, sessions } = client.client.stats();
    const threeFrames = { packets: 3, bytes: 3 * (world.protocol.headerBytes + 1) };
    assert.deepEqual({ joined, sent, sessions }, { joined: 4, sent: threeFrames, sessions: 1 });
  });
}

function perSecond(tell: Tell): void {
  tell("rates(before, after) is what grew, per second", async (world) => {
    const { server, client } = await world.pair({}, { options: { heartbeat: false } });
    const before = server.server.stats();
    for (let n = 0; n < 30; n++) client.client.sendPacket(Packet.from(numbered(n, 96)));
    await server.event("recv", { nth: 30 });
    await world.pass(30);
    const after = server.server.stats();
    const seconds = (after.atMs - before.atMs) / 1000;
    assert(seconds > 0);
    const { received } = rates(before, after);
    assert(Math.abs(received.packets * seconds - 30) < 1e-6);
    assert(Math.abs(received.bytes * seconds - 30 * (world.protocol.headerBytes + 96)) < 1e-6);
  });

  tell("rates where no time passed are zero", async (world) => {
    const { server } = await world.pair();
    const now = server.server.stats();
    assert.deepEqual(rates(now, now), { received: NOTHING, sent: NOTHING });
  });
}
