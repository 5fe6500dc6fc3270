/** TLS and mTLS between NetServer and NetClient: on the caller's thread, and where sessions live on threads. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel } from "node:worker_threads";
import {
  type LanError,
  type Leave,
  NetClient,
  type NetClientOptions,
  type NetServerOptions,
  Packet,
} from "../../src/index.ts";
import { MemoryNetwork } from "../../src/testing.ts";
import { canMoveSockets } from "../../src/transport/tcp.ts";
import { BlockedServer } from "./fixtures/blocked-server.ts";
import { GuardedServer } from "./fixtures/guarded-server.ts";

const pem = (file: string): string =>
  readFileSync(new URL(`./fixtures/certificates/${file}`, import.meta.url), "utf8");
const CA = pem("ca.pem");
const SERVER = { cert: pem("server.pem"), key: pem("server.key") };
const CLIENT = { ca: CA, cert: pem("client.pem"), key: pem("client.key") };
const MUTUAL = { ...SERVER, ca: CA, requestCert: true };

class User extends NetClient {
  readonly packets: Packet[] = [];
  readonly leaves: Leave[] = [];
  readonly errors: LanError[] = [];
  joins = 0;

  /** Lets the loop turn until `holds`. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }
  onEnterJoinServer(): void {
    this.joins++;
  }
  onLeaveServer(leave: Leave): void {
    this.leaves.push(leave);
  }
  onRecv(packet: Packet): void {
    this.packets.push(packet);
  }
  onSend(): void {}
  onError(error: LanError): void {
    this.errors.push(error);
  }
}

async function serve(
  t: TestContext,
  options: NetServerOptions,
): Promise<{ server: GuardedServer; port: number }> {
  const server = new GuardedServer();
  const workerData = (thread: number): unknown => {
    if (thread === 0) return undefined;
    const { port1, port2 } = new MessageChannel();
    server.hear(port1);
    t.after(() => port1.close());
    return { port: port2 };
  };
  const { port } = await server.start({ port: 0, workerData, sendQueueBytesMax: 8 << 20, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  return { server, port };
}

async function joined(t: TestContext, options: NetClientOptions): Promise<User> {
  const user = new User();
  t.after(() => user.disconnect({ now: true }));
  await user.connect({ sendQueueBytesMax: 8 << 20, ...options });
  return user;
}

/** `length` bytes that differ from packet to packet. */
function content(nth: number, length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + nth * 101) & 0xff));
}

