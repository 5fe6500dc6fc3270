/**
 * The transport contract, sentence by sentence, for any `Network`. No test here waits for time: where
 * nothing may happen, round trips on another link show that the loop has turned.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import type {
  Acceptor,
  Address,
  Connection,
  Incoming,
  Listener,
  Network,
} from "../../src/transport/connection.ts";
import { Probe, repeat } from "./probe.ts";

/** What a transport gives to be tested. */
export interface TransportUnderTest {
  readonly network: Network;
  /** Where to listen; port 0. */
  readonly address: { readonly ip: string; readonly port: 0 };
  /** A path that is free to listen at, where the transport has them. */
  readonly path: string | undefined;
  /** More bytes than its kernels take for a peer that does not read. */
  readonly hugeBytes: number;
  /** Why a reset may be told as an end where no read waits for it. */
  readonly hidesUnawaitedResets?: string | false;
  /** Why two may listen at one path. */
  readonly sharesPaths?: string | false;
}

const SOCKET_OPTIONS = { nagle: false, keepAliveMs: 0 };

export function describeTransport(name: string, make: () => TransportUnderTest): void {
  describe(`${name}: listening and dialling`, () => listeningAndDialling(make));
  describe(`${name}: reading and writing`, () => readingAndWriting(make));
  describe(`${name}: closing`, () => closing(make));
}

