/** What all sessions of an engine share, put together from what the engine was given. */
import type { Counters } from "../base/counters.ts";
import { receivePool } from "../framing/receive-buffer.ts";
import { sendPool } from "../framing/send-pool.ts";
import type { Crossing } from "../session/crossing.ts";
import { Flusher } from "../session/flusher.ts";
import { Lateness } from "../session/lateness.ts";
import type { Session } from "../session/session.ts";
import type { SessionContext, SessionOwner } from "../session/session-context.ts";
import type { Network } from "../transport/connection.ts";
import { BusyPoller } from "./busy-poller.ts";
import type { LinkSettings } from "./link-settings.ts";

export function sessionContext(
  settings: LinkSettings,
  { counters, crossing }: { readonly counters: Counters; readonly crossing: Crossing },
  owner: SessionOwner<Session>,
): SessionContext<Session> {
  const { clock } = settings.network;
  const poller = new BusyPoller(settings.busyPollMicros);
  return {
    settings,
    clock,
    counters,
    receivePool,
    sendPool,
    flusher: new Flusher(clock),
    crossing,
    lateness: new Lateness(),
    random: randomOf(settings.network),
    onActivity: () => poller.touch(),
    owner,
  };
}

/** A number in [0, 1): the network's own where it has one. */
export function randomOf(network: Network): () => number {
  return network.random === undefined ? Math.random : () => network.random!();
}