for (const workerThreads of [0, 1, 2]) {
  const skip =
    workerThreads > 1 && !canMoveSockets() ? "sockets cannot be moved between threads here" : false;
  describe(`TLS, ${workerThreads} worker threads`, { skip }, () => {
    it("packets of all sizes echo whole and in order, for several users at once", async (t) => {
      const { port } = await serve(t, { workerThreads, tls: SERVER });
      const users = await Promise.all([1, 2, 3].map(() => joined(t, { port, tls: { ca: CA } })));
      const sizes = [0, 1, 100, 5000, 65_535, 3, 40_000];
      for (const [n, user] of users.entries())
        for (const [i, size] of sizes.entries())
          assert.ok(user.sendPacket(Packet.from(content(n * 10 + i, size))));
      for (const [n, user] of users.entries()) {
        await user.until(() => user.packets.length === sizes.length);
        for (const [i, packet] of user.packets.entries())
          assert.ok(content(n * 10 + i, sizes[i]!).equals(packet.bytes), `user ${n}, packet ${i}`);
      }
    });

    it("a client's certificate reaches onClientJoin; without requestCert nobody is asked for one", async (t) => {
      const mutual = await serve(t, { workerThreads, tls: MUTUAL });
      await joined(t, { port: mutual.port, tls: CLIENT });
      const [first] = await mutual.server.count("join", 1);
      const { certificate } = first!.client;
      assert.deepEqual(
        [certificate?.authorized, certificate?.subject, certificate?.issuer],
        [true, { O: "lanwire", CN: "client" }, { CN: "lanwire test authority" }],
      );
      assert.match(certificate?.fingerprint256 ?? "", /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
      assert.match(certificate?.subjectAltName ?? "", /DNS:client\.lanwire\.test/);

      const oneSided = await serve(t, { workerThreads, tls: SERVER });
      await joined(t, { port: oneSided.port, tls: CLIENT });
      const [second] = await oneSided.server.count("join", 1);
      assert.equal(second!.client.certificate, undefined);
    });

    it("who shows no certificate, or a stranger's, or speaks no TLS, or says nothing is refused; others notice nothing", async (t) => {
      const { server, port } = await serve(t, { workerThreads, tls: MUTUAL, handshakeTimeoutMs: 500 });
      const good = await joined(t, { port, tls: CLIENT });
      const stranger = { ca: CA, cert: pem("stranger.pem"), key: pem("stranger.key") };
      for (const tls of [{ ca: CA }, stranger]) {
        const user = new User();
        t.after(() => user.disconnect({ now: true }));
        // In TLS 1.3 the client is done before the server has looked at its certificate: it joins, and leaves.
        const failed = await user.connect({ port, tls }).then(
          () => undefined,
          (error: LanError) => error,
        );
        if (failed === undefined) await user.until(() => user.leaves.length === 1);
      }
      for (const bytes of ["GET / HTTP/1.1\r\n\r\n", ""]) {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => {});
        if (bytes !== "") socket.write(bytes);
        await new Promise((resolve) => socket.once("close", resolve).resume());
      }
      await server.count("error", 3);
      await server.until(() => server.stats().refused === 4);
      assert.deepEqual(server.stats().refusedBy, { "tls-failed": 4 });
      assert.ok(server.of("error").every(({ code }) => code === "TLS_FAILED"));
      assert.deepEqual([server.of("join").length, server.getSessionCount()], [1, 1]);
      assert.ok(good.sendPacket(Packet.from(Buffer.from("still here"))));
      await good.until(() => good.packets.length === 1);
    });

    it("disconnect lets everything out first; with now it is reset", async (t) => {
      const { server, port } = await serve(t, { workerThreads, tls: SERVER });
      const user = await joined(t, { port, tls: { ca: CA } });
      for (let i = 0; i < 12_000; i++) assert.ok(user.sendPacket(Packet.from(content(i, 100))));
      await user.disconnect();
      await server.count("leave", 1);
      assert.equal(server.of("packet").length, 12_000);
      assert.deepEqual(
        user.leaves.map(({ reason, notSent }) => [reason, notSent.packets]),
        [["disconnected", 0]],
      );
      assert.equal(server.of("leave")[0]!.reason, "peer-closed");

      const second = await joined(t, { port, tls: { ca: CA } });
      await server.count("join", 2); // before that it would be a handshake that failed
      await second.disconnect({ now: true });
      await server.count("leave", 2);
      assert.equal(server.of("leave")[1]!.reason, "reset");
    });

    it("stop ends handshakes that are under way, in its time, and nothing is told afterwards", async (t) => {
      const { server, port } = await serve(t, { workerThreads, tls: SERVER });
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.once("close", resolve));
      await server.until(() => server.getSessionCount() === 1);
      const beganMs = performance.now();
      await server.stop({ drainMs: 1000 });
      assert.ok(performance.now() - beganMs < 1100);
      await closed;
      assert.deepEqual(server.told, []);
    });
  });
}

