/**
 * One history from its plan to its end: the cluster begins, is driven, ends; whatever it does is checked at each
 * step, and what must hold for the whole behind the last.
 *
 *      plan --> World, parts --> operations --> everybody ends --> nothing is left
 *
 * Invariant: nothing but the plan decides what happens. The library's memory that outlives a history (its pools)
 * begins each one in the same state, as far as it shows.
 */
import { receivePool } from "../../src/framing/receive-buffer.ts";
import { ClientPart } from "./client-part.ts";
import { type Cast, drive } from "./driver.ts";
import type { Plan } from "./plan.ts";
import { RawPart } from "./raw-part.ts";
import { ServerPart } from "./server-part.ts";
import { type Tally, World } from "./world.ts";

export interface Outcome {
  /** The first thing that was wrong. */
  readonly violation: string | undefined;
  /** The hash of everything that happened. */
  readonly hash: string;
  readonly steps: number;
  readonly notes: number;
  readonly virtualMs: number;
  readonly tally: Tally;
  /** The last things that happened. */
  readonly tail: readonly string[];
}

/** Full figures are compared at every so many steps. */
const THOROUGH_EVERY = 16;
const TAIL_LINES = 60;
/** What a history that failed has begun is over by then. */
const TURNS_BEHIND_FAILURE = 20;
/** A history that needs more virtual time than this for one thing hangs. */
const LIMIT_SCALES = 2000;

/** Runs a history. Never rejects. */
export async function runHistory(plan: Plan): Promise<Outcome> {
  receivePool.lease(); // a fresh slab: how much one read gives depends on it
  const world = new World(plan);
  const release = watchProcess(world);
  const failed = new Promise<void>((resolve) => (world.onViolation = resolve));
  try {
    await Promise.race([live(world), failed]);
  } catch (error) {
    world.crash(error);
  }
  if (world.violation !== undefined) {
    world.clock.halt();
    for (let turn = 0; turn < TURNS_BEHIND_FAILURE; turn++)
      await new Promise((resolve) => setImmediate(resolve));
  }
  release();
  const { violation, trace, tally, clock } = world;
  return {
    violation,
    hash: trace.hash,
    steps: clock.steps,
    notes: trace.notes,
    virtualMs: clock.nowMs(),
    tally,
    tail: trace.tail(TAIL_LINES),
  };
}

async function live(world: World): Promise<void> {
  const { plan, clock } = world;
  const limitMs = LIMIT_SCALES * plan.scaleMs;
  const server = new ServerPart(world);
  const clients = plan.clients.map((client, index) => new ClientPart(world, index, client));
  const cast: Cast = { world, server, clients, peers: new RawPart(world) };
  world.onStep = () => check(cast);
  server.begin();
  for (const client of clients) client.begin();
  let isDriven = false;
  drive(cast, () => (isDriven = true));
  await clock.until(() => isDriven, { limitMs });
  await clock.advance(plan.scaleMs * world.random.pick([0, 1, 10]));
  world.network.releaseDials();
  cast.peers.close();
  const isServerFirst = world.random.chance(0.5);
  const stop = (): Promise<void> => server.halt(plan.scaleMs);
  const leave = (): Promise<unknown> =>
    Promise.all(clients.map((client) => client.halt(world.random.chance(0.2))));
  const ending = isServerFirst ? stop().then(leave) : leave().then(stop);
  await clock.until(ending, { limitMs });
  await clock.advance(plan.scaleMs * 10); // slow handlers, bytes for nobody
  checkEnd(cast);
}

/** Looks at the settled world before a step. */
function check(cast: Cast): void {
  const { world, server, clients } = cast;
  const { steps } = world.clock;
  const isThorough = steps % THOROUGH_EVERY === 0;
  server.check(isThorough);
  if (isThorough || world.touched.size > 0) for (const client of clients) client.check(isThorough);
  world.touched.clear();
  if (isThorough) for (const end of world.ends) end.vigil.check();
}

/** What must hold behind everything. */
function checkEnd(cast: Cast): void {
  const { world, server, clients } = cast;
  check(cast);
  world.checkKept();
  const joined = [server, ...clients].reduce((sum, { account }) => sum + account.joins - account.leaves, 0);
  if (joined !== 0) world.fail("the history", `${joined} joins have no leave`);
  for (const end of world.ends) end.fail("is there behind the end");
  if (world.network.links.length > 0)
    world.fail("the history", `${world.network.links.length} links are left`);
  if (world.clock.pendingTimers > 0)
    world.fail("the history", `${world.clock.pendingTimers} timers are left`);
}

/** Makes whatever the library does to the process part of the history. */
function watchProcess(world: World): () => void {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error) => {
    world.note("process", "warning");
    world.count("outcome: onError threw, and the process was warned");
    if (!String(warning).includes("onError threw")) world.fail("the library", `warned: ${String(warning)}`);
  };
  process.setUncaughtExceptionCaptureCallback((error) => world.crash(error));
  return () => {
    process.emitWarning = emitWarning;
    process.setUncaughtExceptionCaptureCallback(null);
  };
}
