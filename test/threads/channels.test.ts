/** The channels of node:diagnostics_channel with worker threads: each message on the thread where it happens. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import {
  type ChannelMessages,
  type ChannelName,
  LanServer,
  type ListenAddress,
  Packet,
} from "../../src/index.ts";
import { ChannelLog, type ChannelRecord } from "../support/channel-log.ts";
import { SubscribingClient, SubscribingServer } from "./fixtures/subscribing-server.ts";
import { SEVERAL, within } from "./fixtures/waiting.ts";

const FRAME_BYTES = 1004;
const QUEUE_BYTES = 10 * FRAME_BYTES;

/** What the subscribers on the threads have told, and waiting for more. */
class Heard {
  readonly records: ChannelRecord[] = [];
  #arrived: () => void = () => {};

  /** The option `workerData`: a port for each thread. */
  readonly dataFor = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    port1.on("message", (record: ChannelRecord) => {
      this.records.push(record);
      this.#arrived();
    });
    port1.unref();
    return port2;
  };

  /** The next message of a channel that nobody has asked for yet. */
  async next<Name extends ChannelName>(channel: Name): Promise<ChannelMessages[Name]> {
    for (;;) {
      const at = this.records.findIndex((record) => record.channel === channel);
      if (at >= 0) return this.records.splice(at, 1)[0]!.message as ChannelMessages[Name];
      await within(new Promise<void>((resolve) => (this.#arrived = resolve)), channel);
    }
  }
}

describe("channels with worker threads", () => {
  it("joins, errors and leaves are told on the session's thread, and not on the handle's", async (t) => {
    const onHandle = new ChannelLog(t);
    const { heard, address } = await serving(t, 1);
    const socket = await dial(t, address);
    const joined = await heard.next("lanwire:join");
    assert.deepEqual([joined.side, joined.className, joined.thread], ["server", "SubscribingServer", 1]);
    assert.equal(joined.remote.port, socket.localPort);
    say(socket, "throw");
    const error = await heard.next("lanwire:error");
    const hostId = `north ${joined.sessionId}`;
    assert.deepEqual([error.code, error.sessionId, error.hostId], ["EVENT_THREW", joined.sessionId, hostId]);
    socket.end();
    const left = await heard.next("lanwire:leave");
    const { sessionId, reason, remote, local } = left;
    assert.deepEqual(
      { sessionId, hostId: left.hostId, reason, remote, local },
      {
        sessionId: joined.sessionId,
        hostId,
        reason: "peer-closed",
        remote: joined.remote,
        local: joined.local,
      },
    );
    assert.deepEqual(onHandle.records, []);
  });

  it("refused connections are told on the accepting thread", async (t) => {
    const { heard, address } = await serving(t, 1, { maxSessions: 1 });
    await dial(t, address);
    await heard.next("lanwire:join");
    await dial(t, address);
    const { reason, thread, local } = await heard.next("lanwire:refuse");
    assert.deepEqual([reason, thread, local.port], ["sessions-max", 1, address.port]);
  });

  it(
    "a refused packet is told where it was sent: on the handle, on the thread, on another thread",
    SEVERAL,
    async (t) => {
      const onHandle = new ChannelLog(t);
      const { heard, server, address } = await serving(t, 2);
      const first = await dial(t, address);
      const one = await heard.next("lanwire:join");
      await dial(t, address);
      const two = await heard.next("lanwire:join");
      assert.deepEqual([one.thread, two.thread].sort(), [1, 2]);
      const expected = { target: two.sessionId, reason: "queue-full", packetBytes: 1000 };
      say(first, `elsewhere ${two.sessionId}`);
      const there = await heard.next("lanwire:send-refused");
      assert.deepEqual(refusalOf(there), expected);
      assert.equal(there.thread, one.thread);
      say(first, "here");
      const here = await heard.next("lanwire:send-refused");
      assert.deepEqual(refusalOf(here), { ...expected, target: one.sessionId });
      const large = Packet.from(new Uint8Array(1000));
      while (server.sendPacket(two.sessionId, large));
      assert.equal(server.sendPacket("nobody", large), false);
      const [full, nobody] = onHandle.of("lanwire:send-refused");
      assert.deepEqual(refusalOf(full!), expected);
      assert.deepEqual(refusalOf(nobody!), { ...expected, target: "nobody", reason: "no-session" });
      assert.equal(full?.thread, 0);
    },
  );

  it("a dead thread's sessions are told by the handle, with their names", async (t) => {
    const onHandle = new ChannelLog(t);
    const { heard, address } = await serving(t, 1);
    const socket = await dial(t, address);
    const { sessionId } = await heard.next("lanwire:join");
    const died = new Promise<void>((resolve) => {
      new ChannelLog(t, ({ channel }) => channel === "lanwire:error" && resolve());
    });
    say(socket, "die");
    await within(died, "the death is told");
    const [left] = onHandle.of("lanwire:leave");
    assert.deepEqual(
      [left?.sessionId, left?.hostId, left?.reason, left?.thread, left?.remote],
      [sessionId, `north ${sessionId}`, "thread-died", 0, undefined],
    );
    assert.deepEqual(
      onHandle.of("lanwire:error").map(({ code }) => code),
      ["THREAD_DIED"],
    );
  });

  it("a client on a thread tells its join and leave there, and its handle what it refuses", async (t) => {
    const onHandle = new ChannelLog(t);
    const server = new SilentServer();
    t.after(() => server.stop({ drainMs: 0 }));
    const { port } = await server.start({ port: 0 });
    const heard = new Heard();
    const client = new SubscribingClient();
    t.after(() => client.disconnect({ now: true }));
    const limits = { packetBytesMax: 1000, sendQueueBytesMax: QUEUE_BYTES };
    await client.connect({ port, workerThreads: 1, workerData: heard.dataFor, ...limits });
    const joined = await heard.next("lanwire:join");
    assert.deepEqual([joined.side, joined.thread, joined.remote.port], ["client", 1, port]);
    const large = Packet.from(new Uint8Array(1000));
    while (client.sendPacket(large));
    const [refused] = onHandle.of("lanwire:send-refused");
    assert.deepEqual(refusalOf(refused!), {
      target: joined.sessionId,
      reason: "queue-full",
      packetBytes: 1000,
    });
    await client.disconnect();
    const left = await heard.next("lanwire:leave");
    assert.deepEqual([left.reason, left.sessionId], ["disconnected", joined.sessionId]);
    assert.deepEqual(onHandle.of("lanwire:join", "client"), []);
  });
});

class SilentServer extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

async function serving(t: TestContext, workerThreads: number, options: { maxSessions?: number } = {}) {
  const heard = new Heard();
  const server = new SubscribingServer();
  t.after(() => server.stop({ drainMs: 0 }));
  const limits = { packetBytesMax: 1000, sendQueueBytesMax: QUEUE_BYTES, heartbeat: false } as const;
  const workerData = heard.dataFor;
  const address = await server.start({ port: 0, workerThreads, workerData, ...limits, ...options });
  return { heard, server, address };
}

/** A peer that never reads. One that is refused may be reset before it hears that it was connected. */
async function dial(t: TestContext, { port }: ListenAddress): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").pause();
  socket.on("error", () => {}); // a reset
  t.after(() => socket.destroy());
  await new Promise<void>((resolve) => socket.once("connect", resolve).once("close", () => resolve()));
  return socket;
}

function say(socket: Socket, text: string): void {
  const packet = new Packet().writeString(text);
  const frame = Buffer.alloc(4 + packet.length);
  frame.writeUInt32LE(packet.length);
  frame.set(packet.bytes, 4);
  socket.write(frame);
}

function refusalOf({ target, reason, packetBytes }: ChannelMessages["lanwire:send-refused"]) {
  return { target, reason, packetBytes };
}
