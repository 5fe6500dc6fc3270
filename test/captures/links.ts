/** The peers of a capture: a raw writer whose every piece is a segment of its own, and servers and clients as they are. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import {
  LanClient,
  type LanError,
  LanServer,
  NetClient,
  NetServer,
  type Packet,
  type SessionId,
} from "../../src/index.ts";

/** What both classes of servers do here: they send back what comes. */
export class EchoServer extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(id: SessionId, packet: Packet): void {
    this.sendPacket(id, packet);
  }
  onError(_error: LanError): void {}
}

export class NetEchoServer extends NetServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(id: SessionId, packet: Packet): void {
    this.sendPacket(id, packet);
  }
  onError(_error: LanError): void {}
}

/** Counts what comes back. */
class Count {
  readonly #all = Promise.withResolvers<void>();
  readonly #packets: number;
  #received = 0;

  constructor(packets: number) {
    this.#packets = packets;
  }

  get all(): Promise<void> {
    return this.#all.promise;
  }

  add(): void {
    if (++this.#received === this.#packets) this.#all.resolve();
  }
}

export class CountingClient extends LanClient {
  readonly received: Count;

  constructor(packets: number) {
    super();
    this.received = new Count(packets);
  }

  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {
    this.received.add();
  }
  onSend(): void {}
  onError(_error: LanError): void {}
}

export class NetCountingClient extends NetClient {
  readonly received: Count;

  constructor(packets: number) {
    super();
    this.received = new Count(packets);
  }

  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {
    this.received.add();
  }
  onSend(): void {}
  onError(_error: LanError): void {}
}

/** A connection on which each `write` is a segment: the next one goes when the other end has read the last. */
export class RawWriter {
  readonly port: number;
  readonly #socket: Socket;
  readonly #far: Socket;
  #written = 0;

  private constructor(socket: Socket, far: Socket) {
    this.#socket = socket.setNoDelay(true);
    this.#far = far.resume();
    this.port = far.localPort!;
  }

  /** @param before is waited for once the port is known, before anything goes over it */
  static async connect(
    t: TestContext,
    before: (port: number) => Promise<void> = async () => {},
  ): Promise<RawWriter> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await before(port);
    const socket = connect(port, "127.0.0.1");
    const [[far]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
      [Socket],
      unknown,
    ];
    t.after(() => {
      socket.destroy();
      far.destroy();
      server.close();
    });
    return new RawWriter(socket, far);
  }

  /** Hexadecimal text, or bytes. */
  async write(...pieces: (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      const bytes = typeof piece === "string" ? Buffer.from(piece.replaceAll(" ", ""), "hex") : piece;
      this.#written += bytes.length;
      this.#socket.write(bytes);
      while (this.#far.bytesRead < this.#written) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
