/**
 * Messages per second as work grows: against the payload, against the number of sessions, against the burst per
 * turn, for lanwire and net-coalesced. Writes one SVG per curve and all figures as JSON into --out.
 *
 *   node bench/curves.ts [--out docs] [--curves payload,sessions,burst] [--peer lanwire] [--rounds 3] [--seconds 1] [--quick]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { choosePlacement, endChildrenWithParent } from "./harness/children.ts";
import { describeMachine, thisMachine } from "./harness/machine.ts";
import { cycleOf, type Plan } from "./harness/plan.ts";
import { runWorkload } from "./harness/rounds.ts";
import type { RunOptions } from "./harness/run.ts";
import { amount, byteAmount, type Series, svgOf } from "./harness/svg.ts";
import { BASE, PEERS } from "./peers/index.ts";

const PLAIN: Plan = {
  pattern: "oneway",
  sizes: [64],
  links: 1,
  idleLinks: 0,
  window: 1,
  burst: 100,
  latency: false,
};
const STEPS = [1, 3, 10, 30, 100, 300, 1000];

/** One line of a plot per peer: what changes along x. */
interface Condition {
  readonly name: string;
  planAt(x: number): Plan;
}

interface Curve {
  readonly name: string;
  readonly title: string;
  readonly xLabel: string;
  readonly xs: readonly number[];
  readonly xText: (value: number) => string;
  readonly conditions: readonly Condition[];
}

const CURVES: readonly Curve[] = [
  {
    name: "payload",
    title: "One way, against the size of a message",
    xLabel: "payload; a burst per turn is 64 KiB, at most 1000 messages",
    xs: [16, 64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20],
    xText: byteAmount,
    conditions: [
      {
        name: "",
        planAt: (x) => ({ ...PLAIN, sizes: [x], burst: Math.max(1, Math.min(1000, (64 << 10) / x)) }),
      },
    ],
  },
  {
    name: "sessions",
    title: "Echo of 64 B, against the number of sessions",
    xLabel: "sessions; all busy: 32 outstanding on each; others idle: 1000 outstanding on one",
    xs: STEPS,
    xText: amount,
    conditions: [
      { name: "all busy", planAt: (x) => ({ ...PLAIN, pattern: "echo", links: x, window: 32 }) },
      { name: "others idle", planAt: (x) => ({ ...PLAIN, pattern: "echo", idleLinks: x - 1, window: 1000 }) },
    ],
  },
  {
    name: "burst",
    title: "One way, 64 B, against the burst per turn",
    xLabel: "messages that the sender hands over per turn of its loop",
    xs: STEPS,
    xText: amount,
    conditions: [{ name: "", planAt: (x) => ({ ...PLAIN, burst: x }) }],
  },
];

const { values: given } = parseArgs({
  options: {
    out: { type: "string", default: "docs" },
    curves: { type: "string", default: CURVES.map((curve) => curve.name).join(",") },
    peer: { type: "string", default: "lanwire" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    cores: { type: "string" },
    built: { type: "boolean", default: false },
  },
});

async function main(): Promise<void> {
  endChildrenWithParent();
  const placement = choosePlacement(given.cores);
  const machine = thisMachine(placement);
  console.log(`${describeMachine(machine)}\n`);
  const rounds = Number(given.rounds ?? (given.quick ? 1 : 3));
  const seconds = Number(given.seconds ?? (given.quick ? 0.3 : 1));
  const run: RunOptions = { seconds, warmupSeconds: given.quick ? 0.2 : 0.5, placement, built: given.built };
  const names = [...given.peer.split(","), BASE];
  const peers = PEERS.filter((entry) => names.includes(entry.name));
  mkdirSync(given.out, { recursive: true });
  const results = [];
  for (const curve of CURVES.filter((each) => given.curves.split(",").includes(each.name))) {
    const series: Series[] = [];
    for (const [index, condition] of curve.conditions.entries()) {
      const points = new Map(peers.map((entry) => [entry.name, [] as [number, number][]]));
      for (const x of curve.xs) {
        const plan = condition.planAt(x);
        const workload = {
          name: `${curve.name} ${curve.xText(x)} ${condition.name}`.trim(),
          about: curve.title,
          measure: "messages" as const,
          plan: { ...plan, sizes: cycleOf(plan.sizes) },
        };
        const rows = await runWorkload(workload, peers, rounds, run);
        if (rows.some((row) => row.failedRounds > 0)) process.exitCode = 1;
        for (const row of rows) {
          if (row.median !== undefined) points.get(row.peer)!.push([x, row.median.messagesPerSecond]);
        }
        const cells = rows.map(
          (row) =>
            `${row.peer} ${row.median === undefined ? row.note : `${amount(row.median.messagesPerSecond)}/s`}`,
        );
        console.log(`${workload.name}: ${cells.join(", ")}`);
        results.push({ curve: curve.name, condition: condition.name, x, rows });
      }
      for (const [peer, ownPoints] of points) {
        if (ownPoints.length === 0) continue;
        const colour = [...points.keys()].indexOf(peer);
        series.push({
          name: `${peer} ${condition.name}`.trim(),
          points: ownPoints,
          dashed: index > 0,
          colour,
        });
      }
    }
    if (series.length === 0) continue;
    const file = `${given.out}/performance-${curve.name}.svg`;
    writeFileSync(file, svgOf({ ...curve, yLabel: "messages/s", series }));
    console.log(`wrote ${file}\n`);
  }
  writeFileSync(
    `${given.out}/performance-curves.json`,
    `${JSON.stringify({ machine, rounds, seconds, results })}\n`,
  );
}

await main();
