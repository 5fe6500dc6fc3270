/** The tests that every peer passes: it dials our server, and our client dials it. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { FramingFormat, NetOptions } from "../../src/index.ts";
import { type Exchange, type ExchangePlan, lanClient, lanServer, netClient, netServer } from "./exchange.ts";
import { isInstalled, PeerProcess } from "./peer-process.ts";

export interface Peer {
  readonly name: string;
  /** A framing of Lan, or what Net frames are encoded with. */
  readonly link: { readonly framing: FramingFormat } | Required<Pick<NetOptions, "code" | "key">>;
  /** The longest packet in either direction. */
  readonly bytesMax: number;
  readonly command: string;
  /** A command line that succeeds where everything is there. */
  readonly probe: readonly string[];
  /** What to say where it is not. */
  readonly install: string;
  /** Its file in peers/, and what it is told behind the common arguments. */
  readonly file: string;
  readonly args?: readonly number[];
  /** Packets each way. Default 10 000. */
  readonly count?: number;
}

const COUNT = 10_000;

export function exchangeTests(peer: Peer): void {
  const { name, link, bytesMax, count = COUNT } = peer;
  const isLan = "framing" in link;
  const [kind, newServer, newClient] = isLan
    ? (["Lan", lanServer, lanClient] as const)
    : (["Net", netServer, netClient] as const);
  const skip = isInstalled(peer.probe) ? false : `${name} is not here: ${peer.install}`;
  const settings = {
    ...link,
    packetBytesMax: bytesMax,
    // Small, so that the link refuses packets and asks for them again many times.
    sendQueueBytesMax: 2 * bytesMax,
  };
  const options = { skip, timeout: 110_000 };

  test(`${kind}Server and ${name} exchange ${count} packets, both at the same time`, options, async (t) => {
    const plan = newPlan(t, peer);
    const server = newServer(plan);
    t.after(() => server.stop({ drainMs: 0 }));
    const { port } = await server.start({ ...settings, port: 0 });
    const process = startPeer(t, peer, "connect", port, plan);
    await checkTallies(t, process, server.exchange);
    server.disconnect("peer");
    await checkEnd(process, server.exchange);
  });

  test(`${kind}Client and ${name} exchange ${count} packets, both at the same time`, options, async (t) => {
    const plan = newPlan(t, peer);
    const client = newClient(plan);
    t.after(() => client.disconnect({ now: true }));
    const process = startPeer(t, peer, "listen", 0, plan);
    const [port] = await process.line(/^port (\d+)$/);
    await client.connect({ ...settings, port: Number(port) });
    await checkTallies(t, process, client.exchange);
    void client.disconnect();
    await checkEnd(process, client.exchange);
  });
}

function newPlan(t: TestContext, { bytesMax, count = COUNT }: Peer): ExchangePlan {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  return { seed, count, bytesMax };
}

function startPeer(
  t: TestContext,
  { command, file, args = [] }: Peer,
  how: "listen" | "connect",
  port: number,
  { seed, count, bytesMax }: ExchangePlan,
): PeerProcess {
  return new PeerProcess(t, command, file, [how, port, seed, count, bytesMax, ...args]);
}

/** Both sides sent and received the same bytes in the same order. */
async function checkTallies(t: TestContext, process: PeerProcess, exchange: Exchange): Promise<void> {
  const told = process.line(/^sent (\d+ \w+) received (\d+ \w+)$/);
  const [[theirSent, theirReceived]] = await Promise.all([told, exchange.done]);
  assert.equal(exchange.sent.packets, exchange.count);
  assert.equal(exchange.received.packets, exchange.count);
  const [sent, received] = [exchange.sent.told(), exchange.received.told()];
  assert.deepEqual({ sent, received }, { sent: theirReceived, received: theirSent });
  assert.ok(exchange.refusals > 0, "the link was full at times");
  t.diagnostic(
    `${sent.split(" ")[0]} bytes out, ${received.split(" ")[0]} in, ${exchange.refusals} refusals`,
  );
}

/** Nothing came behind the last packet, and our goodbye arrived as the end of the stream. */
async function checkEnd(process: PeerProcess, exchange: Exchange): Promise<void> {
  await process.line(/^closed$/);
  assert.deepEqual(await exchange.left, { reason: "disconnected", notSent: { packets: 0, bytes: 0 } });
  assert.equal(await process.exit(), 0);
}
