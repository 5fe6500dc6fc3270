/** Every case that the fuzzer, or what it made us look at, ever found: by the sentence that did not hold. */
import assert, { AssertionError } from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { MessageChannel, Worker } from "node:worker_threads";
import { targetNamed } from "../../scripts/fuzz/targets/all.ts";
import { runCases } from "../../scripts/fuzz/targets/run-cases.ts";
import { LanClient, LanError, LanServer, Packet, type SessionId } from "../../src/index.ts";
import { lanClientSettings, lanServerSettings } from "../../src/lan/options.ts";
import { threadSettings } from "../../src/link/settings.ts";
import { MemoryNetwork } from "../../src/testing.ts";
import { dataForThread, invalidWorkerData } from "../../src/threads/crew.ts";
import { BatchWriter, readBatch } from "../../src/threads/mail-batch.ts";

/** By seed and number, as the fuzzer told them. */
const FOUND: readonly (readonly [target: string, seed: number, index: number])[] = [
  ["batch", 1, 0], // a packet that reached behind its batch
  ["options", 1, 16], // an object that cannot be printed
  ["options", 1, 4000], // null taken for the default of workerThreads.running
];

function refuse(): never {
  throw new Error("do not touch me");
}

function cyclic(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const UNPRINTABLE: readonly unknown[] = [
  Object.create(null),
  { toString: refuse, toJSON: refuse },
  { [Symbol.toPrimitive]: refuse },
  Symbol("x"),
  revoked(),
];

describe("a case that the fuzzer found", () => {
  for (const [name, seed, index] of FOUND)
    it(`${name}, seed ${seed}, case ${index}`, () => runCases(targetNamed(name)!, seed, index, index + 1));
});

describe("an impossible option is refused by its name", () => {
  const refused = (name: string, options: object): LanError => {
    const check = (): void => {
      threadSettings({ port: 1, ...options }, 30, lanServerSettings({ port: 1, ...options }));
    };
    return assertRefused(check, name);
  };

  it("where the value cannot be printed", () => {
    for (const value of UNPRINTABLE) {
      for (const name of ["port", "nagle", "ip", "sendStallMs", "framing", "network", "workerThreads"])
        refused(name, { [name]: value });
      refused("heartbeat", { heartbeat: { intervalMs: value } });
      refused("allow", { allow: [value] });
    }
  });

  it("where JSON has no words for it", () => {
    for (const value of [5n, cyclic(), [5n]]) refused("framing", { framing: value });
    for (const value of [5n, cyclic()]) refused("allow", { allow: [value] });
  });

  it("where it throws when it is looked at", () => {
    const throwing = new Proxy([], { get: refuse, ownKeys: refuse, getPrototypeOf: refuse });
    for (const value of [revoked(), throwing])
      for (const name of ["framing", "heartbeat", "allow", "network", "workerThreads"])
        refused(name, { [name]: value });
    assertRefused(() => lanClientSettings({ port: 1, signal: throwing as never }), "signal");
    assertRefused(() => lanServerSettings(revoked() as never), "start");
    const options = Object.defineProperty({}, "port", { get: refuse, enumerable: true });
    assertRefused(() => lanServerSettings(options), "options cannot be read");
  });

  it("in words that are short, however long the value", () => {
    for (const value of ["x".repeat(1e6), 10n ** 100_000n]) {
      const { message } = refused("framing", { framing: value });
      assert.ok(message.length < 200, `${message.length} units`);
    }
    const named = { ["x".repeat(1e6)]: 1, port: 1 };
    assert.ok(assertRefused(() => lanServerSettings(named), "unknown option").message.length < 200);
  });

  it("where it only looks like an AbortSignal, or like a network", () => {
    const forged = Object.create(AbortSignal.prototype);
    assertRefused(() => lanClientSettings({ port: 1, signal: forged }), "signal");
    refused("network", { network: { listen() {}, dial() {} } });
  });

  it("where null stands for nothing", async () => {
    refused("workerThreads.running", { workerThreads: { created: 1, running: null } });
    const network = new MemoryNetwork();
    const server = new Server();
    await server.start({ network, port: 1 });
    const id = 1 as SessionId;
    assertRefused(() => server.disconnect(id, { now: null } as never), "now");
    assertRefused(() => server.setHostId(id, "name", { replace: null } as never), "replace");
    await assert.rejects(server.stop({ drainMs: null } as never), { code: "OPTION_INVALID" });
    await network.clock.until(server.stop());
    const client = new Client();
    const connecting = client.connect({ network, port: 1 });
    await assert.rejects(client.disconnect({ now: null } as never), { code: "OPTION_INVALID" });
    await assert.rejects(network.clock.until(connecting), { code: "CONNECT_FAILED" });
  });
});

describe("workerData", () => {
  it("that leads to itself in more ways than anybody can walk is looked through at once", () => {
    const rooms: unknown[] = [];
    for (let i = 0; i < 1000; i++) rooms.push(rooms);
    const { data, ports } = dataForThread(rooms, 1);
    assert.equal(data, rooms);
    assert.deepEqual(ports, []);
  });

  it("that has a port twice moves it once", () => {
    const { port1, port2 } = new MessageChannel();
    const { data, ports } = dataForThread({ one: port2, two: [port2] }, 1);
    assert.deepEqual(ports, [port2]);
    const moved = structuredClone(data, { transfer: ports }) as { one: unknown; two: unknown[] };
    assert.equal(moved.one, moved.two[0]);
    port1.close();
  });

  it("that cannot be read, or of a function that throws anything, is refused", () => {
    assertRefused(() => dataForThread(revoked(), 1), "workerData");
    assertRefused(() => dataForThread({ inside: new Proxy([], { ownKeys: refuse }) }, 1), "workerData");
    for (const cause of UNPRINTABLE) {
      const throwing = (): never => {
        throw cause;
      };
      assertRefused(() => dataForThread(throwing, 1), "workerData");
      assert.ok(invalidWorkerData(cause).message.includes("workerData"));
    }
  });

  it("of an application's own worker, under whatever name, is not taken for the library's", async () => {
    for (const workerData of [{ lanwire: { port: 7000 } }, { lanwire: "x" }, { lanwire: null }]) {
      const worker = new Worker(new URL("./fixtures/own-worker.ts", import.meta.url), { workerData });
      const [told] = await once(worker, "message");
      assert.equal(told, "started and stopped");
    }
  });
});

describe("a batch of packets from another thread", () => {
  it("that is broken is an internal error, never a packet with bytes that are not its own", () => {
    const writer = new BatchWriter();
    writer.append((2 ** 20) as SessionId, new Packet().writeUint32(7), null);
    const { bytes, byteLength } = writer.finish();
    const read = (batch: { bytes: ArrayBuffer; byteLength: number }): void =>
      readBatch(batch, () => assert.fail("a packet"));
    for (const broken of [
      { bytes, byteLength: 3 },
      { bytes, byteLength: byteLength - 1 },
      { bytes: bytes.slice(0, byteLength), byteLength: byteLength + 1 },
    ]) {
      assert.throws(() => read(broken), AssertionError);
    }
    new DataView(bytes).setUint32(8, 2 ** 31, true);
    assert.throws(() => read({ bytes, byteLength }), AssertionError);
  });
});

class Server extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

class Client extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

function assertRefused(call: () => unknown, name: string): LanError {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof LanError, String(error));
    assert.match(error.code, /^OPTION_(INVALID|UNKNOWN)$/);
    assert.ok(error.message.includes(name), error.message);
    return error;
  }
  assert.fail(`${name} was taken`);
}
