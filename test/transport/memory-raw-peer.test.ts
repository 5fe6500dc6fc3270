import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Address, MemoryNetwork, type Network, type RawListener, RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";

const PLACES: readonly { readonly name: string; readonly network: Network; readonly address: Address }[] = [
  { name: "memory", network: new MemoryNetwork(), address: { ip: "10.0.0.1", port: 0 } },
  { name: "tcp", network: tcpNetwork, address: { ip: "127.0.0.1", port: 0 } },
];

for (const { name, network, address } of PLACES) {
  describe(`RawPeer over ${name}`, () => {
    async function pair(): Promise<{ listener: RawListener; client: RawPeer; server: RawPeer }> {
      const listener = await RawPeer.listen(network, address);
      const client = await RawPeer.dial(network, listener.address);
      const server = await listener.next();
      await listener.close();
      return { listener, client, server };
    }

    it("sends in order, each send in its own write, and copies what it is given", async () => {
      const { client, server } = await pair();
      const bytes = Buffer.from("one ");
      const sent = [client.send(bytes), client.send("two "), client.send("three")];
      bytes.fill(0);
      assert.deepEqual(await Promise.all(sent), [true, true, true]);
      assert.equal(Buffer.from(await server.receivedAtLeast(13)).toString(), "one two three");
      for (const peer of [client, server]) peer.reset();
      await Promise.all([client.closed, server.closed]);
    });

    it("end goes out behind everything that was sent; ended and closed tell of it", async () => {
      const { client, server } = await pair();
      void client.send(new Uint8Array(300_000));
      void client.send("last words");
      client.end();
      assert.throws(() => client.send("more"), /end\(\) was called/);
      assert.equal(await server.ended, true);
      assert.equal(server.received.length, 300_010);
      server.end();
      assert.deepEqual(await Promise.all([client.closed, server.closed]), [undefined, undefined]);
    });

    it("send after the connection is gone answers false, and waiting for bytes rejects", async () => {
      const { client, server } = await pair();
      const waiting = assert.rejects(
        client.receivedAtLeast(5),
        /Cannot receive 5 bytes: the peer stopped behind 0/,
      );
      server.reset();
      assert.equal((await client.closed)?.code, "ECONNRESET");
      await waiting;
      assert.equal(await client.send("hello?"), false);
      assert.equal(await client.ended, false);
    });

    it("pause holds the sender back, resume lets it go on", async () => {
      const { client, server } = await pair();
      server.pause();
      const sent = client.send(new Uint8Array(16_000_000));
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await Promise.race([sent, "waits"]), "waits");
      server.resume();
      assert.equal(await sent, true);
      await server.receivedAtLeast(16_000_000);
      server.destroy();
      client.destroy();
      await Promise.all([client.closed, server.closed]);
    });

    it("next gives every peer once, oldest first, whether asked before or after", async () => {
      const listener = await RawPeer.listen(network, address);
      const asked = listener.next();
      const first = await RawPeer.dial(network, listener.address);
      assert.deepEqual((await asked).remote, first.local);
      const second = await RawPeer.dial(network, listener.address);
      assert.deepEqual((await listener.next()).remote, second.local);
      assert.equal(listener.peers.length, 2);
      for (const peer of [first, second, ...listener.peers]) peer.reset();
      await listener.close();
    });
  });
}
