/** An onRecv that returns a promise: its session waits, its reading stops, its sender feels it, nobody else. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { settleFull } from "../support/clog.ts";
import { assertBytes, assertNumbered, frame, numbered, utf8 } from "../support/frames.ts";
import type { Script } from "../support/script.ts";
import type { Subject, Tell } from "./suite.ts";

const KIB = 1024;
/** The first onRecv of the first session waits for the gate. */
const FIRST_WAITS: Script = [{ on: "recv", nth: 1, session: 1, do: [{ do: "wait", gate: "go" }] }];
/** Every onRecv waits, for the same gate. */
const ALL_WAIT: Script = [{ on: "recv", do: [{ do: "wait", gate: "go" }] }];

export const slowReceivers: Subject = {
  name: "an onRecv that is pending",
  tests(tell) {
    waiting(tell);
    feeling(tell);
    leaving(tell);
  },
};

function waiting(tell: Tell): void {
  tell("the session's next onRecv waits", async (world) => {
    const { server, peer } = await world.rawPair({ script: FIRST_WAITS });
    await world.until(peer.send(Buffer.concat([0, 1, 2].map((n) => frame(numbered(n, 8))))));
    await server.event("recv");
    await world.settle();
    assert.equal(server.log.of("recv").length, 1);
    await server.open("go");
    await server.event("recv", { nth: 3 });
    assertNumbered(server.log.received(), 3, 8);
    assert.deepEqual(server.log.names(), ["request", "join", "recv", "recvDone", "recv", "recv"]);
  });

  tell("each onRecv waits for the one before, and order is kept", async (world) => {
    const { server, client } = await world.pair({ script: ALL_WAIT });
    for (let n = 0; n < 200; n++) client.client.sendPacket(Packet.from(numbered(n, 300)));
    await server.event("recv");
    await server.open("go");
    await server.event("recvDone", { nth: 200 });
    assertNumbered(server.log.received(), 200, 300);
    const names = server.log.names().slice(2);
    for (let n = 0; n < 400; n += 2) assert.deepEqual(names.slice(n, n + 2), ["recv", "recvDone"]);
  });

  tell("other sessions go on", async (world) => {
    const script: Script = [...FIRST_WAITS, { on: "recv", session: 2, do: [{ do: "echo" }] }];
    const { server, client } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("waits")));
    await server.event("recv");
    const other = await world.client(server);
    for (let nth = 1; nth <= 20; nth++) {
      other.client.sendPacket(Packet.from(numbered(nth, 100)));
      assertBytes((await other.event("recv", { nth })).bytes, numbered(nth, 100));
    }
    await server.open("go");
  });

  tell("the session itself can be sent to", async (world) => {
    const { server, client, sessionId } = await world.pair({ script: FIRST_WAITS });
    client.client.sendPacket(Packet.from(utf8("waits")));
    await server.event("recv");
    assert.equal(server.server.sendPacket(sessionId, Packet.from(utf8("meanwhile"))), true);
    await client.event("recv");
    await server.open("go");
  });

  tell("the client's next onRecv waits the same way", async (world) => {
    const script: Script = [{ on: "recv", nth: 1, do: [{ do: "wait", gate: "go" }] }];
    const { client, peer } = await world.rawServed({}, script);
    await world.until(peer.send(Buffer.concat([0, 1, 2].map((n) => frame(numbered(n, 8))))));
    await client.event("recv");
    await world.settle();
    assert.equal(client.log.of("recv").length, 1);
    await client.open("go");
    await client.event("recv", { nth: 3 });
    assertNumbered(client.log.received(), 3, 8);
  });

  tell("a packet that waited is as it was sent", async (world) => {
    const { server, client } = await world.pair({ script: FIRST_WAITS });
    const sizes = [10, 100_000, 1, 300_000, 64];
    for (const [n, size] of sizes.entries())
      client.client.sendPacket(Packet.from(numbered(n, Math.max(4, size))));
    await server.event("recv");
    await world.settle();
    await server.open("go");
    await server.event("recv", { nth: sizes.length });
    for (const [n, bytes] of server.log.received().entries())
      assertBytes(bytes, numbered(n, Math.max(4, sizes[n]!)));
  });
}

