/**
 * TLS over TCP sockets, by node:tls.
 *
 *     accepted socket --inject--> a tls.Server that does not listen --> secured socket, or why not
 *     dialled socket  --------------------- tls.connect -----------------^
 *
 * A socket may be injected on any thread, so the raw socket moves and TLS runs where its session lives.
 */
import type { Socket } from "node:net";
import tls from "node:tls";
import type { PeerCertificate, TlsClientSettings, TlsServerSettings } from "./connection.ts";

type Pending = PromiseWithResolvers<tls.TLSSocket>;

/** Secures accepted sockets. One for all of a listener: the certificate is read once. */
export class TlsDoor {
  readonly #settings: TlsServerSettings;
  readonly #server: tls.Server;
  /** Handshakes under way, by who the peer is. */
  readonly #pending = new Map<string, Pending>();

  /** @throws Error where certificate, key and the like are no such thing. */
  constructor(settings: TlsServerSettings) {
    this.#settings = settings;
    this.#server = serverOf(settings, (socket) => this.#pending.get(peerOf(socket)));
  }

  /** Resolves once the handshake is done; where it fails the socket is closed. */
  async secure(raw: Socket): Promise<tls.TLSSocket> {
    const peer = peerOf(raw);
    const pending: Pending = Promise.withResolvers();
    // On a local socket nobody has an address; and who was reset may be back, from the same port, before its end has been
    // told. Neither could be told from another, so each has a server of its own.
    const isShared = raw.remoteAddress !== undefined && !this.#pending.has(peer);
    const server = isShared ? this.#server : serverOf(this.#settings, () => pending);
    if (isShared) this.#pending.set(peer, pending);
    const onClose = (): void => pending.reject(new Error("the connection ended in the TLS handshake"));
    raw.on("error", () => {}); // told by the secured socket, or by the close
    raw.once("close", onClose);
    server.emit("connection", raw);
    try {
      return await pending.promise;
    } catch (error) {
      raw.destroy();
      throw error;
    } finally {
      raw.off("close", onClose);
      if (isShared) this.#pending.delete(peer);
    }
  }
}

/** A server that does not listen, and tells how the handshake of each injected socket went. */
function serverOf(
  { handshakeTimeoutMs, ...options }: TlsServerSettings,
  pendingOf: (socket: tls.TLSSocket) => Pending | undefined,
): tls.Server {
  const server = tls.createServer({ ...options, handshakeTimeout: handshakeTimeoutMs } as tls.TlsOptions);
  server.on("secureConnection", (socket) => {
    keepUntilOpened(socket);
    pendingOf(socket)?.resolve(socket);
  });
  server.on("tlsClientError", (error, socket) => pendingOf(socket)?.reject(error));
  return server;
}

/** Secures a dialled socket; where that fails it is closed. */
export function secureDialled(
  raw: Socket,
  host: string,
  settings: TlsClientSettings,
): Promise<tls.TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...settings, host, socket: raw } as tls.ConnectionOptions);
    const onFailure = (error: Error): void => {
      raw.destroy();
      reject(error);
    };
    const onEnd = (): void => onFailure(new Error("the connection ended in the TLS handshake"));
    raw.on("error", () => {}); // told by the secured socket
    socket.once("error", onFailure);
    socket.once("close", onEnd);
    socket.once("secureConnect", () => {
      socket.off("error", onFailure);
      socket.off("close", onEnd);
      keepUntilOpened(socket);
      resolve(socket);
    });
  });
}

/** What fails before the connection is opened is told then. An error of TLS alone does not close a socket. */
function keepUntilOpened(socket: tls.TLSSocket): void {
  socket.once("error", (error) => socket.destroy(error));
}

/** Who the peer says it is; undefined where it showed no certificate. */
export function certificateOf(socket: tls.TLSSocket): PeerCertificate | undefined {
  const { subject, issuer, subjectaltname, fingerprint256, serialNumber, valid_from, valid_to } =
    socket.getPeerCertificate();
  if (fingerprint256 === undefined) return undefined;
  return {
    authorized: socket.authorized,
    subject: { ...subject },
    issuer: { ...issuer },
    subjectAltName: subjectaltname,
    fingerprint256,
    serialNumber,
    validFrom: valid_from,
    validTo: valid_to,
  };
}

/** Of all connections of this process that are open to others by TCP, one has this. */
function peerOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
