/**
 * Calling disconnect, sendPacket, broadcast, setHostId or stop in an event runs no other event before the
 * first returns. That no event ran inside another is held against every test; here is every event with every
 * call in it, and that each call had its effect.
 */
import assert from "node:assert/strict";
import { Packet, type SessionId } from "../../src/index.ts";
import { frame, utf8 } from "../support/frames.ts";
import { AT_ONCE_MS } from "../support/platform.ts";
import type { Action, EventName, Script } from "../support/script.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const X: Uint8Array = utf8("x");
const OTHER = { joined: 1 } as const;

/** Everything that a server's event can call, on another session and then on its own. */
const CALLS: Readonly<Record<string, readonly Action[]>> = {
  "sendPacket and broadcast": [
    { do: "send", to: OTHER, bytes: X },
    { do: "send", bytes: X },
    { do: "broadcast", bytes: X },
  ],
  setHostId: [
    { do: "setHostId", to: OTHER, hostId: "name", replace: true },
    { do: "setHostId", hostId: "name", replace: true },
  ],
  "disconnect of another session": [{ do: "disconnect", to: OTHER }],
  "disconnect of another session with now": [{ do: "disconnect", to: OTHER, now: true }],
  "disconnect of its own session": [{ do: "disconnect" }],
  "disconnect of its own session with now": [{ do: "disconnect", now: true }],
  stop: [{ do: "stop", drainMs: AT_ONCE_MS }],
};

const SERVER_EVENTS: readonly EventName[] = [
  "request",
  "join",
  "recv",
  "send",
  "sendReady",
  "leave",
  "error",
];
const CLIENT_EVENTS: readonly EventName[] = ["join", "recv", "send", "sendReady", "leave", "error"];

export const eventsNeverNest: Subject = {
  name: "events never nest",
  tests(tell) {
    for (const event of SERVER_EVENTS)
      for (const [calls, actions] of Object.entries(CALLS)) serverTest(tell, event, calls, actions);
    for (const event of CLIENT_EVENTS) clientTests(tell, event);
    atOnce(tell);
  },
};

/** The first session watches; the second goes through every event there is, and in one of them calls. */
function serverTest(tell: Tell, event: EventName, calls: string, actions: readonly Action[]): void {
  tell(`${calls} in the server's "${event}"`, async (world) => {
    const when = event === "request" ? { nth: 2 } : event === "error" ? {} : { nth: 1, session: 2 };
    const server = await serverThrough(world, [{ on: event, ...when, do: actions }]);
    const records = server.log.of(event).filter(({ results }) => results.length === actions.length);
    assert(records.length > 0, `"${event}" did not come, or did not call`);
    if (calls === "disconnect of another session") assert.deepEqual(records[0]?.results, [true]);
  });
}

async function serverThrough(world: World, script: Script) {
  const server = world.newServer(
    [...script, { on: "recv", nth: 2, session: 2, do: [{ do: "throw", message: "for onError" }] }],
    { batched: true },
  );
  server.expect("EVENT_THREW");
  await server.start({ packetBytesMax: 95, sendQueueBytesMax: 100 });
  await world.client(server);
  await server.joined(1);
  const peer = await world.peer(server).catch(() => undefined); // reset before it knew that it was connected
  await world.settle();
  const joined = server.log.of("join")[1]?.sessionId as SessionId | undefined;
  if (peer !== undefined && joined !== undefined) {
    const over = Promise.race([peer.ended, peer.closed]);
    // Twice in one turn: the queue refuses the second, so that onSendReady comes.
    const packet = Packet.from(new Uint8Array(90).fill(1));
    server.server.sendPacket(joined, packet);
    server.server.sendPacket(joined, packet);
    await world.settle();
    await world.until(Promise.race([peer.send(frame(X)), over]));
    await world.until(Promise.race([peer.send(frame(X)), over]));
    await world.settle();
    peer.end();
    await world.until(over);
  }
  await world.settle();
  return server;
}

