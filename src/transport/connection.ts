/**
 * What a connection is, to everything above: bytes in, bytes out, close. TCP and the in-memory network
 * both implement these contracts and nothing above can tell them apart.
 *
 *      Network.listen --> Acceptor.onIncoming(Incoming) --accept()--> Connection
 *      Network.dial ------------------------------------------------> Connection
 *      Connection.open(receiver):   read*  wrote*  [ended]  closed      (in this order, closed once, last)
 *
 * Invariant: a Connection calls its receiver only from the event loop (or a task queued on it), never
 * from inside a call that the receiver's owner made.
 */
import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";

/** One end of a connection. A local socket (path) has ip "" and port 0. */
export interface Endpoint {
  /** IPv4 or IPv6 text; an IPv4-mapped IPv6 address is given as IPv4. */
  readonly ip: string;
  readonly port: number;
}

/** Where to listen or dial: TCP, or a Unix socket / Windows named pipe by path. */
export type Address = { readonly ip: string; readonly port: number } | { readonly path: string };

/** Options of the socket itself; a transport without sockets ignores them. */
export interface SocketOptions {
  /** Nagle's algorithm; false sends each write at once. */
  readonly nagle: boolean;
  /** Idle milliseconds before the first TCP keepalive probe; 0 turns keepalive off. */
  readonly keepAliveMs: number;
}

/** The names and forms of node:tls: PEM texts or bytes. Plain data: it is told to worker threads. */
interface TlsMaterial {
  readonly cert?: TlsText;
  readonly key?: TlsText;
  readonly passphrase?: string;
  readonly ca?: TlsText | readonly TlsText[];
  readonly ciphers?: string;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  readonly rejectUnauthorized?: boolean;
}

export type TlsText = string | Uint8Array;
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

export interface TlsServerSettings extends TlsMaterial {
  /** Whether the peer is asked for a certificate. */
  readonly requestCert?: boolean;
  readonly handshakeTimeoutMs: number;
}

export interface TlsClientSettings extends TlsMaterial {
  /** The server's name, where it is not its address: told to it, and looked for in its certificate. */
  readonly servername?: string;
}

/** Who the other side of a TLS connection says it is. */
export interface PeerCertificate {
  /** Whether it is signed by one of `ca` and in force. */
  readonly authorized: boolean;
  /** As in the certificate: `CN`, `O`, ... */
  readonly subject: Readonly<Record<string, string | string[] | undefined>>;
  readonly issuer: Readonly<Record<string, string | string[] | undefined>>;
  readonly subjectAltName: string | undefined;
  /** SHA-256 of the certificate: `AB:CD:...` */
  readonly fingerprint256: string;
  readonly serialNumber: string;
  readonly validFrom: string;
  readonly validTo: string;
}

/** The upper side of an open connection. All calls come from the event loop. */
export interface ConnectionReceiver {
  /**
   * The memory that the next read may fill; asked for before each read. Owned by the receiver; the
   * connection writes only into it, from its start, and only until `onRead` tells how much. Never empty. The
   * one call that may come from inside a call of the owner's: it answers and does nothing else.
   */
  readBuffer(): Uint8Array;
  /** `byteLength` bytes (> 0) lie at the start of what `readBuffer` last gave. */
  onRead(byteLength: number): void;
  /** The write in flight was taken whole by the kernel. Its bytes may be reused. */
  onWritten(): void;
  /** The peer will send no more (FIN). */
  onEnd(): void;
  /**
   * The descriptor is gone; the last call, exactly once, also after `destroy` and `reset`, and by itself once
   * both sides have ended. A write still in flight was not completed and gets no `onWritten`.
   * @param error what broke the connection, or undefined where it was closed on purpose.
   */
  onClosed(error: NodeJS.ErrnoException | undefined): void;
}

/** An established connection. */
export interface Connection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Of the peer, where the connection is secured and the peer has shown one. */
  readonly certificate?: PeerCertificate | undefined;
  /** Starts reading into `receiver`. Called once, before anything else but `reset` and `destroy`. */
  open(receiver: ConnectionReceiver): void;
  /**
   * Hands `chunks`, in order, to the kernel in one write. One write at a time: the next only after
   * `onWritten`. The bytes are borrowed, unchanged, until then.
   */
  write(chunks: readonly Uint8Array[]): void;
  /** Stops reading; at most one more `onRead` follows. The sender comes to feel it. */
  pause(): void;
  /** Reads again. */
  resume(): void;
  /** Sends FIN behind the write in flight; reading goes on. */
  end(): void;
  /** Closes now. What the kernel has taken it still sends. */
  destroy(): void;
  /** Closes now with RST where the transport has one; what the kernel holds is dropped. */
  reset(): void;
}

/** A connection that was accepted and about which nothing is decided yet; no buffer exists for it. */
export interface Incoming {
  readonly remote: Endpoint;
  readonly local: Endpoint;
  /** Takes it. */
  accept(): Connection;
  /** Resets it. */
  refuse(): void;
  /** Gives up the socket itself, untouched, for another thread; undefined where there is none that can move. */
  detach?(): Socket | undefined;
}

/** The upper side of a listener. All calls come from the event loop. */
export interface Acceptor {
  /** Leads to one call of `accept`, `refuse` or `detach`, now or later; until then nothing is read. */
  onIncoming(incoming: Incoming): void;
  /** Accepting failed (no descriptors left, ...); the listener goes on. */
  onAcceptError(error: Error): void;
}

export interface Listener {
  /** Where it listens: the real port where 0 was asked for. */
  readonly address: Address;
  /** Accepts no more; resolves when the descriptor is gone. Connections that exist are not touched. */
  close(): Promise<void>;
}

export interface ListenOptions extends SocketOptions {
  readonly address: Address;
  /** Length of the kernel's queue of connections that nobody accepted yet. */
  readonly backlog: number;
}

export interface DialOptions extends SocketOptions {
  readonly address: Address;
  /** The local address and port to dial from; the system chooses where they are undefined. */
  readonly bindIp: string | undefined;
  readonly bindPort: number | undefined;
  /** Null, or absent, for bytes in clear. */
  readonly tls?: TlsClientSettings | null;
  /** Whether the connection keeps the process alive. Default true; a transport without sockets ignores it. */
  readonly keepsAlive?: boolean;
}

/** Puts TLS over accepted connections, before they are opened. */
export interface TlsDoor {
  /** Resolves when the handshake is done. Where it fails, the connection is closed and never opened. */
  secure(connection: Connection): Promise<void>;
}

/** A way to listen and to dial, with the clock its links live by. */
export interface Network {
  readonly clock: Clock;
  /** A number in [0, 1) that spreads reconnect attempts; `Math.random` where absent, seeded in tests. */
  random?(): number;
  /** How many descriptors the process may open, where that is known. */
  descriptorsMax?(): number | undefined;
  /** TLS, where this network has it. @throws Error where certificate, key and the like are no such thing. */
  tlsDoor?(settings: TlsServerSettings): TlsDoor;
  /** Rejects with the system's error. */
  listen(options: ListenOptions, acceptor: Acceptor): Promise<Listener>;
  /**
   * Rejects with the system's error, or with `signal.reason` once `signal` aborts (an attempt under way is
   * given up and its descriptor closed).
   */
  dial(options: DialOptions, signal: AbortSignal): Promise<Connection>;
}
