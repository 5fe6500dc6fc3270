/**
 * What is done to a cluster from outside, as plain data: an operation says what, three numbers from 0 to 1 say
 * whom and how much, and the gap says when the next one comes.
 *
 * An operation that finds nobody to do it to does nothing, so any part of a history is a history.
 */
import type { Random } from "../../src/testing.ts";

/** Everything that can be done, and how often beside the others. */
export const WEIGHTS = {
  connect: 8,
  start: 15,
  "client sends": 20,
  "server sends": 14,
  "server sends by host id": 6,
  "server sends to a session that left": 1,
  broadcast: 4,
  "broadcast to some": 3,
  "send what cannot be taken": 1,
  "set host id": 7,
  disconnect: 4,
  "disconnect now": 3,
  "client disconnects": 2,
  "client disconnects now": 2,
  "client is aborted": 1,
  stop: 1.5,
  wait: 10,
  "wait long": 4,
  "block the thread": 2,
  cut: 2,
  "cut behind bytes": 4,
  stall: 5,
  resume: 2,
  "half-open one way": 1.5,
  "half-open": 1,
  "slow link": 2,
  "system gives a link up": 1,
  "accept fails": 1,
  "hold dials": 0.7,
  "release dials": 2,
  "faults change": 1,
  "peer comes": 2,
  "peer sends frames": 3,
  "peer sends half a frame": 1,
  "peer sends nonsense": 2,
  "peer stops reading": 1,
  "peer leaves": 1.5,
} as const;

export type OperationName = keyof typeof WEIGHTS;

export interface Operation {
  readonly do: OperationName;
  /** The time to the next one, in units of the history's scale; 0: `hops` tasks later, at the same time. */
  readonly gap: number;
  readonly hops: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const NAMES = Object.keys(WEIGHTS) as OperationName[];
const WEIGHT_SUM: number = NAMES.reduce((sum, name) => sum + WEIGHTS[name], 0);
const CALM: ReadonlySet<OperationName> = new Set<OperationName>([
  "connect",
  "start",
  "client sends",
  "server sends",
  "server sends by host id",
  "broadcast",
  "broadcast to some",
  "set host id",
  "disconnect",
  "client disconnects",
  "stop",
  "wait",
]);

/** How long it may take, in units of the scale, until the next operation. */
const PAUSES: Partial<Record<OperationName, number>> = { wait: 2, "wait long": 8 };

export function drawOperations(random: Random, clients: number): Operation[] {
  const count = random.pick([15, 40, 90]) + 2 * clients;
  const isCalm = random.chance(0.15);
  const isDense = random.chance(0.3);
  return Array.from({ length: count }, () => {
    const name = drawName(random);
    return {
      do: isCalm && !CALM.has(name) ? ("client sends" as const) : name,
      gap: random.chance(isDense ? 0.8 : 0.4) ? 0 : random.float() ** 3 * (PAUSES[name] ?? 0.5),
      hops: random.integer(0, 4),
      a: random.float(),
      b: random.float(),
      c: random.float(),
    };
  });
}

function drawName(random: Random): OperationName {
  let at = random.float() * WEIGHT_SUM;
  for (const name of NAMES) {
    at -= WEIGHTS[name];
    if (at < 0) return name;
  }
  return "wait";
}