function feeling(tell: Tell): void {
  const PACKET_BYTES = 32 * KIB;
  const LIMIT_BYTES = 256 * KIB;

  tell("reading stops at receiveQueueBytesMax, so the sender feels it", async (world) => {
    const fill = { do: "fill", size: PACKET_BYTES } as const;
    const limits = { heartbeat: false, packetBytesMax: PACKET_BYTES } as const;
    const { server, client } = await world.pair(
      { options: { ...limits, receiveQueueBytesMax: LIMIT_BYTES }, script: FIRST_WAITS },
      {
        options: { ...limits, sendQueueBytesMax: 4 * PACKET_BYTES },
        script: [{ on: "sendReady", do: [fill] }],
      },
    );
    await client.command(fill);
    await server.event("recv");
    // The sender goes on until the kernels are full too; then it is told no and hears of no room.
    await settleFull(world, client);
    assert.equal(client.client.sendPacket(Packet.from(new Uint8Array(PACKET_BYTES))), false);
    const waiting = server.server.stats().received.bytes;
    assert(waiting <= LIMIT_BYTES + 3 * PACKET_BYTES + 64 * KIB, `${waiting} bytes were read`);
    assert.equal(server.log.of("recv").length, 1);
    await server.open("go");
    await server.event("recv", { nth: 50 });
    assertNumbered(server.log.received().slice(0, 50), 50, PACKET_BYTES);
  });

  tell("a packet larger than receiveQueueBytesMax still arrives", async (world) => {
    const { server, client } = await world.pair({
      options: { receiveQueueBytesMax: 100 },
      script: FIRST_WAITS,
    });
    for (let n = 0; n < 4; n++) client.client.sendPacket(Packet.from(numbered(n, 50_000)));
    await server.event("recv");
    await world.settle();
    await server.open("go");
    await server.event("recv", { nth: 4 });
    assertNumbered(server.log.received(), 4, 50_000);
  });

  tell("a peer whose bytes are not read because onRecv is pending is not declared dead", async (world) => {
    const options = { heartbeat: { intervalMs: 20, timeoutMs: 60 }, receiveQueueBytesMax: 1000 };
    const { server, client } = await world.pair({ options, script: FIRST_WAITS }, { options });
    for (let n = 0; n < 300; n++) client.client.sendPacket(Packet.from(numbered(n, 100)));
    await server.event("recv");
    await world.pass(200);
    assert.equal(server.log.of("leave").length, 0);
    await server.open("go");
    await server.event("recv", { nth: 300 });
    assertNumbered(server.log.received(), 300, 100);
  });
}

function leaving(tell: Tell): void {
  tell(
    "leave does not wait for it: a reset",
    async (world) => {
      const { server, peer } = await world.rawPair({ script: FIRST_WAITS });
      await world.until(peer.send(frame(utf8("x"))));
      await server.event("recv");
      peer.reset();
      assert.equal((await server.event("leave")).leave?.reason, "reset");
      await server.open("go");
      await server.event("recvDone");
      assert.deepEqual(server.log.names(), ["request", "join", "recv", "leave", "recvDone"]);
    },
    "reset",
  );

  tell("leave does not wait for it: a disconnect with now", async (world) => {
    const { server, peer, sessionId } = await world.rawPair({ script: FIRST_WAITS });
    await world.until(peer.send(frame(utf8("x"))));
    await server.event("recv");
    server.server.disconnect(sessionId, { now: true });
    assert.equal((await server.event("leave")).leave?.reason, "disconnected");
    await server.open("go");
  });

  tell("with nothing queued behind it, the leave of an orderly end comes at once", async (world) => {
    const { server, peer } = await world.rawPair({ script: FIRST_WAITS });
    await world.until(peer.send(frame(utf8("x"))));
    await server.event("recv");
    const before = world.nowMs();
    peer.end();
    assert.equal((await server.event("leave")).leave?.reason, "peer-closed");
    assert(world.nowMs() - before < 2500, "it waited for disconnectDrainMs");
    await server.open("go");
  });

  tell("an orderly end hands over what had arrived behind it, then leaves", async (world) => {
    const { server, peer } = await world.rawPair({ script: FIRST_WAITS });
    void peer.send(Buffer.concat([0, 1, 2, 3].map((n) => frame(numbered(n, 8)))));
    await server.event("recv");
    peer.end();
    await world.settle();
    assert.equal(server.log.of("leave").length, 0);
    await server.open("go");
    assert.equal((await server.event("leave")).leave?.reason, "peer-closed");
    assertNumbered(server.log.received(), 4, 8);
    assert.equal(server.log.records.at(-1)?.event, "leave");
  });

  tell("an orderly end waits for it no longer than disconnectDrainMs", async (world) => {
    const { server, peer } = await world.rawPair({ options: { disconnectDrainMs: 80 }, script: FIRST_WAITS });
    void peer.send(Buffer.concat([0, 1, 2].map((n) => frame(numbered(n, 8)))));
    await server.event("recv");
    const before = world.nowMs();
    peer.end();
    await server.event("leave");
    const tookMs = world.nowMs() - before;
    assert(tookMs >= 60 && tookMs < 1500, `the leave took ${tookMs} ms`);
    await server.open("go");
    await world.settle();
    assert.equal(server.log.of("recv").length, 1);
  });

  tell("the promise of an onRecv that settles after the leave disturbs nobody", async (world) => {
    const script: Script = [
      { on: "recv", session: 1, do: [{ do: "wait", gate: "go" }, { do: "echo" }, { do: "disconnect" }] },
    ];
    const { server, peer } = await world.rawPair({ script });
    await world.until(peer.send(frame(utf8("x"))));
    await server.event("recv");
    peer.end();
    await server.event("leave");
    const other = await world.client(server);
    await server.joined(2);
    await server.open("go");
    assert.deepEqual((await server.event("recvDone")).results, [false, false]);
    other.client.sendPacket(Packet.from(utf8("fine")));
    await server.event("recv", { nth: 2 });
  });
}
