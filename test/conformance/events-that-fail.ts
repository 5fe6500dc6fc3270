/** An event that throws or rejects is reported by onError and breaks nothing else. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertNumbered, frame, numbered, utf8 } from "../support/frames.ts";
import type { Action, EventName, Script } from "../support/script.ts";
import type { Subject, Tell } from "./suite.ts";

const THROW: Action = { do: "throw", message: "on purpose" };
const REJECT: Action = { do: "reject", message: "on purpose" };
const SERVER_EVENTS: readonly EventName[] = ["join", "recv", "send", "sendReady", "leave"];

export const eventsThatFail: Subject = {
  name: "events that fail",
  tests(tell) {
    for (const action of [THROW, REJECT]) {
      for (const event of SERVER_EVENTS) serverTest(tell, event, action);
      for (const event of SERVER_EVENTS) clientTest(tell, event, action);
    }
    recv(tell);
    errors(tell);
    batches(tell);
  },
};

function verb({ do: kind }: Action): string {
  return `that ${kind}s`;
}

function serverTest(tell: Tell, event: EventName, action: Action): void {
  tell(
    `the server's "${event}" ${verb(action)}: onError tells EVENT_THREW, and all goes on`,
    async (world) => {
      const script: Script = [
        { on: event, session: 1, do: [action] },
        { on: "recv", session: 2, do: [{ do: "echo" }] },
      ];
      const options = { packetBytesMax: 95, sendQueueBytesMax: 100 };
      const { server, client, sessionId } = await world.pair({ options, script });
      server.expect("EVENT_THREW");
      const packet = Packet.from(numbered(0, 90));
      await world.settle();
      server.server.sendPacket(sessionId, packet);
      server.server.sendPacket(sessionId, packet); // refused, so that onSendReady comes
      await client.event("recv");
      client.client.sendPacket(Packet.from(utf8("1")));
      client.client.sendPacket(Packet.from(utf8("2")));
      await server.event("recv", { nth: 2 });
      assert.equal(server.server.sendPacket(sessionId, packet), true);
      await client.event("recv", { nth: 2 });
      await client.disconnect();
      await server.event("leave");
      await server.event("error");
      const told = server.log.of("error").map(({ error }) => error);
      assert.equal(told.length, server.log.of(event, { sessionId }).length);
      for (const error of told) {
        assert.equal(error?.code, "EVENT_THREW");
        assert.equal(error?.sessionId, sessionId);
        assert.equal(error?.cause?.message, "on purpose");
      }
      assert.equal(server.server.stats().errors.EVENT_THREW, told.length);
      const other = await world.client(server);
      other.client.sendPacket(packet);
      await other.event("recv");
    },
  );
}

function clientTest(tell: Tell, event: EventName, action: Action): void {
  tell(
    `the client's "${event}" ${verb(action)}: onError tells EVENT_THREW, and all goes on`,
    async (world) => {
      const options = { packetBytesMax: 95, sendQueueBytesMax: 100 };
      const script: Script = [{ on: event, do: [action] }];
      const { server, client, sessionId } = await world.pair({}, { options, script });
      client.expect("EVENT_THREW");
      const packet = Packet.from(numbered(0, 90));
      await world.settle();
      client.client.sendPacket(packet);
      client.client.sendPacket(packet);
      await server.event("recv");
      server.server.sendPacket(sessionId, packet);
      server.server.sendPacket(sessionId, packet);
      await client.event("recv", { nth: 2 });
      await client.disconnect();
      await client.event("error");
      assert.equal(client.log.of("error").length, client.log.of(event).length);
      for (const { error } of client.log.of("error")) {
        assert.equal(error?.code, "EVENT_THREW");
        assert.equal(error?.cause?.message, "on purpose");
      }
      assert.deepEqual(
        client.log.of("leave").map(({ leave }) => leave?.reason),
        ["disconnected"],
      );
    },
  );
}

function recv(tell: Tell): void {
  tell("packets behind one whose onRecv throws are handed over", async (world) => {
    const script: Script = [{ on: "recv", nth: 2, do: [THROW] }];
    const { server, peer } = await world.rawPair({ script });
    void peer.send(Buffer.concat([0, 1, 2, 3].map((n) => frame(numbered(n, 8)))));
    await server.event("recv", { nth: 4 });
    assertNumbered(server.log.received(), 4, 8);
    assert.equal((await server.error("EVENT_THREW")).error?.cause?.message, "on purpose");
  });

  tell("packets behind one whose onRecv rejects late are handed over", async (world) => {
    const script: Script = [{ on: "recv", nth: 2, do: [{ do: "wait", gate: "go" }, REJECT] }];
    const { server, peer } = await world.rawPair({ script });
    void peer.send(Buffer.concat([0, 1, 2, 3].map((n) => frame(numbered(n, 8)))));
    await server.event("recv", { nth: 2 });
    await server.open("go");
    await server.event("recv", { nth: 4 });
    assertNumbered(server.log.received(), 4, 8);
    await server.error("EVENT_THREW");
    assert.equal(server.log.of("error").length, 1);
  });

  tell(
    "an onRecv that throws though it has disconnected its session still leads to one leave",
    async (world) => {
      const script: Script = [{ on: "recv", do: [{ do: "disconnect", now: true }, THROW] }];
      const { server, client } = await world.pair({ script });
      client.client.sendPacket(Packet.from(utf8("x")));
      await server.error("EVENT_THREW");
      assert.equal((await server.event("leave")).leave?.reason, "disconnected");
    },
  );
}

function errors(tell: Tell): void {
  tell("an onError that throws breaks nothing", async (world) => {
    const script: Script = [
      { on: "recv", do: [THROW] },
      { on: "error", do: [{ do: "throw", message: "onError itself" }] },
    ];
    const { server, client } = await world.pair({ script });
    server.expect("EVENT_THREW");
    for (let n = 0; n < 3; n++) client.client.sendPacket(Packet.from(utf8("x")));
    await server.event("recv", { nth: 3 });
    await client.disconnect();
    await server.event("leave");
    assert(server.log.of("error").length >= 3);
  });

  tell("an onError that rejects breaks nothing", async (world) => {
    const script: Script = [
      { on: "recv", do: [THROW] },
      { on: "error", do: [{ do: "reject", message: "onError itself" }] },
    ];
    const { server, client } = await world.pair({ script });
    server.expect("EVENT_THREW");
    client.client.sendPacket(Packet.from(utf8("x")));
    client.client.sendPacket(Packet.from(utf8("x")));
    await server.event("error", { nth: 2 });
    await world.settle();
    assert.equal(server.server.getSessionCount(), 1);
  });

  tell("every event throws: sessions still join, are handed their packets and leave", async (world) => {
    const events = [...SERVER_EVENTS, "error", "begin", "end"] as const;
    const script: Script = events.map((on) => ({ on, do: [THROW] }));
    const server = world.newServer(script, { batched: true });
    const client = world.newClient(script, { batched: true });
    server.expect("EVENT_THREW");
    client.expect("EVENT_THREW");
    await server.start();
    await client.connect(server);
    for (let n = 0; n < 5; n++) client.client.sendPacket(Packet.from(numbered(n, 10)));
    await server.event("recv", { nth: 5 });
    assert.equal(server.server.broadcast(Packet.from(utf8("x"))), 1);
    await client.event("recv");
    await client.disconnect();
    await server.event("leave");
    assertNumbered(server.log.received(), 5, 10);
  });
}

function batches(tell: Tell): void {
  for (const event of ["begin", "end"] as const) {
    tell(`"${event}" ${verb(THROW)}: onError tells EVENT_THREW, and the batch is run`, async (world) => {
      const server = world.newServer([{ on: event, nth: 1, do: [THROW] }], { batched: true });
      server.expect("EVENT_THREW");
      await server.start();
      const client = await world.client(server);
      await server.joined();
      client.client.sendPacket(Packet.from(utf8("x")));
      await server.event("recv");
      assert.equal((await server.event("error")).error?.cause?.message, "on purpose");
    });
  }
}
