/** The monitoring server of the example judges what comes over plain sockets. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { type MonitorEvent, MonitoringServer } from "../../examples/monitoring/monitoring-server.ts";
import { LINK } from "../../examples/monitoring/protocol.ts";

const LOGIN_1 = "0600214e01000000";
const UPDATE = "0b00224e233930000000f15365";

test("an agent logs in, reports and leaves", async (t) => {
  const star = await start(t);
  const { socket, address } = await star.dial(LOGIN_1 + UPDATE);
  const joined = await star.next("joined");
  assert.equal(joined.agent.serverNo, 1);
  assert.equal(joined.agent.address, address);
  const figure = await star.next("figure");
  assert.deepEqual(figure.agent, joined.agent);
  assert.deepEqual(figure.update, { type: "update", dataType: 35, value: 12345, unixTime: 1_700_000_000 });
  socket.end();
  const left = await star.next("left");
  assert.deepEqual(left.agent, joined.agent);
  assert.equal(left.reason, "peer-closed");
});

for (const [what, bytes, why] of [
  ["sends data before its login", UPDATE, /data before its login/],
  ["sends an unknown type", "0200112a", /unknown type 10769/],
  ["sends a login that is too short", "0400214e0100", /20001 with 2 bytes/],
  ["sends an empty packet", "0000", /no type/],
] as const) {
  test(`a session that ${what} is disconnected, with a line that says why`, async (t) => {
    const star = await start(t);
    // What comes behind the bad packet is not listened to.
    const { socket, address } = await star.dial(bytes + LOGIN_1);
    const refused = await star.next("refused");
    assert.equal(refused.address, address);
    assert.match(refused.why, why);
    await closed(socket);
    assert.deepEqual(
      star.events.map(({ type }) => type),
      ["refused"],
    );
  });
}

test("an agent that logs in twice or reports an unknown data type is disconnected, and leaves", async (t) => {
  const star = await start(t);
  for (const bad of [LOGIN_1, "0b00224e633930000000f15365"]) {
    const { socket } = await star.dial(LOGIN_1 + bad);
    await star.next("refused");
    assert.equal((await star.next("left")).reason, "disconnected");
    await closed(socket);
  }
});

test("a session that goes before its login is no agent's leave", async (t) => {
  const star = await start(t);
  const { socket, address } = await star.dial("");
  socket.end();
  assert.equal((await star.next("stranger-left")).address, address);
});

test("a newer login takes the host id and ends the older session", async (t) => {
  const star = await start(t);
  const older = await star.dial(LOGIN_1);
  const first = await star.next("joined");
  const newer = await star.dial(LOGIN_1);
  assert.equal((await star.next("replaced")).serverNo, 1);
  const left = await star.next("left");
  assert.equal(left.agent.sessionId, first.agent.sessionId);
  await closed(older.socket);

  newer.socket.write(Buffer.from(UPDATE, "hex"));
  assert.notEqual((await star.next("figure")).agent.sessionId, first.agent.sessionId);
});

interface Star {
  readonly events: MonitorEvent[];
  dial(hexBytes: string): Promise<{ socket: Socket; address: string }>;
  /** The next event of that type, in order; those of other types are passed over. */
  next<T extends MonitorEvent["type"]>(type: T): Promise<Extract<MonitorEvent, { type: T }>>;
}

async function start(t: TestContext): Promise<Star> {
  const server = new MonitoringServer();
  const events: MonitorEvent[] = [];
  let read = 0;
  let wake = (): void => {};
  server.emit = (event) => {
    events.push(event);
    wake();
  };
  const { port } = await server.start({ ip: "127.0.0.1", port: 0, ...LINK });
  t.after(() => server.stop({ drainMs: 0 }));
  return {
    events,
    async dial(hexBytes) {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      t.after(() => socket.destroy());
      await once(socket, "connect");
      socket.write(Buffer.from(hexBytes, "hex"));
      return { socket, address: `127.0.0.1:${socket.localPort}` };
    },
    async next(type) {
      for (;;) {
        const event = events[read];
        if (event === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else {
          read++;
          if (event.type === type) return event as Extract<MonitorEvent, { type: typeof type }>;
        }
      }
    },
  };
}

/** Resolves when the connection is gone, with or without a reset. */
async function closed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}
