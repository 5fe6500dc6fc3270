/** Servers for the command line to talk to, in the test's own process. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { LanServer, type LanServerOptions, type Packet, type SessionId } from "../../src/index.ts";

type OnRecv = (server: TestServer, id: SessionId, packet: Packet) => void | Promise<void>;

/** A LanServer whose packets go to a function. */
export class TestServer extends LanServer {
  readonly packets: Buffer[] = [];
  readonly leaves: string[] = [];
  readonly joined: Promise<SessionId>;
  readonly left: Promise<string>;
  readonly #onRecv: OnRecv;
  readonly #tellJoined: (id: SessionId) => void;
  readonly #tellLeft: (reason: string) => void;

  constructor(onRecv: OnRecv) {
    super();
    this.#onRecv = onRecv;
    const [joined, left] = [Promise.withResolvers<SessionId>(), Promise.withResolvers<string>()];
    [this.joined, this.#tellJoined] = [joined.promise, joined.resolve];
    [this.left, this.#tellLeft] = [left.promise, left.resolve];
  }

  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(id: SessionId): void {
    this.#tellJoined(id);
  }
  onClientLeave(_id: SessionId, { reason }: { reason: string }): void {
    this.leaves.push(reason);
    this.#tellLeft(reason);
  }
  onRecv(id: SessionId, packet: Packet): void | Promise<void> {
    this.packets.push(Buffer.from(packet.toBytes()));
    return this.#onRecv(this, id, packet);
  }
  onError(): void {}

  get texts(): string[] {
    return this.packets.map((packet) => packet.toString("utf8"));
  }
}

/** Starts one; resolves with it and its HOST:PORT. */
export async function testServer(
  t: TestContext,
  onRecv: OnRecv = () => {},
  options: Partial<LanServerOptions> = {},
): Promise<{ server: TestServer; target: string }> {
  const server = new TestServer(onRecv);
  const { port } = await server.start({ port: 0, ...options });
  t.after(() => server.stop({ drainMs: 0 }));
  return { server, target: `127.0.0.1:${port}` };
}

/** A bare TCP server: bytes as they are. */
export async function rawServer(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
