/**
 * Row 14. A peer's process that is killed ends its links, whatever they were doing, and everybody who waits for
 * them. An uncaught exception fails whichever test is running.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { type TestContext, test } from "node:test";
import { type Leave, Packet } from "../../src/index.ts";
import { Rig } from "../threads/fixtures/rig.ts";
import { Child } from "./fixtures/child.ts";
import { frame, header } from "./fixtures/frames.ts";
import type { MortalLink, MortalPeerArgs } from "./fixtures/mortal-peer.ts";
import { OWN_IP } from "./fixtures/own-ip.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { turns } from "./fixtures/turns.ts";

/** Far above what the kernel needs to tell of a death, far below every timeout here. */
const AT_ONCE_MS = 5000;
const OPTIONS = { disconnectDrainMs: 60_000, sendStallMs: 60_000, partialFrameTimeoutMs: 60_000 } as const;

/** What both sides of a link are in the middle of when the peer dies. */
interface State {
  readonly doing: string;
  readonly peer: MortalLink;
  /** This side has sent until its queue refused. */
  readonly isFull?: boolean;
  /** A packet of the peer's is being handled, by a promise that never settles. */
  readonly isHandling?: boolean;
}

const base64 = (...parts: Buffer[]): string => Buffer.concat(parts).toString("base64");

const STATES: readonly State[] = [
  { doing: "joined and idle", peer: { reads: true } },
  { doing: "mid-frame", peer: { reads: true, sends: base64(header(1000), Buffer.alloc(500)) } },
  { doing: "mid-write with full queues", peer: { reads: false }, isFull: true },
  { doing: "onRecv pending", peer: { reads: true, sends: base64(frame("work")) }, isHandling: true },
  {
    doing: "onRecv pending, full queues and half a frame",
    peer: { reads: false, sends: base64(frame("work"), header(1000), Buffer.alloc(500)) },
    isFull: true,
    isHandling: true,
  },
];
const LINKS = STATES.map(({ peer }) => peer);
const HANDLING = STATES.filter(({ isHandling }) => isHandling).length;

const mortalPeer = (t: TestContext, args: MortalPeerArgs): Child => new Child(t, "mortal-peer.ts", args);

/** Kills `child`; `settling` must settle before any timeout could have had a part in it. */
async function settlesAtOnce<Value>(child: Child, settling: Promise<Value>): Promise<Value> {
  child.kill("SIGKILL");
  const killedMs = performance.now();
  const value = await settling;
  const tookMs = performance.now() - killedMs;
  assert.ok(tookMs < AT_ONCE_MS, `it took ${tookMs} ms`);
  assert.equal(await child.ended, "SIGKILL", child.errorText);
  return value;
}

/** Sends until the queue refuses although the kernel had turns to take more. */
async function fill(send: (packet: Packet) => boolean): Promise<void> {
  const packet = Packet.from(Buffer.alloc(100_000));
  for (let refused = 0; refused < 20; ) {
    refused = send(packet) ? 0 : refused + 1;
    if (refused > 0) await turns(1);
  }
}

/** A server with one session in each state, all of them with one peer. */
async function served(t: TestContext): Promise<{ server: RecordingServer; child: Child }> {
  const server = new RecordingServer();
  const { port } = await server.start({ port: 0, ...OPTIONS });
  t.after(() => server.stop({ drainMs: 0 }));
  let handling = 0;
  server.handle = () => {
    handling++;
    return new Promise(() => {});
  };
  const child = mortalPeer(t, { port, links: LINKS });
  for (const _ of LINKS) await child.next();
  await server.joined(LINKS.length);
  await server.until(() => handling === HANDLING);
  for (const [i, { isFull }] of STATES.entries()) {
    if (isFull) await fill((packet) => server.sendPacket(server.joins[i]!, packet));
  }
  return { server, child };
}

/** Clients of one server, one in each state. */
async function dialled(t: TestContext): Promise<{ clients: RecordingClient[]; child: Child }> {
  const child = mortalPeer(t, { links: LINKS });
  const port = await child.next<number>();
  const clients: RecordingClient[] = [];
  for (const { isFull, isHandling } of STATES) {
    const client = new RecordingClient();
    let isHandled = false;
    client.handle = () => {
      isHandled = true;
      return new Promise(() => {});
    };
    await client.connect({ port, ...OPTIONS });
    await child.next();
    if (isHandling) await client.until(() => isHandled);
    if (isFull) await fill((packet) => client.sendPacket(packet));
    clients.push(client);
  }
  return { clients, child };
}

/** Each link ended as a death ends it, and what was queued is told. */
function checkLeaves(leaves: readonly Leave[]): void {
  for (const [i, { doing, isFull }] of STATES.entries()) {
    const { reason, notSent } = leaves[i]!;
    const reasons = isFull ? ["reset"] : ["peer-closed", "reset"];
    assert.ok(reasons.includes(reason), `${doing}: ${reason}`);
    assert.equal(notSent.packets > 0, isFull === true, doing);
  }
}

test("a client killed with SIGKILL leaves at once, in every state", async (t) => {
  const { server, child } = await served(t);
  const leaving = Promise.all(server.joins.map((id) => server.left(id)));
  checkLeaves(await settlesAtOnce(child, leaving));
  assert.deepEqual([server.getSessionCount(), server.errors], [0, []]);
});

test("a client killed while the server disconnects it leaves at once, in every state", async (t) => {
  const { server, child } = await served(t);
  for (const id of server.joins) assert.ok(server.disconnect(id));
  const leaves = await settlesAtOnce(child, Promise.all(server.joins.map((id) => server.left(id))));
  for (const { reason } of leaves) assert.equal(reason, "disconnected");
  assert.deepEqual([server.getSessionCount(), server.errors], [0, []]);
});

