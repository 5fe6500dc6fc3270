/**
 * Connections over TCP, Unix sockets and Windows named pipes, by node:net.
 *
 * Reads land in memory that the receiver names (`onread`), so no buffer is made per read. For dialled
 * sockets that is documented; an accepted socket is given them afterwards (`readStatically`), which is not, so where that is not
 * possible its `data` events are copied into the same memory.
 */
import { readFileSync } from "node:fs";
import net from "node:net";
import type { TLSSocket } from "node:tls";
import { systemClock } from "../base/clock.ts";
import type {
  Acceptor,
  Address,
  Connection,
  ConnectionReceiver,
  DialOptions,
  Endpoint,
  Incoming,
  Listener,
  ListenOptions,
  Network,
  PeerCertificate,
  SocketOptions,
  TlsDoor,
  TlsServerSettings,
} from "./connection.ts";
import { forgetEndpoints, keepAlive, localOf, remoteOf, resetSocket } from "./socket.ts";
import { readStatically, type StaticReads } from "./static-reads.ts";
import { certificateOf, TlsDoor as SocketDoor, secureDialled } from "./tls.ts";

/** Where a socket reads before its receiver is known. Each read is emptied before the next can happen. */
const LOBBY: Uint8Array = Buffer.allocUnsafeSlow(64 * 1024);

/** Sockets of the operating system, on its clock. */
export const tcpNetwork: Network = { clock: systemClock, listen, dial, tlsDoor, descriptorsMax };

/** Linux tells; elsewhere it is not known. */
function descriptorsMax(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

function tlsDoor(settings: TlsServerSettings): TlsDoor {
  const door = new SocketDoor(settings);
  return { secure: (connection) => (connection as TcpConnection).secure((raw) => door.secure(raw)) };
}

function listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener> {
  return listenWith(options, acceptor, readStatically);
}

/** Gives a freshly accepted socket static reads; false where it cannot. */
export type Adopt = (accepted: net.Socket, reads: StaticReads) => boolean;

/** `listen`, with the way to static reads injected, so that both ways can be tested. */
export function listenWith(options: ListenOptions, acceptor: Acceptor, adopt: Adopt): Promise<Listener> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  const { address, backlog } = options;
  const where =
    "path" in address ? { path: address.path, backlog } : { host: address.ip, port: address.port, backlog };
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      server.on("error", (error) => acceptor.onAcceptError(error));
      server.on("connection", (socket) => {
        // Reset before it was accepted: the system no longer tells whose it was, so nobody could be asked.
        if ("port" in address && socket.remoteAddress === undefined) socket.destroy();
        else acceptor.onIncoming(new TcpIncoming(socket, options, adopt));
      });
      resolve({
        address: listeningAddress(server, address),
        close: () => closeListener(server),
      });
    });
  });
}

/** `close` frees the descriptor at once; its own callback would also wait for connections. */
function closeListener(server: net.Server): Promise<void> {
  server.close();
  return new Promise((resolve) => setImmediate(resolve));
}

function listeningAddress(server: net.Server, asked: Address): Address {
  const bound = server.address();
  return bound !== null && typeof bound === "object" ? { ip: bound.address, port: bound.port } : asked;
}

async function dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
  const { tls = null, address } = options;
  const connection = new TcpConnection();
  const raw = await dialSocket(options, signal, tls === null ? connection.reads : undefined);
  if (tls === null) {
    connection.attach(raw, options);
    return connection;
  }
  const onAbort = (): void => void raw.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const host = "path" in address ? "" : address.ip;
    connection.attachSecured(raw, await secureDialled(raw, host, tls), options);
    return connection;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** A connected socket: with static reads it may read within this turn. */
