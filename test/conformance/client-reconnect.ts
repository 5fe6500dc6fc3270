/** reconnect: tries until it joined, tells each failure, waits longer each time, and starts clean. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertLanError } from "../support/errors.ts";
import { assertBytes, EMPTY_FRAME, frame, numbered, payloads, utf8 } from "../support/frames.ts";
import type { ClientRig, RawServer } from "../support/rigs.ts";
import { WatchedNetwork } from "../support/watched-network.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const FAST = { minDelayMs: 5, maxDelayMs: 20 };
const X: Uint8Array = utf8("x");

export const clientReconnect: Subject = {
  name: "reconnect",
  tests(tell) {
    trying(tell);
    ending(tell);
    backoff(tell);
    clean(tell);
  },
};

function trying(tell: Tell): void {
  tell("connect tries until it joined, and tells each failure to onError", async (world) => {
    const nobody = await world.vacant();
    const client = world.newClient();
    client.expect("CONNECT_FAILED");
    const connecting = client.connecting(nobody, { reconnect: FAST });
    const { error } = await client.event("error", { nth: 3 });
    assert.equal(error?.code, "CONNECT_FAILED");
    assert.match(String(error.cause?.code), /ECONNREFUSED|ENOENT/);
    const raw = await world.rawServer({}, nobody.dial);
    await world.until(connecting);
    await raw.accept();
    assert.equal(client.log.of("join").length, 1);
    assert.equal(client.client.stats().errors.CONNECT_FAILED, client.log.of("error").length);
  });

  tell("after each leave it connects again, and join and leave alternate strictly", async (world) => {
    const server = await world.server();
    const client = await world.client(server, { reconnect: FAST });
    for (let n = 1; n <= 6; n++) {
      server.server.disconnect(await server.joined(n), { now: n % 2 === 0 });
      await client.event("join", { nth: n + 1 });
    }
    const names = client.log.names().filter((name) => name !== "error");
    assert.deepEqual(names, [...Array(6).fill(["join", "leave"]).flat(), "join"]);
    assert.equal(client.client.stats().joined, 7);
  });

  tell("it connects again to a server that was away", async (world) => {
    const raw = await world.rawServer();
    const client = world.newClient();
    client.expect("CONNECT_FAILED");
    await client.connect(raw, { reconnect: FAST });
    const peer = await raw.accept();
    await world.until(raw.listener.close());
    peer.end();
    await client.event("leave");
    await client.event("error");
    const back = await world.rawServer({}, raw.dial);
    await back.accept();
    await client.event("join", { nth: 2 });
  });

  tell(
    "a connect time-out is a failure as any other",
    async (world) => {
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const client = world.newClient();
      const connecting = client.connecting(server, { network, reconnect: FAST, connectTimeoutMs: 20 });
      await client.error("CONNECT_TIMEOUT", { nth: 2 });
      network.isSilent = false;
      await world.until(connecting);
    },
    "network",
  );

  tell("reconnect: true and {} are asked for as well", async (world) => {
    for (const reconnect of [true, {}]) {
      const { server, client } = await world.pair({}, { options: { reconnect } });
      server.server.disconnect(await server.joined());
      await client.event("join", { nth: 2 });
    }
  });

  tell("without reconnect a client that left stays away", async (world) => {
    const { server, client, sessionId } = await world.pair();
    server.server.disconnect(sessionId);
    await client.event("leave");
    await world.pass(150);
    assert.deepEqual(client.log.names(), ["join", "leave"]);
    assert.equal(server.log.of("request").length, 1);
  });
}

function ending(tell: Tell): void {
  tell("disconnect ends it: no event comes afterwards", async (world) => {
    const server = await world.server();
    const client = await world.client(server, { reconnect: FAST });
    await client.disconnect();
    await world.pass(60);
    assert.deepEqual(client.log.names(), ["join", "leave"]);
    assert.equal(server.log.of("request").length, 1);
  });

  tell("disconnect between two attempts ends it: connect rejects with CONNECT_ABORTED", async (world) => {
    const nobody = await world.vacant();
    const client = world.newClient();
    client.expect("CONNECT_FAILED");
    const connecting = client.connecting(nobody, { reconnect: { minDelayMs: 5000 } });
    connecting.catch(() => {});
    await client.event("error");
    await client.disconnect();
    await assertLanError(world, connecting, "CONNECT_ABORTED");
    assert.equal(client.log.of("join").length, 0);
  });

  tell(
    "signal ends it while it tries: connect rejects with CONNECT_ABORTED",
    async (world) => {
      const nobody = await world.vacant();
      const client = world.newClient();
      client.expect("CONNECT_FAILED");
      const control = new AbortController();
      const connecting = client.connecting(nobody, { reconnect: FAST, signal: control.signal });
      connecting.catch(() => {});
      await client.event("error", { nth: 2 });
      control.abort();
      await assertLanError(world, connecting, "CONNECT_ABORTED");
      const told = client.log.records.length;
      await world.pass(80);
      assert.equal(client.log.records.length, told);
    },
    "network",
  );

  tell(
    "signal ends it after the join: the session goes on, and its leave is the last",
    async (world) => {
      const server = await world.server();
      const control = new AbortController();
      const client = await world.client(server, { reconnect: FAST, signal: control.signal });
      control.abort();
      client.client.sendPacket(Packet.from(X));
      await server.event("recv");
      server.server.disconnect(await server.joined());
      await client.event("leave");
      await world.pass(80);
      assert.deepEqual(client.log.names(), ["join", "leave"]);
      await client.connect(server);
    },
    "network",
  );

  for (const event of ["join", "leave", "recv"] as const) {
    tell(`disconnect in "${event}" ends it`, async (world) => {
      const raw = await world.rawServer();
      const client = world.newClient([{ on: event, do: [{ do: "disconnect" }] }]);
      await world.until(client.connecting(raw, { reconnect: FAST }).catch(() => {}));
      const peer = await raw.accept();
      void peer.send(frame(X));
      await world.settle();
      peer.end();
      await client.event("leave");
      await world.pass(60);
      assert.equal(client.log.of("join").length, 1);
      assert.equal(raw.listener.peers.length, 1);
    });
  }

  tell('disconnect in "error" ends it', async (world) => {
    const nobody = await world.vacant();
    const client = world.newClient([{ on: "error", nth: 2, do: [{ do: "disconnect" }] }]);
    client.expect("CONNECT_FAILED");
    const connecting = client.connecting(nobody, { reconnect: FAST });
    await assertLanError(world, connecting, "CONNECT_ABORTED");
    await world.pass(60);
    assert.equal(client.log.of("error").length, 2);
  });
}

function backoff(tell: Tell): void {
  const delays = { minDelayMs: 20, maxDelayMs: 160 };

  tell(
    "each delay doubles from minDelayMs up to maxDelayMs, with full jitter",
    async (world) => {
      const nobody = await world.vacant();
      const network = new WatchedNetwork(world.network);
      const client = world.newClient();
      client.expect("CONNECT_FAILED");
      client.connecting(nobody, { network, reconnect: delays }).catch(() => {});
      await world.until(() => network.dials.length === 7);
      const half = [10, 20, 40, 80, 80, 80];
      for (const [n, gapMs] of network.gapsMs.entries())
        assert(gapMs >= half[n]! - 2 && gapMs < half[n]! * 2 + 250, `delays: ${network.gapsMs}`);
    },
    "network",
  );

  tell(
    "full jitter: with the smallest random number there is no delay",
    async (world) => {
      const nobody = await world.vacant();
      const network = new WatchedNetwork(world.network);
      network.randomness = 0;
      const client = world.newClient();
      client.expect("CONNECT_FAILED");
      client
        .connecting(nobody, { network, reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
        .catch(() => {});
      await world.until(() => network.dials.length === 5);
    },
    "network",
  );

  tell(
    "backoff goes on where the server resets every connection without a byte",
    async (world) => {
      const raw = await world.rawServer();
      const network = new WatchedNetwork(world.network);
      network.randomness = 0.999;
      const { client } = await resetEach(world, raw, network, () => {});
      await world.until(() => network.dials.length >= 6);
      const [, , third = 0, fourth = 0, fifth = 0] = network.gapsMs;
      assert(third > 70 && fourth > 140 && fifth > 140, `delays: ${network.gapsMs}`);
      await client.disconnect();
    },
    "network",
    "reset",
  );

  tell(
    "backoff starts over once a byte was received",
    async (world) => {
      const raw = await world.rawServer();
      const network = new WatchedNetwork(world.network);
      network.randomness = 0.999;
      const { client } = await resetEach(world, raw, network, (peer) =>
        peer.send(EMPTY_FRAME.subarray(0, 1)),
      );
      await world.until(() => network.dials.length >= 6);
      const shortest = network.gapsMs.slice(2).filter((gapMs) => gapMs < 120);
      assert(shortest.length >= 2, `delays: ${network.gapsMs}`);
      await client.disconnect();
    },
    "network",
    "reset",
  );

  tell(
    "by default delays begin at 100 ms and end at 10 000 ms",
    async (world) => {
      const nobody = await world.vacant();
      const network = new WatchedNetwork(world.network);
      network.randomness = 0.999_999;
      const client = world.newClient();
      client.expect("CONNECT_FAILED");
      client.connecting(nobody, { network, reconnect: true }).catch(() => {});
      await world.until(() => network.dials.length === 10);
      const rounded = network.gapsMs.map((gapMs) => Math.round(gapMs / 100) * 100);
      assert(rounded[0] === 100 || rounded[0] === 200, `delays: ${rounded}`);
      for (const [n, delayMs] of rounded.slice(1).entries())
        assert.equal(delayMs, Math.min(10_000, rounded[n]! * 2), `delays: ${rounded}`);
    },
    "network",
    "virtual time",
  );

  /** Lets each peer say what it has to say, and resets it. */
  async function resetEach(
    world: World,
    raw: RawServer,
    network: WatchedNetwork,
    say: (peer: Awaited<ReturnType<RawServer["accept"]>>) => unknown,
  ): Promise<{ client: ClientRig }> {
    const client = world.newClient();
    client.expect("CONNECT_FAILED");
    void (async () => {
      for (;;) {
        const peer = await raw.listener.next();
        await say(peer);
        world.network.clock.after(10, () => peer.reset()); // so that the byte is read first
      }
    })();
    client.connecting(raw, { network, reconnect: delays, heartbeat: false }).catch(() => {});
    return { client };
  }
}

