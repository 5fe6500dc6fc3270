/**
 * What servers and clients tell by `stats()`, as figures: summed per class, rates from one sample to the next.
 *
 *     LanServer a, LanServer b, NetServer c  -->  110-118 of a and b together, 120-128 of c
 */
import type { ClientStats, ServerStats } from "../engine/stats.ts";
import { LanClient } from "../lan/lan-client.ts";
import { LanServer } from "../lan/lan-server.ts";
import { NetClient } from "../net/net-client.ts";
import { NetServer } from "../net/net-server.ts";
import { BLOCK } from "./figures.ts";
import type { BaseValue } from "./host-figures.ts";

/** What can be watched. */
export type Watchable = LanServer | LanClient | NetServer | NetClient;
export type WatchableClass = "LanServer" | "NetServer" | "LanClient" | "NetClient";

const CLASSES = { LanServer, NetServer, LanClient, NetClient } as const;
const CLASS_NAMES = Object.keys(CLASSES) as WatchableClass[];

/** undefined where it is none of them. */
export function classOf(link: unknown): WatchableClass | undefined {
  return CLASS_NAMES.find((name) => link instanceof CLASSES[name]);
}

/** What one link has counted since it started, in the order of the table of figures. */
interface Counted {
  readonly joins: number;
  readonly refusals: number;
  readonly receivedPackets: number;
  readonly sentPackets: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const NOTHING: Counted = {
  joins: 0,
  refusals: 0,
  receivedPackets: 0,
  sentPackets: 0,
  receivedBytes: 0,
  sentBytes: 0,
};
const COUNTED_NAMES = Object.keys(NOTHING) as (keyof Counted)[];

/** Samples some links. A link whose `stats()` throws is left out of that sample. */
export class LinkSampler {
  readonly #links: readonly { readonly link: Watchable; readonly name: WatchableClass; before: Counted }[];
  #beforeMs: number;

  /** @param nowMs - on a monotonic clock. */
  constructor(links: readonly (readonly [WatchableClass, Watchable])[], nowMs: number) {
    this.#links = links.map(([name, link]) => ({ link, name, before: countedOf(link) ?? NOTHING }));
    this.#beforeMs = nowMs;
  }

  sample(nowMs: number): BaseValue[] {
    const seconds = Math.max(nowMs - this.#beforeMs, 1) / 1000;
    this.#beforeMs = nowMs;
    return CLASS_NAMES.flatMap((name) => this.#sampleClass(name, seconds));
  }

  #sampleClass(name: WatchableClass, seconds: number): BaseValue[] {
    const links = this.#links.filter((each) => each.name === name);
    if (links.length === 0) return [];
    const [sums, grown] = [{ sessions: 0, queuedBytes: 0, errors: 0 }, { ...NOTHING }];
    for (const each of links) {
      const stats = statsOf(each.link);
      if (stats === undefined) continue;
      sums.sessions += stats.sessions;
      sums.queuedBytes += stats.queuedBytes;
      sums.errors += total(stats.errors);
      const counted = count(stats);
      // A link that was started again counts from 0.
      const restarted = COUNTED_NAMES.some((figure) => counted[figure] < each.before[figure]);
      const before = restarted ? NOTHING : each.before;
      for (const figure of COUNTED_NAMES) grown[figure] += counted[figure] - before[figure];
      each.before = counted;
    }
    const values = [
      sums.sessions,
      ...COUNTED_NAMES.map((figure) => grown[figure] / seconds),
      sums.queuedBytes,
      sums.errors,
    ];
    return values.map((value, offset) => [BLOCK[name] + offset, value]);
  }
}

function countedOf(link: Watchable): Counted | undefined {
  const stats = statsOf(link);
  return stats && count(stats);
}

/** A subclass may have its own; whatever that does, it is only asked. */
function statsOf(link: Watchable): ServerStats | ClientStats | undefined {
  try {
    return link.stats();
  } catch {
    return undefined;
  }
}

function count(stats: ServerStats | ClientStats): Counted {
  const isServer = "accepted" in stats;
  return {
    joins: isServer ? stats.accepted : stats.joined,
    refusals: isServer ? stats.refused : total(stats.left),
    receivedPackets: stats.received.packets,
    sentPackets: stats.sent.packets,
    receivedBytes: stats.received.bytes,
    sentBytes: stats.sent.bytes,
  };
}

function total(counts: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(counts).reduce<number>((sum, count = 0) => sum + count, 0);
}
