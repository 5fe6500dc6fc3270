/** The life of a session, and its id: request -> join -> recv* -> leave, and never the same id twice. */
import assert from "node:assert/strict";
import { Packet, type SessionId } from "../../src/index.ts";
import { frame, payloads, utf8 } from "../support/frames.ts";
import type { Subject, Tell } from "./suite.ts";

const X: Uint8Array = utf8("x");
const packet = (): Packet => Packet.from(X);

export const sessionsAndIds: Subject = {
  name: "sessions and ids",
  tests(tell) {
    life(tell);
    ids(tell);
    afterLeave(tell);
  },
};

function life(tell: Tell): void {
  tell("per session: request, join, recv*, leave", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    await world.until(peer.send(Buffer.concat([frame(X), frame(X), frame(X)])));
    await server.event("recv", { nth: 3 });
    peer.end();
    await server.event("leave");
    assert.deepEqual(server.log.names(), ["request", "join", "recv", "recv", "recv", "leave"]);
    const ids = server.log.records
      .filter(({ event }) => event !== "request")
      .map((record) => record.sessionId);
    assert.deepEqual(new Set(ids), new Set([sessionId]));
  });

  tell("packets that arrived before an orderly end are handed over before the leave", async (world) => {
    const { server, peer } = await world.rawPair();
    const frames = Array.from({ length: 300 }, (_, n) => frame(utf8(`packet ${n}`)));
    void peer.send(Buffer.concat(frames));
    peer.end();
    await server.event("leave");
    assert.equal(server.log.of("recv").length, 300);
    assert.equal(server.log.records.at(-1)?.event, "leave");
  });

  tell("leave comes exactly once, also where both sides end at the same moment", async (world) => {
    const { server, client, sessionId } = await world.pair();
    assert.equal(server.server.disconnect(sessionId), true);
    await world.until(
      Promise.all([client.client.disconnect(), server.log.next("leave"), client.log.next("leave")]),
    );
    await world.settle();
    assert.equal(server.log.of("leave").length, 1);
    assert.equal(client.log.of("leave").length, 1);
  });

  tell("disconnect() twice, then with now, then stop(): one leave", async (world) => {
    const { server, sessionId } = await world.pair();
    assert.equal(server.server.disconnect(sessionId), true);
    assert.equal(server.server.disconnect(sessionId), false);
    await server.stop();
    assert.equal(server.log.of("leave").length, 1);
    assert.equal(server.log.of("leave")[0]?.leave?.reason, "disconnected");
  });

  tell("onClientJoin: the session counts and takes packets", async (world) => {
    const script = [{ on: "join", do: [{ do: "count" }, { do: "send", bytes: X }] }] as const;
    const { server, client } = await world.pair({ script });
    assert.deepEqual((await server.event("join")).results, [1, true]);
    await client.event("recv");
  });

  tell(
    "onClientLeave comes after release: the session does not count and its place is free",
    async (world) => {
      const script = [{ on: "leave", do: [{ do: "count" }] }] as const;
      const { server, peer } = await world.rawPair({ script, options: { maxSessions: 1 } });
      peer.end();
      const { results } = await server.event("leave");
      assert.deepEqual(results, [0]);
      await world.client(server);
      await server.joined(2);
    },
  );

  tell("onClientLeave comes after release: its host id is free", async (world) => {
    const script = [
      { on: "join", session: 1, do: [{ do: "setHostId", hostId: "name" }] },
      { on: "leave", session: 1, do: [{ do: "setHostId", to: { joined: 2 }, hostId: "name" }] },
    ] as const;
    const { server, peer } = await world.rawPair({ script });
    await world.client(server);
    await server.joined(2);
    peer.end();
    assert.deepEqual((await server.event("leave")).results, [true]);
  });
}

function ids(tell: Tell): void {
  tell("an id never reaches a later session", async (world) => {
    const server = await world.server();
    const ids: SessionId[] = [];
    for (let n = 1; n <= 40; n++) {
      const client = await world.client(server);
      ids.push(await server.joined(n));
      await client.disconnect({ now: n % 2 === 0 });
      await server.event("leave", { nth: n });
    }
    assert.equal(new Set(ids).size, 40);
    const last = await world.client(server);
    await server.joined(41);
    for (const id of ids) {
      assert.equal(server.server.sendPacket(id, packet()), false);
      assert.equal(server.server.disconnect(id), false);
      assert.equal(server.server.setHostId(id, "stale"), false);
      assert.equal(server.server.sessionStats(id), undefined);
    }
    assert.equal(server.server.broadcast(packet(), ids), 0);
    await world.settle();
    assert.deepEqual(last.log.names(), ["join"]);
  });

  tell("an id from before stop() reaches no session after start() again", async (world) => {
    const { server, sessionId } = await world.pair();
    await server.stop();
    await server.start();
    await world.client(server);
    assert.notEqual(await server.joined(2), sessionId);
    assert.equal(server.server.sendPacket(sessionId, packet()), false);
  });

  tell("sessions that exist together have ids of their own", async (world) => {
    const server = await world.server();
    for (let n = 0; n < 10; n++) await world.client(server);
    await server.joined(10);
    assert.equal(new Set(server.log.of("join").map(({ sessionId }) => sessionId)).size, 10);
  });

  for (const id of [0, -1, 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1_048_577]) {
    tell(`${id} is no session: the answer is no`, async (world) => {
      const { server, client } = await world.pair();
      const target = id as SessionId;
      assert.equal(server.server.sendPacket(target, packet()), false);
      assert.equal(server.server.disconnect(target), false);
      assert.equal(server.server.setHostId(target, "name"), false);
      assert.equal(server.server.broadcast(packet(), [target]), 0);
      assert.equal(server.server.sessionStats(target), undefined);
      await world.settle();
      assert.deepEqual(client.log.names(), ["join"]);
    });
  }
}

function afterLeave(tell: Tell): void {
  tell("after leave, no event and no send for that id", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    peer.end();
    await server.event("leave");
    assert.equal(server.server.sendPacket(sessionId, packet()), false);
    assert.equal(server.server.disconnect(sessionId), false);
    assert.equal(server.server.setHostId(sessionId, "name"), false);
    assert.equal(server.server.broadcast(packet()), 0);
    assert.equal(server.server.sessionStats(sessionId), undefined);
    await world.settle();
    assert.equal(server.log.records.at(-1)?.event, "leave");
    assert.deepEqual(payloads(peer.received), []);
  });

  tell("inside onClientLeave, no send for that id", async (world) => {
    const script = [
      { on: "leave", do: [{ do: "send", bytes: X }, { do: "broadcast", bytes: X }, { do: "disconnect" }] },
    ] as const;
    const { server, peer } = await world.rawPair({ script });
    peer.end();
    assert.deepEqual((await server.event("leave")).results, [false, 0, false]);
  });

  tell("a session that leaves takes no packet, no host id and no second disconnect", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    assert.equal(server.server.disconnect(sessionId), true);
    assert.equal(server.server.sendPacket(sessionId, packet()), false);
    assert.equal(server.server.broadcast(packet()), 0);
    assert.equal(server.server.setHostId(sessionId, "name"), false);
    assert.equal(server.server.disconnect(sessionId), false);
    await world.until(peer.ended);
    peer.end();
    await server.event("leave");
    assert.deepEqual(payloads(peer.received), []);
  });

  tell("a session that leaves hands no packet over any more", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    server.server.disconnect(sessionId);
    void peer.send(frame(X));
    await world.until(peer.ended);
    peer.end();
    await server.event("leave");
    assert.equal(server.log.of("recv").length, 0);
  });
}
