/**
 * Who listens where, and which ports are taken. Any text is a host; nothing asks the real machine.
 */
import type { Address, Endpoint } from "../connection.ts";
import { systemError } from "./system-error.ts";

/** Where the ports begin and end that are given out where 0 was asked for. */
const FREE_PORT_MIN = 49_152;
const FREE_PORT_MAX = 65_535;

/** The local address of a dialling end, as long as it needs it; `release` is idempotent. */
export interface Claim {
  readonly local: Endpoint;
  release(): void;
}

/** The address table of one network; `L` is what listens. */
export class AddressTable<L> {
  readonly #listeners = new Map<string, L>();
  /** Ports of dialling ends, as "ip:port". */
  readonly #dialling = new Set<string>();
  #nextPort = FREE_PORT_MIN;

  /** @throws EADDRINUSE. */
  listen(wanted: Address, listener: L): Address {
    const address = normal(wanted);
    if ("path" in address) {
      if (this.#listeners.has(keyOf(address))) throw systemError("listen", "EADDRINUSE", address);
      this.#listeners.set(keyOf(address), listener);
      return address;
    }
    if (address.port !== 0 && this.#inUse(address)) throw systemError("listen", "EADDRINUSE", address);
    const real = address.port === 0 ? this.#freePort(address.ip) : address;
    this.#listeners.set(keyOf(real), listener);
    return real;
  }

  unlisten(address: Address): void {
    this.#listeners.delete(keyOf(address));
  }

  /** Who takes a connection to `address`: whoever has just that one, else whoever listens on all of them. */
  find(address: Address): L | undefined {
    const exact = this.#listeners.get(keyOf(address));
    if (exact !== undefined || "path" in address) return exact;
    return this.#listeners.get(`0.0.0.0:${address.port}`) ?? this.#listeners.get(`:::${address.port}`);
  }

  /** Takes a local address for a dialling end; by default a free port of the address that it dials. @throws EADDRINUSE. */
  claim(remote: Endpoint, bindIp: string = remote.ip, bindPort = 0): Claim {
    const wanted = { ip: normalIp(bindIp), port: bindPort };
    if (bindPort !== 0 && this.#inUse(wanted)) throw systemError("connect", "EADDRINUSE", remote);
    const local = bindPort === 0 ? this.#freePort(wanted.ip) : wanted;
    this.#dialling.add(keyOf(local));
    let isReleased = false;
    const release = (): void => {
      if (!isReleased) this.#dialling.delete(keyOf(local));
      isReleased = true;
    };
    return { local, release };
  }

  #freePort(ip: string): Endpoint {
    for (let tried = FREE_PORT_MIN; tried <= FREE_PORT_MAX; tried++) {
      const port = this.#nextPort;
      this.#nextPort = port === FREE_PORT_MAX ? FREE_PORT_MIN : port + 1;
      if (!this.#inUse({ ip, port })) return { ip, port };
    }
    throw systemError("bind", "EADDRINUSE", { ip, port: 0 });
  }

  #inUse({ ip, port }: Endpoint): boolean {
    if (this.#dialling.has(`${ip}:${port}`) || this.find({ ip, port }) !== undefined) return true;
    const isPort = (key: string): boolean => key.endsWith(`:${port}`) && !key.startsWith("path ");
    return isWildcard(ip) && [...this.#listeners.keys()].some(isPort);
  }
}

/** The same address for every way to write it: an IPv4-mapped IPv6 address is an IPv4 one. */
function normal(address: Address): Address {
  return "path" in address ? { path: address.path } : { ip: normalIp(address.ip), port: address.port };
}

/** Where a dial to `address` arrives: the address of all interfaces means this machine. */
export function destination(address: Address): Address {
  const known = normal(address);
  return "ip" in known && isWildcard(known.ip) ? { ip: "127.0.0.1", port: known.port } : known;
}

function normalIp(ip: string): string {
  const lower = ip.toLowerCase();
  return lower === "localhost" ? "127.0.0.1" : /^::ffff:(?=\d+\.)/.test(lower) ? lower.slice(7) : lower;
}

function isWildcard(ip: string): boolean {
  return ip === "0.0.0.0" || ip === "::";
}

function keyOf(address: Address): string {
  return "path" in address ? `path ${address.path}` : `${address.ip}:${address.port}`;
}
