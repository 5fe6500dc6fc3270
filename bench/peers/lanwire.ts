/**
 * lanwire through its public door: one subclass of each class, one Packet per sender. With worker threads the
 * instances, and so the workload, live on them; a client process with several links keeps those on its main
 * thread (64 threads for 64 links is nobody's choice).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { getEnvironmentData, isMainThread } from "node:worker_threads";
import { bodyOf, fail, type Receiver } from "../harness/check.ts";
import type { ClientSide, Peer, ServerSide } from "../harness/contract.ts";
import type { ChildPlan } from "../harness/plan.ts";
import { obeyFromThread, ThreadCommands } from "../harness/remote.ts";
import { ClientWorkload, ServerWorkload } from "../harness/sides.ts";

type Lanwire = typeof import("../../src/index.ts");
type SessionId = import("../../src/index.ts").SessionId;
type Packet = import("../../src/index.ts").Packet;
type Leave = import("../../src/index.ts").Leave;

const plan = JSON.parse(getEnvironmentData("plan") as string) as ChildPlan;
const { LanServer, LanClient, Packet } = (await import(
  new URL(plan.built ? "../../dist/index.js" : "../../src/index.ts", import.meta.url).href
)) as Lanwire;

const largest = Math.max(...plan.sizes);
const packetCapacity = Math.min(largest, 64 << 10);

/** How the handle knows the one session that it sends to. */
const HOST_ID = "bench";

/** Only what is not the default: the bench runs lanwire as it comes. */
function optionsFor(workerThreads: number): object {
  return {
    ...(workerThreads > 0 && { workerThreads }),
    ...(plan.busyPollMicros > 0 && { busyPollMicros: plan.busyPollMicros }),
    ...(largest > 1 << 20 && { packetBytesMax: largest }),
  };
}

export class BenchServer extends LanServer {
  static module: string = import.meta.url;
  /** Set by whoever made this instance; a worker thread makes its own. */
  side: ServerSide = { join: () => fail("this instance is only a handle") };
  readonly #receivers = new Map<SessionId, Receiver>();
  readonly #waiting = new Map<SessionId, () => void>();
  readonly #echoes = plan.pattern === "echo";
  readonly #packet = new Packet(packetCapacity);

  constructor() {
    super();
    if (isMainThread) return;
    const side = new ServerWorkload(plan);
    this.side = side;
    void side
      .open()
      .then((creditPort) => obeyFromThread(creditPort, (word) => side.command(word, this.toAll)));
  }

  override onConnectionRequest(): boolean {
    return true;
  }
  override onClientJoin(sessionId: SessionId): void {
    this.#receivers.set(sessionId, this.side.join());
    if (plan.fromHandle) this.setHostId(sessionId, HOST_ID);
  }
  override onClientLeave(sessionId: SessionId): void {
    this.#receivers.delete(sessionId);
  }
  override onRecv(sessionId: SessionId, packet: Packet): void | Promise<void> {
    const receiver = this.#receivers.get(sessionId)!;
    if (receiver.accept(packet.readUint32(), packet.length)) receiver.compare(packet.bytes);
    if (this.#echoes && !this.sendPacket(sessionId, packet)) return this.#echoLater(sessionId, packet);
  }
  override onSendReady(sessionId: SessionId): void {
    this.#waiting.get(sessionId)?.();
  }
  override onError(error: Error): void {
    fail(`the server reports ${error.stack}`);
  }

  /** The queue is full: the session's next packet waits until this one is taken. */
  async #echoLater(sessionId: SessionId, packet: Packet): Promise<void> {
    do {
      await new Promise<void>((resolve) => this.#waiting.set(sessionId, resolve));
    } while (!this.sendPacket(sessionId, packet));
  }

  readonly toAll = (seq: number, byteLength: number): void => {
    const taken = this.broadcast(this.#packet.clear().writeUint32(seq).writeBytes(bodyOf(byteLength)));
    if (taken !== plan.links + plan.idleLinks) fail(`a broadcast was taken by ${taken} sessions`);
  };

  /** On the handle: across to the thread that owns the session. */
  readonly toHost = (seq: number, byteLength: number): void => {
    const packet = this.#packet.clear().writeUint32(seq).writeBytes(bodyOf(byteLength));
    if (!this.sendPacket(HOST_ID, packet)) fail("the handle's packet was refused");
  };
}

export class BenchClient extends LanClient {
  static module: string = import.meta.url;
  side: ClientSide | undefined;
  index = 0;
  #receiver: Receiver | undefined;
  readonly #packet = new Packet(packetCapacity);

  constructor() {
    super();
    if (isMainThread) return;
    const side = new ClientWorkload(plan);
    this.side = side;
    void side.open().then(() => obeyFromThread(0, (word) => side.command(word)));
  }

  override onEnterJoinServer(): void {
    const send = (seq: number, byteLength: number): boolean =>
      this.sendPacket(this.#packet.clear().writeUint32(seq).writeBytes(bodyOf(byteLength)));
    this.#receiver = this.side!.join(this.index, { send });
  }
  override onLeaveServer(leave: Leave): void {
    fail(`the client left: ${leave.reason}`);
  }
  override onRecv(packet: Packet): void {
    const receiver = this.#receiver!;
    if (receiver.accept(packet.readUint32(), packet.length)) receiver.compare(packet.bytes);
  }
  override onSend(): void {}
  override onSendReady(): void {
    this.side!.ready(this.index);
  }
  override onError(error: Error): void {
    fail(`the client reports ${error.stack}`);
  }
}

/** Where the handle sends, the workload lives with it and learns of the session from its count. */
async function joinOnHandle(server: BenchServer, side: ServerSide): Promise<void> {
  while (server.getSessionCount() === 0) await sleep(5);
  side.join();
}

export const peer: Peer = {
  async serve(_plan, side) {
    const remote = plan.threads > 0 ? new ThreadCommands(plan.threads) : undefined;
    const server = new BenchServer();
    server.side = side;
    const maxSessions = Math.max(1024, plan.links + plan.idleLinks);
    const options = { ip: "127.0.0.1", port: 0, maxSessions, ...optionsFor(plan.threads) };
    const { port } = await server.start(options);
    if (plan.fromHandle) {
      void joinOnHandle(server, side);
      return { port, broadcast: server.toHost };
    }
    if (remote === undefined) return { port, broadcast: server.toAll };
    return { port, creditPort: await remote.greeted, command: remote.command };
  },

  async connect(_plan, side) {
    const remote = plan.clientThreads > 0 ? new ThreadCommands(plan.clientThreads) : undefined;
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      const client = new BenchClient();
      client.side = side;
      client.index = index;
      await client.connect({
        serverIp: "127.0.0.1",
        port: plan.port,
        ...optionsFor(plan.clientThreads),
      });
    }
    if (remote === undefined) return {};
    await remote.greeted;
    return { command: remote.command };
  },
};
