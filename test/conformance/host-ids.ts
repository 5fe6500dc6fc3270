/** Host ids: lasting names that the application gives to sessions. */
import assert from "node:assert/strict";
import { Packet } from "../../src/index.ts";
import { assertThrows } from "../support/errors.ts";
import { assertBytes, utf8 } from "../support/frames.ts";
import type { ClientRig, ServerRig } from "../support/rigs.ts";
import type { World } from "../support/world.ts";
import type { Subject } from "./suite.ts";

export const hostIds: Subject = {
  name: "host ids",
  tests(tell) {
    tell("every target may be told by its host id", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      assert.equal(server.server.setHostId(ids[0], "game-1"), true);
      assert.equal(server.server.sendPacket("game-1", text("by name")), true);
      assert.equal(server.server.broadcast(text("among targets"), ["game-1"]), 1);
      assert.equal(server.server.sessionStats("game-1")?.sessionId, ids[0]);
      assert.equal(server.server.sessionStats(ids[0])?.hostId, "game-1");
      await clients[0].event("recv", { nth: 2 });
      assert.equal(server.server.disconnect("game-1"), true);
      await server.event("leave", { sessionId: ids[0] });
      assert.equal(clients[1].log.of("recv").length, 0);
    });

    tell("setHostId fails where the host id is in use", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      assert.equal(server.server.setHostId(ids[0], "game-1"), true);
      assert.equal(server.server.setHostId(ids[1], "game-1"), false);
      assert.equal(server.server.setHostId(ids[1], "game-1", { replace: false }), false);
      assert.equal(server.server.sessionStats(ids[1])?.hostId, undefined);
      await reaches(server, "game-1", clients[0]);
      assert.equal(clients[1].log.of("recv").length, 0);
    });

    tell("setHostId with replace: the host id moves, and the old session stays, nameless", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      server.server.setHostId(ids[0], "game-1");
      assert.equal(server.server.setHostId(ids[1], "game-1", { replace: true }), true);
      await reaches(server, "game-1", clients[1]);
      assert.equal(server.server.sessionStats(ids[0])?.hostId, undefined);
      assert.equal(server.server.sendPacket(ids[0], text("by id")), true);
      assertBytes((await clients[0].event("recv")).bytes, utf8("by id"));
      assert.equal(server.server.getSessionCount(), 2);
      assert.equal(server.log.of("leave").length, 0);
    });

    tell("the leave of the old, nameless session leaves the host id where it moved", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      server.server.setHostId(ids[0], "game-1");
      server.server.setHostId(ids[1], "game-1", { replace: true });
      await clients[0].disconnect();
      await server.event("leave", { sessionId: ids[0] });
      await reaches(server, "game-1", clients[1]);
    });

    tell("the nameless session may take another host id", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      server.server.setHostId(ids[0], "game-1");
      server.server.setHostId(ids[1], "game-1", { replace: true });
      assert.equal(server.server.setHostId(ids[0], "game-2"), true);
      await reaches(server, "game-2", clients[0]);
    });

    tell("a session has one host id at most: a new one takes the old one's place", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      server.server.setHostId(ids[0], "old");
      assert.equal(server.server.setHostId(ids[0], "new"), true);
      assert.equal(server.server.sendPacket("old", text("lost")), false);
      assert.equal(server.server.setHostId(ids[1], "old"), true);
      await reaches(server, "new", clients[0]);
      await reaches(server, "old", clients[1]);
    });

    tell("a session may be given the host id that it has", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      assert.equal(server.server.setHostId(ids[0], "same"), true);
      assert.equal(server.server.setHostId(ids[0], "same", { replace: true }), true);
      await reaches(server, "same", clients[0]);
    });

    tell("a host id ends with its session", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      server.server.setHostId(ids[0], "game-1");
      await clients[0].disconnect();
      await server.event("leave", { sessionId: ids[0] });
      assert.equal(server.server.sendPacket("game-1", text("lost")), false);
      assert.equal(server.server.disconnect("game-1"), false);
      assert.equal(server.server.setHostId(ids[1], "game-1"), true);
      await reaches(server, "game-1", clients[1]);
    });

    tell("a peer that comes again gets its name from the newer session", async (world) => {
      const script = [{ on: "recv", do: [{ do: "setHostId", hostId: "peer", replace: true }] }] as const;
      const { server, client } = await world.pair({ script });
      client.client.sendPacket(text("login"));
      await server.event("recv");
      const again = await world.client(server);
      again.client.sendPacket(text("login"));
      const { results } = await server.event("recv", { nth: 2 });
      assert.deepEqual(results, [true]);
      await reaches(server, "peer", again);
    });

    tell("a host id that nobody has: the answer is no", async (world) => {
      const { server } = await twoSessions(world);
      assert.equal(server.server.sendPacket("nobody", text("x")), false);
      assert.equal(server.server.disconnect("nobody"), false);
      assert.equal(server.server.broadcast(text("x"), ["nobody"]), 0);
      assert.equal(server.server.sessionStats("nobody"), undefined);
    });

    tell("sessions and names are told apart by type", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      assert.equal(server.server.setHostId(ids[0], String(ids[1])), true);
      await reaches(server, String(ids[1]), clients[0]);
      assert.equal(clients[1].log.of("recv").length, 0);
    });

    tell("a host id is 1 to 255 UTF-16 units, else HOST_ID_INVALID", async (world) => {
      const { server, ids, clients } = await twoSessions(world);
      assertThrows(() => server.server.setHostId(ids[0], ""), "HOST_ID_INVALID");
      assertThrows(() => server.server.setHostId(ids[0], "n".repeat(256)), "HOST_ID_INVALID");
      for (const hostId of [
        "n",
        "n".repeat(255),
        "서버-1",
        "\u{1f5a7}".repeat(127),
        "__proto__",
        "constructor",
      ]) {
        assert.equal(server.server.setHostId(ids[0], hostId), true);
        assert.equal(server.server.sendPacket(hostId, text("x")), true);
      }
      await clients[0].event("recv", { nth: 6 });
    });
  },
};

async function twoSessions(world: World) {
  const server = await world.server();
  const clients = [await world.client(server), await world.client(server)] as const;
  const ids = [await server.joined(1), await server.joined(2)] as const;
  return { server, clients, ids };
}

/** That the next packet to `hostId` arrives at `client`. */
async function reaches(server: ServerRig, hostId: string, client: ClientRig): Promise<void> {
  const nth = client.log.of("recv").length + 1;
  assert.equal(server.server.sendPacket(hostId, text(`to ${hostId}`)), true);
  assertBytes((await client.event("recv", { nth })).bytes, utf8(`to ${hostId}`));
}

function text(value: string): Packet {
  return Packet.from(utf8(value));
}
