/** node:net by hand, coalesced, behind a `send(payload)`: each message is made in memory of its own, then framed. */
import { Coalescer } from "./net-coalesced.ts";
import { framedMessage, netPeer } from "./net-peer.ts";

export const peer = netPeer(Coalescer, framedMessage);
