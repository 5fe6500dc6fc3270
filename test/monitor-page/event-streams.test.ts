/** Server-sent events: the order of a stream, its end, and what a reader costs who does not read. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";
import type { ServerView } from "../../src/monitor/api.ts";
import { STREAMS_MAX, UNREAD_BYTES_MAX } from "../../src/monitor/page/event-streams.ts";
import { events, get, open, servePage } from "./fixtures/http.ts";
import { MadeUpSource, TWENTY } from "./fixtures/made-up-source.ts";

function oneServer(): MadeUpSource {
  const source = new MadeUpSource(3);
  source.join({ serverNo: 1, name: "login", types: TWENTY });
  return source;
}

it("a stream begins with a snapshot, then tells each event under its kind", async (t) => {
  const source = oneServer();
  const page = await servePage(t, source);
  const message = await open(page, "/api/events");
  assert.equal(message.headers["content-type"], "text/event-stream; charset=utf-8");
  const stream = events(message);
  const first = (await stream.next()).value!;
  assert.equal(first.name, "snapshot");
  assert.deepEqual(
    (first.data as { servers: unknown }).servers,
    JSON.parse(JSON.stringify(source.servers())),
  );
  source.tick(5_000);
  source.join({ serverNo: 2, name: "chat", types: [40] });
  source.kill(1, "reset");
  const told = [(await stream.next()).value!, (await stream.next()).value!, (await stream.next()).value!];
  assert.deepEqual(
    told.map(({ name }) => name),
    ["values", "joined", "left"],
  );
  const [values, joined, left] = told.map(({ data }) => data as { values: number[][]; server: ServerView });
  assert.equal(values!.values.length, TWENTY.length);
  assert.deepEqual(values!.values[0], [1, 40, source.valueAt(1, 40, 5_000), 5_000]);
  assert.equal(joined!.server.name, "chat");
  assert.equal((left!.server.state as { reason: string }).reason, "reset");
});

it("all streams share one subscription, which ends with the page; stop() ends them at once", async (t) => {
  const source = oneServer();
  const page = await servePage(t, source);
  const streams = await Promise.all([1, 2, 3].map(() => open(page, "/api/events")));
  assert.equal(source.listeners, 1);
  const ended = Promise.all(streams.map((message) => once(message.resume(), "close")));
  await page.server.stop();
  await ended;
  assert.equal(source.listeners, 0);
});

it("a reader that does not read is dropped before it holds much, and one that reads goes on", async (t) => {
  const source = oneServer();
  const page = await servePage(t, source);
  const reading = events(await open(page, "/api/events"));
  await reading.next();
  const socket = connect(page.port, page.ip);
  socket.write(`GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, "readable");
  // It has begun, and reads no further. What is told meanwhile is read by the other one.
  const told = 512 * 1024;
  const name = "x".repeat(told);
  let rounds = 0;
  let isClosed = false;
  socket.on("close", () => {
    isClosed = true;
  });
  while (!isClosed && rounds < 200) {
    rounds++;
    source.join({ serverNo: 2, name, types: [] });
    await reading.next();
    if (rounds === 40) socket.resume(); // by now it is dropped: what the kernel still has for it may go
  }
  assert.ok(isClosed, `after ${rounds} events it is still served`);
  assert.ok(rounds >= UNREAD_BYTES_MAX / told);
  source.tick(1);
  assert.equal((await reading.next()).value!.name, "values");
});

it(`more than ${STREAMS_MAX} streams are refused, until one ends`, async (t) => {
  const page = await servePage(t, oneServer());
  const streams = await Promise.all(Array.from({ length: STREAMS_MAX }, () => open(page, "/api/events")));
  const { status, headers } = await get(page, "/api/events");
  assert.deepEqual([status, headers["retry-after"]], [503, "5"]);
  assert.equal((await get(page, "/api/servers")).status, 200);
  streams[0]!.destroy();
  for (;;) {
    const message = await open(page, "/api/events");
    message.destroy();
    if (message.statusCode === 200) break; // the server has seen the end of the first
  }
});