function clientTests(tell: Tell, event: EventName): void {
  const calls: Readonly<Record<string, readonly Action[]>> = {
    sendPacket: [{ do: "send", bytes: X }],
    disconnect: [{ do: "disconnect" }, { do: "send", bytes: X }],
    "disconnect with now": [
      { do: "disconnect", now: true },
      { do: "send", bytes: X },
    ],
  };
  for (const [name, actions] of Object.entries(calls)) {
    tell(`${name} in the client's "${event}"`, async (world) => {
      const when = event === "error" ? {} : { nth: 1 };
      const script: Script = [
        { on: event, ...when, do: actions },
        { on: "recv", nth: 2, do: [{ do: "throw", message: "for onError" }] },
      ];
      const raw = await world.rawServer();
      const client = world.newClient(script, { batched: true });
      client.expect("EVENT_THREW");
      const options = { packetBytesMax: 95, sendQueueBytesMax: 100 };
      await world.until(client.connecting(raw, options).catch(() => {}));
      // Accepted behind the client's connection, which is nobody's where the client reset it at once.
      await world.peer(raw);
      const peer = await raw.accept();
      const packet = Packet.from(new Uint8Array(90).fill(1));
      client.client.sendPacket(packet);
      client.client.sendPacket(packet);
      await world.settle();
      await world.until(Promise.race([peer.send(frame(X)), peer.closed]));
      await world.until(Promise.race([peer.send(frame(X)), peer.closed]));
      await world.settle();
      peer.end();
      await client.event("leave");
      const called = client.log.of(event).filter(({ results }) => results.length === actions.length);
      assert(called.length > 0, `"${event}" did not come, or did not call`);
    });
  }
}

function atOnce(tell: Tell): void {
  tell(
    "disconnect in onRecv: the leave comes after the onRecv returned, and no onRecv between",
    async (world) => {
      const script = [{ on: "recv", nth: 1, do: [{ do: "disconnect" }, { do: "count" }] }] as const;
      const { server, peer } = await world.rawPair({ script });
      void peer.send(Buffer.concat([frame(X), frame(X), frame(X)]));
      await world.until(peer.ended);
      peer.end();
      await server.event("leave");
      assert.deepEqual(server.log.names(), ["request", "join", "recv", "leave"]);
      assert.deepEqual(server.log.of("recv")[0]?.results, [true, 1]);
    },
  );

  tell("disconnect of all others in one event: each leaves once, after it", async (world) => {
    const kick = [1, 2, 3].map((joined) => ({ do: "disconnect", to: { joined }, now: true }) as const);
    const script = [{ on: "recv", session: 4, do: [...kick, { do: "count" }] }] as const;
    const server = await world.server({}, script);
    const clients = [];
    for (let n = 0; n < 4; n++) clients.push(await world.client(server));
    await server.joined(4);
    clients[3]?.client.sendPacket(Packet.from(X));
    const { results } = await server.event("recv");
    assert.deepEqual(results.slice(0, 3), [true, true, true]);
    await server.event("leave", { nth: 3 });
    assert.equal(server.server.getSessionCount(), 1);
  });

  tell("two sessions that disconnect each other in onRecv both leave once", async (world) => {
    const script = [
      { on: "recv", session: 1, do: [{ do: "disconnect", to: { joined: 2 } }] },
      { on: "recv", session: 2, do: [{ do: "disconnect", to: { joined: 1 } }] },
      { on: "leave", do: [{ do: "broadcast", bytes: X }] },
    ] as const;
    const server = await world.server({}, script);
    const clients = [await world.client(server), await world.client(server)];
    await server.joined(2);
    for (const { client } of clients) client.sendPacket(Packet.from(X));
    // Whoever is first takes the other along, unless both had arrived before either was told.
    const first = (await server.event("leave")).sessionId;
    await world.settle();
    const left = server.log.of("leave").map(({ sessionId }) => sessionId);
    assert(left.length <= 2 && new Set(left).size === left.length, `left: ${left}`);
    assert.equal(server.server.getSessionCount(), 2 - left.length);
    assert(first !== undefined && left.includes(first));
  });

  tell("an echo of an echo runs flat: events of both sides take turns", async (world) => {
    const script = [{ on: "recv", do: [{ do: "echo" }] }] as const;
    const { server, client } = await world.pair({ script }, { script });
    client.client.sendPacket(Packet.from(X));
    await client.event("recv", { nth: 50 });
    await client.disconnect({ now: true });
    await server.event("leave");
    assert(server.log.of("recv").length >= 50);
  });
}
