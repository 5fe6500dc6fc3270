/** Row 16. A slot is used again, an id never is: whoever still has an old one reaches nobody with it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet, type SessionId } from "../../src/index.ts";
import { slotOf } from "../../src/session/session-id.ts";
import { MemoryNetwork } from "../../src/testing.ts";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { CELL, cells, fireAt, KIND, StaleIdServer } from "./fixtures/stale-id-server.ts";
import { turns, turnsUntil } from "./fixtures/turns.ts";

const address = { ip: "10.0.0.1", port: 7000 };
const packet = Packet.from(Buffer.from("for the old one"));

/** Uses `id` for everything that an id can be used for; nothing of it may find a session. */
function findsNobody(server: RecordingServer, id: SessionId): void {
  assert.equal(server.sendPacket(id, packet), false);
  assert.equal(server.broadcast(packet, [id]), 0);
  assert.equal(server.setHostId(id, "old"), false);
  assert.equal(server.sessionStats(id), undefined);
  assert.equal(server.disconnect(id), false);
  assert.equal(server.disconnect(id, { now: true }), false);
}

test("a session id never reaches a later session that reuses its slot, nor one of a later start", async () => {
  const network = new MemoryNetwork();
  const { clock } = network;
  const server = new RecordingServer();
  const connect = (): Promise<RecordingClient> =>
    clock.until(RecordingClient.to({ network, serverIp: address.ip, port: address.port }));
  for (let start = 0; start < 10; start++) {
    await server.start({ network, ...address, maxSessions: 2 });
    for (let round = 0; round < 20; round++) {
      const client = await connect();
      await clock.until(() => server.getSessionCount() === 1);
      const id = server.joins.at(-1)!;
      for (const old of server.joins) if (old !== id) findsNobody(server, old);
      assert.ok(server.setHostId(id, `peer ${id}`));
      await clock.advance(1);
      assert.equal(client.packets.length + client.leaves.length, 0);
      assert.ok(server.sendPacket(id, packet));
      await clock.until(() => client.packets.length === 1);
      if (round % 2 === 0) {
        assert.ok(server.disconnect(id, { now: round % 4 === 0 }));
        assert.equal(server.sendPacket(id, packet), false);
      } else await clock.until(client.disconnect({ now: round % 4 === 1 }));
      await clock.until(server.left(id));
    }
    await clock.until(server.stop());
  }
  assert.equal(new Set(server.joins).size, 200);
  assert.ok(new Set(server.joins.map(slotOf)).size <= 2);
});

test("an id used in onClientLeave and in the turns after reaches nobody, whoever joins at that moment", async (t) => {
  const used: SessionId[] = [];
  class Server extends RecordingServer {
    override onClientLeave(id: SessionId, leave: Parameters<RecordingServer["onClientLeave"]>[1]): void {
      super.onClientLeave(id, leave);
      used.push(id);
      findsNobody(this, id);
    }
    override onClientJoin(id: SessionId): void {
      super.onClientJoin(id);
      for (const old of used) findsNobody(this, old); // what it throws is in the errors
    }
  }
  const server = new Server();
  const { port } = await server.start({ port: 0, maxSessions: 1 });
  t.after(() => server.stop({ drainMs: 0 }));
  for (let round = 1; round <= 50; round++) {
    const client = await RecordingClient.to({ port });
    const id = await server.joined(round);
    await client.disconnect({ now: round % 2 === 0 });
    while (server.leaveOf(id) === undefined) {
      if (!server.sendPacket(id, packet)) findsNobody(server, id);
      await turns(1);
    }
    assert.equal(client.packets.length, 0);
  }
  assert.deepEqual(server.errors, []);
  assert.deepEqual(new Set(server.joins.map(slotOf)).size, 1);
});

/** A client that knows its session's id, and notes every packet that was sent to another one. */
class NamedClient extends RecordingClient {
  id: SessionId | undefined;
  echoes = 0;
  readonly strays: string[] = [];
  override handle: (packet: Packet) => void = (received) => {
    const kind = received.readUint8();
    const sentTo = received.readFloat64() as SessionId;
    if (kind === KIND.named) this.id = sentTo;
    if (kind === KIND.echo) this.echoes++;
    if (sentTo !== this.id) this.strays.push(`kind ${kind} for ${sentTo} came to ${this.id}`);
  };
}

/**
 * Session after session in the same slots. While each lives, the id of the one before is fired at from the
 * handle and from all threads; then its own is, at the very moment at which it leaves.
 */
