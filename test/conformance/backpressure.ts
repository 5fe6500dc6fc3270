/** The send queue: it ends at sendQueueBytesMax, says no, and says when it can take again. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { clog, drained, frameBytes, PACKET_BYTES, QUEUE_FRAMES } from "../support/clog.ts";
import { assertBytes, assertNumbered, numbered, payloads, utf8 } from "../support/frames.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

export const backpressure: Subject = {
  name: "backpressure of sending",
  tests(tell) {
    limit(tell);
    ready(tell);
    others(tell);
  },
};

/** Room for ten frames with packets of 96 bytes. */
function tenFrames({ protocol }: World) {
  const sendQueueBytesMax = 10 * (protocol.headerBytes + 96);
  return { heartbeat: false, packetBytesMax: 96, sendQueueBytesMax } as const;
}

function limit(tell: Tell): void {
  tell("false at sendQueueBytesMax: ten frames fit where there is room for ten", async (world) => {
    const options = tenFrames(world);
    const { server, sessionId } = await world.rawPair({ options });
    const answers = Array.from({ length: 12 }, (_, n) =>
      server.server.sendPacket(sessionId, Packet.from(numbered(n, 96))),
    );
    assert.deepEqual(answers, [...Array(10).fill(true), false, false]);
    assert.equal(server.server.sessionStats(sessionId)?.queuedBytes, options.sendQueueBytesMax);
  });

  tell("false at sendQueueBytesMax, and nothing of it is sent", async (world) => {
    const { server, peer, sessionId, taken } = await clog(world);
    const count = taken();
    assert.equal(server.server.sendPacket(sessionId, Packet.from(numbered(0xffffff, PACKET_BYTES))), false);
    assert.equal(server.server.broadcast(Packet.from(numbered(0xffffff, PACKET_BYTES))), 0);
    await drained(world, peer, count);
    server.server.disconnect(sessionId);
    await world.until(peer.ended);
    peer.end();
    await server.event("leave");
    assertNumbered(payloads(peer.received), taken(), PACKET_BYTES);
  });

  tell("sendPacket answers at once, however full the link is", async (world) => {
    const { server, sessionId } = await clog(world);
    const answer: unknown = server.server.sendPacket(sessionId, Packet.from(new Uint8Array(PACKET_BYTES)));
    assert.equal(answer, false);
  });

  tell("a full queue holds sendQueueBytesMax and not a byte more", async (world) => {
    const { server, sessionId, taken, sent } = await clog(world);
    assert.equal(server.server.sessionStats(sessionId)?.queuedBytes, QUEUE_FRAMES * frameBytes(world));
    assert.equal(taken() - sent(), QUEUE_FRAMES);
  });

  tell(
    "a full queue has no room for a smaller packet either, where it is full to the byte",
    async (world) => {
      const { server, sessionId } = await clog(world);
      assert.equal(server.server.sendPacket(sessionId, Packet.from(utf8("x"))), false);
    },
  );

  tell("the client's queue ends the same way", async (world) => {
    const options = tenFrames(world);
    const { client } = await world.rawServed(options);
    const answers = Array.from({ length: 12 }, (_, n) =>
      client.client.sendPacket(Packet.from(numbered(n, 96))),
    );
    assert.deepEqual(answers, [...Array(10).fill(true), false, false]);
    await client.event("sendReady");
    assert.equal(client.client.sendPacket(Packet.from(numbered(10, 96))), true);
  });
}

function ready(tell: Tell): void {
  tell("onSendReady: a session whose queue refused can take again", async (world) => {
    const { server, peer, sessionId } = await clog(world, {}, [
      { on: "sendReady", do: [{ do: "send", bytes: utf8("taken") }] },
    ]);
    const before = server.log.of("sendReady").length;
    server.server.sendPacket(sessionId, Packet.from(utf8("refused")));
    peer.resume();
    const { results } = await server.event("sendReady", { nth: before + 1 });
    assert(Number(results[0]) > 0, "the queue took nothing");
  });

  tell("onSendReady comes once per refusal, and never where nothing was refused", async (world) => {
    const options = tenFrames(world);
    const { server, sessionId, peer } = await world.rawPair({ options });
    const send = (n: number) => server.server.sendPacket(sessionId, Packet.from(numbered(n, 96)));
    for (let n = 0; n < 10; n++) assert.equal(send(n), true);
    await world.until(peer.receivedAtLeast(1000));
    await world.settle();
    assert.equal(server.log.of("sendReady").length, 0);
    for (let n = 10; n < 20; n++) assert.equal(send(n), true);
    assert.deepEqual([send(20), send(20), send(20)], [false, false, false]);
    await server.event("sendReady", { sessionId });
    await world.settle();
    assert.equal(server.log.of("sendReady").length, 1);
    assert.equal(send(20), true);
    await world.until(peer.receivedAtLeast(2100));
    await world.settle();
    assert.equal(server.log.of("sendReady").length, 1);
    assertNumbered(payloads(peer.received), 21, 96);
  });

  tell("a refused broadcast is told by onSendReady too", async (world) => {
    const options = { heartbeat: false, packetBytesMax: 95, sendQueueBytesMax: 100 } as const;
    const { server, sessionId } = await world.rawPair({ options });
    const packet = Packet.from(numbered(0, 95));
    assert.deepEqual([server.server.broadcast(packet), server.server.broadcast(packet)], [1, 0]);
    await server.event("sendReady", { sessionId });
    assert.equal(server.server.broadcast(packet), 1);
  });

  tell(
    "sending as long as there is room, again at each onSendReady, loses nothing and keeps order",
    async (world) => {
      const fill = { do: "fill", to: { joined: 1 }, size: 1000, max: 400 } as const;
      const { server, peer } = await world.rawPair({
        options: { heartbeat: false, packetBytesMax: 1000, sendQueueBytesMax: 20_000 },
        script: [{ on: "sendReady", do: [fill] }],
      });
      await server.command(fill);
      await world.until(peer.receivedAtLeast(2000 * 1004));
      const packets = payloads(peer.received);
      assertNumbered(packets.slice(0, 2000), 2000, 1000);
    },
  );
}

function others(tell: Tell): void {
  tell("a peer that does not read does not hold up the others", async (world) => {
    const { server } = await clog(world, {}, [{ on: "recv", session: 2, do: [{ do: "echo" }] }]);
    const client = await world.client(server, { heartbeat: false });
    for (let n = 1; n <= 20; n++) {
      client.client.sendPacket(Packet.from(numbered(n, 500)));
      assertBytes((await client.event("recv", { nth: n })).bytes, numbered(n, 500));
    }
  });

  tell("broadcast() counts those that took it, and a full session is not among them", async (world) => {
    const { server } = await clog(world);
    const client = await world.client(server, { heartbeat: false });
    await server.joined(2);
    assert.equal(server.server.broadcast(Packet.from(utf8("to one"))), 1);
    assertBytes((await client.event("recv")).bytes, utf8("to one"));
  });

  tell("what a stalled peer had not read arrives once it reads again", async (world) => {
    const { peer, taken, sent } = await clog(world);
    const atFirst = taken();
    await drained(world, peer, atFirst);
    await world.until(() => sent() >= atFirst);
    assertNumbered(payloads(peer.received).slice(0, atFirst), atFirst, PACKET_BYTES);
  });
}
