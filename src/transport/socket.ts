/** What every socket of node:net is asked and told, by whichever thread has it. */
import type { Socket } from "node:net";
import type { Endpoint } from "./connection.ts";

/** Unanswered keepalive probes until the connection is given up, and their spacing as a part of the idle time. */
const KEEPALIVE_PROBES = 3;
const KEEPALIVE_SPACING = 1 / 3;

export function keepAlive(socket: Socket, idleMs: number): void {
  const spacingMs = Math.max(1000, idleMs * KEEPALIVE_SPACING);
  // Node 24 and later take the spacing and the count of probes; 22 has its own: every second, ten times.
  (socket.setKeepAlive as (...args: unknown[]) => void)(true, idleMs, spacingMs, KEEPALIVE_PROBES);
}

/** RST where there is one: a local socket has none, and behind a FIN the system takes none from us any more. */
export function resetSocket(socket: Socket, remote: Endpoint): void {
  if (remote.ip === "" || socket.destroyed || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * The addresses that the socket has looked up and keeps: a fifth of what it takes in the heap, and told already. It
 * looks them up again where it is asked again.
 */
export function forgetEndpoints(socket: Socket): void {
  const kept = socket as unknown as Record<string, unknown>;
  for (const name of ["_peername", "_sockname"]) if (typeof kept[name] === "object") kept[name] = null;
}

export function remoteOf(socket: Socket): Endpoint {
  return { ip: plainIp(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
}

export function localOf(socket: Socket): Endpoint {
  return { ip: plainIp(socket.localAddress ?? ""), port: socket.localPort ?? 0 };
}

/** An IPv4-mapped IPv6 address is the IPv4 address. */
function plainIp(ip: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(ip) ? ip.slice(7) : ip;
}
