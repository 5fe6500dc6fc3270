/**
 * What an event's handler does, in a history's manner: nothing, send, end a session, throw, take its time, block
 * the thread. And the batches around events.
 */
import type { LanError } from "../../src/index.ts";
import type { Random } from "../../src/testing.ts";
import type { Account } from "./account.ts";
import type { LinkLimits } from "./plan.ts";
import type { World } from "./world.ts";

export type EventKind = "request" | "join" | "recv" | "send" | "sendReady" | "leave" | "error";

/** Whom a handler acts for, and what it can do. */
export interface Handling {
  readonly world: World;
  readonly account: Account;
  readonly limits: LinkLimits;
  /** Sends a packet of `size`, or the received one. */
  talk(size: number): void;
  kick(now: boolean): void;
  /** Stops the server, disconnects the client; resolves once that is over. */
  end(): Promise<void>;
}

/** Does what the history's manners say. Throws, or answers a promise, as a careless application does. */
export function handle(handling: Handling, kind: EventKind): void | Promise<void> {
  const { world } = handling;
  const { random, plan } = world;
  const { manners } = plan;
  if (random.chance(manners.talks)) {
    const count = kind === "sendReady" || random.chance(0.1) ? random.integer(1, 6) : 1;
    for (let n = 0; n < count; n++) handling.talk(drawSize(world.random, handling.limits));
  }
  if (random.chance(manners.blocks)) {
    world.clock.block(random.float() * plan.scaleMs);
    world.count("fault: a handler blocked the thread");
  }
  if (random.chance(manners.kicks)) handling.kick(random.chance(0.5));
  if (random.chance(manners.kicks / 6)) {
    const ended = handling.end();
    if (random.chance(0.5)) {
      world.count("outcome: a handler waited for stop or disconnect");
      return ended;
    }
  }
  if (random.chance(manners.throws)) throw fault(handling, kind);
  if (!random.chance(manners.slow) || (kind !== "recv" && random.chance(0.9))) return undefined;
  return slowly(handling, kind);
}

/** A size for a packet that anybody may be sent; often one at which the library does something else. */
export function drawSize(random: Random, { packetBytesMax, heartbeat, headerBytes }: LinkLimits): number {
  const smallest = heartbeat === false && random.chance(0.05) ? 0 : 1;
  if (random.chance(0.2)) {
    const edge = random.pick([
      packetBytesMax,
      packetBytesMax - 1,
      1023,
      1024,
      16_383,
      16_384,
      4096 - headerBytes,
    ]);
    return Math.max(smallest, Math.min(packetBytesMax, edge));
  }
  const most = random.chance(0.7) ? Math.min(200, packetBytesMax) : packetBytesMax;
  return Math.max(smallest, Math.floor(most ** random.float()));
}

/** A second start or connect must be refused, whenever it comes. */
export function refusesTwice(world: World, who: string, second: Promise<unknown>): void {
  second.then(
    () => world.fail(who, "ran twice"),
    ({ code }: LanError) => {
      if (code !== "ALREADY_RUNNING") world.fail(who, `a second start was refused with ${code}`);
      world.count("outcome: a second start was refused");
    },
  );
}

async function slowly(handling: Handling, kind: EventKind): Promise<void> {
  const { world } = handling;
  const { random, plan } = world;
  const ms = random.chance(0.3) ? 0 : random.float() * plan.manners.slowMs;
  world.count("fault: a slow handler");
  if (ms > 0) await new Promise<void>((resolve) => world.clock.after(ms, resolve));
  if (random.chance(plan.manners.talks)) handling.talk(drawSize(world.random, handling.limits));
  if (random.chance(plan.manners.kicks)) handling.kick(random.chance(0.5));
  if (random.chance(plan.manners.throws)) throw fault(handling, kind);
}

function fault({ account, world }: Handling, kind: EventKind): Error {
  // What onError throws is told as a warning of the process.
  if (kind !== "error") account.thrown++;
  world.count("fault: a handler threw");
  return new Error(`thrown on ${kind}`);
}

/** Sees to it that every event has a batch around it, and that each batch ends with its callback. */
export class BatchHooks {
  readonly #world: World;
  readonly #who: string;
  #isIn = false;

  constructor(world: World, who: string) {
    this.#world = world;
    this.#who = who;
  }

  begin(): void {
    if (this.#isIn) this.#world.fail(this.#who, "a batch began inside another");
    this.#isIn = true;
    this.#world.event(this.#who, "onWorkerThreadBegin", () => {});
  }

  end(): void {
    if (!this.#isIn) this.#world.fail(this.#who, "a batch ended that had not begun");
    this.#isIn = false;
    this.#world.event(this.#who, "onWorkerThreadEnd", () => {});
  }

  event(name: string): void {
    if (!this.#isIn) this.#world.fail(this.#who, `${name} came outside of a batch`);
  }

  /** Between two steps. */
  check(): void {
    if (this.#isIn) this.#world.fail(this.#who, "a batch did not end with its callback");
  }
}
