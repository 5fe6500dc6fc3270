/**
 * Who may come in, asked cheapest first and before any memory is made for a connection:
 *
 *     deny list, allow list --> places --> places of the address --> accepts of the address per second
 *
 * An address is an IPv4 address, or the first 64 bits of an IPv6 address: what one user has.
 *
 * Invariant: what is remembered of addresses is bounded by the sessions there are and the accepts of one second.
 */
import { LanError } from "../base/errors.ts";
import type { Lateness } from "../session/lateness.ts";
import { emptied } from "../session/pace.ts";
import type { SessionId } from "../session/session-id.ts";
import type { SessionRegistry } from "../session/session-registry.ts";
import { addressList } from "./address-list.ts";
import type { AddressLists, ServerSettings } from "./link-settings.ts";

/** Every reason for which a connection is refused, and what it means. `docs/net.md` is checked against this table. */
export const REFUSAL_REASONS = {
  denied: "Its address is on the list `deny`.",
  "not-allowed": "Its address is not on the list `allow`.",
  "sessions-max": "`maxSessions` have a place.",
  "sessions-per-address": "`sessionsPerAddressMax` of its address have a place.",
  "accepts-per-second": "More than `acceptsPerSecondMax` of its address came within a second.",
  application: "`onConnectionRequest` said no.",
  "tls-failed": "The TLS handshake failed or took too long.",
  stopping: "The server is stopping.",
} as const;

export type RefusalReason = keyof typeof REFUSAL_REASONS;

/** The reasons in the order in which counters hold them. */
export const REFUSAL_REASON_ORDER: readonly RefusalReason[] = Object.keys(REFUSAL_REASONS) as RefusalReason[];

/** What a process has open beside its sessions. */
const OTHER_DESCRIPTORS = 64;

/** How many addresses may be remembered before those that no longer matter are forgotten. */
const FORGET_FROM = 1024;

interface Bucket {
  accepts: number;
  atMs: number;
}

export class Admission {
  readonly #settings: ServerSettings;
  readonly #registry: SessionRegistry;
  readonly #lateness: Lateness;
  #allows: (ip: string) => boolean = () => true;
  #denies: (ip: string) => boolean = () => false;
  readonly #places = new Map<string, SessionId[]>();
  readonly #buckets = new Map<string, Bucket>();
  #forgetFrom = FORGET_FROM;

  constructor(settings: ServerSettings, registry: SessionRegistry, lateness: Lateness) {
    this.#settings = settings;
    this.#registry = registry;
    this.#lateness = lateness;
    this.setLists(settings);
  }

  /** From now on; sessions that exist stay. */
  setLists({ allow, deny }: AddressLists): void {
    this.#allows = allow === null ? () => true : addressList("allow", allow);
    this.#denies = addressList("deny", deny);
  }

  /** Why a connection from `ip` is refused now; undefined where it is not. */
  refusal(ip: string, nowMs: number): RefusalReason | undefined {
    if (this.#denies(ip)) return "denied";
    if (!this.#allows(ip)) return "not-allowed";
    if (!this.#registry.hasPlace) return "sessions-max";
    const address = addressOf(ip);
    if (this.#isFull(address)) return "sessions-per-address";
    return this.#isTooFast(address, nowMs) ? "accepts-per-second" : undefined;
  }

  /** A session from `ip` has a place. */
  tookPlace(ip: string, id: SessionId): void {
    if (this.#settings.sessionsPerAddressMax === 0) return;
    const address = addressOf(ip);
    const places = this.#places.get(address);
    if (places === undefined) this.#places.set(address, [id]);
    else places.push(id);
    if (this.#places.size >= this.#forgetFrom) this.#forgetPlaces();
  }

  #isFull(address: string): boolean {
    const { sessionsPerAddressMax } = this.#settings;
    const places = this.#places.get(address);
    if (sessionsPerAddressMax === 0 || places === undefined || places.length < sessionsPerAddressMax)
      return false;
    const held = this.#held(places);
    this.#places.set(address, held);
    return held.length >= sessionsPerAddressMax;
  }

  /** A leave is not told here (it may be another thread's): whose place is free again is looked up when it matters. */
  #held(places: readonly SessionId[]): SessionId[] {
    return places.filter((id) => this.#registry.holds(id));
  }

  #forgetPlaces(): void {
    for (const [address, places] of this.#places) {
      const held = this.#held(places);
      if (held.length === 0) this.#places.delete(address);
      else this.#places.set(address, held);
    }
    this.#forgetFrom = Math.max(FORGET_FROM, 2 * this.#places.size);
  }

  /** A bucket that holds one second's accepts and fills again within a second. */
  #isTooFast(address: string, nowMs: number): boolean {
    const { acceptsPerSecondMax } = this.#settings;
    if (acceptsPerSecondMax === 0) return false;
    const lateMs = this.#lateness.lateMs(nowMs);
    const bucket = this.#buckets.get(address) ?? { accepts: 0, atMs: nowMs - lateMs };
    const seconds = (nowMs - bucket.atMs) / 1000;
    bucket.accepts = emptied(bucket.accepts, seconds, lateMs / 1000, acceptsPerSecondMax);
    bucket.atMs = nowMs;
    if (bucket.accepts + 1 > acceptsPerSecondMax) return true;
    bucket.accepts++;
    this.#buckets.delete(address); // so that they lie in the order of their last accept
    this.#buckets.set(address, bucket);
    if (this.#buckets.size >= FORGET_FROM) this.#forgetBuckets(nowMs);
    return false;
  }

  #forgetBuckets(nowMs: number): void {
    for (const [address, { atMs }] of this.#buckets) {
      if (nowMs - atMs < 1000) return;
      this.#buckets.delete(address);
    }
  }
}

/** What to tell where there may be more sessions than the process may have descriptors. */
export function tooFewDescriptors(settings: ServerSettings): LanError | undefined {
  const { tellsDescriptors, maxSessions, network } = settings;
  const descriptorsMax = tellsDescriptors ? network.descriptorsMax?.() : undefined;
  if (descriptorsMax === undefined || descriptorsMax >= maxSessions + OTHER_DESCRIPTORS) return undefined;
  const why = `the process may open ${descriptorsMax} descriptors, and maxSessions is ${maxSessions}`;
  return new LanError("DESCRIPTORS_TOO_FEW", `Cannot serve all sessions: ${why}`);
}

/** What counts as one address. */
function addressOf(ip: string): string {
  if (!ip.includes(":")) return ip;
  const [head = "", tail = ""] = ip.split("%")[0]!.split("::");
  const groups = head === "" ? [] : head.split(":");
  if (ip.includes("::")) {
    const behind = tail === "" ? [] : tail.split(":");
    while (groups.length + behind.length < 8) groups.push("0");
    groups.push(...behind);
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
