/**
 * The server under overload, a process of its own: echoes to the healthy, sends to the deaf until it is refused, and
 * keeps a tally of who joined and how they left. On threads each instance has its part, and the tally is shared.
 */
import { isMainThread } from "node:worker_threads";
import {
  type ClientInfo,
  LanServer,
  LEAVE_REASONS,
  type Leave,
  Packet,
  type SessionId,
} from "../../src/index.ts";
import { serve } from "./child.ts";
import { KINDS, kindOf, LIMITS } from "./plan.ts";

const REASONS = Object.keys(LEAVE_REASONS) as (keyof typeof LEAVE_REASONS)[];
const ROW = 2 + REASONS.length;
/** What goes to the deaf: about a MiB a second to each, in small packets and small steps. */
const FEED_EVERY_MS = 1;
const FEED_SESSIONS = 6;
const FEED_PACKETS = 8;
const FEED_BYTES = 2000;

/** By kind: joins, refused sends, and leaves by reason. */
export type Tally = Record<string, { joins: number; refusedSends: number; left: Record<string, number> }>;

export interface Report {
  readonly tally: Tally;
  readonly sessions: number;
  readonly refused: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly cpuMs: number;
}

/** @public threads find it among this module's exports */
export class OverloadServer extends LanServer {
  static readonly module: string = import.meta.url;
  readonly #deaf = new Set<SessionId>();
  readonly #rows = new Map<SessionId, number>();
  #cells: Int32Array = new Int32Array();

  constructor() {
    super();
    if (this.workerData !== undefined) this.begin(this.workerData as SharedArrayBuffer);
  }

  begin(cells: SharedArrayBuffer): void {
    this.#cells = new Int32Array(cells);
    setInterval(() => this.#feed(), FEED_EVERY_MS).unref();
  }

  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(id: SessionId, { ip }: ClientInfo): void {
    const kind = kindOf(ip);
    const row = KINDS.indexOf(kind) * ROW;
    this.#rows.set(id, row);
    Atomics.add(this.#cells, row, 1);
    if (kind === "deaf") this.#deaf.add(id);
  }
  onClientLeave(id: SessionId, { reason }: Leave): void {
    this.#deaf.delete(id);
    Atomics.add(this.#cells, this.#rows.get(id)! + 2 + REASONS.indexOf(reason), 1);
    this.#rows.delete(id);
  }
  onRecv(id: SessionId, packet: Packet): void {
    this.sendPacket(id, packet);
  }
  override onSendReady(id: SessionId): void {
    this.#deaf.add(id);
  }
  onError(): void {} // counted by the server

  /** Each that takes what it is sent is behind the others then; one that refused is left alone until it has room. */
  #feed(): void {
    let fed = 0;
    for (const id of this.#deaf) {
      if (fed++ === FEED_SESSIONS) return;
      this.#deaf.delete(id);
      let taken = 0;
      while (taken < FEED_PACKETS && this.sendPacket(id, FEED)) taken++;
      if (taken === FEED_PACKETS) this.#deaf.add(id);
      else Atomics.add(this.#cells, this.#rows.get(id)! + 1, 1);
    }
  }
}

const FEED = Packet.from(new Uint8Array(FEED_BYTES));

if (isMainThread) {
  const shared = new SharedArrayBuffer(4 * ROW * KINDS.length);
  const server = new OverloadServer();
  serve({
    start: async ({ threads }: { threads: number }) => {
      if (threads === 0) server.begin(shared);
      const { port } = await server.start({
        ...LIMITS,
        allow: ["127.0.0.0/8"],
        port: 0,
        workerThreads: threads,
        workerData: threads === 0 ? undefined : shared,
      });
      return port;
    },
    report: (): Report => {
      const { user, system } = process.cpuUsage();
      const { sessions, refused, errors } = server.stats();
      return {
        tally: tallyOf(new Int32Array(shared)),
        sessions,
        refused,
        errors,
        cpuMs: (user + system) / 1000,
      };
    },
    stop: () => server.stop({ drainMs: 1000 }),
  });
}

function tallyOf(cells: Int32Array): Tally {
  const rowOf = (row: number): Tally[string] => ({
    joins: cells[row]!,
    refusedSends: cells[row + 1]!,
    left: Object.fromEntries(
      REASONS.map((reason, i) => [reason, cells[row + 2 + i]!] as const).filter(([, count]) => count > 0),
    ),
  });
  return Object.fromEntries(KINDS.map((kind, i) => [kind, rowOf(i * ROW)]));
}
