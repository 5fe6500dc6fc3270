/**
 * The contract, sentence by sentence, over any world. A subject is a list of tests that all begin in a world
 * of their own; behind each the whole of what happened is held against the contract once more.
 */
import { describe, it, type TestContext } from "node:test";
import type { Feature, World } from "../support/world.ts";
import { admission } from "./admission.ts";
import { backpressure } from "./backpressure.ts";
import { clientConnect } from "./client-connect.ts";
import { clientReconnect } from "./client-reconnect.ts";
import { diagnostics } from "./diagnostics.ts";
import { disconnectAndDrain } from "./disconnect-and-drain.ts";
import { errors } from "./errors.ts";
import { eventsAndBatches } from "./events-and-batches.ts";
import { eventsNeverNest } from "./events-never-nest.ts";
import { eventsThatFail } from "./events-that-fail.ts";
import { framing } from "./framing.ts";
import { heartbeat } from "./heartbeat.ts";
import { histories } from "./histories.ts";
import { hostIds } from "./host-ids.ts";
import { leaveReasons } from "./leave-reasons.ts";
import { options } from "./options.ts";
import { partialFrames } from "./partial-frames.ts";
import { receiving } from "./receiving.ts";
import { sendStalls } from "./send-stalls.ts";
import { sending } from "./sending.ts";
import { serverLifecycle } from "./server-lifecycle.ts";
import { sessionsAndIds } from "./sessions-and-ids.ts";
import { slowReceivers } from "./slow-receivers.ts";
import { statistics } from "./stats.ts";

/** `another` makes a further world, for a test that runs a history in each; the test closes it. */
export type Body = (world: World, t: TestContext, another: () => World) => Promise<void>;
/**
 * Tells a test; `needs` leaves it out where the world does not have what it needs, and skips it where only this
 * platform has not.
 */
export type Tell = (name: string, body: Body, ...needs: Feature[]) => void;

/** A part of the contract. */
export interface Subject {
  readonly name: string;
  /** How many of its tests may run at the same time: where most of them wait for time to pass. Default 1. */
  readonly concurrency?: number;
  readonly tests: (tell: Tell) => void;
}

const SUBJECTS: readonly Subject[] = [
  serverLifecycle,
  admission,
  sessionsAndIds,
  hostIds,
  sending,
  receiving,
  backpressure,
  slowReceivers,
  eventsNeverNest,
  eventsThatFail,
  eventsAndBatches,
  disconnectAndDrain,
  leaveReasons,
  heartbeat,
  partialFrames,
  sendStalls,
  clientConnect,
  clientReconnect,
  framing,
  options,
  errors,
  statistics,
  diagnostics,
  histories,
];

/** What of the suite runs. */
export interface Choice {
  /** The subjects by name. Default: all. */
  readonly chosen?: readonly string[];
  /** Tests that cannot hold there, by title, and why. */
  readonly skipped?: Readonly<Record<string, string>>;
}

export function describeConformance(
  name: string,
  makeWorld: () => World,
  { chosen, skipped = {} }: Choice = {},
): void {
  const subjects = SUBJECTS.filter((subject) => chosen?.includes(subject.name) !== false);
  describeSubjects(`conformance, ${name}`, subjects, makeWorld, (title) => skipped[title]);
}

/** @param whyNot why a test is skipped, or undefined */
export function describeSubjects(
  name: string,
  subjects: readonly Subject[],
  makeWorld: () => World,
  whyNot: (title: string) => string | undefined,
): void {
  const first = makeWorld();
  describe(name, () => {
    for (const subject of subjects) {
      describe(subject.name, { concurrency: subject.concurrency ?? 1 }, () => {
        subject.tests((title, body, ...needs) => {
          const lack = lackOf(first, needs);
          const skip = whyNot(title) ?? lack;
          if (lack !== undefined) it(title, { skip: skip ?? false }, (t) => inWorld(makeWorld, t, body));
        });
      });
    }
  });
}

/** Why a test is skipped in such a world; false: it runs; undefined: it is none of this world's. */
export function lackOf({ features, missing }: World, needs: readonly Feature[]): string | false | undefined {
  const lacks = needs.filter((feature) => !features.has(feature));
  if (!lacks.every((feature) => missing.has(feature))) return undefined;
  return lacks.length > 0 && lacks.map((feature) => missing.get(feature)).join("; ");
}

/** Runs a test in a world of its own, and holds against the contract what happened there. */
export async function inWorld(makeWorld: () => World, t: TestContext, body: Body): Promise<void> {
  const world = makeWorld();
  try {
    await body(world, t, makeWorld);
    await world.close();
    world.assertContract();
  } catch (error) {
    t.diagnostic(world.summary());
    await world.close().catch((late) => t.diagnostic(`and then: ${late}`));
    throw error;
  }
}
