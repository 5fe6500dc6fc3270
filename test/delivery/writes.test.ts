/** What `onSend` and `notSent` say, held against the writes themselves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LanClient, LanServer, type Leave, Packet, type SessionId } from "../../src/index.ts";
import { MemoryNetwork, Random } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { Wiretap } from "./fixtures/wiretap.ts";

const HEADER_BYTES = 4;

describe("onSend", () => {
  it("comes once per completed write, with the bytes of just that write, on both sides", async (t) => {
    const seed = 11;
    t.diagnostic(`seed ${seed}`);
    const random = new Random(seed);
    // So little fits on the way that most writes complete in parts, long after they were begun.
    const memory = new MemoryNetwork({ seed, windowBytes: 3000, faults: { chunking: "random" } });
    const { clock } = memory;
    const network = new Wiretap(memory);
    const server = new Server();
    const client = new Client();
    await server.start({ network, port: 7000 });
    await clock.until(client.connect({ network, port: 7000 }));
    await clock.until(() => server.ids.length === 1);
    for (let turn = 0; turn < 200; turn++) {
      for (let n = random.integer(0, 5); n > 0; n--) {
        const packet = Packet.from(new Uint8Array(random.integer(1, random.chance(0.1) ? 40_000 : 300)));
        assert.ok(client.sendPacket(packet) && server.sendPacket(server.ids[0]!, packet));
      }
      await clock.advance(random.integer(0, 3));
    }
    await clock.until(client.disconnect());
    await clock.until(server.stop());
    const [dialled, accepted] = [network.dialled[0]!, network.accepted[0]!];
    assert.ok(dialled.completed.length > 20 && accepted.completed.length > 20);
    assert.deepEqual(client.sent, dialled.completed);
    assert.deepEqual(server.sent, accepted.completed);
    assert.equal(server.received, client.taken);
  });

  it("comes once per completed write over real sockets too", async (t) => {
    const network = new Wiretap(tcpNetwork);
    const server = new Server();
    const { port } = await server.start({ network, port: 0 });
    t.after(() => server.stop({ drainMs: 0 }));
    const client = new Client();
    await client.connect({ network, port });
    for (let turn = 0; turn < 50; turn++) {
      for (let n = 0; n < 10; n++) client.sendPacket(Packet.from(new Uint8Array(1 + n * 7000)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.disconnect();
    const { begun, completed } = network.dialled[0]!;
    assert.deepEqual(client.sent, completed);
    assert.deepEqual(completed, begun); // an orderly end lets all of it out
    assert.equal(client.leave?.notSent.packets, 0);
  });

  it("does not come for the write that was under way when the link broke", async () => {
    const { client, tapped } = await brokenInWrite();
    assert.equal(tapped.begun.length, tapped.completed.length + 1);
    assert.deepEqual(client.sent, tapped.completed);
  });
});

describe("notSent", () => {
  it("is what was taken without what completed writes carried: with the write that was under way, and all behind it", async () => {
    const { client, tapped, behind } = await brokenInWrite();
    const written = tapped.completed.reduce((sum, bytes) => sum + bytes, 0);
    const underWay = tapped.begun.at(-1)! / (HEADER_BYTES + PAYLOAD_BYTES);
    assert.deepEqual(client.leave?.notSent, {
      packets: underWay + behind,
      bytes: (underWay + behind) * (HEADER_BYTES + PAYLOAD_BYTES),
    });
    assert.equal(written + client.leave!.notSent.bytes, client.takenBytes);
  });

  it("counts packets that arrived, where the kernel had a part of the write that was under way; never one behind it", async () => {
    const { client, server, behind } = await brokenInWrite();
    const { packets } = client.leave!.notSent;
    assert.ok(server.received + packets > client.taken, "some are in both");
    assert.ok(server.received <= client.taken - behind, "nothing behind that write arrived");
  });
});

const PAYLOAD_BYTES = 96;

/** One write of 50 packets of which the kernel gets 20 and a half to the peer, and 30 packets that wait behind it. */
async function brokenInWrite(): Promise<{
  client: Client;
  server: Server;
  tapped: Wiretap["dialled"][number];
  behind: number;
}> {
  const memory = new MemoryNetwork({ windowBytes: 2000 }); // less than the second write has
  const { clock } = memory;
  const network = new Wiretap(memory);
  const server = new Server();
  const client = new Client();
  await server.start({ network, port: 7000, heartbeat: false });
  await clock.until(client.connect({ network, port: 7000, heartbeat: false }));
  const packet = Packet.from(new Uint8Array(PAYLOAD_BYTES));
  for (let n = 0; n < 10; n++) client.sendPacket(packet); // a write that completes
  await clock.until(() => client.sent.length === 1);
  const link = memory.links[0]!;
  link.toAcceptor.cutAfter(20.5 * (HEADER_BYTES + PAYLOAD_BYTES));
  for (let n = 0; n < 50; n++) client.sendPacket(packet);
  await Promise.resolve(); // the turn's write is begun
  const tapped = network.dialled[0]!;
  while (tapped.begun.length < 2) await new Promise((resolve) => process.nextTick(resolve));
  const behind = 30;
  for (let n = 0; n < behind; n++) assert.ok(client.sendPacket(packet));
  await clock.until(() => client.leave !== undefined);
  await clock.until(server.stop());
  return { client, server, tapped, behind };
}

class Server extends LanServer {
  readonly ids: SessionId[] = [];
  readonly sent: number[] = [];
  received = 0;
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(sessionId: SessionId): void {
    this.ids.push(sessionId);
  }
  onClientLeave(): void {}
  onRecv(): void {
    this.received++;
  }
  onError(): void {}
  override onSend(_: SessionId, sendSize: number): void {
    this.sent.push(sendSize);
  }
}

class Client extends LanClient {
  readonly sent: number[] = [];
  leave: Leave | undefined;
  taken = 0;
  takenBytes = 0;
  onEnterJoinServer(): void {}
  onLeaveServer(leave: Leave): void {
    this.leave = leave;
  }
  onRecv(): void {}
  onSend(sendSize: number): void {
    this.sent.push(sendSize);
  }
  onError(): void {}
  override sendPacket(packet: Packet): boolean {
    const isTaken = super.sendPacket(packet);
    if (isTaken) {
      this.taken++;
      this.takenBytes += HEADER_BYTES + packet.length;
    }
    return isTaken;
  }
}