function listeningAndDialling(make: () => TransportUnderTest): void {
  it("tells the real port where 0 was asked for", async (t) => {
    const { address } = await listen(t, make());
    assert("port" in address && address.port > 0);
  });

  it("rejects listening at an address in use with EADDRINUSE", async (t) => {
    const place = make();
    const { address } = await listen(t, place);
    const again = place.network.listen({ ...SOCKET_OPTIONS, address, backlog: 10 }, refuseAll);
    await assert.rejects(again, { code: "EADDRINUSE", syscall: "listen", message: /^listen EADDRINUSE/ });
  });

  it("rejects dialling where nobody listens with ECONNREFUSED", async (t) => {
    const place = make();
    const listener = await listen(t, place);
    await listener.close();
    const expected = { code: "ECONNREFUSED", syscall: "connect", message: /^connect ECONNREFUSED/ };
    await assert.rejects(dial(place, listener.address), expected);
  });

  it("rejects a dial with the signal's reason where it was aborted before", async (t) => {
    const place = make();
    const { address } = await listen(t, place);
    const reason = new Error("not today");
    await assert.rejects(dial(place, address, { signal: AbortSignal.abort(reason) }), reason);
  });

  it("rejects a dial under way with the signal's reason, and later aborts change nothing", async (t) => {
    const place = make();
    const { address } = await listen(t, place);
    const controller = new AbortController();
    const reason = new Error("gave up");
    const dialling = dial(place, address, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(dialling, reason);

    const late = new AbortController();
    const pair = await connect(t, place, { signal: late.signal });
    late.abort(reason);
    await turn(t, place);
    assert.deepEqual(pair.client.events, []);
  });

  it("gives both ends the same addresses, crosswise, and tells them before anything is decided", async (t) => {
    const { client, server, incoming } = await connect(t, make());
    assert.deepEqual(client.connection.local, server.connection.remote);
    assert.deepEqual(client.connection.remote, server.connection.local);
    assert.deepEqual(incoming.remote, server.connection.remote);
    assert.deepEqual(incoming.local, server.connection.local);
    assert(client.connection.local.port > 0 && client.connection.local.ip !== "");
  });

  it("dials from the address and port that were asked for", async (t) => {
    const place = make();
    const bindIp = place.address.ip;
    const free = await listen(t, place);
    await free.close();
    const bindPort = portOf(free.address);
    const { client } = await connect(t, place, { bindIp, bindPort });
    assert.deepEqual(client.connection.local, { ip: bindIp, port: bindPort });
  });

  it("lets the dialling side of a refused connection hear of a reset", async (t) => {
    const place = make();
    if (place.hidesUnawaitedResets) return t.skip(place.hidesUnawaitedResets);
    const { address } = await listen(t, place, refuseAll);
    const code = await dial(place, address).then(
      async (connection) => {
        const client = new Probe(connection).open();
        await client.when(() => client.has("closed"));
        client.check();
        return client.closedWith?.code;
      },
      (error: NodeJS.ErrnoException) => error.code,
    );
    assert.equal(code, "ECONNRESET");
  });

  it("lets the acceptor decide later; until then nothing is read", async (t) => {
    const place = make();
    if (place.hidesUnawaitedResets) return t.skip(place.hidesUnawaitedResets);
    const waiting: Incoming[] = [];
    const { address } = await listen(t, place, {
      onIncoming: (incoming) => void waiting.push(incoming),
      onAcceptError: assert.fail,
    });
    const dialled: Promise<Probe>[] = [0, 1].map(async () => {
      const client = new Probe(await dial(place, address)).open();
      client.write(Buffer.from("hello"));
      return client;
    });
    const outcome = Promise.allSettled(dialled);
    while (waiting.length < 2) await turn(t, place);
    const accepted = new Probe(waiting[0]!.accept()).open();
    await accepted.when(() => accepted.receivedBytes >= 5);
    waiting[1]!.refuse();
    for (const result of await outcome) {
      if (result.status === "rejected") assert.equal(result.reason.code, "ECONNRESET");
      else if (result.value.connection.local.port === accepted.connection.remote.port) result.value.reset();
      await (result.status === "fulfilled" && closed(result.value));
    }
    await closed(accepted);
    accepted.check();
  });

  it("closing a listener refuses later dials, leaves connections alone and frees the address", async (t) => {
    const place = make();
    const { client, server, listener } = await connect(t, place);
    let isClosed = false;
    void listener.close().then(() => {
      isClosed = true;
    });
    await turn(t, place);
    assert(isClosed, "close() waits for connections");
    await assert.rejects(dial(place, listener.address), { code: "ECONNREFUSED" });
    await echo(client, server, "still there");
    const again = await connect(t, { ...place, address: listener.address as TransportUnderTest["address"] });
    await echo(again.client, again.server, "and again");
  });

  it("connects by path, with empty endpoints", async (t) => {
    const place = make();
    if (place.path === undefined) return t.skip("no paths here");
    const { client, server, listener } = await connect(t, { ...place, address: { path: place.path } });
    assert.deepEqual(listener.address, { path: place.path });
    assert.deepEqual(client.connection.local, { ip: "", port: 0 });
    assert.deepEqual(server.connection.remote, { ip: "", port: 0 });
    await echo(client, server, "by path");
    if (place.sharesPaths) return t.diagnostic(`not who else listens there: ${place.sharesPaths}`);
    const listening = { ...SOCKET_OPTIONS, address: { path: place.path }, backlog: 10 };
    await assert.rejects(place.network.listen(listening, refuseAll), { code: "EADDRINUSE" });
  });
}

function readingAndWriting(make: () => TransportUnderTest): void {
  it("delivers a write's chunks in order, whole and once", async (t) => {
    const { client, server } = await connect(t, make());
    client.write(Buffer.from("one "), Buffer.alloc(0), Buffer.from("two "), Buffer.from("three"));
    await server.when(() => server.receivedBytes >= 13);
    assert.equal(server.bytes.toString(), "one two three");
    await client.when(() => client.writtenCount === 1);
  });

  it("delivers any bytes in any writes through read buffers of any lengths", async (t) => {
    const place = make();
    const writes = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), {
      minLength: 1,
      maxLength: 20,
    });
    const bufferLengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(writes, bufferLengths, async (chunks, lengths) => {
      const { client, server } = await connect(t, place, { bufferLengths: lengths });
      await sendAll(client, chunks);
      const sent = Buffer.concat(chunks);
      await server.when(() => server.receivedBytes >= sent.length);
      assert.deepEqual(server.bytes, sent);
      client.reset();
      server.reset();
      await Promise.all([closed(client), closed(server)]);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it("keeps what arrives before the connection is opened", async (t) => {
    const place = make();
    const { client, server } = await connect(t, place, { openServer: false });
    client.write(Buffer.from("early"));
    await client.when(() => client.writtenCount === 1);
    await turn(t, place);
    assert.deepEqual(server.events, []);
    server.open();
    await server.when(() => server.receivedBytes >= 5);
    assert.equal(server.bytes.toString(), "early");
  });

  it("lets the writer reuse its bytes after onWritten", async (t) => {
    const { client, server } = await connect(t, make());
    const chunk = new Uint8Array(10_000).fill(1);
    client.onEvent = () => chunk.fill(2);
    server.pause();
    client.write(chunk);
    await client.when(() => client.writtenCount === 1);
    server.resume();
    await server.when(() => server.receivedBytes >= chunk.length);
    assert(server.bytes.every((byte) => byte === 1));
  });

  it("makes a write wait for a peer that does not read", async (t) => {
    const place = make();
    const { client, server } = await connect(t, place);
    server.pause();
    const huge = pattern(place.hugeBytes);
    client.write(huge);
    await turn(t, place);
    assert.equal(client.writtenCount, 0);
    server.resume();
    await client.when(() => client.writtenCount === 1);
    await server.when(() => server.receivedBytes >= huge.length);
    assert(server.bytes.equals(huge));
  });

  it("reads at most once more after pause, and again after resume", async (t) => {
    const place = make();
    const { client, server } = await connect(t, place, { bufferLengths: [100] });
    let readsAfterPause = 0;
    let isPaused = false;
    server.onEvent = () => {
      if (isPaused) readsAfterPause++;
      else server.pause();
      isPaused = true;
    };
    client.write(pattern(50_000));
    await server.when(() => isPaused);
    await turn(t, place);
    assert(readsAfterPause <= 1, `${readsAfterPause} reads after pause`);
    server.onEvent = () => {};
    server.resume();
    await server.when(() => server.receivedBytes >= 50_000);
    assert(server.bytes.equals(pattern(50_000)));
  });

  it("goes on writing while reading is paused", async (t) => {
    const { client, server } = await connect(t, make());
    client.pause();
    client.write(Buffer.from("one way"));
    await server.when(() => server.receivedBytes >= 7);
  });

  it("takes write, pause, resume and end from inside every event", async (t) => {
    const { client, server } = await connect(t, make());
    server.onEvent = (event) => {
      server.pause();
      server.resume();
      if (event === "read" && server.receivedBytes === 8) server.write(Buffer.from("answer"));
      if (event === "written") server.end();
    };
    client.onEvent = (event) => {
      if (event === "end") client.end();
    };
    client.write(Buffer.from("question"));
    await Promise.all([closed(client), closed(server)]);
    assert.equal(client.bytes.toString(), "answer");
    assert.deepEqual(client.events.slice(-2), ["end", "closed"]);
    assert.equal(client.closedWith, undefined);
    assert.equal(server.closedWith, undefined);
  });
}

function closing(make: () => TransportUnderTest): void {
  it("end sends FIN behind the write in flight, and reading goes on", async (t) => {
    const { client, server } = await connect(t, make());
    const huge = pattern(4 * 1024 * 1024);
    client.write(huge);
    client.end();
    await server.when(() => server.has("end"));
    assert(server.bytes.equals(huge));
    assert.equal(client.writtenCount, 1);
    server.write(Buffer.from("I heard you"));
    await client.when(() => client.receivedBytes >= 11);
    assert(!client.has("closed") && !server.has("closed"));
  });

  it("a connection whose two sides have ended closes by itself, without an error", async (t) => {
    const { client, server } = await connect(t, make());
    client.end();
    await server.when(() => server.has("end"));
    server.end();
    await Promise.all([closed(client), closed(server)]);
    assert.deepEqual(
      [client.events, server.events],
      [
        ["end", "closed"],
        ["end", "closed"],
      ],
    );
    assert.deepEqual([client.closedWith, server.closedWith], [undefined, undefined]);
  });

  it("destroy closes at once; what the kernel has taken arrives, then the end", async (t) => {
    const { client, server } = await connect(t, make());
    server.pause();
    client.write(pattern(20_000));
    await client.when(() => client.writtenCount === 1);
    client.destroy();
    await closed(client);
    assert.deepEqual(client.events, ["written", "closed"]);
    assert.equal(client.closedWith, undefined);
    server.resume();
    await server.when(() => server.has("end"));
    assert(server.bytes.equals(pattern(20_000)));
    assert(!server.has("closed"));
  });

  it("destroy with bytes in the kernel that were not read resets the peer", async (t) => {
    const place = make();
    const { client, server } = await connect(t, place);
    server.pause();
    client.write(pattern(place.hugeBytes));
    await turnAlone();
    server.destroy();
    await Promise.all([closed(client), closed(server)]);
    assert.equal(client.closedWith?.code, "ECONNRESET");
    assert.equal(server.closedWith, undefined);
  });

  it("reset resets the peer and closes this end without an error", async (t) => {
    const { client, server } = await connect(t, make());
    client.reset();
    await Promise.all([closed(client), closed(server)]);
    assert.deepEqual([client.events, server.events], [["closed"], ["closed"]]);
    assert.equal(client.closedWith, undefined);
    assert.equal(server.closedWith?.code, "ECONNRESET");
    assert.equal(server.closedWith?.syscall, "read");
  });

  it("a paused end hears of a reset at the latest when it reads again", async (t) => {
    const place = make();
    if (place.hidesUnawaitedResets) return t.skip(place.hidesUnawaitedResets);
    const { client, server } = await connect(t, place);
    server.pause();
    client.reset();
    await closed(client);
    await turn(t, place);
    server.resume();
    await closed(server);
    assert.equal(server.closedWith?.code, "ECONNRESET");
  });

  it("a paused end whose write waits hears of a reset", async (t) => {
    const place = make();
    const { client, server } = await connect(t, place);
    client.pause();
    server.pause();
    server.write(pattern(place.hugeBytes));
    await turnAlone();
    client.reset();
    await closed(server);
    assert(["EPIPE", "ECONNRESET"].includes(server.closedWith?.code ?? ""), String(server.closedWith));
    assert.equal(server.writtenCount, 0);
  });

  for (const way of ["destroy", "reset"] as const) {
    it(`a write in flight at ${way} gets no onWritten`, async (t) => {
      const place = make();
      const { client, server } = await connect(t, place);
      server.pause();
      client.write(pattern(place.hugeBytes));
      await turnAlone();
      client[way]();
      await closed(client);
      assert.deepEqual(client.events, ["closed"]);
    });

    it(`a write of the same turn as ${way} gets no onWritten`, async (t) => {
      const { client, server } = await connect(t, make());
      client.write(pattern(10));
      client[way]();
      await Promise.all([closed(client), server.when(() => server.has("end") || server.has("closed"))]);
      assert.deepEqual(client.events, ["closed"]);
    });

    it(`${way} from inside onRead is followed by onClosed alone`, async (t) => {
      const { client, server } = await connect(t, make(), { bufferLengths: [10] });
      server.onEvent = (event) => {
        if (event === "read") server[way]();
      };
      client.write(pattern(1000));
      await closed(server);
      assert.deepEqual(server.events, ["read", "closed"]);
    });

    it(`${way} and everything after it is heard of once`, async (t) => {
      const place = make();
      const { client } = await connect(t, place);
      client[way]();
      client.destroy();
      client.reset();
      await closed(client);
      client.destroy();
      client.reset();
      client.pause();
      client.resume();
      await turn(t, place);
      assert.deepEqual(client.events, ["closed"]);
    });

    it(`${way} before open closes the link, and nobody is called`, async (t) => {
      const { client, server } = await connect(t, make(), { openServer: false });
      server[way]();
      await client.when(() => client.has("end") || client.has("closed"));
      assert.deepEqual(client.events, way === "reset" ? ["closed"] : ["end"]);
      assert.deepEqual(server.events, []);
    });
  }

  it("writing to a peer that is gone ends in EPIPE or ECONNRESET", async (t) => {
    const { client, server } = await connect(t, make());
    server.destroy();
    await Promise.all([closed(server), client.when(() => client.has("end"))]);
    client.onEvent = (event) => {
      if (event === "written")
        setImmediate(() => client.has("closed") || client.write(Buffer.from("anybody?")));
    };
    client.write(Buffer.from("anybody?"));
    await closed(client);
    assert(["EPIPE", "ECONNRESET"].includes(client.closedWith?.code ?? ""), String(client.closedWith));
  });
}

const refuseAll: Acceptor = { onIncoming: (incoming) => incoming.refuse(), onAcceptError: assert.fail };

interface ConnectOptions {
  readonly bindIp?: string;
  readonly bindPort?: number;
  readonly signal?: AbortSignal;
  /** Lengths of the accepting side's read buffers, over and over. */
  readonly bufferLengths?: readonly number[];
  /** Whether the accepting side opens by itself. Default true. */
  readonly openServer?: boolean;
}

interface Pair {
  readonly client: Probe;
  readonly server: Probe;
  readonly listener: Listener;
  readonly incoming: Incoming;
}

type Place = Omit<TransportUnderTest, "address"> & { readonly address: Address };

/** Listens; taken down with the test, behind the connections of `probes`. */
async function listen(
  t: TestContext,
  place: Place,
  acceptor: Acceptor = refuseAll,
  probes: readonly Probe[] = [],
): Promise<Listener> {
  const options = { ...SOCKET_OPTIONS, address: place.address, backlog: 10 };
  const listener = await place.network.listen(options, acceptor);
  t.after(async () => {
    for (const probe of probes) probe.reset();
    await listener.close();
    for (const probe of probes) probe.check();
  });
  return listener;
}

function dial(place: Place, address: Address, options: ConnectOptions = {}): Promise<Connection> {
  const { bindIp, bindPort, signal = new AbortController().signal } = options;
  return place.network.dial({ ...SOCKET_OPTIONS, address, bindIp, bindPort }, signal);
}

/** Two connected ends; checked and taken down with the test. */
async function connect(t: TestContext, place: Place, options: ConnectOptions = {}): Promise<Pair> {
  const probes: Probe[] = [];
  const taken = Promise.withResolvers<{ readonly server: Probe; readonly incoming: Incoming }>();
  const onIncoming = (incoming: Incoming): void => {
    const server = new Probe(incoming.accept(), repeat(...(options.bufferLengths ?? [65_536])));
    probes.push(server);
    if (options.openServer !== false) server.open();
    taken.resolve({ server, incoming });
  };
  const listener = await listen(t, place, { onIncoming, onAcceptError: assert.fail }, probes);
  const client = new Probe(await dial(place, listener.address, options)).open();
  probes.push(client);
  return { client, listener, ...(await taken.promise) };
}

function closed(probe: Probe): Promise<void> {
  return probe.when(() => probe.has("closed"));
}

async function sendAll(from: Probe, chunks: readonly Uint8Array[]): Promise<void> {
  for (const chunk of chunks) {
    const before = from.writtenCount;
    from.write(chunk);
    await from.when(() => from.writtenCount > before);
  }
}

async function echo(client: Probe, server: Probe, text: string): Promise<void> {
  const expected = server.receivedBytes + text.length;
  await sendAll(client, [Buffer.from(text)]);
  await server.when(() => server.receivedBytes >= expected);
  assert(server.bytes.toString().endsWith(text));
  const back = client.receivedBytes + text.length;
  await sendAll(server, [Buffer.from(text)]);
  await client.when(() => client.receivedBytes >= back);
}

/** Lets the loop turn: round trips on a link of its own. */
async function turn(t: TestContext, place: Place): Promise<void> {
  const { client, server } = await connect(t, place);
  for (let trip = 0; trip < 20; trip++) await echo(client, server, "turn");
  client.reset();
}

/** Lets the loop turn where no other link may be made. */
async function turnAlone(): Promise<void> {
  for (let count = 0; count < 20; count++) await new Promise((resolve) => setImmediate(resolve));
}

function portOf(address: Address): number {
  assert("port" in address);
  return address.port;
}

function pattern(byteLength: number): Buffer {
  return Buffer.alloc(
    byteLength,
    Uint8Array.from({ length: 251 }, (_, at) => at),
  );
}
