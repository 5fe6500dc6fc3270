/** Row 5. Every packet that was taken ends in exactly one of two accounts: sent, or not sent. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet, type SessionId } from "../../src/index.ts";
import type { RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type Link, Rig } from "../threads/fixtures/rig.ts";
import { SEVERAL } from "../threads/fixtures/waiting.ts";
import { HEADER_BYTES } from "./fixtures/frames.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { stallingPeer } from "./fixtures/stalling-peer.ts";
import { turns } from "./fixtures/turns.ts";

interface Stalled {
  readonly server: RecordingServer;
  readonly peer: RawPeer;
  readonly id: SessionId;
  readonly takenPackets: number;
  readonly takenBytes: number;
}

/** A session whose peer does not read: 12 MB were taken for it, the kernel has some of them. */
async function stalled(
  t: TestContext,
  options: { sendStallMs?: number; disconnectDrainMs?: number } = {},
): Promise<Stalled> {
  const server = new RecordingServer();
  const { ip, port } = await server.start({ port: 0, heartbeat: false, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  const peer = await stallingPeer(tcpNetwork, { ip, port });
  const id = await server.joined();
  const bytes = Buffer.alloc(20_000);
  let takenBytes = 0;
  let takenPackets = 0;
  for (; takenPackets < 1200; takenPackets++) {
    const packet = Packet.from(bytes.subarray(0, 1 + ((takenPackets * 8_101) % bytes.length)));
    takenBytes += HEADER_BYTES + packet.length;
    assert.ok(server.sendPacket(id, packet));
    if (takenPackets % 100 === 0) await turns(1);
  }
  await turns(20);
  return { server, peer, id, takenPackets, takenBytes };
}

/** Waits for the leave, and checks the accounts. */
async function checkAccounts(
  { server, id, takenPackets, takenBytes }: Stalled,
  reason: string,
): Promise<void> {
  const leave = await server.left(id);
  assert.equal(leave.reason, reason);
  assert.ok(leave.notSent.packets > 0 && leave.notSent.packets < takenPackets);
  const told = server.sentBytes.get(id)!;
  const { sent, queuedBytes } = server.stats();
  assert.equal(told + leave.notSent.bytes, takenBytes);
  assert.equal(sent.bytes, told);
  assert.equal(sent.packets + leave.notSent.packets, takenPackets);
  assert.equal(queuedBytes, 0);
  await turns(20);
  assert.equal(server.sentBytes.get(id), told); // no completion comes after the leave
}

test("a connection destroyed with a queue never reports its packets as sent: disconnect({ now })", async (t) => {
  const all = await stalled(t);
  const told = all.server.sentBytes.get(all.id);
  assert.ok(all.server.disconnect(all.id, { now: true }));
  await checkAccounts(all, "disconnected");
  assert.equal(all.server.sentBytes.get(all.id), told);
});

test("the same where disconnect() could not get everything out in time", async (t) => {
  const all = await stalled(t, { disconnectDrainMs: 50 });
  assert.ok(all.server.disconnect(all.id));
  await checkAccounts(all, "disconnected");
});

test("the same where the peer resets", async (t) => {
  const all = await stalled(t);
  all.peer.reset();
  await checkAccounts(all, "reset");
});

test("the same where the kernel takes nothing for sendStallMs", async (t) => {
  const all = await stalled(t, { sendStallMs: 100 });
  await checkAccounts(all, "send-stalled");
});

test("the same where the server stops", async (t) => {
  const all = await stalled(t);
  const { server } = all;
  const before = server.stats().sent;
  await server.stop({ drainMs: 20 });
  const { notSent, reason } = server.leaveOf(all.id)!;
  assert.equal(reason, "server-stopped");
  assert.equal(server.sentBytes.get(all.id)! + notSent.bytes, all.takenBytes);
  assert.ok(before.packets + notSent.packets <= all.takenPackets && notSent.packets > 0);
});

test("no completion is lost: of 200 sessions that end at any moment, each byte is told as sent or as not sent", async (t) => {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0, heartbeat: false });
  t.after(() => server.stop({ drainMs: 0 }));
  server.handle = () => {};
  for (let i = 0; i < 200; i++) {
    const client = await RecordingClient.to({ port, heartbeat: false });
    const id = await server.joined(i + 1);
    let takenBytes = 0;
    for (let n = 0; n <= i % 10; n++) {
      const packet = Packet.from(Buffer.alloc(1 + ((i * n * 977) % 90_000)));
      assert.ok(client.sendPacket(packet) && server.sendPacket(id, packet));
      takenBytes += HEADER_BYTES + packet.length;
      if (n % 3 === 2) await turns(1);
    }
    await turns(i % 4);
    const endings = [
      () => server.disconnect(id),
      () => server.disconnect(id, { now: true }),
      () => client.disconnect(),
      () => client.disconnect({ now: true }),
    ];
    void endings[(i >> 1) % 4]!();
    const [serverLeave, clientLeave] = await Promise.all([server.left(id), client.left()]);
    assert.equal((server.sentBytes.get(id) ?? 0) + serverLeave.notSent.bytes, takenBytes);
    assert.equal(client.sentBytes + clientLeave.notSent.bytes, takenBytes);
  }
});

const ENDINGS: Record<string, (rig: Rig, link: Link) => unknown> = {
  "disconnect({ now }) on the handle": ({ server }, { id }) => server.disconnect(id, { now: true }),
  "disconnect() that gets not everything out": ({ server }, { id }) => server.disconnect(id),
  "the peer's reset": (_, { peer }) => peer.reset(),
  "stop()": ({ server }) => server.stop({ drainMs: 50 }),
  "the death of its thread": (rig) => rig.tell(2, { order: "exit" }),
};

for (const [ending, end] of Object.entries(ENDINGS)) {
  test(
    `on worker threads, each packet of each sender is told as sent or as not sent: ${ending}`,
    SEVERAL,
    async (t) => {
      const rig = await Rig.start(t, { workerThreads: 2, disconnectDrainMs: 50 });
      const [, two] = (await rig.joinMany(2)) as [Link, Link];
      two.peer.socket.pause();
      const fill = { order: "fill", target: two.id, count: 500, bytes: 10_000 } as const;
      let taken = 0;
      for (const thread of [0, 1, 2]) taken += (await rig.ask(thread, fill)) as number;
      end(rig, two);
      const { leave } = await rig.told("leave", ({ id }) => id === two.id);
      // A thread publishes its figures before it tells of the leave.
      const { sent } = rig.server.stats();
      if (ending !== "stop()") {
        assert.equal(sent.packets + leave.notSent.packets, taken);
        assert.equal(sent.bytes + leave.notSent.bytes, taken * (HEADER_BYTES + fill.bytes));
      }
      assert.ok(leave.notSent.packets > 0 && leave.notSent.packets < taken);
    },
  );
}
