/** Every failure is a LanError with a stable code, the session id where there is one, and the cause. */
import assert from "node:assert/strict";
import { ERROR_CODES, LanError, Packet } from "../../src/index.ts";
import { assertLanError, assertThrows } from "../support/errors.ts";
import { utf8 } from "../support/frames.ts";
import { WatchedNetwork } from "../support/watched-network.ts";
import type { Subject, Tell } from "./suite.ts";

export const errors: Subject = {
  name: "errors",
  tests(tell) {
    kinds(tell);
    system(tell);
  },
};

function kinds(tell: Tell): void {
  tell("every code says what it means", async () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      assert.match(code, /^[A-Z]+(_[A-Z]+)+$/);
      assert(meaning.length > 10 && meaning.endsWith("."), code);
    }
  });

  tell(
    "a LanError is an Error with a name, a code and a message that reads 'Cannot X: why'",
    async (world) => {
      const client = world.newClient();
      const nobody = await world.vacant();
      const server = await world.server();
      const network = new WatchedNetwork(world.network);
      network.isSilent = true;
      const found = [
        await assertLanError(world, client.connecting(nobody), "CONNECT_FAILED"),
        await assertLanError(
          world,
          client.connecting(nobody, { network, connectTimeoutMs: 10 }),
          "CONNECT_TIMEOUT",
        ),
        await assertLanError(
          world,
          client.connecting(nobody, { signal: AbortSignal.abort() }),
          "CONNECT_ABORTED",
        ),
        await assertLanError(world, server.server.start(world.listenOptions()), "ALREADY_RUNNING"),
        await assertLanError(world, client.connecting(nobody, { port: -1 }), "OPTION_INVALID"),
        assertThrows(() => server.server.sendPacket("anybody", 5 as unknown as Packet), "PACKET_INVALID"),
      ];
      for (const error of found) {
        assert(error instanceof Error && error instanceof LanError);
        assert.equal(error.name, "LanError");
        assert(Object.hasOwn(ERROR_CODES, error.code));
        assert.match(error.message, /^Cannot .+: .+/);
      }
    },
    "network",
  );

  tell("EVENT_THREW has the session id, and what was thrown as its cause", async (world) => {
    const script = [{ on: "recv", do: [{ do: "throw", message: "the reason" }] }] as const;
    const { server, client, sessionId } = await world.pair({ script });
    client.client.sendPacket(Packet.from(utf8("x")));
    const { error } = await server.error("EVENT_THREW");
    assert.equal(error?.isLanError, true);
    assert.equal(error.sessionId, sessionId);
    assert.equal(error.cause?.message, "the reason");
  });

  tell("sending what is no packet throws PACKET_INVALID", async (world) => {
    const { server, client, sessionId } = await world.pair();
    for (const no of [undefined, null, "text", new Uint8Array(3), {}]) {
      const packet = no as unknown as Packet;
      assertThrows(() => server.server.sendPacket(sessionId, packet), "PACKET_INVALID");
      assertThrows(() => server.server.broadcast(packet), "PACKET_INVALID");
      assertThrows(() => client.client.sendPacket(packet), "PACKET_INVALID");
    }
    await world.settle();
    assert.equal(client.log.of("recv").length + server.log.of("recv").length, 0);
  });
}

function system(tell: Tell): void {
  tell(
    "ACCEPT_FAILED: the listening socket reported an error, sessions that exist go on",
    async (world) => {
      const network = new WatchedNetwork(world.network);
      const server = await world.server({ ...world.listenOptions(), network }, [
        { on: "recv", do: [{ do: "echo" }] },
      ]);
      const client = await world.client(server);
      const cause = Object.assign(new Error("accept EMFILE"), { code: "EMFILE" });
      network.acceptors[0]?.onAcceptError(cause);
      const { error } = await server.error("ACCEPT_FAILED");
      assert.equal(error?.cause?.code, "EMFILE");
      assert.equal(error.sessionId, undefined);
      client.client.sendPacket(Packet.from(utf8("still here")));
      await client.event("recv");
      await world.client(server);
    },
    "network",
  );

  tell(
    "connection-failed: the system gave a connection up: the leave has the cause, and onError tells",
    async (world) => {
      const network = new WatchedNetwork(world.network);
      const { client } = await world.pair({}, { options: { network } });
      network.failLinks(Object.assign(new Error("read ETIMEDOUT"), { code: "ETIMEDOUT" }));
      const { leave } = await client.event("leave");
      assert.equal(leave?.reason, "connection-failed");
      assert.equal(leave.cause?.code, "ETIMEDOUT");
      const { error } = await client.error("CONNECTION_FAILED");
      assert.equal(error?.cause?.code, "ETIMEDOUT");
    },
    "network",
  );

  tell(
    "LISTEN_FAILED: of an address that this machine does not have",
    async (world) => {
      const network = new WatchedNetwork(world.network);
      network.listen = () => Promise.reject(Object.assign(new Error("listen"), { code: "EADDRNOTAVAIL" }));
      const { server } = world.newServer();
      const error = await assertLanError(world, server.start({ network, port: 0 }), "LISTEN_FAILED");
      assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRNOTAVAIL");
    },
    "network",
  );

  tell("a peer that goes away in any order raises no error", async (world) => {
    const server = await world.server({}, [{ on: "recv", do: [{ do: "echo" }] }]);
    for (let n = 0; n < 12; n++) {
      const peer = await world.peer(server);
      await server.joined(n + 1);
      void peer.send(new Uint8Array(n * 3));
      if (n % 3 === 0) peer.end();
      else if (n % 3 === 1) peer.reset();
      else peer.destroy();
      if (n % 3 !== 2) await server.event("leave", { nth: n + 1 });
      else await server.event("leave", { nth: n + 1 });
    }
    assert.deepEqual(server.server.stats().errors, {});
  });
}
