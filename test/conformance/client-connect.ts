/** connect: when it resolves, what it rejects with, from where it dials, and that it may be called again. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertLanError } from "../support/errors.ts";
import { assertBytes, frame, payloads, utf8 } from "../support/frames.ts";
import { WatchedNetwork } from "../support/watched-network.ts";
import type { Subject, Tell } from "./suite.ts";

const X: Uint8Array = utf8("x");

export const clientConnect: Subject = {
  name: "connect",
  tests(tell) {
    joining(tell);
    binding(tell);
    failing(tell);
    giving(tell);
    again(tell);
  },
};

function joining(tell: Tell): void {
  tell("connect resolves after onEnterJoinServer", async (world) => {
    const server = await world.server();
    const client = world.newClient();
    const connecting = client.connecting(server);
    assert.equal(client.log.of("join").length, 0);
    await world.until(connecting);
    assert.deepEqual(client.log.names(), ["join"]);
  });

  tell("onEnterJoinServer: from here on sendPacket takes packets", async (world) => {
    const server = await world.server();
    const client = await world.client(server, {}, [{ on: "join", do: [{ do: "send", bytes: X }] }]);
    assert.deepEqual(client.log.of("join")[0]?.results, [true]);
    await server.event("recv");
  });

  tell("what the server sent before the client's first turn comes after the join", async (world) => {
    const server = await world.server({}, [{ on: "join", do: [{ do: "send", bytes: X }] }]);
    const client = await world.client(server);
    await client.event("recv");
    assert.deepEqual(client.log.names(), ["join", "recv"]);
  });

  tell("connect while connecting, joined or leaving is refused", async (world) => {
    const server = await world.server();
    const client = world.newClient();
    const connecting = client.connecting(server);
    await assertLanError(world, client.connecting(server), "ALREADY_RUNNING");
    await world.until(connecting);
    await assertLanError(world, client.connecting(server), "ALREADY_RUNNING");
    const leaving = client.client.disconnect();
    await assertLanError(world, client.connecting(server), "ALREADY_RUNNING");
    await world.until(leaving);
    assert.deepEqual(client.log.names(), ["join", "leave"]);
  });
}

function binding(tell: Tell): void {
  tell(
    "bindIp: the address that the link is made from",
    async (world) => {
      const server = await world.server({ port: 0, ip: "0.0.0.0" });
      await world.client({ dial: { ...server.dial, serverIp: "127.0.0.1" } }, { bindIp: "127.0.0.2" });
      const { client, request } = { ...(await server.event("request")), ...(await server.event("join")) };
      assert.equal(client?.ip, "127.0.0.2");
      assert.equal(client.localIp, "127.0.0.1");
      assert.equal(request?.ip, "127.0.0.2");
    },
    "second ip",
  );

  tell(
    "bindPort: the local port of the link",
    async (world) => {
      const { dial } = await world.vacant();
      const server = await world.server();
      const bindPort = dial.port!;
      await world.client(server, { bindIp: "127.0.0.1", bindPort });
      assert.equal((await server.event("join")).client?.port, bindPort);
    },
    "ip",
  );

  tell(
    "a bindIp that this machine does not have: CONNECT_FAILED with the cause",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.dial = () =>
        Promise.reject(Object.assign(new Error("bind EADDRNOTAVAIL"), { code: "EADDRNOTAVAIL" }));
      const connecting = world.newClient().connecting(server, { network, bindIp: "192.0.2.1" });
      const error = await assertLanError(world, connecting, "CONNECT_FAILED");
      assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRNOTAVAIL");
    },
    "ip",
    "network",
  );
}

function failing(tell: Tell): void {
  tell(
    "without reconnect, connect rejects at the first failure: CONNECT_FAILED with the cause",
    async (world) => {
      const client = world.newClient();
      const nobody = await world.vacant();
      const error = await assertLanError(world, client.connecting(nobody), "CONNECT_FAILED");
      assert.match(String((error.cause as NodeJS.ErrnoException).code), /ECONNREFUSED|ENOENT/);
      assert.deepEqual(client.log.names(), []);
    },
  );

  tell(
    "connectTimeoutMs: a server that does not answer: CONNECT_TIMEOUT",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const client = world.newClient();
      const before = world.nowMs();
      await assertLanError(
        world,
        client.connecting(server, { network, connectTimeoutMs: 60 }),
        "CONNECT_TIMEOUT",
      );
      const tookMs = world.nowMs() - before;
      assert(tookMs >= 50 && tookMs < 1500, `took ${tookMs} ms`);
      network.isSilent = false;
      await client.connect(server, { network });
    },
    "network",
  );

  tell(
    "connectTimeoutMs is 5 000 ms by default",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const before = world.nowMs();
      await assertLanError(world, world.newClient().connecting(server, { network }), "CONNECT_TIMEOUT");
      assert.equal(Math.round(world.nowMs() - before), 5000);
    },
    "network",
    "virtual time",
  );

  tell("connectTimeoutMs has no say once the client has joined", async (world) => {
    const server = await world.server();
    const client = await world.client(server, { connectTimeoutMs: 40 });
    await world.pass(100);
    assert.deepEqual(client.log.names(), ["join"]);
  });
}

function giving(tell: Tell): void {
  tell(
    "signal: one that is aborted already: CONNECT_ABORTED, and nothing is dialled",
    async (world) => {
      const server = await world.server();
      const client = world.newClient();
      const signal = AbortSignal.abort();
      await assertLanError(world, client.connecting(server, { signal }), "CONNECT_ABORTED");
      await world.settle();
      assert.deepEqual([...client.log.names(), ...server.log.names()], []);
    },
    "network",
  );

  tell(
    "signal: abort while connecting: CONNECT_ABORTED",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const control = new AbortController();
      const client = world.newClient();
      const connecting = client.connecting(server, { network, signal: control.signal });
      connecting.catch(() => {});
      await world.until(() => network.dials.length === 1);
      control.abort(new Error("enough"));
      await assertLanError(world, connecting, "CONNECT_ABORTED");
      assert.deepEqual(client.log.names(), []);
    },
    "network",
  );

  tell(
    "signal: a session that exists goes on",
    async (world) => {
      const server = await world.server();
      const control = new AbortController();
      const client = await world.client(server, { signal: control.signal });
      control.abort();
      await world.settle();
      assert.equal(client.client.sendPacket(Packet.from(X)), true);
      await server.event("recv");
      assert.deepEqual(client.log.names(), ["join"]);
    },
    "network",
  );

  tell(
    "disconnect while connecting: connect rejects with CONNECT_ABORTED, and no event comes",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const client = world.newClient();
      const connecting = client.connecting(server, { network });
      connecting.catch(() => {});
      await world.until(() => network.dials.length === 1);
      await client.disconnect();
      await assertLanError(world, connecting, "CONNECT_ABORTED");
      assert.deepEqual(client.log.names(), []);
      network.isSilent = false;
      await client.connect(server, { network });
    },
    "network",
  );

  tell(
    "disconnect in the turn of the connect: it rejects or joins and leaves, never half of it",
    async (world) => {
      const server = await world.server();
      const client = world.newClient();
      const connecting = client.connecting(server).catch(() => {});
      await client.disconnect();
      await world.until(connecting);
      assert.equal(client.log.of("join").length, client.log.of("leave").length);
      await client.connect(server);
    },
  );

  tell("disconnect of a client that is not connected does nothing", async (world) => {
    const client = world.newClient();
    await client.disconnect();
    await client.disconnect({ now: true });
    assert.deepEqual(client.log.records, []);
  });
}

function again(tell: Tell): void {
  tell("connect again after leaving starts clean", async (world) => {
    const raw = await world.rawServer();
    const client = world.newClient();
    const options = { heartbeat: false } as const;
    await client.connect(raw, options);
    const first = await raw.accept();
    void first.send(frame(utf8("whole")));
    void first.send(frame(utf8("cut short")).subarray(0, 8));
    first.end();
    await client.event("leave");
    assert.equal(client.client.sendPacket(Packet.from(utf8("lost"))), false);
    await client.connect(raw, options);
    const second = await raw.accept();
    assert.equal(client.client.sendPacket(Packet.from(X)), true);
    await world.until(second.receivedAtLeast(5));
    void second.send(frame(utf8("new")));
    await client.event("recv", { nth: 2 });
    assertBytes(client.log.received()[1], utf8("new"));
    assert.equal(payloads(second.received).length, 1);
    assert.deepEqual(client.log.names(), ["join", "recv", "leave", "join", "recv"]);
    assert.equal(client.client.stats().received.packets, 1);
  });

  tell("connect again as soon as onLeaveServer has returned", async (world) => {
    const server = await world.server();
    const client = await world.client(server);
    for (let n = 1; n <= 5; n++) {
      server.server.disconnect(await server.joined(n));
      await client.event("leave", { nth: n });
      await client.connect(server);
    }
    assert.equal(client.log.of("join").length, 6);
  });

  tell("connect again after a failure", async (world) => {
    const nobody = await world.vacant();
    const server = await world.server();
    const client = world.newClient();
    for (let n = 0; n < 3; n++) await assertLanError(world, client.connecting(nobody), "CONNECT_FAILED");
    await client.connect(server);
    assert.deepEqual(client.log.names(), ["join"]);
  });

  tell("onEnterJoinServer and onLeaveServer alternate strictly", async (world) => {
    const server = await world.server();
    const client = world.newClient();
    for (let n = 1; n <= 10; n++) {
      await client.connect(server);
      const id = await server.joined(n); // a reset before would leave the server without this join
      if (n % 2 === 0) server.server.disconnect(id);
      await client.disconnect({ now: n % 3 === 0 });
      await client.event("leave", { nth: n });
    }
    assert.deepEqual(client.log.names(), Array(10).fill(["join", "leave"]).flat());
  });
}