function clean(tell: Tell): void {
  tell("packets of the old connection never leak onto the next", async (world) => {
    const raw = await world.rawServer();
    const client = world.newClient();
    await client.connect(raw, { reconnect: FAST, heartbeat: false });
    const first = await raw.accept();
    first.pause();
    for (let n = 0; n < 200; n++) client.client.sendPacket(Packet.from(numbered(n, 60_000)));
    first.reset();
    await client.event("leave");
    assert.equal(client.client.sendPacket(Packet.from(utf8("between"))), false);
    const second = await raw.accept();
    await client.event("join", { nth: 2 });
    client.client.sendPacket(Packet.from(utf8("new")));
    await world.until(second.receivedAtLeast(7));
    await world.settle();
    assertBytes(second.received, frame(utf8("new")));
  });

  tell("a frame that the old connection began is not finished by the next", async (world) => {
    const raw = await world.rawServer();
    const client = world.newClient();
    await client.connect(raw, { reconnect: FAST });
    const first = await raw.accept();
    void first.send(frame(utf8("half of it")).subarray(0, 9));
    first.end();
    await client.event("leave");
    const second = await raw.accept();
    void second.send(frame(utf8("whole")));
    assertBytes((await client.event("recv")).bytes, utf8("whole"));
  });

  tell(
    "a server held to heartbeats on the old connection is not on the next, until it sends one",
    async (world) => {
      const raw = await world.rawServer();
      const client = world.newClient();
      await client.connect(raw, { reconnect: FAST, heartbeat: { intervalMs: 20, timeoutMs: 80 } });
      const first = await raw.accept();
      void first.send(EMPTY_FRAME);
      await world.settle();
      first.end();
      await client.event("leave");
      const second = await raw.accept();
      await client.event("join", { nth: 2 });
      await world.pass(250);
      assert.equal(client.log.of("leave").length, 1);
      assert(payloads(second.received, true).length > 2);
    },
  );
}
