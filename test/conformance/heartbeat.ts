/** Heartbeats: empty frames, sent at join and whenever an interval passes; who is held to them, and when. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertBytes, EMPTY_FRAME, frame, heartbeats, payloads, utf8 } from "../support/frames.ts";
import { PATIENCE } from "../support/platform.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const FAST = { intervalMs: 25 * PATIENCE, timeoutMs: 120 * PATIENCE };
const X: Uint8Array = utf8("x");

export const heartbeat: Subject = {
  name: "heartbeats",
  concurrency: 4,
  tests(tell) {
    sent(tell);
    held(tell);
    off(tell);
    defaults(tell);
  },
};

function sent(tell: Tell): void {
  tell("an empty frame is a heartbeat, and the first is sent at join, by the server", async (world) => {
    const { peer } = await world.rawPair();
    assertBytes(await world.until(peer.receivedAtLeast(4)), EMPTY_FRAME);
    await world.settle();
    assertBytes(peer.received, EMPTY_FRAME);
  });

  tell("the first is sent at join, by the client", async (world) => {
    const { peer } = await world.rawServed();
    assertBytes(await world.until(peer.receivedAtLeast(4)), EMPTY_FRAME);
  });

  tell("the first comes before what onClientJoin sends, or right behind it", async (world) => {
    const script = [{ on: "join", do: [{ do: "send", bytes: X }] }] as const;
    const { peer } = await world.rawPair({ script });
    await world.until(peer.receivedAtLeast(9));
    assert.equal(payloads(peer.received).length, 1);
    assert.equal(heartbeats(peer.received), 1);
  });

  tell("one is sent every interval when nothing else is sent", async (world) => {
    const { peer } = await world.rawPair({ options: { heartbeat: FAST } });
    const before = world.nowMs();
    await world.until(peer.receivedAtLeast(6 * 4));
    const tookMs = world.nowMs() - before;
    assert(tookMs > 2.5 * FAST.intervalMs && tookMs < 30 * FAST.intervalMs, `five took ${tookMs} ms`);
    assert.equal(heartbeats(peer.received) * 4, peer.received.length);
  });

  tell("none is sent while something else is", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({
      options: { heartbeat: { intervalMs: 60 * PATIENCE, timeoutMs: 600 * PATIENCE } },
    });
    await world.until(peer.receivedAtLeast(4));
    for (let n = 0; n < 25; n++) {
      server.server.sendPacket(sessionId, Packet.from(X));
      await world.pass(10 * PATIENCE);
    }
    assert(heartbeats(peer.received) <= 2, `${heartbeats(peer.received)} heartbeats`);
  });

  tell("no heartbeat ever lies inside a packet", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({
      options: { heartbeat: { intervalMs: 1, timeoutMs: 9999 } },
    });
    const large = new Uint8Array(400_000).fill(7);
    for (let n = 0; n < 5; n++) {
      server.server.sendPacket(sessionId, Packet.from(large));
      await world.pass(3);
    }
    await world.until(() => payloads(peer.received).length === 5);
    for (const payload of payloads(peer.received)) assertBytes(payload, large);
  });

  tell("heartbeats are no packets: no onRecv, and they are not counted as packets", async (world) => {
    const { server, client, sessionId } = await world.pair(
      { options: { heartbeat: FAST } },
      { options: { heartbeat: FAST } },
    );
    await world.until(() => (server.server.sessionStats(sessionId)?.received.bytes ?? 0) >= 12);
    assert.equal(server.server.sessionStats(sessionId)?.received.packets, 0);
    assert.deepEqual([...server.log.names(), ...client.log.names()], ["request", "join", "join"]);
  });
}

function held(tell: Tell): void {
  tell("a peer is held to heartbeats only once it has sent one", async (world) => {
    const { server, peer } = await world.rawPair({ options: { heartbeat: FAST } });
    await world.until(peer.send(frame(X)));
    await server.event("recv");
    await world.pass(FAST.timeoutMs * 2.5);
    assert.equal(server.log.of("leave").length, 0);
    await heldNow(world, peer.send(EMPTY_FRAME));
    assert.equal((await server.event("leave")).leave?.reason, "heartbeat-timeout");
  });

  tell(
    "heartbeat-timeout: a peer that sent one and then falls silent, not before timeoutMs",
    async (world) => {
      const { server, peer } = await world.rawPair({ options: { heartbeat: FAST } });
      const before = world.nowMs(); // however long it takes until this side goes on
      await heldNow(world, peer.send(EMPTY_FRAME));
      const { leave } = await server.event("leave");
      const tookMs = world.nowMs() - before;
      assert.equal(leave?.reason, "heartbeat-timeout");
      assert(
        tookMs > FAST.timeoutMs * 0.8 && tookMs < FAST.timeoutMs * 2 + 1500 * PATIENCE,
        `took ${tookMs} ms`,
      );
      await world.until(peer.ended);
    },
  );

  tell("heartbeat-timeout: the client holds its server the same way", async (world) => {
    const { client, peer } = await world.rawServed({ heartbeat: FAST });
    await heldNow(world, peer.send(EMPTY_FRAME));
    assert.equal((await client.event("leave")).leave?.reason, "heartbeat-timeout");
  });

  tell(
    "heartbeat-timeout: the peer sees a reset",
    async (world) => {
      const { peer } = await world.rawPair({ options: { heartbeat: FAST } });
      await heldNow(world, peer.send(EMPTY_FRAME));
      assert.equal((await world.until(peer.closed))?.code, "ECONNRESET");
    },
    "reset",
  );

  tell("any received byte is life: heartbeats, packets, and a byte of a packet", async (world) => {
    const { server, peer } = await world.rawPair({ options: { heartbeat: FAST } });
    await heldNow(world, peer.send(EMPTY_FRAME));
    const slow = frame(utf8("one byte at a time"));
    const signs = [
      EMPTY_FRAME,
      frame(X),
      EMPTY_FRAME,
      ...Array.from(slow, (_, at) => slow.subarray(at, at + 1)),
    ];
    for (const sign of signs) {
      await world.until(peer.send(sign));
      await world.pass(FAST.timeoutMs / 5);
    }
    assert.equal(server.log.of("leave").length, 0);
    assert.equal(server.log.of("recv").length, 2);
  });

  tell("two sides that are both idle keep each other alive", async (world) => {
    const { server, client } = await world.pair(
      { options: { heartbeat: FAST } },
      { options: { heartbeat: FAST } },
    );
    await world.pass(FAST.timeoutMs * 3);
    assert.equal(server.log.of("leave").length + client.log.of("leave").length, 0);
  });

  tell(
    "a side with slower heartbeats than its peer expects is still no dead one, if within the timeout",
    async (world) => {
      const slow = { intervalMs: 100 * PATIENCE, timeoutMs: 400 * PATIENCE };
      const { server, client } = await world.pair(
        { options: { heartbeat: { intervalMs: 20 * PATIENCE, timeoutMs: 300 * PATIENCE } } },
        { options: { heartbeat: slow } },
      );
      await world.pass(500 * PATIENCE);
      assert.equal(server.log.of("leave").length + client.log.of("leave").length, 0);
    },
  );

  tell("a peer with heartbeats off is left alone by one with heartbeats on", async (world) => {
    const { server, client } = await world.pair(
      { options: { heartbeat: FAST } },
      { options: { heartbeat: false } },
    );
    await world.pass(FAST.timeoutMs * 2);
    assert.equal(server.log.of("leave").length, 0);
    assert(client.log.received().every(({ length }) => length === 0));
  });
}

function off(tell: Tell): void {
  tell("heartbeats off: no empty frame is sent", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ options: { heartbeat: false } });
    server.server.sendPacket(sessionId, Packet.from(X));
    await world.until(peer.receivedAtLeast(5));
    await world.settle();
    assertBytes(peer.received, frame(X));
  });

  tell("heartbeats off: an empty frame that arrives is an empty packet", async (world) => {
    const { server, peer } = await world.rawPair({ options: { heartbeat: false } });
    await world.until(peer.send(Buffer.concat([EMPTY_FRAME, frame(X), EMPTY_FRAME, EMPTY_FRAME])));
    await server.event("recv", { nth: 4 });
    assert.deepEqual(
      server.log.received().map(({ length }) => length),
      [0, 1, 0, 0],
    );
  });

  tell("heartbeats off: nobody is held to them", async (world) => {
    const { server, peer } = await world.rawPair({ options: { heartbeat: false } });
    await world.until(peer.send(EMPTY_FRAME));
    await world.pass(100);
    assert.equal(server.log.of("leave").length, 0);
  });

  tell("heartbeats are off by default with any framing but the default one", async (world) => {
    const options = { framing: "u16le" } as const;
    const { server, peer, sessionId } = await world.rawPair({ options });
    assert.equal(server.server.sendPacket(sessionId, new Packet()), true);
    assertBytes(await world.until(peer.receivedAtLeast(2)), Uint8Array.of(0, 0));
    void peer.send(Uint8Array.of(0, 0));
    assert.equal((await server.event("recv")).bytes?.length, 0);
  });

  tell("heartbeats are on with another framing when they are asked for", async (world) => {
    const { peer } = await world.rawPair({ options: { framing: "u16le", heartbeat: { intervalMs: 20 } } });
    assertBytes(await world.until(peer.receivedAtLeast(6)), new Uint8Array(6));
  });
}

function defaults(tell: Tell): void {
  tell(
    "by default one is sent every 5 000 ms, and a silent peer leaves after 15 000 ms",
    async (world) => {
      const { server, peer } = await world.rawPair();
      await world.until(peer.send(EMPTY_FRAME));
      await world.settle();
      const before = world.nowMs();
      await world.pass(12_500);
      assert.equal(heartbeats(peer.received), 3);
      const { leave } = await server.event("leave");
      assert.equal(leave?.reason, "heartbeat-timeout");
      const tookMs = world.nowMs() - before;
      assert(tookMs >= 14_900 && tookMs <= 20_100, `took ${tookMs} ms`);
    },
    "virtual time",
  );

  tell(
    "by default two idle sides stay together for an hour",
    async (world) => {
      const { server, client } = await world.pair();
      await world.pass(3_600_000);
      assert.equal(server.log.of("leave").length + client.log.of("leave").length, 0);
      assert.equal(server.server.getSessionCount(), 1);
    },
    "virtual time",
  );
}

/** Waits until what was sent has arrived, so that from now on the peer is held to heartbeats. */
async function heldNow(world: World, sending: Promise<boolean>): Promise<void> {
  await world.until(sending);
  await world.settle();
}
