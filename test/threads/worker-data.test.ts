/** What a thread is given, which thread it is, and how the handle and the threads talk. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { LanClient, type LanServerOptions } from "../../src/index.ts";
import { ObedientServer } from "./fixtures/obedient-server.ts";
import { Peer } from "./fixtures/peer.ts";
import { Rig } from "./fixtures/rig.ts";
import { TalkingServer } from "./fixtures/talking-server.ts";
import { SEVERAL, within } from "./fixtures/waiting.ts";

describe("workerData", () => {
  it("is cloned for each thread: values of all kinds, and memory that is shared", SEVERAL, async (t) => {
    const shared = new Int32Array(new SharedArrayBuffer(4 * 8));
    const workerData = { name: "northern", when: new Date(0), ids: new Map([[1, new Set(["a"])]]), shared };
    const { ask } = await talking(t, { workerThreads: 3, workerData });
    // Placed one by one: a link each.
    for (let thread = 1; thread <= 3; thread++) {
      assert.deepEqual(JSON.parse(await ask("data?")), {
        thread,
        keys: ["name", "when", "ids", "shared"],
        when: "1970-01-01T00:00:00.000Z",
        id: ["a"],
        inConstructor: true,
      });
    }
    assert.deepEqual([...shared.subarray(0, 4)], [0, 1, 1, 1], "each thread's constructor wrote there");
    workerData.name = "southern";
    assert.equal(await ask("name?"), "northern");
  });

  it(
    "may be a function of the thread's number, asked again for one that takes a dead one's place",
    SEVERAL,
    async (t) => {
      const asked: number[] = [];
      const workerData = (thread: number): object => {
        asked.push(thread);
        return { name: `data ${asked.length} for ${thread}` };
      };
      const { ask, server, address } = await talking(t, { workerThreads: 2, workerData });
      assert.deepEqual(asked, [1, 2]);
      assert.deepEqual([await ask("name?"), await ask("name?")], ["data 1 for 1", "data 2 for 2"]);
      const died = new Promise((resolve) => {
        server.onTold = resolve;
      });
      await ask("exit").catch(() => {}); // on thread 1
      await within(died, "the death is told");
      for (;;) {
        try {
          const peer = await Peer.dial(address);
          const name = await peer.ask("name?");
          peer.socket.end();
          if (name.endsWith("for 2")) continue;
          assert.equal(name, "data 3 for 1");
          break;
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 1)); // nobody is there yet
        }
      }
      assert.deepEqual(asked, [1, 2, 1]);
    },
  );

  it("is the application's alone, also where it looks like what the library says to its threads", async (t) => {
    const workerData = {
      name: "mine",
      kind: "connect",
      thread: 9,
      incarnation: 0,
      peers: [{ thread: 0, incarnation: 0 }],
      settings: null,
      lanwire: { reference: { module: "mine", name: "mine", source: "mine" }, port: 7 },
      workerData: { name: "not this one" },
    };
    const { ask } = await talking(t, { workerThreads: 1, workerData });
    assert.equal(await ask("name?"), "mine");
    const { thread, keys } = JSON.parse(await ask("data?"));
    assert.equal(thread, 1);
    assert.deepEqual(keys, Object.keys(workerData));
  });

  it("moves ports, also inside lists and objects", async (t) => {
    const { port1, port2 } = new MessageChannel();
    t.after(() => port1.close());
    const { ask } = await talking(t, { workerThreads: 1, workerData: { deep: [{ port: port2 }] } });
    const heard = new Promise((resolve) => port1.once("message", resolve));
    await ask("say hello");
    assert.equal(await within(heard, "the thread speaks through the port"), "hello");
  });

  it("a port that is given as it is cannot go to two threads: told as OPTION_INVALID", SEVERAL, async () => {
    const { port1, port2 } = new MessageChannel();
    const starting = new TalkingServer().start({ port: 0, workerThreads: 2, workerData: { port: port2 } });
    await assert.rejects(starting, { code: "OPTION_INVALID", message: /workerData/ });
    port1.close();
  });

  it("is there on the caller's thread too, where there are no others", async (t) => {
    const server = new ObedientServer();
    t.after(() => server.stop());
    await server.start({ port: 0, workerData: (thread: number) => ({ thread }) });
    assert.deepEqual([server.workerData, server.thread], [{ thread: 0 }, 0]);
  });
});

describe("this.thread", () => {
  it("is 0 on the handle, and on a thread its number", SEVERAL, async (t) => {
    const rig = await Rig.start(t, { workerThreads: 2 });
    assert.equal(rig.server.thread, 0);
    const links = await rig.joinMany(2);
    assert.deepEqual(
      links.map(({ thread }) => thread),
      [1, 2],
    );
  });
});

describe("the handle and the threads", () => {
  it("talk through ports of their own while the library's messages go on", SEVERAL, async (t) => {
    const heard = new Map<number, string[]>();
    const ports: MessagePort[] = [];
    const all = Promise.withResolvers<void>();
    const workerData = (thread: number): MessagePort => {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      heard.set(thread, []);
      port1.on("message", (text: string) => {
        heard.get(thread)!.push(text);
        if ([...heard.values()].every(({ length }) => length === 100)) all.resolve();
      });
      return port2;
    };
    const { ask } = await talking(t, { workerThreads: 2, workerData });
    t.after(() => {
      for (const port of ports) port.close();
    });
    for (let i = 0; i < 100; i++) {
      for (const port of ports) port.postMessage({ kind: "packets", number: i });
      if (i % 10 === 0) assert.match(await ask("name?"), /^none on [12]$/);
    }
    await within(all.promise, "everything is answered");
    for (const [thread, answers] of heard) {
      assert.deepEqual(
        answers,
        Array.from({ length: 100 }, (_, i) => `thread ${thread} heard packets ${i}`),
      );
    }
  });

  it("a client is given its data in the same way", async (t) => {
    const { address } = await talking(t, { workerThreads: 1 });
    class Here extends LanClient {
      onEnterJoinServer(): void {}
      onLeaveServer(): void {}
      onRecv(): void {}
      onSend(): void {}
      onError(): void {}
    }
    const client = new Here();
    await client.connect({ port: address.port, heartbeat: false, workerData: "here" });
    assert.deepEqual([client.workerData, client.thread], ["here", 0]);
    await client.disconnect();
  });
});

async function talking(t: TestContext, options: LanServerOptions) {
  const server = new TalkingServer();
  const address = await server.start({ port: 0, heartbeat: false, ...options });
  const peers: Peer[] = [];
  t.after(async () => {
    for (const { socket } of peers) socket.destroy();
    await server.stop({ drainMs: 0 });
  });
  /** Asks a thread, the next in turn: each time on a link of its own. */
  const ask = async (what: string): Promise<string> => {
    const peer = await Peer.dial(address);
    peers.push(peer);
    return peer.ask(what);
  };
  return { server, address, ask };
}
