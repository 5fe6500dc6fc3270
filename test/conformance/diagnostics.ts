/** The channels of node:diagnostics_channel: what is told, when, how often, and that listening changes nothing. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { ChannelLog } from "../support/channel-log.ts";
import { clog, PACKET_BYTES } from "../support/clog.ts";
import { utf8 } from "../support/frames.ts";
import { refusal } from "../support/refusal.ts";
import type { Subject, Tell } from "./suite.ts";

export const diagnostics: Subject = {
  name: "diagnostics channels",
  tests(tell) {
    const onTestsThread: Tell = (title, body, ...needs) => tell(title, body, "test's thread", ...needs);
    joinsAndLeaves(onTestsThread);
    refusalsAndErrors(onTestsThread);
    refusedPackets(onTestsThread);
    subscribers(onTestsThread);
  },
};

function joinsAndLeaves(tell: Tell): void {
  tell(
    "lanwire:join and lanwire:leave are told on both sides, with ids, names, ends and reasons",
    async (world, t) => {
      const told = new ChannelLog(t);
      const { server, client, sessionId } = await world.pair();
      server.server.setHostId(sessionId, "north");
      const { client: info } = (await server.event("join")) as { client: NonNullable<unknown> } & Awaited<
        ReturnType<typeof server.event>
      >;
      const { ip, port, localIp, localPort } = info!;
      const ends = { remote: { ip, port }, local: { ip: localIp, port: localPort } };
      const ofServer = { side: "server", className: server.server.constructor.name, thread: 0, sessionId };
      assert.deepEqual(told.of("lanwire:join", "server"), [{ ...ofServer, ...ends }]);
      const [joined] = told.of("lanwire:join", "client");
      const ofClient = {
        side: "client",
        className: client.client.constructor.name,
        thread: 0,
        sessionId: joined?.sessionId,
      };
      assert.deepEqual(joined, { ...ofClient, remote: ends.local, local: ends.remote });
      server.server.disconnect(sessionId);
      await server.event("leave");
      await client.event("leave");
      const notSent = { packets: 0, bytes: 0 };
      const left = { reason: "disconnected", notSent, cause: undefined };
      assert.deepEqual(told.of("lanwire:leave", "server"), [
        { ...ofServer, hostId: "north", ...ends, ...left },
      ]);
      const [clientLeft] = told.of("lanwire:leave", "client");
      assert.deepEqual(clientLeft, {
        ...ofClient,
        hostId: undefined,
        remote: ends.local,
        local: ends.remote,
        ...left,
        reason: "peer-closed",
      });
    },
  );

  tell("a leave tells what was not sent and the system's error, as onClientLeave does", async (world, t) => {
    const told = new ChannelLog(t);
    const { server, peer } = await clog(world);
    peer.reset();
    const { leave } = await server.event("leave");
    const [message = assert.fail()] = told.of("lanwire:leave");
    assert.equal(message.reason, leave?.reason);
    assert.deepEqual(message.notSent, leave?.notSent);
    assert(message.notSent.packets > 0);
    assert.equal(message.cause?.code, leave?.cause?.code);
    assert.equal(message.cause?.message, leave?.cause?.message);
  });

  tell("a message comes before its event", async (world, t) => {
    const order: string[] = [];
    new ChannelLog(t, ({ channel, message }) => {
      if (message.side === "server") order.push(`${channel} after ${log().join()}`);
    });
    const server = world.newServer();
    const log = (): string[] => server.log.names();
    await server.start();
    const peer = await world.peer(server);
    await server.joined();
    peer.end();
    await server.event("leave");
    assert.deepEqual(order, ["lanwire:join after request", "lanwire:leave after request,join"]);
  });
}

function refusalsAndErrors(tell: Tell): void {
  tell("lanwire:refuse tells why, and whom", async (world, t) => {
    const told = new ChannelLog(t);
    const server = await world.server({ maxSessions: 1 });
    await world.client(server);
    await server.joined();
    await refusal(world, server);
    const [message] = told.of("lanwire:refuse");
    const [{ local, remote } = assert.fail()] = told.of("lanwire:join", "server");
    assert.equal(message?.reason, "sessions-max");
    assert.equal(message.side, "server");
    assert.deepEqual(message.local, local);
    assert.equal(message.remote.ip, remote.ip);
    assert.deepEqual(server.server.stats().refusedBy, { "sessions-max": 1 });
  });

  tell("lanwire:error tells the code, the session, its name and the cause", async (world, t) => {
    const told = new ChannelLog(t);
    const script = [
      { on: "join", do: [{ do: "setHostId", hostId: "north" }] },
      { on: "recv", do: [{ do: "throw", message: "on purpose" }] },
    ] as const;
    const { server, client, sessionId } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("x")));
    const { error } = await server.error("EVENT_THREW");
    const [message] = told.of("lanwire:error");
    assert.deepEqual(message, {
      side: "server",
      className: server.server.constructor.name,
      thread: 0,
      code: "EVENT_THREW",
      message: error?.message,
      sessionId,
      hostId: "north",
      cause: { message: "on purpose", code: undefined },
    });
  });

  tell("what is told adds up to stats()", async (world, t) => {
    const told = new ChannelLog(t);
    const script = [{ on: "recv", do: [{ do: "throw", message: "on purpose" }] }] as const;
    const server = await world.server({ maxSessions: 3 }, script);
    for (let n = 1; n <= 3; n++) {
      const client = await world.client(server);
      client.client.sendPacket(Packet.from(utf8("x")));
      await server.error("EVENT_THREW", { nth: n });
    }
    await refusal(world, server);
    server.server.disconnect(await server.joined(1));
    server.server.disconnect(await server.joined(2), { now: true });
    await server.event("leave", { nth: 2 });
    const { accepted, left, refusedBy, errors } = server.server.stats();
    const counts = (names: readonly string[]): Record<string, number> => {
      const sums: Record<string, number> = {};
      for (const name of names) sums[name] = (sums[name] ?? 0) + 1;
      return sums;
    };
    assert.equal(told.of("lanwire:join", "server").length, accepted);
    assert.deepEqual(counts(told.of("lanwire:leave", "server").map(({ reason }) => reason)), left);
    assert.deepEqual(counts(told.of("lanwire:refuse").map(({ reason }) => reason)), refusedBy);
    assert.deepEqual(counts(told.of("lanwire:error", "server").map(({ code }) => code)), errors);
    assert.deepEqual([accepted, errors], [3, { EVENT_THREW: 3 }]);
  });
}

function refusedPackets(tell: Tell): void {
  const packet = Packet.from(new Uint8Array(PACKET_BYTES));

  tell("lanwire:send-refused tells of a full queue, by sendPacket and by broadcast", async (world, t) => {
    const { server, sessionId } = await clog(world);
    const other = await world.client(server, { heartbeat: false, packetBytesMax: PACKET_BYTES });
    const otherId = await server.joined(2);
    const told = new ChannelLog(t);
    assert.equal(server.server.sendPacket(sessionId, packet), false);
    assert.equal(server.server.broadcast(packet), 1);
    assert.equal(server.server.broadcast(packet, [sessionId, otherId]), 1);
    const refused = told.of("lanwire:send-refused");
    const expected = { target: sessionId, reason: "queue-full", packetBytes: PACKET_BYTES };
    assert.deepEqual(
      refused.map(({ target, reason, packetBytes }) => ({ target, reason, packetBytes })),
      [expected, expected, expected],
    );
    await other.event("recv", { nth: 2 });
  });

  tell("lanwire:send-refused tells of a session that is leaving, and of none", async (world, t) => {
    const { server, sessionId } = await clog(world);
    server.server.setHostId(sessionId, "north");
    const told = new ChannelLog(t);
    assert.equal(server.server.disconnect("north"), true);
    assert.equal(server.server.sendPacket("north", packet), false);
    server.server.disconnect("north", { now: true });
    await server.event("leave");
    assert.equal(server.server.sendPacket("north", packet), false);
    assert.equal(server.server.sendPacket(sessionId, packet), false);
    const refused = told.of("lanwire:send-refused").map(({ target, reason }) => [target, reason]);
    assert.deepEqual(refused, [
      ["north", "leaving"],
      ["north", "no-session"],
      [sessionId, "no-session"],
    ]);
  });

  tell("lanwire:send-refused of a client; and a packet that is taken is told nobody", async (world, t) => {
    const told = new ChannelLog(t);
    const { client } = await world.pair({}, { options: { packetBytesMax: 100, sendQueueBytesMax: 200 } });
    const [{ sessionId } = assert.fail()] = told.of("lanwire:join", "client");
    const small = Packet.from(new Uint8Array(100));
    let taken = 0;
    while (client.client.sendPacket(small)) taken++;
    const [message, ...more] = told.of("lanwire:send-refused");
    assert(taken > 0);
    assert.deepEqual(more, []);
    assert.deepEqual([message?.side, message?.target, message?.reason], ["client", sessionId, "queue-full"]);
  });
}

function subscribers(tell: Tell): void {
  tell(
    "a subscriber may call what it likes: no event comes before the message has been told",
    async (world, t) => {
      const server = world.newServer();
      const seen: string[][] = [];
      new ChannelLog(t, ({ channel, message }) => {
        if (channel !== "lanwire:join" || message.side !== "server") return;
        server.server.sendPacket(message.sessionId, Packet.from(utf8("hello")));
        server.server.disconnect(message.sessionId);
        seen.push(server.log.names());
      });
      await server.start();
      const client = await world.client(server);
      await client.event("leave");
      await server.event("leave");
      assert.deepEqual(seen, [["request"]]);
      assert.deepEqual(server.log.names(), ["request", "join", "leave"]);
      assert.deepEqual(Buffer.concat(client.log.received()).toString(), "hello");
    },
  );

  tell("a subscriber that sends where it is told of a refusal is not told of its own", async (world, t) => {
    const { server, sessionId } = await clog(world);
    const packet = Packet.from(new Uint8Array(PACKET_BYTES));
    const answers: boolean[] = [];
    const told = new ChannelLog(t, ({ channel }) => {
      if (channel === "lanwire:send-refused") answers.push(server.server.sendPacket(sessionId, packet));
    });
    server.server.sendPacket(sessionId, packet);
    server.server.sendPacket(sessionId, packet);
    assert.deepEqual(answers, [false, false]);
    assert.equal(told.of("lanwire:send-refused").length, 2);
  });

  tell("after the last subscriber has gone nothing is told", async (world, t) => {
    const records: unknown[] = [];
    await t.test("for a while", (inner) => {
      new ChannelLog(inner, (record) => records.push(record));
    });
    const { server, sessionId } = await world.pair();
    server.server.disconnect(sessionId, { now: true });
    await server.event("leave");
    assert.deepEqual(records, []);
  });
}
