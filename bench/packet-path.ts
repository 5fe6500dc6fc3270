/**
 * What a packet costs in the library alone: processor time per packet on a network without sockets, where bytes
 * are handed over in memory. A LanServer and a LanClient as they come; the least and the median of --rounds.
 *
 *   fill      write the fields: a u32 and the rest as bytes          no link
 *   send      sendPacket of one packet again and again               client
 *   receive   onRecv, a look into a Map, one field read              server
 *   relay     the same, and sendPacket of what was received          server
 *   answer    onRecv, then a packet of one's own: fill and send      client
 *
 *   node bench/packet-path.ts [--bytes 64] [--burst 1000] [--rounds 20] [--case send,receive]
 *
 * Each case runs in a process of its own: what one taught the compiler does not meet another.
 */
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { systemClock } from "../src/base/clock.ts";
import { LanClient, LanServer, Packet, type SessionId } from "../src/index.ts";
import type { Acceptor, Connection, ConnectionReceiver, Network } from "../src/testing.ts";

const CASES = ["fill", "send", "receive", "relay", "answer"] as const;
type Case = (typeof CASES)[number];

const { values: given } = parseArgs({
  options: {
    bytes: { type: "string", default: "64" },
    burst: { type: "string", default: "1000" },
    rounds: { type: "string", default: "20" },
    case: { type: "string", default: CASES.join(",") },
    child: { type: "boolean", default: false },
  },
});

const BYTES = Number(given.bytes);
const BURST = Number(given.burst);
/** Packets of one round. */
const ROUND = 300_000;
const body = new Uint8Array(BYTES - 4).fill(7);

/** A connection whose other end is this program. */
class Loose implements Connection {
  readonly remote = { ip: "10.0.0.1", port: 1 };
  readonly local = { ip: "10.0.0.2", port: 2 };
  #receiver: ConnectionReceiver | undefined;
  #writing = false;

  open(receiver: ConnectionReceiver): void {
    this.#receiver = receiver;
  }
  write(): void {
    this.#writing = true;
  }
  /** The write under way is done. */
  complete(): void {
    if (!this.#writing) return;
    this.#writing = false;
    this.#receiver!.onWritten();
  }
  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const room = this.#receiver!.readBuffer();
      const count = Math.min(room.length, bytes.length - at);
      room.set(bytes.subarray(at, at + count));
      at += count;
      this.#receiver!.onRead(count);
    }
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
  reset(): void {}
}

class Server extends LanServer {
  relays = false;
  readonly #counts = new Map<SessionId, { sum: number }>();
  override onConnectionRequest(): boolean {
    return true;
  }
  override onClientJoin(sessionId: SessionId): void {
    this.#counts.set(sessionId, { sum: 0 });
  }
  override onClientLeave(): void {}
  override onRecv(sessionId: SessionId, packet: Packet): void {
    this.#counts.get(sessionId)!.sum += packet.readUint32();
    if (this.relays && !this.sendPacket(sessionId, packet)) throw new Error("the queue is full");
  }
  override onError(error: Error): void {
    throw error;
  }
}

class Client extends LanClient {
  readonly packet = new Packet(BYTES);
  #seq = 0;
  override onEnterJoinServer(): void {}
  override onLeaveServer(): void {}
  override onSend(): void {}
  override onRecv(packet: Packet): void {
    this.#seq = packet.readUint32();
    this.fill();
    this.send();
  }
  override onError(error: Error): void {
    throw error;
  }
  fill(): void {
    this.packet.clear().writeUint32(this.#seq).writeBytes(body);
    this.#seq++;
  }
  send(): void {
    if (!this.sendPacket(this.packet)) throw new Error("the queue is full");
  }
}

const frame = Buffer.alloc(4 + BYTES, 7);
frame.writeUInt32LE(BYTES);
const frames = Buffer.concat(Array<Buffer>(BURST).fill(frame));

async function measure(name: Case): Promise<void> {
  const accepted = new Loose();
  const dialled = new Loose();
  let acceptor: Acceptor | undefined;
  const network: Network = {
    clock: systemClock,
    listen: async ({ address }, upper) => {
      acceptor = upper;
      return { address, close: async () => {} };
    },
    dial: async () => dialled,
  };
  const server = new Server();
  await server.start({ network, ip: "10.0.0.1", port: 1 });
  const { remote, local } = accepted;
  acceptor!.onIncoming({ remote, local, accept: () => accepted, refuse() {} });
  const client = new Client();
  await client.connect({ network, serverIp: "10.0.0.1", port: 1 });
  server.relays = name === "relay";
  client.fill();

  const each = (act: () => void) => () => {
    for (let count = 0; count < BURST; count++) act();
  };
  const bursts: Record<Case, () => void> = {
    fill: each(() => client.fill()),
    send: each(() => client.send()),
    receive: () => accepted.feed(frames),
    relay: () => accepted.feed(frames),
    answer: () => dialled.feed(frames),
  };
  const burst = bursts[name];
  const nanos: number[] = [];
  for (let round = 0; round < Number(given.rounds); round++) {
    const before = process.cpuUsage();
    for (let count = 0; count < ROUND; count += BURST) {
      burst();
      await new Promise(setImmediate); // the turn ends: what was taken is written
      accepted.complete();
      dialled.complete();
    }
    const { user, system } = process.cpuUsage(before);
    nanos.push(((user + system) * 1000) / ROUND);
  }
  nanos.sort((a, b) => a - b);
  const median = nanos[nanos.length >> 1]!;
  console.log(`${name.padEnd(8)} ${nanos[0]!.toFixed(1).padStart(7)} ns, median ${median.toFixed(1)}`);
}

if (given.child) {
  await measure(given.case as Case);
  process.exit(0);
}
for (const name of given.case.split(",")) {
  if (!CASES.includes(name as Case)) throw new Error(`There is no "${name}"; there is ${CASES.join(", ")}`);
  const args = [import.meta.filename, "--child", "--case", name];
  for (const option of ["bytes", "burst", "rounds"] as const) args.push(`--${option}`, given[option]);
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`${name} failed`);
}
