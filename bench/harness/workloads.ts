/** The workloads by name, and what the command line may change about them. */
import { cycleOf, mixedSizes, type Plan } from "./plan.ts";

export interface Workload {
  readonly name: string;
  readonly about: string;
  /** What the table shows and the ratio compares. */
  readonly measure: "round trip" | "messages" | "bytes";
  readonly plan: Plan;
  /** Measured for these peers only. */
  readonly only?: readonly string[];
}

/** Given on the command line; undefined leaves the workload as it is. */
export interface Overrides {
  readonly sizes: readonly number[] | undefined;
  readonly links: number | undefined;
  readonly idleLinks: number | undefined;
  readonly window: number | undefined;
  readonly burst: number | undefined;
}

const DEFAULTS: Plan = {
  pattern: "echo",
  sizes: [64],
  links: 1,
  idleLinks: 0,
  window: 1,
  burst: 1,
  latency: false,
};

export const WORKLOADS: readonly Workload[] = [
  {
    name: "roundtrip",
    about: "one message there and back, the next after it",
    measure: "round trip",
    plan: { ...DEFAULTS, latency: true },
  },
  {
    name: "oneway",
    about: "one direction, as fast as back-pressure lets the sender",
    measure: "messages",
    plan: { ...DEFAULTS, pattern: "oneway", burst: 1000 },
  },
  {
    name: "echo",
    about: "echo with many outstanding on one link",
    measure: "messages",
    plan: { ...DEFAULTS, window: 1000 },
  },
  {
    name: "links",
    about: "echo on many links at once",
    measure: "messages",
    plan: { ...DEFAULTS, links: 32, window: 32 },
  },
  {
    name: "large",
    about: "large messages in one direction",
    measure: "bytes",
    plan: { ...DEFAULTS, pattern: "oneway", sizes: [64 << 10], burst: 16 },
  },
  {
    name: "broadcast-1",
    about: "one message per turn to every session; deliveries counted",
    measure: "messages",
    plan: { ...DEFAULTS, pattern: "broadcast", links: 64, burst: 1 },
  },
  {
    name: "broadcast-10",
    about: "ten messages per turn to every session; deliveries counted",
    measure: "messages",
    plan: { ...DEFAULTS, pattern: "broadcast", links: 64, burst: 10 },
  },
  {
    name: "handle",
    about: "from the server to one session; lanwire-handle: across threads",
    measure: "messages",
    plan: { ...DEFAULTS, pattern: "broadcast", burst: 100 },
    only: ["net-coalesced", "lanwire", "lanwire-1", "lanwire-handle"],
  },
  {
    name: "mixed",
    about: "sizes of all orders of magnitude in one direction",
    measure: "bytes",
    plan: { ...DEFAULTS, pattern: "oneway", sizes: mixedSizes(16, 256 << 10), burst: 32 },
  },
];

/** A workload as the command line wants it. */
export function adapt(workload: Workload, overrides: Overrides): Workload {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const plan: Plan = { ...workload.plan, ...given };
  return { ...workload, plan: { ...plan, sizes: cycleOf(plan.sizes) } };
}

/** "64 B, window 1000" */
export function describe({ sizes, links, idleLinks, window, burst, pattern }: Plan): string {
  const least = Math.min(...sizes);
  const most = Math.max(...sizes);
  const parts = [least === most ? `${least} B` : `${least} to ${most} B`];
  if (links > 1) parts.push(pattern === "broadcast" ? `${links} receivers` : `${links} links`);
  if (idleLinks > 0) parts.push(`${idleLinks} idle links`);
  parts.push(pattern === "echo" ? `${window} outstanding${links > 1 ? " each" : ""}` : `${burst} per turn`);
  return parts.join(", ");
}
