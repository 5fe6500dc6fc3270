/**
 * What is attacked: two NetServers in one process, in clear and with TLS, for the same users. They echo, and tell all
 * some news now and then. A tally by address says who joined and how they left; on threads all have it in common.
 */
import { isMainThread } from "node:worker_threads";
import {
  type ClientInfo,
  LEAVE_REASONS,
  type Leave,
  type LeaveReason,
  NetServer,
  Packet,
  type RefusalReason,
  type SessionId,
} from "../../src/index.ts";
import { serve } from "../overload/child.ts";
import type { Ports } from "./acts.ts";
import { ECHO, KINDS, kindOf, LIMITS, NEWS, pem } from "./plan.ts";

type Left = Partial<Record<LeaveReason, number>>;

type Counts = Readonly<Record<string, number>>;

export interface Report {
  readonly sessions: number;
  /** By kind; "" are the healthy. */
  readonly left: Readonly<Record<string, Left>>;
  readonly joined: Readonly<Record<string, number>>;
  readonly refusedBy: Readonly<Record<"plain" | "tls", Partial<Record<RefusalReason, number>>>>;
  /** Of both servers; and what else they were told of. */
  readonly leaves: Left;
  readonly errors: Readonly<Record<string, number>>;
}

const REASONS = Object.keys(LEAVE_REASONS) as LeaveReason[];
/** Joins, then leaves by reason. */
const ROW = 1 + REASONS.length;
const NAMES: readonly string[] = ["", ...KINDS];
const NEWS_EVERY_MS = 250;
const NEWS_BYTES = 1000;

/** @public threads find it among this module's exports */
export class AttackedServer extends NetServer {
  static readonly module: string = import.meta.url;
  readonly #rows = new Map<SessionId, number>();
  readonly #news = Packet.from(Uint8Array.from({ length: NEWS_BYTES }, (_, i) => (i === 0 ? NEWS : 0)));
  #cells: Int32Array = new Int32Array();

  constructor() {
    super();
    if (this.workerData !== undefined) this.begin(this.workerData as SharedArrayBuffer);
  }

  /** From here on it counts there. */
  begin(cells: SharedArrayBuffer): void {
    this.#cells = new Int32Array(cells);
  }

  tellAll(): void {
    this.broadcast(this.#news);
  }

  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(id: SessionId, { ip }: ClientInfo): void {
    const row = NAMES.indexOf(kindOf(ip) ?? "") * ROW;
    this.#rows.set(id, row);
    Atomics.add(this.#cells, row, 1);
  }
  onClientLeave(id: SessionId, { reason }: Leave): void {
    Atomics.add(this.#cells, this.#rows.get(id)! + 1 + REASONS.indexOf(reason), 1);
    this.#rows.delete(id);
  }
  onRecv(id: SessionId, packet: Packet): void {
    if (packet.readUint8() === ECHO) this.sendPacket(id, packet);
  }
  onError(): void {} // counted by the server
}

/** Both servers. */
export class Attacked {
  readonly #cells = new SharedArrayBuffer(4 * ROW * NAMES.length);
  readonly #servers = { plain: new AttackedServer(), tls: new AttackedServer() };
  #news: NodeJS.Timeout | undefined;

  async start(workerThreads: number): Promise<Ports> {
    const cert = { cert: pem("server.pem"), key: pem("server.key") };
    const start = async (server: AttackedServer, more: object): Promise<number> => {
      if (workerThreads === 0) server.begin(this.#cells);
      const workerData = workerThreads === 0 ? undefined : this.#cells;
      return (await server.start({ ...LIMITS, port: 0, workerThreads, workerData, ...more })).port;
    };
    const ports = {
      plain: await start(this.#servers.plain, {}),
      tls: await start(this.#servers.tls, { tls: cert }),
    };
    this.#news = setInterval(() => {
      for (const server of Object.values(this.#servers)) server.tellAll();
    }, NEWS_EVERY_MS);
    return ports;
  }

  async stop(): Promise<void> {
    clearInterval(this.#news);
    await Promise.all(Object.values(this.#servers).map((server) => server.stop({ drainMs: 1000 })));
  }

  report(): Report {
    const plain = this.#servers.plain.stats();
    const tls = this.#servers.tls.stats();
    const cells = new Int32Array(this.#cells);
    const joined: Record<string, number> = {};
    const left: Record<string, Left> = {};
    for (const [row, name] of NAMES.entries()) {
      joined[name] = cells[row * ROW]!;
      const counts = REASONS.map((reason, i) => [reason, cells[row * ROW + 1 + i]!] as const);
      left[name] = Object.fromEntries(counts.filter(([, count]) => count > 0));
    }
    return {
      sessions: plain.sessions + tls.sessions,
      joined,
      left,
      refusedBy: { plain: plain.refusedBy, tls: tls.refusedBy },
      leaves: sum(plain.left, tls.left),
      errors: sum(plain.errors, tls.errors),
    };
  }
}

function sum(one: Counts, other: Counts): Record<string, number> {
  const all: Record<string, number> = { ...one };
  for (const [name, count] of Object.entries(other)) all[name] = (all[name] ?? 0) + count;
  return all;
}

if (isMainThread && process.argv[1] === import.meta.filename) {
  const attacked = new Attacked();
  serve({
    start: ({ threads }: { threads: number }) => attacked.start(threads),
    report: () => attacked.report(),
    /** What the application's objects take, after a collection, and what the process has. */
    memory: () => {
      for (let i = 0; i < 3; i++) globalThis.gc!();
      const { heapUsed, external, rss } = process.memoryUsage();
      return { used: heapUsed + external, rss };
    },
    stop: () => attacked.stop(),
  });
}
