import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type FaultOptions,
  type MemoryLink,
  MemoryNetwork,
  type MemoryNetworkOptions,
  Random,
  RawPeer,
  type RawPeerOptions,
} from "../../src/testing.ts";

const ADDRESS = { ip: "10.0.0.1", port: 7000 };

interface Bench {
  readonly network: MemoryNetwork;
  readonly link: MemoryLink;
  readonly client: RawPeer;
  readonly server: RawPeer;
}

async function bench(options: MemoryNetworkOptions = {}, peers: RawPeerOptions = {}): Promise<Bench> {
  const network = new MemoryNetwork(options);
  const listener = await RawPeer.listen(network, ADDRESS, peers);
  const client = await network.clock.until(RawPeer.dial(network, ADDRESS, peers));
  const server = await network.clock.until(listener.next());
  return { network, link: network.links[0]!, client, server };
}

function codeOf(peer: RawPeer): Promise<string | undefined> {
  return peer.closed.then((error) => error?.code);
}

describe("MemoryLink", () => {
  it("cut resets both ends, also through a stall", async () => {
    const { network, link, client, server } = await bench({ latencyMs: 10 });
    link.stall();
    void client.send("lost");
    link.cut();
    await network.clock.advance(0);
    assert.deepEqual(await Promise.all([codeOf(client), codeOf(server)]), ["ECONNRESET", "ECONNRESET"]);
    assert.equal(server.received.length, 0);
    assert.deepEqual(network.links, []);
  });

  it("cutAfter cuts behind exactly so many more bytes, at any offset", async () => {
    const property = fc.asyncProperty(fc.nat(5000), fc.nat(3000), async (offset, before) => {
      const { client, server, link } = await bench();
      const bytes = new Random(offset).bytes(9000);
      void client.send(bytes.subarray(0, before));
      await server.receivedAtLeast(before);
      link.toAcceptor.cutAfter(offset);
      void client.send(bytes.subarray(before));
      assert.deepEqual(await Promise.all([codeOf(client), codeOf(server)]), ["ECONNRESET", "ECONNRESET"]);
      assert.deepEqual(server.received, bytes.subarray(0, before + offset));
      assert.equal(link.toAcceptor.deliveredBytes, before + offset);
    });
    await fc.assert(property, { numRuns: 30 });
  });

  it("stall keeps everything back until resume, or for a time, and loses nothing", async () => {
    const { network, link, client, server } = await bench();
    link.toAcceptor.stall();
    assert.equal(await client.send("kept "), true);
    await server.send("the other way goes on");
    await client.receivedAtLeast(21);
    await network.clock.advance(60_000);
    assert.equal(server.received.length, 0);
    link.toAcceptor.resume();
    await server.receivedAtLeast(5);

    link.stall(500);
    void client.send("later");
    client.end();
    await network.clock.advance(499);
    assert.equal(server.received.length, 5);
    await network.clock.advance(1);
    assert.equal(server.received.length, 10);
    assert.equal(await server.ended, true);
  });

  it("halfOpen loses everything without a word, and writes wait once the window is full", async () => {
    const { network, link, client, server } = await bench({ windowBytes: 1000 });
    link.halfOpen();
    assert.equal(await client.send(new Uint8Array(1000)), true);
    const stuck = client.send(new Uint8Array(1));
    server.reset();
    await network.clock.advance(600_000);
    assert.equal(await Promise.race([stuck, "stuck"]), "stuck");
    client.reset();
    assert.equal(await stuck, false);
  });

  it("halfOpen in one direction takes the acknowledgements of the other", async () => {
    const { network, link, client, server } = await bench({ windowBytes: 1000 });
    link.toAcceptor.halfOpen();
    void client.send("never heard");
    assert.equal(await server.send(new Uint8Array(1000)), true);
    await client.receivedAtLeast(1000);
    const stuck = server.send(new Uint8Array(1));
    await network.clock.advance(1000);
    assert.equal(await Promise.race([stuck, "stuck"]), "stuck");
    assert.equal(server.received.length, 0);
  });

  it("slowRead delivers at its rate, and Infinity ends it", async () => {
    const { network, link, client, server } = await bench();
    link.slowRead(10_000);
    const start = network.clock.nowMs();
    void client.send(new Uint8Array(50_000));
    await network.clock.advance(1000);
    assert(Math.abs(server.received.length - 10_000) <= 200, `${server.received.length} bytes in a second`);
    await network.clock.until(server.receivedAtLeast(50_000));
    assert(Math.abs(network.clock.nowMs() - start - 5000) <= 100);
    link.slowRead(Number.POSITIVE_INFINITY);
    void client.send(new Uint8Array(50_000));
    await network.clock.advance(20);
    assert.equal(server.received.length, 100_000);
  });

  it("refuses impossible commands by name", async () => {
    const { link } = await bench();
    const invalid = (name: string): object => ({ code: "OPTION_INVALID", message: new RegExp(name) });
    assert.throws(() => link.toAcceptor.cutAfter(-1), invalid("byteLength"));
    assert.throws(() => link.stall(Number.NaN), invalid("ms"));
    assert.throws(() => link.slowRead(0), invalid("bytesPerSecond"));
  });

  it("a link whose ends are gone leaves nothing scheduled", async () => {
    const { network, link, client, server } = await bench({ latencyMs: 5 });
    link.slowRead(1000);
    link.toDialler.stall(60_000);
    void client.send(new Uint8Array(5000));
    void server.send(new Uint8Array(5000));
    await network.clock.advance(50);
    assert(network.clock.pendingTimers > 0);
    client.reset();
    server.reset();
    await network.clock.advance(0);
    await Promise.all([client.closed, server.closed]);
    assert.equal(network.clock.pendingTimers, 0);
    link.stall(1000);
    assert.equal(network.clock.pendingTimers, 0);
  });
});