describe("TLS", () => {
  it("what goes over the wire does not show the payload", async (t) => {
    const { port } = await serve(t, { tls: SERVER, framing: "u32le" });
    const seen: Buffer[] = [];
    const tap = createServer((near) => {
      const far = connect(port, "127.0.0.1");
      for (const socket of [near, far]) socket.on("data", (bytes: Buffer) => seen.push(bytes));
      near.pipe(far).pipe(near);
      for (const socket of [near, far]) socket.on("error", () => {});
    });
    await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
    t.after(() => tap.close());
    // TLS and the simplest frames: one option each.
    const tapped = (tap.address() as AddressInfo).port;
    const user = await joined(t, { port: tapped, tls: { ca: CA }, framing: "u32le" });
    const secret = "the quick brown fox";
    user.sendPacket(new Packet().writeString(secret));
    await user.until(() => user.packets.length === 1);
    assert.equal(user.packets[0]!.readString(), secret);
    assert.ok(seen.length > 2 && !Buffer.concat(seen).includes(secret));
  });

  it("a server that nobody known has signed, or that has another name, is not joined", async (t) => {
    const { port } = await serve(t, { tls: SERVER });
    const unknown = await new User().connect({ port, tls: {} }).catch((error: LanError) => error);
    assert.equal((unknown as LanError).code, "CONNECT_FAILED");
    const named = (servername: string): Promise<User> => joined(t, { port, tls: { ca: CA, servername } });
    await assert.rejects(named("other.lanwire.test"), (error: LanError) => {
      assert.deepEqual(
        [error.code, (error.cause as NodeJS.ErrnoException).code],
        ["CONNECT_FAILED", "ERR_TLS_CERT_ALTNAME_INVALID"],
      );
      return true;
    });
    await named("server.lanwire.test");
  });

  it("many handshakes at once on a local socket, where nobody has an address", {
    skip: process.platform === "win32" && "another kind of path",
  }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "lanwire-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "users.sock");
    const server = new GuardedServer();
    await server.start({ path, tls: SERVER });
    t.after(() => server.stop({ drainMs: 0 }));
    const tls = { ca: CA, servername: "server.lanwire.test" };
    const users = await Promise.all(Array.from({ length: 10 }, () => joined(t, { path, tls })));
    await server.count("join", 10);
    for (const [n, user] of users.entries()) user.sendPacket(Packet.from(content(n, 50)));
    for (const [n, user] of users.entries()) {
      await user.until(() => user.packets.length === 1);
      assert.ok(content(n, 50).equals(user.packets[0]!.bytes));
    }
    assert.deepEqual(server.stats().refusedBy, {});
  });

  it("who comes back from the same port before it was noticed gone has a handshake of its own", {
    skip: process.platform !== "linux" && "elsewhere a port is not free at once",
  }, async (t) => {
    const server = new BlockedServer();
    const { port1, port2 } = new MessageChannel();
    server.hear(port1);
    t.after(() => port1.close());
    const workerData = (thread: number): unknown => (thread === 0 ? undefined : { port: port2 });
    const { port } = await server.start({ port: 0, tls: SERVER, workerThreads: 1, workerData });
    t.after(() => server.stop({ drainMs: 0 }));
    const blocker = await joined(t, { port, tls: { ca: CA } });
    let user: User | undefined;
    for (let round = 1; user === undefined; round++) {
      await server.until(() => server.getSessionCount() === 1);
      const silent = connect(port, "127.0.0.1");
      silent.on("error", () => {});
      await server.until(() => server.getSessionCount() === 2);
      const bindPort = silent.localPort!;
      blocker.sendPacket(Packet.from(content(0, 1500)));
      await server.count("packet", round); // told just before it is blocked
      silent.resetAndDestroy();
      await new Promise((resolve) => silent.once("close", resolve));
      user = await joined(t, { port, tls: { ca: CA }, bindIp: "127.0.0.1", bindPort }).catch(
        (error: LanError) => {
          // Node sent a FIN before its RST: the port is not free yet.
          assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRINUSE");
          return undefined;
        },
      );
    }
    user.sendPacket(Packet.from(content(1, 50)));
    await user.until(() => user.packets.length === 1);
    assert.equal(server.getSessionCount(), 2);
  });

  it("a client that reconnects makes a new handshake", async (t) => {
    const { server, port } = await serve(t, { tls: SERVER });
    const user = await joined(t, { port, tls: { ca: CA }, reconnect: { minDelayMs: 1, maxDelayMs: 5 } });
    for (let nth = 1; nth <= 3; nth++) {
      await user.until(() => user.joins === nth);
      const joins = await server.count("join", nth);
      server.disconnect(joins.at(-1)!.id, { now: true });
    }
    await user.until(() => user.joins === 4);
  });

  it("a connection that says nothing to a client's handshake ends at connectTimeoutMs", async (t) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    t.after(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(new User().connect({ port, tls: {}, connectTimeoutMs: 100 }), {
      code: "CONNECT_TIMEOUT",
    });
  });

  const refused: readonly [string, NetServerOptions, RegExp][] = [
    ["a certificate that is none", { tls: { cert: "x", key: SERVER.key } }, /option tls: /],
    ["a key of another certificate", { tls: { cert: SERVER.cert, key: CLIENT.key } }, /option tls: /],
    ["no key", { tls: { cert: SERVER.cert } }, /tls\.key/],
    ["no certificate", { tls: { key: SERVER.key } }, /tls\.cert/],
    ["a name that does not exist", { tls: { ...SERVER, cret: "" } as object }, /"cret"/],
    ["a network without TLS", { tls: SERVER, network: new MemoryNetwork() }, /no TLS/],
    ["a flag that is none", { tls: { ...SERVER, requestCert: 1 } as object }, /requestCert/],
  ];
  for (const [what, options, message] of refused) {
    it(`start refuses ${what}`, async () => {
      await assert.rejects(new GuardedServer().start({ port: 0, ...options }), { message });
    });
  }
});
