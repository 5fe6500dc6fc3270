/** A client on a thread of its own. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type LanClientOptions, Packet } from "../../src/index.ts";
import { type ClientReport, ObedientClient } from "./fixtures/obedient-client.ts";
import { Peer } from "./fixtures/peer.ts";
import { SLOWNESS, turnUntil, within } from "./fixtures/waiting.ts";

describe("LanClient.connect() on a thread", () => {
  for (const workerThreads of [1, { created: 1 }, { created: 1, running: 1 }]) {
    it(`joins, sends and receives with workerThreads ${JSON.stringify(workerThreads)}`, async (t) => {
      const { client, reports, told, server } = await connected(t, { workerThreads });
      const peer = await server.next();
      assert.equal(client.thread, 0);
      assert.equal(client.sendPacket(packetOf("from the handle")), true);
      assert.equal(await peer.next(), "from the handle");
      assert.equal(await peer.ask("answer"), "answer of thread 1");
      peer.send("hello");
      assert.deepEqual(await told("recv"), { told: "recv", thread: 1, text: "hello" });
      await turnUntil(() => client.stats().sent.packets === 2, "both writes are counted");
      assert.deepEqual([client.stats().joined, client.stats().sessions], [1, 1]);
      await client.disconnect();
      await within(peer.closed, "the server sees it leave");
      const { leave } = await told("leave");
      assert.deepEqual(leave, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
      assert.deepEqual(
        new Set(reports.map(({ thread }) => thread)),
        new Set([1]),
        "events are on the thread",
      );
      assert.equal(client.sendPacket(packetOf("late")), false);
    });
  }

  for (const workerThreads of [2, { created: 2, running: 1 }]) {
    it(`refuses workerThreads ${JSON.stringify(workerThreads)}`, async () => {
      const connecting = new ObedientClient().connect({ port: 1, workerThreads });
      await assert.rejects(connecting, { code: "OPTION_INVALID", message: /workerThreads/ });
    });
  }

  it("rejects with the system's error where nobody listens, and may be called again", async (t) => {
    const { port } = await closedPort();
    const client = new ObedientClient();
    const connecting = client.connect({ port, workerThreads: 1 });
    await assert.rejects(connecting, (error: { code: string; cause: NodeJS.ErrnoException }) => {
      assert.deepEqual([error.code, error.cause.code], ["CONNECT_FAILED", "ECONNREFUSED"]);
      return true;
    });
    const server = await listen(t);
    await client.connect({ port: server.port, workerThreads: 1, heartbeat: false });
    await client.disconnect({ now: true });
    assert.equal(await (await server.next()).closed, "ECONNRESET");
  });

  it("is ended by its signal, before and while it connects", async () => {
    const { port } = await closedPort();
    const reconnect = { minDelayMs: 10_000, maxDelayMs: 10_000 };
    const client = new ObedientClient();
    const before = client.connect({ port, workerThreads: 1, reconnect, signal: AbortSignal.abort() });
    await assert.rejects(before, { code: "CONNECT_ABORTED" });
    const abort = new AbortController();
    const meanwhile = client.connect({ port, workerThreads: 1, reconnect, signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await assert.rejects(meanwhile, { code: "CONNECT_ABORTED" });
    const ended = client.connect({ port, workerThreads: 1, reconnect });
    await Promise.all([assert.rejects(ended, { code: "CONNECT_ABORTED" }), client.disconnect()]);
  });

  it("leaves when the server does, and comes back with reconnect: nothing of the old link is on the new one", async (t) => {
    const reconnect = { minDelayMs: 1, maxDelayMs: 10 };
    const { client, all, until, server } = await connected(t, { workerThreads: 1, reconnect });
    const first = await server.next();
    first.socket.pause();
    // More than the kernel takes, so that something is left over.
    let taken = 0;
    for (;;) {
      if (client.sendPacket(new Packet().writeUint32(1).writeBytes(new Uint8Array(100_000)))) taken++;
      else break;
    }
    first.reset();
    await until(() => all("join").length === 2, "it joins again");
    const second = await server.next();
    const [left] = all("leave");
    assert.equal(left!.leave.reason, "reset");
    assert.ok(left!.leave.notSent.packets > 0 && left!.leave.notSent.packets <= taken);
    await turnUntil(() => client.sendPacket(packetOf("first")), "it takes packets again");
    assert.equal(await second.next(), "first");
    assert.equal(client.stats().joined, 2);
  });

  it("raises onSendReady on the handle whose packet was refused", async (t) => {
    const { client, told, all, server } = await connected(t, {
      workerThreads: 1,
      sendQueueBytesMax: 2 ** 21,
    });
    const peer = await server.next();
    peer.socket.pause();
    const handle: ClientReport[] = [];
    client.onReport = (report) => handle.push(report);
    let taken = 0;
    const packet = new Packet().writeBytes(new Uint8Array(50_000));
    for (let refused = 0; refused < 20; ) {
      if (client.sendPacket(packet)) taken++;
      else {
        refused++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    handle.length = 0;
    let received = 0;
    peer.onPayload = () => received++;
    peer.socket.resume();
    await turnUntil(() => handle.length > 0, "the handle is told");
    await turnUntil(() => received === taken, "everything taken arrives");
    assert.deepEqual(handle, [{ told: "sendReady", thread: 0 }]);
    assert.equal(all("sendReady").length, 0);
    await told("send");
  });

  it("disconnect inside an event ends it; connect may be called again", async (t) => {
    const { client, told, server, workerData } = await connected(t, { workerThreads: 1 });
    (await server.next()).send("disconnect");
    assert.equal((await told("leave")).leave.reason, "disconnected");
    await turnUntil(() => client.stats().sessions === 0 && !client.sendPacket(packetOf("x")), "it is over");
    await turnUntilConnects(client, { port: server.port, workerThreads: 1, heartbeat: false, workerData });
    assert.equal(await (await server.next()).ask("answer"), "answer of thread 1");
  });
});

describe("the death of a client's thread", () => {
  it("is told on the handle, with a leave; without reconnect it is over", async (t) => {
    const { client, server } = await connected(t, { workerThreads: 1 });
    const handle: ClientReport[] = [];
    client.onReport = (report) => handle.push(report);
    const peer = await server.next();
    peer.send("exit");
    await within(peer.closed, "the link is gone");
    await turnUntil(() => handle.length === 2, "both are told");
    const [leave, error] = handle as [ClientReport & { told: "leave" }, ClientReport & { told: "error" }];
    assert.deepEqual([leave.told, leave.thread, leave.leave.reason], ["leave", 0, "thread-died"]);
    assert.deepEqual([error.told, error.thread, error.code], ["error", 0, "THREAD_DIED"]);
    assert.match(String(error.cause), /exited with code 7/);
    assert.equal(client.sendPacket(packetOf("late")), false);
    await client.disconnect();
  });

  it("with reconnect, another thread connects again", async (t) => {
    const reconnect = { minDelayMs: 1, maxDelayMs: 10 };
    const { client, all, until, server } = await connected(t, { workerThreads: 1, reconnect });
    const handle: ClientReport[] = [];
    client.onReport = (report) => handle.push(report);
    (await server.next()).send("exit");
    await until(() => all("join").length === 2, "it joins again");
    const again = await server.next();
    assert.equal(await again.ask("answer"), "answer of thread 1");
    assert.deepEqual(
      handle.map(({ told }) => told),
      ["leave", "error"],
    );
    assert.equal(client.sendPacket(packetOf("on")), true);
    assert.equal(await again.next(), "on");
    await client.disconnect();
  });

  /** Resolves with how long it took. */
  async function leaveStuck(t: TestContext, disconnectDrainMs: number, now: boolean): Promise<number> {
    const { client, told, server } = await connected(t, { workerThreads: 1, disconnectDrainMs });
    const peer = await server.next();
    peer.send("loop");
    await told("recv");
    const began = performance.now();
    await client.disconnect({ now });
    const took = performance.now() - began;
    t.diagnostic(`${took.toFixed()} ms with disconnectDrainMs ${disconnectDrainMs}`);
    await within(peer.closed, "the link is gone");
    return took;
  }

  it("that is stuck does not keep disconnect from resolving", async (t) => {
    const took = await leaveStuck(t, 100, false);
    assert.ok(took < 1500 * SLOWNESS, `${took}`);
  });

  it("that is stuck is given no drain with now", async (t) => {
    const took = await leaveStuck(t, 60_000, true);
    assert.ok(took < 1500 * SLOWNESS, `${took}`);
  });
});

