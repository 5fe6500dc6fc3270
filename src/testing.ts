/**
 * The second public door, `lanwire/testing`: a network without sockets, on a clock that a test moves, with
 * faults from one seed.
 *
 *      const network = new MemoryNetwork({ seed: 1 });
 *      await server.start({ network, ip: "10.0.0.1", port: 7000 });
 *      await client.connect({ network, serverIp: "10.0.0.1", port: 7000 });
 */
export type { Clock, Timer } from "./base/clock.ts";
export type {
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
  SocketOptions,
} from "./transport/connection.ts";
export type { FaultOptions } from "./transport/memory/faults.ts";
export type { MemoryLink } from "./transport/memory/link.ts";
export type { LinkDirection } from "./transport/memory/link-direction.ts";
export { MemoryNetwork } from "./transport/memory/network.ts";
export type { MemoryNetworkOptions } from "./transport/memory/options.ts";
export { Random } from "./transport/memory/random.ts";
export { type RawListener, RawPeer, type RawPeerOptions } from "./transport/memory/raw-peer.ts";
export {
  type UntilOptions,
  VIRTUAL_EPOCH_MS,
  VirtualClock,
  type VirtualClockOptions,
} from "./transport/memory/virtual-clock.ts";
