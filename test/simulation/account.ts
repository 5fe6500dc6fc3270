/**
 * What the figures of a server or client must add up to, counted from its events and its connections.
 */
import type { LanError, Leave } from "../../src/index.ts";
import type { End } from "./end.ts";
import type { World } from "./world.ts";

/** The figures that servers and clients share. */
interface LinkFigures {
  readonly sessions: number;
  readonly received: { readonly packets: number; readonly bytes: number };
  readonly sent: { readonly packets: number; readonly bytes: number };
  readonly queuedBytes: number;
  readonly left: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
}

export class Account {
  joins = 0;
  leaves = 0;
  refused = 0;
  /** What handlers threw or rejected with. */
  thrown = 0;
  /** The stop that ended it: how long it might drain, when it began, how far the clock had been jumped by then. */
  stopping: { readonly drainMs: number; readonly atMs: number; readonly blockedMs: number } = {
    drainMs: 0,
    atMs: 0,
    blockedMs: 0,
  };
  readonly #left: Record<string, number> = {};
  readonly #errors: Record<string, number> = {};
  /** Of sessions that left. */
  readonly #past = { receivedPackets: 0, receivedBytes: 0, sentPackets: 0, sentBytes: 0 };

  left(end: End, { reason }: Leave): void {
    this.leaves++;
    this.#left[reason] = (this.#left[reason] ?? 0) + 1;
    this.#past.receivedPackets += end.countedPackets;
    this.#past.receivedBytes += end.receiving.lane.readBytes;
    this.#past.sentPackets += end.sending.completedPackets;
    this.#past.sentBytes += end.sending.completedBytes;
  }

  error(world: World, who: string, { code }: LanError): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
    world.count(`error: ${code}`);
    if (this.#errors.EVENT_THREW! > this.thrown) world.fail(who, "EVENT_THREW though nothing was thrown");
  }

  /** Compares the library's figures with what was counted here. */
  check(world: World, who: string, told: LinkFigures, ends: readonly End[], joins: number): void {
    const { receivedPackets, receivedBytes, sentPackets, sentBytes } = this.#past;
    const sum = (from: number, of: (end: End) => number): number =>
      ends.reduce((all, end) => all + of(end), from);
    const equal = (figure: string, is: number, wanted: number): void => {
      if (is !== wanted) world.fail(who, `stats say ${figure} ${is}, it is ${wanted}`);
    };
    equal("joins", joins, this.joins);
    equal("sessions", told.sessions, this.joins - this.leaves);
    equal(
      "queuedBytes",
      told.queuedBytes,
      sum(0, ({ sending }) => sending.queuedBytes),
    );
    equal(
      "received.packets",
      told.received.packets,
      sum(receivedPackets, (end) => end.countedPackets),
    );
    equal(
      "received.bytes",
      told.received.bytes,
      sum(receivedBytes, ({ receiving }) => receiving.lane.readBytes),
    );
    equal(
      "sent.packets",
      told.sent.packets,
      sum(sentPackets, ({ sending }) => sending.completedPackets),
    );
    equal(
      "sent.bytes",
      told.sent.bytes,
      sum(sentBytes, ({ sending }) => sending.completedBytes),
    );
    equal("EVENT_THREW", told.errors.EVENT_THREW ?? 0, this.thrown);
    this.#compare(world, who, "left", told.left, this.#left);
    this.#compare(world, who, "errors", told.errors, this.#errors);
  }

  #compare(
    world: World,
    who: string,
    what: string,
    told: Readonly<Record<string, number>>,
    counted: Readonly<Record<string, number>>,
  ): void {
    const names = Object.keys(counted);
    const isEqual =
      Object.keys(told).length === names.length && names.every((name) => told[name] === counted[name]);
    if (!isEqual)
      world.fail(who, `stats say ${what} ${JSON.stringify(told)}, it is ${JSON.stringify(counted)}`);
  }
}
