/** The rounds of one workload, interleaved peer by peer, so that what the machine does meanwhile meets all. */
import { BASE, type PeerEntry } from "../peers/index.ts";
import { Unavailable } from "./children.ts";
import { type Outcome, type RunOptions, runOnce } from "./run.ts";
import { medianOutcome, type Row, scoreOf } from "./table.ts";
import type { Workload } from "./workloads.ts";

interface Course {
  readonly entry: PeerEntry;
  readonly outcomes: Outcome[];
  failedRounds: number;
  note: string | undefined;
  /** Cannot run here; not asked again in this workload. */
  out: boolean;
}

/** One line that is overwritten, on a terminal only. */
export function tellProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function runRound(course: Course, workload: Workload, run: RunOptions): Promise<void> {
  const { entry } = course;
  try {
    course.outcomes.push(await runOnce(entry, workload.plan, run));
  } catch (error) {
    const { message } = error as Error;
    course.note = message.split("\n")[0];
    course.out = error instanceof Unavailable;
    if (course.out) return;
    course.failedRounds++;
    process.stderr.write(`\n!!! ${workload.name}, ${entry.name}: ${message}\n`);
  }
}

export async function runWorkload(
  workload: Workload,
  peers: readonly PeerEntry[],
  rounds: number,
  run: RunOptions,
): Promise<Row[]> {
  const courses = peers
    .filter((entry) => entry.skips?.(workload.plan) === undefined)
    .filter((entry) => workload.only === undefined || workload.only.includes(entry.name))
    .map((entry): Course => ({ entry, outcomes: [], failedRounds: 0, note: undefined, out: false }));
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another peer, so that none always comes after the same one.
    for (let step = 0; step < courses.length; step++) {
      const course = courses[(step + round) % courses.length]!;
      if (course.out) continue;
      tellProgress(`${workload.name}: round ${round + 1} of ${rounds}, ${course.entry.name}`);
      await runRound(course, workload, run);
    }
  }
  tellProgress("");
  const base = medianOutcome(courses.find((course) => course.entry.name === BASE)?.outcomes ?? []);
  return courses.map(({ entry, outcomes, note, failedRounds }) => {
    const median = medianOutcome(outcomes);
    const ratio = median && base && scoreOf(workload, median) / scoreOf(workload, base);
    return { peer: entry.name, note, failedRounds, rounds: outcomes, median, ratio };
  });
}
