/** A cable that is pulled tells nobody: both sides find out by themselves, each in the time that its options give. */
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LanOptions, LeaveReason } from "../../src/index.ts";
import {
  BEATING,
  HEARTBEAT_MS,
  KEEPALIVE_MS,
  LONG,
  PARTIAL_MS,
  PATIENT,
  PLACES,
  RESET,
  SILENT,
  STALL_MS,
} from "./bounds.ts";
import { Lab, noLab } from "./lab.ts";
import { checkLeave } from "./ledgers.ts";
import { Link, type Side, sendLong, some } from "./link.ts";

interface Expected {
  readonly reasons: readonly LeaveReason[];
  readonly withinMs: number;
}

interface Case {
  readonly name: string;
  readonly options: LanOptions;
  /** Brings the link to where the packets stop. */
  readonly busy: (link: Link<Lab>) => Promise<void>;
  /** What is sent into the dead link. */
  readonly after?: (link: Link<Lab>) => void;
  /** Where packets are dropped; at both sides. */
  readonly at?: readonly Side[];
  readonly expected: Record<Side, Expected>;
  /** What may be told besides. */
  readonly errors?: readonly string[];
}

const idle = async (): Promise<void> => {};
const writing = (link: Link<Lab>): Promise<void> => link.flood();
const reading = (link: Link<Lab>): Promise<void> => sendLong(link, 4 * 1024 * 1024);

const both = (reasons: readonly LeaveReason[], withinMs: number): Record<Side, Expected> => ({
  server: { reasons, withinMs },
  client: { reasons, withinMs },
});
const beating = { options: BEATING, expected: both(["heartbeat-timeout"], HEARTBEAT_MS) } as const;

const CASES: readonly Case[] = [
  { name: "while idle, with heartbeats", busy: idle, ...beating },
  {
    name: "with a little under way, with heartbeats",
    busy: idle,
    after: (link) => link.say(some(3)),
    ...beating,
  },
  { name: "mid-write, with heartbeats", busy: writing, ...beating },
  { name: "mid-read, with heartbeats", busy: reading, ...beating, options: { ...BEATING, ...LONG } },
  {
    name: "on their way to the server alone, with heartbeats",
    options: BEATING,
    busy: idle,
    at: ["server"],
    expected: {
      server: { reasons: ["heartbeat-timeout"], withinMs: HEARTBEAT_MS },
      client: { reasons: RESET, withinMs: HEARTBEAT_MS },
    },
  },
  {
    name: "while idle, with keepalive alone",
    options: SILENT,
    busy: idle,
    expected: both(["connection-failed"], KEEPALIVE_MS),
    errors: ["CONNECTION_FAILED"],
  },
  {
    name: "mid-write, without heartbeats",
    options: SILENT,
    busy: writing,
    // Whichever is seen first: a frame is half there, and a write does not complete.
    expected: both(["send-stalled", "partial-frame-timeout"], STALL_MS),
  },
  {
    name: "mid-read, without heartbeats",
    options: { ...SILENT, ...LONG },
    busy: reading,
    expected: {
      server: { reasons: ["partial-frame-timeout"], withinMs: PARTIAL_MS },
      client: { reasons: ["send-stalled"], withinMs: STALL_MS },
    },
  },
];

const skip = noLab() ?? false;

for (const place of PLACES) {
  for (const plan of CASES) {
    const name = `packets dropped ${plan.name}: both sides leave once and in time, the client comes back`;
    test(`${name}, ${place.where}`, { skip }, async (t) => {
      const link = await Link.up(t, { place, options: plan.options }, new Lab(t));
      await plan.busy(link);
      link.wire.drop(...(plan.at ?? []));
      await leaveInTime(t, link, plan);
      await link.comesBack();
      await link.settle({ errors: ["CONNECT_FAILED", "CONNECT_TIMEOUT", ...(plan.errors ?? [])] });
    });
  }

  test(`packets dropped for less than the time-outs cost nothing but time, ${place.where}`, {
    skip,
  }, async (t) => {
    const link = await Link.up(t, { place, options: PATIENT }, new Lab(t));
    const exchanged = link.exchange(6000);
    await link.server.ask({ do: "watch", bytes: 1_000_000 }, "arrived");
    link.wire.drop();
    await sleep(700); // the fault's length; nothing is waited for
    link.wire.heal();
    await exchanged;
    link.assertUp();
    await link.settle();
  });
}

async function leaveInTime(
  t: TestContext,
  link: Link<Lab>,
  { options, after, expected }: Case,
): Promise<void> {
  const sinceMs = Date.now();
  after?.(link);
  await Promise.all([link.server.nth("left", 1), link.client.nth("left", 1)]);
  // Nobody gives up at once: half of what shows the shortest patience here.
  const notBeforeMs = options.heartbeat === false ? 1000 / 2 : BEATING.heartbeat.timeoutMs / 2;
  for (const side of ["server", "client"] as const) {
    checkLeave(t, link[side], expected[side].reasons, { sinceMs, notBeforeMs, ...expected[side] });
  }
}