async function neverHitsALaterSession(t: TestContext, workerThreads: number): Promise<void> {
  const ROUNDS = 50;
  const ECHOES = 3;
  const shared = cells();
  const server = new StaleIdServer();
  const options = { port: 0, workerThreads, workerData: shared.buffer, maxSessions: workerThreads };
  const { port } = await server.start(options);
  t.after(() => server.stop({ drainMs: 0 }));
  let isOver = false;
  const firing = (async () => {
    const volley = new Packet();
    while (!isOver) {
      fireAt(server, shared, volley);
      await turns(1);
    }
  })();
  const ids: SessionId[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const client = new NamedClient();
    await client.connect({ port });
    await client.until(() => client.id !== undefined || client.leaves.length > 0);
    const hit = `session ${client.id} was hit by what was aimed at ${Atomics.load(shared, CELL.victim)}`;
    for (let i = 1; i <= ECHOES; i++) {
      client.sendPacket(packet);
      await client.until(() => client.echoes === i || client.leaves.length > 0);
    }
    assert.equal(client.leaves.length, 0, hit);
    assert.deepEqual(client.strays, []);
    ids.push(client.id!);
    assert.notEqual(server.sessionStats(client.id!), undefined);
    Atomics.store(shared, CELL.victim, BigInt(client.id!));
    if (round % 3 === 0) await client.disconnect();
    else if (round % 3 === 1) await client.disconnect({ now: true });
    else await client.left(); // by what is fired
    assert.deepEqual(client.strays, []);
    await turnsUntil(() => server.getSessionCount() === 0);
  }
  isOver = true;
  await firing;
  Atomics.store(shared, CELL.stop, 1n);
  const { left } = server.stats();
  assert.equal(
    Object.values(left).reduce((sum, count) => sum + count, 0),
    ROUNDS,
  );
  assert.equal(new Set(ids).size, ROUNDS);
  assert.ok(new Set(ids.map(slotOf)).size <= workerThreads);
  const disconnected = Number(Atomics.load(shared, CELL.disconnected));
  t.diagnostic(`${Atomics.load(shared, CELL.taken)} taken, ${disconnected} disconnected, of ${ROUNDS}`);
  assert.ok(disconnected > 0, "nothing that was fired ever hit its own session");
}

test("an id used from the handle and from its own thread at that moment never hits a later session in its slot", (t) =>
  neverHitsALaterSession(t, 1));

test(
  "an id used from the handle and from another thread at that moment never hits a later session in its slot",
  {
    skip: !canMoveSockets() && "this Node cannot move sockets between threads",
  },
  (t) => neverHitsALaterSession(t, 2),
);

test(
  "a packet that another thread took for a session, and that arrives when its slot has the next one, reaches nobody",
  SEVERAL,
  async (t) => {
    const rig = await Rig.start(t, { workerThreads: 3, maxSessions: 3 });
    const [, two, three] = (await rig.joinMany(3)) as [Link, Link, Link];
    assert.ok(rig.server.setHostId(two.id, "two"));
    // Taken, and not yet on its way: the thread that took it is held within the same event.
    const before = { order: "sendPacket", target: two.id, text: "too late" } as const;
    const after = [
      { order: "sendPacket", target: two.id, text: "too late" },
      { order: "sendPacket", target: "two", text: "too late" },
      { order: "setHostId", id: two.id, hostId: "late" },
      { order: "disconnect", target: two.id },
    ] as const;
    const marks = rig.all("mark").length;
    rig.order(three.peer, { order: "all", orders: [before, { order: "hold" }, ...after] });
    await rig.until(() => rig.all("mark").length > marks, "the third thread is held");
    two.peer.reset();
    const { leave } = await rig.told("leave", ({ id }) => id === two.id);
    assert.equal(leave.notSent.packets, 1);
    const next = await rig.join();
    assert.deepEqual([next.thread, slotOf(next.id)], [2, slotOf(two.id)], "the same slot");
    assert.equal(rig.server.sendPacket("two", packet), false);
    assert.equal(rig.server.sessionStats(next.id)?.hostId, undefined);
    rig.letGo(three);
    const { answer } = await rig.told("answer", ({ thread }) => thread === 3);
    assert.deepEqual(answer, [true, undefined, false, false, false, false]);
    assert.equal(await three.peer.ask("=behind it"), "=behind it");
    assert.equal(await rig.ask(3, { order: "sendPacket", target: next.id, text: "mine" }), true);
    assert.equal(await next.peer.next(), "mine"); // the same way, so behind it
    assert.equal(rig.server.sessionStats(next.id)?.hostId, undefined);
  },
);