describe("random faults", () => {
  /** Everything that a run delivers: when, how much, and how it ended. */
  async function schedule(seed: number, faults: FaultOptions): Promise<string[]> {
    const { network, link, client, server } = await bench(
      { seed, latencyMs: 3, faults },
      { readBufferBytes: 4000 },
    );
    const log: string[] = [];
    let delivered = 0;
    for (let sent = 0; sent < 40; sent++) void client.send(new Uint8Array(2500));
    void client.closed.then((error) => log.push(`${network.clock.nowMs()} client ${error?.code}`));
    void server.closed.then((error) => log.push(`${network.clock.nowMs()} server ${error?.code}`));
    client.end();
    await network.clock.until(() => {
      if (link.toAcceptor.deliveredBytes > delivered)
        log.push(`${network.clock.nowMs()} +${link.toAcceptor.deliveredBytes}`);
      delivered = link.toAcceptor.deliveredBytes;
      return delivered === 100_000 || log.some((line) => line.includes("server"));
    });
    return log;
  }

  it("the same seed gives the same deliveries, another seed others", async () => {
    const faults: FaultOptions = {
      chunking: "random",
      jitterMs: 20,
      stallPerMegabyte: 50,
      resetPerMegabyte: 5,
      readAfterPause: 0.5,
    };
    const runs = new Set<string>();
    for (let seed = 1; seed <= 10; seed++) {
      const log = await schedule(seed, faults);
      assert.deepEqual(await schedule(seed, faults), log, `seed ${seed}`);
      runs.add(log.join());
    }
    assert.equal(runs.size, 10);
  });

  it("what happens on one link does not depend on the traffic of another", async () => {
    const alone = await deliveries(false);
    assert.deepEqual(await deliveries(true), alone);

    async function deliveries(withTraffic: boolean): Promise<number[]> {
      const { network, link, client, server } = await bench({
        faults: { chunking: "random", resetPerMegabyte: 20 },
      });
      const other = await RawPeer.dial(network, ADDRESS);
      if (withTraffic) void other.send(new Uint8Array(200_000));
      void client.send(new Uint8Array(500_000));
      await server.closed;
      return [link.toAcceptor.deliveredBytes];
    }
  });

  it("come about as often as asked for, each at any byte", async () => {
    const cuts: number[] = [];
    for (let seed = 1; seed <= 120; seed++) {
      const { link, client, server } = await bench({ seed, faults: { resetPerMegabyte: 16 } });
      void client.send(new Uint8Array(2 ** 20));
      await server.closed;
      cuts.push(link.toAcceptor.deliveredBytes);
    }
    const mean = cuts.reduce((sum, cut) => sum + cut, 0) / cuts.length;
    assert(mean > 2 ** 16 * 0.7 && mean < 2 ** 16 * 1.35, `mean ${mean}`);
    assert(new Set(cuts).size > 110);
  });

  it("chunking byte reads one byte at a time", async () => {
    const { link, client, server, network } = await bench({ faults: { chunking: "byte" } });
    void client.send("four");
    const seen: number[] = [];
    await network.clock.until(() => {
      seen.push(link.toAcceptor.deliveredBytes);
      return server.received.length === 4;
    });
    assert.deepEqual([...new Set(seen)], [0, 1, 2, 3, 4]);
  });

  it("jitter never changes the order of bytes", async () => {
    const { network, client, server } = await bench({ faults: { jitterMs: 100 } });
    for (let sent = 0; sent < 100; sent++) {
      void client.send(Uint8Array.of(sent));
      await network.clock.advance(1);
    }
    const received = await network.clock.until(server.receivedAtLeast(100));
    assert.deepEqual([...received], [...new Array(100).keys()]);
  });

  it("dialRefusal refuses dials though somebody listens, and setFaults ends all faults", async () => {
    const { network, link, client, server } = await bench();
    network.setFaults({ dialRefusal: 1, resetPerMegabyte: 2 ** 20 });
    await assert.rejects(RawPeer.dial(network, ADDRESS), { code: "ECONNREFUSED" });
    network.setFaults({});
    void client.send(new Uint8Array(100_000));
    await server.receivedAtLeast(100_000);
    assert.equal(link.toAcceptor.deliveredBytes, 100_000);
    await RawPeer.dial(network, ADDRESS);
  });

  it("refuses impossible faults by name", () => {
    const broken: Record<string, unknown>[] = [
      { chunking: "lines" },
      { jitterMs: -1 },
      { resetPerMegabyte: Number.NaN },
      { readAfterPause: 2 },
    ];
    for (const faults of broken) {
      const message = new RegExp(`faults.${Object.keys(faults)[0]}`);
      assert.throws(() => new MemoryNetwork({ faults }), { code: "OPTION_INVALID", message });
    }
    assert.throws(() => new MemoryNetwork({ faults: { loss: 1 } as object }), { code: "OPTION_UNKNOWN" });
  });
});