/** A listening socket whose connections are peers, in order. */
interface RawServer {
  readonly port: number;
  next(): Promise<Peer>;
}

async function listen(t: TestContext): Promise<RawServer> {
  const arrived: Peer[] = [];
  let taken = 0;
  const server = net.createServer((socket) => arrived.push(new Peer(socket))).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const { socket } of arrived) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    next: async () => {
      const wanted = taken++;
      await turnUntil(() => arrived.length > wanted, "somebody connects");
      return arrived[wanted]!;
    },
  };
}

async function connected(t: TestContext, options: Omit<LanClientOptions, "port">) {
  const server = await listen(t);
  const client = new ObedientClient();
  const reports: ClientReport[] = [];
  const ports: MessagePort[] = [];
  let look = (): void => {};
  const workerData = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    port1.on("message", (report: ClientReport) => {
      reports.push(report);
      look();
    });
    return port2;
  };
  t.after(async () => {
    await client.disconnect({ now: true });
    for (const port of ports) port.close();
  });
  const until = (holds: () => boolean, what: string): Promise<void> => {
    const reached = new Promise<void>((resolve) => {
      look = () => {
        if (holds()) resolve();
      };
      look();
    });
    return within(reached, what, () => JSON.stringify(reports.slice(-10)));
  };
  const all = <Told extends ClientReport["told"]>(name: Told): Extract<ClientReport, { told: Told }>[] =>
    reports.filter((report): report is Extract<ClientReport, { told: Told }> => report.told === name);
  const told = async <Told extends ClientReport["told"]>(name: Told) => {
    await until(() => all(name).length > 0, `${name} is told`);
    return all(name)[0]!;
  };
  await client.connect({ port: server.port, heartbeat: false, workerData, ...options });
  await told("join");
  return { client, server, reports, all, told, until, workerData };
}

/** Connects as soon as the client is no longer busy with its last connection. */
async function turnUntilConnects(client: ObedientClient, options: LanClientOptions): Promise<void> {
  for (;;) {
    try {
      await client.connect(options);
      return;
    } catch (error) {
      if ((error as { code: string }).code !== "ALREADY_RUNNING") throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** A port that nobody listens on. */
async function closedPort(): Promise<{ port: number }> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  return { port };
}

function packetOf(text: string): Packet {
  return Packet.from(Buffer.from(text));
}
