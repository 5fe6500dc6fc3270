/** The mail between threads where a thread dies: what is said to it and what waits for it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { Packet, type SessionId } from "../../src/index.ts";
import type { SessionSettings } from "../../src/session/settings.ts";
import { Mail } from "../../src/threads/mail.ts";
import type { MailMessage } from "../../src/threads/messages.ts";
import { SharedCrossing } from "../../src/threads/shared-crossing.ts";
import { allocateShared } from "../../src/threads/shared-memory.ts";
import { viewShared } from "../../src/threads/shared-view.ts";
import { Peer } from "./fixtures/peer.ts";
import { within } from "./fixtures/waiting.ts";

const SETTINGS: SessionSettings = {
  header: lengthHeader("u32le"),
  packetBytesMax: 1000,
  sendQueueBytesMax: 1000,
  receiveQueueBytesMax: 1000,
  heartbeat: false,
  partialFrameTimeoutMs: 1000,
  sendStallMs: 1000,
  disconnectDrainMs: 1000,
  firstPacketTimeoutMs: 0,
  idleTimeoutMs: 0,
  pace: null,
};
/** The thread that the sessions live on, as the worker that it is first. */
const OWNER = 2;
const FIRST = 5;

/** The mail of thread 1, and a session on `OWNER`, which has a port to it. */
function stage(t: TestContext, settings: Partial<SessionSettings> = {}) {
  const { memory, registry } = viewShared(allocateShared(2, 2), 1);
  const told: SessionId[] = [];
  const mail = new Mail(
    1,
    memory,
    registry,
    { ...SETTINGS, ...settings },
    () => {},
    (id) => told.push(id),
  );
  const crossing = new SharedCrossing(memory, registry, () => {});
  const { port1: ours, port2: theirs } = new MessageChannel();
  registry.setIncarnation(OWNER, FIRST);
  mail.connect(OWNER, FIRST, ours);
  const id = registry.reserve(OWNER)!;
  crossing.open(id);
  t.after(() => {
    mail.close();
    theirs.close();
  });
  return { memory, registry, mail, crossing, id, ours, theirs, told };
}

describe("a thread whose death we see before the handle tells it", () => {
  it("is reached by nothing any more: packets are refused, and it is given no connection", async (t) => {
    const { mail, id, ours, theirs } = stage(t);
    const packet = new Packet().writeBytes(new Uint8Array(10));
    assert.equal(mail.send(id, packet), true);
    assert.equal(mail.incarnationOf(OWNER), FIRST);
    theirs.close();
    await within(once(ours, "close"), "the port is closed");
    assert.equal(mail.incarnationOf(OWNER), 0);
    assert.equal(mail.send(id, packet), false);
    assert.equal(mail.disconnect(id, true), false);
  });

  it("is reached again once another worker is that thread", async (t) => {
    const { registry, mail, crossing, ours, theirs } = stage(t);
    theirs.close();
    await within(once(ours, "close"), "the port is closed");
    registry.setIncarnation(OWNER, FIRST + 1);
    const id = registry.reserve(OWNER)!;
    crossing.open(id);
    assert.equal(mail.send(id, new Packet().writeUint8(1)), true);
    const { port1, port2 } = new MessageChannel();
    mail.connect(OWNER, FIRST + 1, port1);
    const [message] = (await within(once(port2, "message"), "the packet comes")) as [MailMessage];
    assert.equal(message.kind, "packets");
    port2.close();
  });
});

describe("a connection that waits for the port to a thread that has just come", () => {
  const ENDS = {
    "another worker is that thread": ({ mail, registry }: ReturnType<typeof stage>): MessagePort => {
      const { port1, port2 } = new MessageChannel();
      registry.setIncarnation(OWNER, FIRST + 2);
      mail.connect(OWNER, FIRST + 2, port1);
      return port2;
    },
    "the mail closes": ({ mail, theirs }: ReturnType<typeof stage>): MessagePort => {
      mail.close();
      return theirs;
    },
  };
  for (const [name, end] of Object.entries(ENDS)) {
    it(`is reset where the port never comes: ${name}`, async (t) => {
      const world = stage(t);
      const server = net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
      t.after(() => server.close());
      await once(server, "listening");
      const accepted = once(server, "connection") as Promise<[net.Socket]>;
      const peer = await Peer.dial({ port: (server.address() as net.AddressInfo).port });
      const [socket] = await accepted;
      world.registry.setIncarnation(OWNER, FIRST + 1);
      assert.equal(world.mail.incarnationOf(OWNER), FIRST + 1, "it is a choice");
      const about = { ip: "127.0.0.1", port: peer.port, localIp: "", localPort: 0, acceptedAtMs: 0 };
      world.mail.tell(OWNER, { kind: "socket", id: world.registry.reserve(1)!, about, socket });
      end(world).close();
      assert.equal(await within(peer.closed, "it is told"), "ECONNRESET");
    });
  }
});

describe("a batch that is posted", () => {
  it("is no longer what the handle would give back: a death in between takes it for lost, never for both", (t) => {
    const { memory, registry, mail, id } = stage(t);
    const noted: number[] = [];
    const port = Object.assign(new MessageChannel().port1, {
      postMessage: () => noted.push(memory.unposted(1)[0]!),
    });
    registry.setIncarnation(OWNER, FIRST + 1);
    mail.connect(OWNER, FIRST + 1, port);
    assert.equal(mail.send(id, new Packet().writeUint8(1)), true);
    assert.equal(memory.unposted(1)[0], id);
    mail.flush();
    assert.deepEqual(noted, [0]);
  });
});

describe("onSendReady for a session of another thread", () => {
  it("is not raised at once where as many packets are under way as can be counted", async (t) => {
    const { mail, id, told } = stage(t, { sendQueueBytesMax: 2 ** 24 });
    const packet = new Packet().writeUint8(1);
    let taken = 0;
    while (mail.send(id, packet)) taken++;
    assert.equal(taken, 2 ** 18 - 1);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    assert.deepEqual(told, []);
  });

  it("is not raised before the largest packet that was refused fits", async (t) => {
    const { registry, mail, crossing, id, ours, theirs, told } = stage(t);
    const full = new Packet().writeBytes(new Uint8Array(896));
    assert.equal(mail.send(id, full), true);
    assert.equal(mail.send(id, new Packet().writeBytes(new Uint8Array(500))), false);
    assert.equal(mail.send(id, new Packet().writeBytes(new Uint8Array(100))), false);
    const say = async (): Promise<void> => {
      assert.equal(registry.takeWaiters(id), 1 << 1, "it waits");
      const heard = once(ours, "message");
      theirs.postMessage({ kind: "room", id } satisfies MailMessage);
      await within(heard, "it is heard");
    };
    crossing.written(id, 300);
    await say();
    assert.deepEqual(told, []);
    crossing.written(id, 300);
    await say();
    assert.deepEqual(told, [id]);
    assert.equal(mail.send(id, new Packet().writeBytes(new Uint8Array(500))), true);
  });
});
