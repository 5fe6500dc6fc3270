/**
 * What everything in one history shares: its clock and network, its trace and tally, and the first thing that
 * went wrong.
 *
 * Invariant: at most one event runs at any moment, on whatever server or client.
 */
import type { Packet } from "../../src/index.ts";
import type { MemoryLink } from "../../src/testing.ts";
import { MemoryNetwork, Random } from "../../src/testing.ts";
import { type Content, isAt } from "./content.ts";
import type { End } from "./end.ts";
import { LinkModel } from "./link-model.ts";
import type { Plan } from "./plan.ts";
import { SteppingClock } from "./stepping-clock.ts";
import { Trace } from "./trace.ts";

/** How often each thing happened, by name. */
export type Tally = Map<string, number>;

const KEEP_EVERY = 5;
const KEPT_MAX = 20;

export class World {
  readonly plan: Plan;
  readonly clock: SteppingClock;
  readonly network: MemoryNetwork;
  readonly trace: Trace = new Trace();
  readonly tally: Tally = new Map();
  /** Decides what handlers do. */
  readonly random: Random;
  /** The first thing that went wrong. */
  violation: string | undefined;
  /** Called before each step. */
  onStep: () => void = () => {};
  /** Called at once when something went wrong. */
  onViolation: () => void = () => {};
  /** Ends of sessions that are not over, in the order in which they began. */
  readonly ends: Set<End> = new Set();
  /** Ends to which something happened since the last step. */
  readonly touched: Set<End> = new Set();
  packetsLeft: number;
  bytesLeft: number;
  readonly #linksByDialler = new Map<string, LinkModel>();
  #running: string | undefined;
  readonly #kept: { readonly packet: Packet; readonly content: Content }[] = [];
  #packetsMade = 0;
  #received = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.random = new Random(plan.seed).fork(2);
    this.packetsLeft = plan.packetsMax;
    this.bytesLeft = plan.bytesMax;
    this.clock = new SteppingClock(
      () => this.onStep(),
      (error) => this.crash(error),
    );
    this.network = new MemoryNetwork({
      ...plan.network,
      clock: this.clock,
      onLink: (link) => this.#onLink(link),
    });
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** The trace ends with what went wrong. */
  note(who: string, what: string, x = 0, y = 0): void {
    if (this.violation === undefined) this.trace.note(this.clock.nowMs(), who, what, x, y);
  }

  count(what: string, times = 1): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + times);
  }

  /** Something is wrong; what follows says nothing new. */
  fail(who: string, what: string): void {
    if (this.violation !== undefined) return;
    this.note(who, `VIOLATION ${what}`);
    this.violation = `${who}: ${what}`;
    this.onViolation();
  }

  /** The code under test threw where nobody could catch it. */
  crash(error: unknown): void {
    this.fail(
      "the library",
      `threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }

  /** Runs an event. */
  event<T>(who: string, event: string, body: () => T): T {
    if (this.#running !== undefined) this.fail(who, `${event} began inside ${this.#running}`);
    this.#running = `${event} of ${who}`;
    this.count(`event ${event}`);
    try {
      return body();
    } finally {
      this.#running = undefined;
    }
  }

  /** Lets something of `size` be sent, as long as the history may still send. Answers its number. */
  nextPacket(size: number): number | undefined {
    if (this.packetsLeft <= 0 || this.bytesLeft < size) return undefined;
    this.packetsLeft--;
    this.bytesLeft -= size;
    return this.#packetsMade++;
  }

  /** Keeps some of the received packets: they must stay what they are. */
  keep(packet: Packet, content: Content): void {
    const at = this.#received++ % KEEP_EVERY;
    if (at === 0 && this.#kept.length < KEPT_MAX) this.#kept.push({ packet, content });
  }

  /** At the end: whether what was kept is what arrived. */
  checkKept(): void {
    for (const { packet, content } of this.#kept) {
      const bytes = Buffer.from(packet.toBytes());
      if (bytes.length !== content.size || !isAt(content, bytes, 0))
        this.fail("a kept packet", "has changed");
    }
  }

  /** The link that was dialled from there. */
  linkFrom({ ip, port }: { readonly ip: string; readonly port: number }): LinkModel {
    return this.#linksByDialler.get(`${ip}:${port}`)!;
  }

  #onLink(link: MemoryLink): void {
    const model = new LinkModel(this, link);
    this.#linksByDialler.set(`${link.dialler.ip}:${link.dialler.port}`, model);
    this.note(model.name, "made");
  }
}
