/** What onSend and notSent tell where the sessions live on threads and the link is cut at any place, mid-write too. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Leave, Packet } from "../../src/index.ts";
import { RawPeer } from "../../src/testing.ts";
import { tcpNetwork } from "../../src/transport/tcp.ts";
import { type ClientReport, ObedientClient } from "./fixtures/obedient-client.ts";
import { Rig } from "./fixtures/rig.ts";
import { TellingServer } from "./fixtures/telling-server.ts";
import { turnUntil, within } from "./fixtures/waiting.ts";

const HEADER_BYTES = 4;
const LENGTH_MAX = 40_000;
/**
 * 40 MB, more than both kernels hold (a receiver's window may grow to 32 MiB), in packets that all differ in length: what
 * was written tells which packets were.
 */
const LENGTHS = Array.from({ length: 2000 }, (_, i) => 1 + ((i * 16_201) % LENGTH_MAX));
const ALL_BYTES = LENGTHS.reduce((sum, length) => sum + HEADER_BYTES + length, 0);
const QUEUE_BYTES = 2 ** 26;
/** How much the peer reads before it resets. */
const CUTS = [0, 1, 70_000, 1_000_003, 5_000_000];

describe("a link that is cut off by the one who reads it", () => {
  for (const readBytes of CUTS) {
    it(`a client on a thread tells exactly what no completed write carried: ${readBytes} bytes were read`, async (t) => {
      const listener = await RawPeer.listen(tcpNetwork, { ip: "127.0.0.1", port: 0 }, { reading: false });
      t.after(() => listener.close());
      const { client, reports } = await clientOnThread(t, (listener.address as { port: number }).port);
      const peer = await listener.next();
      sendAll((packet) => client.sendPacket(packet));
      await cut(peer, readBytes);
      await turnUntil(() => reports.some(({ told }) => told === "leave"), "it leaves");
      const leave = reports.find((report) => report.told === "leave")!.leave;
      const sent = reports.flatMap((report) => (report.told === "send" ? [report.bytes] : []));
      checkAccounts(leave, sent, client.stats().sent);
    });

    it(`a server on a thread tells exactly what no completed write carried: ${readBytes} bytes were read`, async (t) => {
      const rig = await Rig.start(t, { workerThreads: 1, sendQueueBytesMax: QUEUE_BYTES }, TellingServer);
      const { ip, port } = rig.address;
      const peer = await within(RawPeer.dial(tcpNetwork, { ip, port }, { reading: false }), "it connects");
      const { id } = await rig.told("join");
      sendAll((packet) => rig.server.sendPacket(id, packet));
      await cut(peer, readBytes);
      const { leave } = await rig.told("leave");
      const sent = rig.all("send").map(({ bytes }) => bytes);
      checkAccounts(leave, sent, rig.server.stats().sent);
    });
  }
});

function sendAll(send: (packet: Packet) => boolean): void {
  const packet = new Packet();
  const bytes = new Uint8Array(LENGTH_MAX);
  for (const length of LENGTHS)
    assert.equal(send(packet.clear().writeBytes(bytes.subarray(0, length))), true);
}

async function cut(peer: RawPeer, readBytes: number): Promise<void> {
  if (readBytes > 0) {
    peer.resume();
    await within(peer.receivedAtLeast(readBytes), "so much arrives");
  }
  peer.reset();
}

/** Each packet is in exactly one of two accounts. */
function checkAccounts(
  leave: Leave,
  sent: readonly number[],
  stats: { readonly packets: number; readonly bytes: number },
): void {
  const sentBytes = sent.reduce((sum, bytes) => sum + bytes, 0);
  let written = 0;
  let end = 0;
  for (const length of LENGTHS) {
    end += HEADER_BYTES + length;
    if (end <= sentBytes) written++;
  }
  assert.equal(leave.reason, "reset");
  // What was told stands beside each account: a failure shows it.
  const notSent = { packets: LENGTHS.length - written, bytes: ALL_BYTES - sentBytes };
  assert.deepEqual({ ...leave.notSent, stats, sent }, { ...notSent, stats, sent });
  assert.ok(leave.notSent.packets > 0, "it was cut before the end");
  assert.deepEqual(stats, { packets: written, bytes: sentBytes });
}

async function clientOnThread(t: TestContext, port: number) {
  const client = new ObedientClient();
  const reports: ClientReport[] = [];
  const ports: MessagePort[] = [];
  const workerData = (): MessagePort => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1);
    port1.on("message", (report: ClientReport) => reports.push(report));
    return port2;
  };
  t.after(async () => {
    await client.disconnect({ now: true });
    for (const each of ports) each.close();
  });
  // A client that is over is idle, and its figures are zero: this one goes on, in a long pause.
  const reconnect = { minDelayMs: 600_000, maxDelayMs: 600_000 };
  const options = { port, heartbeat: false, sendQueueBytesMax: QUEUE_BYTES, reconnect } as const;
  await within(client.connect({ ...options, workerThreads: 1, workerData }), "it joins");
  return { client, reports };
}
