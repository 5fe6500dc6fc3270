/** The peers, in the order of the table. The first is the base of all ratios. */

import type { ChildPlan, Plan } from "../harness/plan.ts";
import { cCommandLine } from "./c-build.ts";

export interface PeerEntry {
  readonly name: string;
  /** Its adapter in this folder; for C the program's mode. */
  readonly module: string;
  readonly threads?: number;
  readonly clientThreads?: number;
  readonly busyPollMicros?: number;
  /** lanwire: the handle on the main thread sends, to sessions that live on the worker thread. */
  readonly fromHandle?: boolean;
  /** See ChildPlan. */
  readonly credit?: boolean;
  readonly broker?: boolean;
  /** Why it is not measured in this workload; undefined: it is. */
  skips?(plan: Plan): string | undefined;
  /** For what is not a Node process. Throws Unavailable. */
  commandLine?(role: "server" | "client", plan: ChildPlan): string[];
}

/** Polling burns its core for latency: measured where someone waits for an answer on one link. */
const onlyOneLinkEcho = (plan: Plan): string | undefined =>
  plan.pattern === "echo" && plan.links === 1 && plan.idleLinks === 0 ? undefined : "echo on one link only";

const onlyOneReceiver = (plan: Plan): string | undefined =>
  plan.pattern === "broadcast" && plan.links === 1 ? undefined : "one receiver only";

export const BASE = "net-coalesced";

export const PEERS: readonly PeerEntry[] = [
  { name: BASE, module: "net-coalesced" },
  { name: "net-in-place", module: "net-in-place" },
  { name: "net-plain", module: "net-plain" },
  { name: "lanwire", module: "lanwire" },
  { name: "lanwire-1", module: "lanwire", threads: 1 },
  { name: "lanwire-poll", module: "lanwire", busyPollMicros: 100, skips: onlyOneLinkEcho },
  { name: "lanwire-1-poll", module: "lanwire", threads: 1, busyPollMicros: 100, skips: onlyOneLinkEcho },
  { name: "lanwire-handle", module: "lanwire", threads: 1, fromHandle: true, skips: onlyOneReceiver },
  { name: "zeromq", module: "zeromq" },
  { name: "nats", module: "nats", broker: true, credit: true },
  { name: "grpc", module: "grpc" },
  { name: "ws", module: "ws" },
  { name: "c-epoll", module: "epoll", commandLine: (role, plan) => cCommandLine("epoll", role, plan) },
  {
    name: "c-spin",
    module: "spin",
    commandLine: (role, plan) => cCommandLine("spin", role, plan),
    skips: onlyOneLinkEcho,
  },
];