test("clients killed while the server stops, in every state: stop() resolves at once", async (t) => {
  const { server, child } = await served(t);
  await settlesAtOnce(child, server.stop({ drainMs: 60_000 }));
  assert.equal(server.leaves.length, STATES.length);
  for (const { leave } of server.leaves) assert.equal(leave.reason, "server-stopped");
  assert.deepEqual(server.errors, []);
});

test("a server killed with SIGKILL makes its clients leave at once, in every state", async (t) => {
  const { clients, child } = await dialled(t);
  checkLeaves(await settlesAtOnce(child, Promise.all(clients.map((client) => client.left()))));
  for (const client of clients) {
    assert.equal(client.sendPacket(Packet.from(Buffer.from("late"))), false);
    assert.deepEqual(client.errors, []);
  }
});

test("a server killed while its clients disconnect, in every state: disconnect() resolves at once", async (t) => {
  const { clients, child } = await dialled(t);
  await settlesAtOnce(child, Promise.all(clients.map((client) => client.disconnect())));
  for (const { leaves, errors } of clients) {
    assert.deepEqual([leaves.length, leaves[0]?.reason, errors], [1, "disconnected", []]);
  }
});

test("a server killed while its client connects: connect() rejects at once", {
  skip:
    process.platform !== "linux" &&
    "elsewhere than on Linux the kernel may connect before the server accepts, however long the queue",
}, async (t) => {
  const child = mortalPeer(t, { links: [], acceptsNobodyBehind: 1 });
  const port = await child.next<number>();
  for (let i = 0; i < 2; i++) {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    await once(socket, "connect");
  }
  const client = new RecordingClient(); // for which there is no room any more
  const connecting = client.connect({ port, connectTimeoutMs: 60_000 });
  let isSettled = false;
  const rejecting = assert.rejects(connecting, { code: "CONNECT_FAILED" }).finally(() => {
    isSettled = true;
  });
  await turns(10);
  assert.equal(isSettled, false);
  await settlesAtOnce(child, rejecting);
  assert.deepEqual([client.joins, client.leaves, client.errors], [0, [], []]);
});

test("a server killed before it has accepted its client: disconnect() resolves at once", async (t) => {
  const child = mortalPeer(t, { links: [], acceptsNobodyBehind: 10 });
  const client = await RecordingClient.to({ port: await child.next<number>(), ...OPTIONS });
  await fill((packet) => client.sendPacket(packet));
  await settlesAtOnce(child, client.disconnect());
  assert.deepEqual([client.leaves.length, client.leaves[0]?.reason], [1, "disconnected"]);
});

test("a server killed under a client that reconnects: disconnect() resolves at once, and it is quiet", async (t) => {
  const child = mortalPeer(t, { ip: OWN_IP, links: [{ reads: true }] });
  const where = { serverIp: OWN_IP, port: await child.next<number>() };
  const client = await RecordingClient.to({
    ...where,
    ...OPTIONS,
    reconnect: { minDelayMs: 1, maxDelayMs: 5 },
  });
  await settlesAtOnce(child, client.left());
  await client.until(() => client.errors.length >= 3); // nobody is there any more
  await client.disconnect();
  const told = client.errors.length;
  for (const { code } of client.errors) assert.equal(code, "CONNECT_FAILED");
  await turns(20);
  assert.deepEqual([client.joins, client.leaves.length, client.errors.length], [1, 1, told]);
});

test("a server killed before connect() ever joined: disconnect() makes connect() reject at once", async (t) => {
  const child = mortalPeer(t, { ip: OWN_IP, links: [] });
  const where = { serverIp: OWN_IP, port: await child.next<number>() };
  child.kill("SIGKILL");
  await child.ended;
  const client = new RecordingClient();
  const reconnect = { minDelayMs: 3_600_000, maxDelayMs: 3_600_000 };
  const rejecting = assert.rejects(client.connect({ ...where, reconnect }), { code: "CONNECT_ABORTED" });
  await client.until(() => client.errors.length >= 1);
  const startMs = performance.now();
  await Promise.all([client.disconnect(), rejecting]);
  assert.ok(performance.now() - startMs < AT_ONCE_MS); // the pause may be an hour
});

test("a client killed with SIGKILL leaves a server on worker threads at once, in every state", async (t) => {
  const rig = await Rig.start(t, { workerThreads: 1, ...OPTIONS });
  const links: readonly MortalLink[] = [
    { reads: true },
    { reads: true, sends: base64(header(1000), Buffer.alloc(500)) },
    { reads: false },
  ];
  const child = mortalPeer(t, { port: rig.address.port, links });
  for (const _ of links) await child.next();
  await rig.until(() => rig.all("join").length === links.length, "all have joined");
  const ids = rig.all("join").map(({ id }) => id);
  await fill((packet) => rig.server.sendPacket(ids[2]!, packet));
  const leaving = rig.until(() => rig.all("leave").length === links.length, "all leave");
  await settlesAtOnce(child, leaving);
  for (const [i, id] of ids.entries()) {
    const { reason, notSent } = rig.all("leave").find((report) => report.id === id)!.leave;
    assert.ok((i === 2 ? ["reset"] : ["peer-closed", "reset"]).includes(reason), reason);
    assert.equal(notSent.packets > 0, i === 2);
  }
  assert.deepEqual([rig.server.getSessionCount(), rig.all("error")], [0, []]);
});
