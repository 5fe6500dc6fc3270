/** Makes a history that is wrong shorter: fewer operations that still lead to something wrong. */
import { runHistory } from "./history.ts";
import type { Plan } from "./plan.ts";

/**
 * Leaves out halves, quarters, ... of the operations for as long as something is still wrong. What is wrong may come
 * to be something else on the way, which is as good.
 * @param runsMax how many histories it may run.
 */
export async function shrink(plan: Plan, runsMax: number): Promise<Plan> {
  let shortest = plan;
  let runs = 0;
  for (let part = Math.ceil(plan.operations.length / 2); part >= 1 && runs < runsMax; ) {
    let hasShrunk = false;
    for (let at = 0; at < shortest.operations.length && runs < runsMax; runs++) {
      const operations = shortest.operations.toSpliced(at, part);
      const candidate = { ...shortest, operations };
      if ((await runHistory(candidate)).violation === undefined) at += part;
      else {
        shortest = candidate;
        hasShrunk = true;
      }
    }
    if (part > 1) part = Math.ceil(part / 2);
    else if (!hasShrunk) break;
  }
  return shortest;
}
