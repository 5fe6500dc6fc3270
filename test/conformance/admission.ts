/** Who may join: onConnectionRequest, maxSessions, the allow list; and what a refused peer learns. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { frame, utf8 } from "../support/frames.ts";
import { refusal } from "../support/refusal.ts";
import type { DialOptions, World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const REFUSE = [{ on: "request", do: [{ do: "answer", value: false }] }] as const;

export const admission: Subject = {
  name: "admission",
  tests(tell) {
    asking(tell);
    places(tell);
    allowing(tell);
    telling(tell);
  },
};

function asking(tell: Tell): void {
  tell("onConnectionRequest is asked with the peer's ip and port, before the join", async (world) => {
    const { server, peer, sessionId } = await world.rawPair();
    const [request, join] = server.log.records;
    assert.deepEqual(request?.request, { ip: peer.local.ip, port: peer.local.port });
    assert.equal(join?.sessionId, sessionId);
  });

  for (const value of [false, undefined, null, 0, 1, "true", {}]) {
    tell(`onConnectionRequest answering ${JSON.stringify(value)} refuses`, async (world) => {
      const script = [{ on: "request", do: [{ do: "answer", value }] }] as const;
      const server = await world.server({}, script);
      await refusal(world, server);
      assert.deepEqual(server.log.names(), ["request"]);
      assert.equal(server.server.getSessionCount(), 0);
      const { refused, accepted } = server.server.stats();
      assert.deepEqual({ refused, accepted }, { refused: 1, accepted: 0 });
    });
  }

  tell("onConnectionRequest that throws refuses, and onError tells", async (world) => {
    const script = [{ on: "request", nth: 1, do: [{ do: "throw", message: "no" }] }] as const;
    const server = await world.server({}, script);
    server.expect("EVENT_THREW");
    await refusal(world, server);
    const { error } = await server.error("EVENT_THREW");
    assert.equal(error?.cause?.message, "no");
    await world.client(server);
    await server.joined();
    assert.deepEqual(server.log.names(), ["request", "error", "request", "join"]);
  });

  tell("onConnectionRequest that answers a promise refuses", async (world) => {
    const script = [{ on: "request", do: [{ do: "wait", gate: "later" }] }] as const;
    const server = await world.server({}, script);
    await refusal(world, server);
    assert.equal(server.log.of("join").length, 0);
  });

  tell(
    "a refused connection is reset at once: connect rejects, or it leaves with reset",
    async (world) => {
      const server = await world.server({}, REFUSE);
      const client = world.newClient();
      const outcome = await world.until(
        client.connecting(server).then(
          () => "joined",
          (error) => error,
        ),
      );
      if (outcome === "joined") assert.equal((await client.event("leave")).leave?.reason, "reset");
      else assert.equal(outcome.code, "CONNECT_FAILED");
      assert(client.log.of("join").length === client.log.of("leave").length);
    },
    "reset",
  );

  tell(
    "a refused connection is reset at once: a raw peer sees the reset",
    async (world) => {
      const server = await world.server({}, REFUSE);
      const error = await refusal(world, server);
      assert.equal(error?.code, "ECONNRESET");
    },
    "reset",
  );

  tell("refusing does not disturb the sessions that exist", async (world) => {
    const script = [
      { on: "request", nth: 2, do: [{ do: "answer", value: false }] },
      { on: "recv", do: [{ do: "echo" }] },
    ] as const;
    const { server, client } = await world.pair({ script });
    await refusal(world, server);
    client.client.sendPacket(Packet.from(utf8("still here")));
    await client.event("recv");
  });
}

function places(tell: Tell): void {
  tell("maxSessions: a connection beyond is refused without being asked about", async (world) => {
    const server = await world.server({ maxSessions: 2 });
    const first = await world.client(server);
    await world.client(server);
    await server.joined(2);
    await refusal(world, server);
    assert.equal(server.log.of("request").length, 2);
    assert.equal(server.server.getSessionCount(), 2);
    assert.equal(server.server.stats().refused, 1);
    await first.disconnect();
    await server.event("leave");
    await world.client(server);
    await server.joined(3);
  });

  tell("maxSessions: a refused request takes no place", async (world) => {
    const script = [{ on: "request", nth: 1, do: [{ do: "answer", value: false }] }] as const;
    const server = await world.server({ maxSessions: 1 }, script);
    await refusal(world, server);
    await world.client(server);
    await server.joined();
  });

  tell("maxSessions: of many that come at once as many join as there are places", async (world) => {
    const server = await world.server({ maxSessions: 5 });
    const dials = Array.from({ length: 12 }, () => world.peer(server).catch(() => undefined));
    await Promise.all(dials);
    await world.until(() => server.server.stats().refused === 7);
    assert.equal(server.server.getSessionCount(), 5);
    assert.equal(server.log.of("join").length, 5);
  });
}

function allowing(tell: Tell): void {
  const joins = async (world: World, allow: string[], bindIp = "127.0.0.1"): Promise<boolean> => {
    const server = await world.server({ allow });
    return joinsFrom(world, server, bindIp);
  };

  tell(
    "allow: an address on the list joins",
    async (world) => {
      assert(await joins(world, ["10.9.8.7", "127.0.0.1"]));
    },
    "ip",
  );

  tell(
    "allow: an address that is not on the list is refused without being asked about",
    async (world) => {
      const server = await world.server({ allow: ["10.9.8.7", "127.0.0.2"] });
      await refusal(world, server);
      assert.equal(server.log.of("request").length, 0);
      assert.equal(server.server.stats().refused, 1);
    },
    "ip",
  );

  tell(
    "allow: a CIDR range holds its addresses and no other",
    async (world) => {
      assert(await joins(world, ["127.0.0.0/8"]));
      assert(await joins(world, ["127.0.0.0/31"]));
      assert(await joins(world, ["127.0.0.1/32"]));
      assert(await joins(world, ["0.0.0.0/0"]));
      assert.equal(await joins(world, ["127.0.0.2/31"]), false);
      assert.equal(await joins(world, ["127.0.0.0/32"]), false);
      assert.equal(await joins(world, ["126.0.0.0/8"]), false);
    },
    "ip",
  );

  tell(
    "allow: IPv6 addresses and ranges",
    async (world) => {
      for (const [allow, expected] of [
        ["::1", true],
        ["0:0:0:0:0:0:0:1", true],
        ["::/127", true],
        ["::2", false],
        ["fd00::/8", false],
        ["0.0.0.0/0", false],
      ] as const) {
        const server = await world.server({ port: 0, ip: "::1", allow: [allow] });
        assert.equal(await joinsFrom(world, server, "::1"), expected, allow);
      }
    },
    "ipv6",
  );

  tell(
    "allow: an IPv4-mapped address is the IPv4 address, in the list and on the socket",
    async (world) => {
      assert(await joins(world, ["::ffff:127.0.0.1"]));
      assert(await joins(world, ["::ffff:127.0.0.0/104"]));
      const server = await world.server({ port: 0, ip: "::", allow: ["127.0.0.1"] });
      const dial = { ...server.dial, serverIp: "127.0.0.1" };
      await world.client({ dial });
      assert.equal((await server.event("join")).client?.ip, "127.0.0.1");
    },
    "ipv6",
  );

  tell(
    "allow: an empty list lets nobody in",
    async (world) => {
      assert.equal(await joins(world, []), false);
    },
    "ip",
  );
}

function telling(tell: Tell): void {
  tell(
    "onClientJoin tells ip, port, local ip and port, when it was accepted and on which thread",
    async (world) => {
      const before = world.network.clock.epochMs();
      const { server, peer } = await world.rawPair();
      const { client } = await server.event("join");
      const { acceptedAtMs, thread, ...addresses } = client!;
      assert.deepEqual(addresses, {
        ip: peer.local.ip,
        port: peer.local.port,
        localIp: peer.remote.ip,
        localPort: peer.remote.port,
      });
      assert(acceptedAtMs >= before && acceptedAtMs <= world.network.clock.epochMs());
      assert(Number.isInteger(thread) && thread >= 0);
    },
    "ip",
  );

  tell("onClientJoin of a local socket tells no address", async (world) => {
    const { server } = await world.rawPair();
    const { client, request } = {
      ...(await server.event("join")),
      request: (await server.event("request")).request,
    };
    const { ip, port, localIp, localPort } = client!;
    if (server.dial.path === undefined) return;
    assert.deepEqual({ ip, port, localIp, localPort }, { ip: "", port: 0, localIp: "", localPort: 0 });
    assert.deepEqual(request, { ip: "", port: 0 });
  });

  tell(
    "a session may be sent to from its join on, and what its peer sent before arrives behind it",
    async (world) => {
      const script = [{ on: "join", do: [{ do: "send", bytes: utf8("welcome") }] }] as const;
      const server = await world.server({}, script);
      const peer = await world.peer(server);
      void peer.send(frame(utf8("first")));
      await server.event("recv");
      assert.deepEqual((await server.event("join")).results, [true]);
      assert.deepEqual(server.log.names(), ["request", "join", "recv"]);
    },
  );
}

async function joinsFrom(world: World, to: { readonly dial: DialOptions }, bindIp: string): Promise<boolean> {
  const client = world.newClient([{ on: "recv", do: [] }]);
  const joined = await world.until(
    client.connecting(to, { bindIp }).then(
      () => true,
      () => false,
    ),
  );
  if (!joined) return false;
  // Refused connections may look as if they had joined, until the reset arrives.
  await world.settle();
  return client.log.of("leave").length === 0;
}
