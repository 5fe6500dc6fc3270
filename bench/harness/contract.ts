/**
 * What a peer implements. The workloads are written once, over this; each peer frames, queues and flushes
 * the way a careful user of it would.
 */
import type { Receiver } from "./check.ts";
import type { ChildPlan, Command, Reply } from "./plan.ts";

/** The sending end of one connection. */
export interface Link {
  /**
   * Hot. Sends message `seq` with `byteLength` bytes (see check.ts). False: not taken; the peer calls
   * `ready` of its side once it can take again.
   */
  send(seq: number, byteLength: number): boolean;
}

/** The workload in the server process. */
export interface ServerSide {
  /** A connection came. What it receives goes to the Receiver; in the echo pattern the peer then sends it back. */
  join(): Receiver;
}

/** The workload in the client process. */
export interface ClientSide {
  /** Connection `index` (0 .. links + idleLinks - 1) is there. */
  join(index: number, link: Link): Receiver;
  /** Connection `index` refused a message and can take again. */
  ready(index: number): void;
}

export interface Served {
  readonly port: number;
  /** Sends message `seq` to every session; only in the broadcast pattern. The workload keeps it within bounds. */
  broadcast?(seq: number, byteLength: number): void;
  /** Where the workload runs elsewhere in this process (a worker thread): its side channel, and what carries
   *  commands there. */
  readonly creditPort?: number;
  command?(command: Command): Promise<Reply>;
}

export interface Connected {
  /** As in Served. */
  command?(command: Command): Promise<Reply>;
}

export interface Peer {
  serve(plan: ChildPlan, side: ServerSide): Promise<Served>;
  /** Resolves when all links + idleLinks connections have joined. */
  connect(plan: ChildPlan, side: ClientSide): Promise<Connected>;
}