function dialSocket(
  options: DialOptions,
  signal: AbortSignal,
  reads: StaticReads | undefined,
): Promise<net.Socket> {
  const { address, bindIp, bindPort } = options;
  const where =
    "path" in address
      ? { path: address.path }
      : {
          host: address.ip,
          port: address.port,
          ...(bindIp === undefined ? {} : { localAddress: bindIp }),
          ...(bindPort === undefined ? {} : { localPort: bindPort }),
        };
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onread = reads === undefined ? {} : { onread: reads };
    const socket = net.connect({ ...where, allowHalfOpen: true, ...onread });
    if (options.keepsAlive === false) socket.unref();
    const onAbort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.on("error", reject);
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

/** A connection around a freshly accepted socket that has read nothing, also one that came from another thread. */
export function connectionOf(
  accepted: net.Socket,
  options: SocketOptions,
  adopt: Adopt = readStatically,
  ends: Ends = endsOf(accepted),
): Connection {
  const connection = new TcpConnection();
  const prepare = (): void => {
    if (!adopt(accepted, connection.reads)) accepted.on("data", (chunk: Buffer) => connection.feed(chunk));
  };
  connection.attach(accepted, options, prepare, ends);
  return connection;
}

/** Whether an accepted socket can be moved to another thread: Node 24.20 and later, 26.6 and later. */
export function canMoveSockets(): boolean {
  const symbols = Object.getOwnPropertySymbols(net.Socket.prototype);
  return symbols.some((symbol) => symbol.description === "messaging_transfer_symbol");
}

/** Both ends of a connection. */
interface Ends {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

function endsOf(socket: net.Socket): Ends {
  return { remote: remoteOf(socket), local: localOf(socket) };
}

class TcpIncoming implements Incoming {
  readonly remote: Endpoint;
  readonly #socket: net.Socket;
  readonly #options: SocketOptions;
  readonly #adopt: Adopt;
  #local: Endpoint | undefined;

  constructor(socket: net.Socket, options: SocketOptions, adopt: Adopt) {
    this.#socket = socket;
    this.#options = options;
    this.#adopt = adopt;
    this.remote = remoteOf(socket);
  }

  /** Looked up where it is asked for: who is refused is not worth it. */
  get local(): Endpoint {
    this.#local ??= localOf(this.#socket);
    return this.#local;
  }

  accept(): Connection {
    return connectionOf(this.#socket, this.#options, this.#adopt, this);
  }

  detach(): net.Socket | undefined {
    return this.#socket.remoteFamily === undefined ? undefined : this.#socket;
  }

  refuse(): void {
    this.#socket.on("error", () => {}); // nobody is left to hear of it
    resetSocket(this.#socket, this.remote);
  }
}

class TcpConnection implements Connection {
  remote: Endpoint = { ip: "", port: 0 };
  local: Endpoint = { ip: "", port: 0 };
  certificate: PeerCertificate | undefined;
  #socket: net.Socket | null = null;
  /** The socket under TLS. */
  #raw: net.Socket | null = null;
  /** Makes an accepted socket ready to read, once there is somebody to read for. */
  #prepare: (() => void) | null = null;
  #receiver: ConnectionReceiver | null = null;
  /** What the socket reads into at the moment. */
  #reading: Uint8Array = LOBBY;
  #paused = false;
  /** Bytes that were read before a pause and could not be handed over any more. */
  #late: Uint8Array | null = null;
  #error: NodeJS.ErrnoException | undefined;
  /** After `destroy`, `reset` or a failure: nothing but `onClosed` follows. */
  #silent = false;

  readonly reads: StaticReads = {
    buffer: () => {
      this.#reading = this.#receiver === null || this.#silent ? LOBBY : this.#receiver.readBuffer();
      return this.#reading;
    },
    callback: (byteLength) => {
      if (this.#reading === LOBBY) this.feed(LOBBY.subarray(0, byteLength));
      else if (!this.#silent) this.#receiver!.onRead(byteLength);
      return true;
    },
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (!this.#silent && (error === undefined || error === null)) this.#receiver!.onWritten();
  };

  /** Takes charge of a connected socket; `prepare` makes it ready to read. A dialled one may read within this turn. */
  attach(
    socket: net.Socket,
    options: SocketOptions,
    prepare: (() => void) | null = null,
    { remote, local }: Ends = endsOf(socket),
  ): void {
    this.#socket = socket;
    this.#prepare = prepare;
    this.remote = remote;
    this.local = local;
    if (prepare !== null) forgetEndpoints(socket);
    socket.setNoDelay(!options.nagle);
    if (options.keepAliveMs > 0) keepAlive(socket, options.keepAliveMs);
    if (prepare === null) this.#listen(socket);
  }

  /** TLS over an accepted socket, before `open`. */
  async secure(wrap: (raw: net.Socket) => Promise<TLSSocket>): Promise<void> {
    const raw = this.#socket!;
    this.#secured(raw, await wrap(raw));
  }

  /** The same as `attach`, of a dialled socket that TLS was put over. */
  attachSecured(raw: net.Socket, secured: TLSSocket, options: SocketOptions): void {
    this.attach(raw, options, () => {});
    this.#secured(raw, secured);
  }

  open(receiver: ConnectionReceiver): void {
    this.#receiver = receiver;
    if (this.#socket!.closed) {
      setImmediate(() => receiver.onClosed(this.#socket!.errored ?? undefined));
      return;
    }
    if (this.#prepare !== null) {
      this.#prepare();
      this.#prepare = null;
      this.#listen(this.#socket!);
    }
    this.#socket!.resume();
  }

  /** Copies bytes that did not land in the receiver's memory into it, until it says pause. */
  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#silent; ) {
      if (this.#paused) {
        this.#late = Buffer.from(bytes.subarray(at)); // the lobby is everybody's
        return;
      }
      const room = this.#receiver!.readBuffer();
      const count = Math.min(room.length, bytes.length - at);
      room.set(bytes.subarray(at, at + count));
      at += count;
      this.#receiver!.onRead(count);
    }
  }

  write(chunks: readonly Uint8Array[]): void {
    const socket = this.#socket!;
    if (chunks.length === 1) {
      socket.write(chunks[0]!, this.#onWritten);
      return;
    }
    const last = chunks.length - 1;
    socket.cork();
    for (let i = 0; i < last; i++) socket.write(chunks[i]!);
    socket.write(chunks[last]!, this.#onWritten);
    socket.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.#socket!.pause();
    // node:net's resume() reads in a later tick; a pause in between would be forgotten.
    process.nextTick(() => {
      if (this.#paused) this.#socket!.pause();
    });
  }

  resume(): void {
    this.#paused = false;
    if (this.#late === null) this.#socket!.resume();
    else process.nextTick(() => this.#feedLate());
  }

  end(): void {
    this.#socket!.end();
  }

  destroy(): void {
    this.#silent = true;
    this.#socket!.destroy();
  }

  reset(): void {
    this.#silent = true;
    const socket = this.#socket!;
    if (this.#raw === null) {
      resetSocket(socket, this.remote);
    } else {
      if (!socket.writableEnded) resetSocket(this.#raw, this.remote); // behind our end it would wait for ever
      socket.destroy();
    }
  }

  #secured(raw: net.Socket, secured: TLSSocket): void {
    this.certificate = certificateOf(secured);
    this.#raw = raw;
    this.#socket = secured;
    this.#prepare = () => void secured.on("data", (chunk: Buffer) => this.feed(chunk));
  }

  #listen(socket: net.Socket): void {
    socket.on("error", (error) => {
      this.#silent = true;
      this.#error ??= error;
      socket.destroy(); // an error of TLS alone does not
    });
    socket.on("end", () => {
      if (!this.#silent) this.#receiver?.onEnd();
    });
    socket.on("close", () => {
      this.#silent = true;
      this.#receiver?.onClosed(this.#error ?? socket.errored ?? undefined);
    });
  }

  #feedLate(): void {
    const late = this.#late;
    if (late === null || this.#paused) return;
    this.#late = null;
    this.feed(late);
    if (!this.#paused && !this.#silent) this.#socket!.resume();
  }
}
