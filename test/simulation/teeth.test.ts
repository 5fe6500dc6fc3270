/** Whether the oracle has teeth: each defect that is put into the library, or into a link behind its back, is seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Defect } from "./defect.ts";
import { type Outcome, runHistory } from "./history.ts";
import { historySeeds, makePlan } from "./plan.ts";
import { SENDING_DEFECTS } from "./sending-defects.ts";
import { SESSION_DEFECTS } from "./session-defects.ts";
import { shrink } from "./shrink.ts";

/** A defect must show in one of so many histories. */
const HISTORIES_MAX = 80;

/** The first history in which something is wrong. */
async function firstWrong(tune: Defect["tune"]): Promise<Outcome | undefined> {
  let left = HISTORIES_MAX;
  for (const seed of historySeeds(11)) {
    if (left-- === 0) return undefined;
    const outcome = await runHistory(tune?.(makePlan(seed)) ?? makePlan(seed));
    if (outcome.violation !== undefined) return outcome;
  }
}

for (const { name, seenAs, put, tune } of [...SENDING_DEFECTS, ...SESSION_DEFECTS]) {
  test(`the oracle sees that ${name}`, async () => {
    const undo = put();
    try {
      const outcome = await firstWrong(tune);
      assert(outcome !== undefined, `${HISTORIES_MAX} histories are well all the same`);
      assert.match(outcome.violation!, seenAs);
    } finally {
      undo();
    }
  });
}

test("a history that is wrong is shortened to what is enough", async () => {
  const { put } = SESSION_DEFECTS.find(({ name }) => name === "a leave is told twice")!;
  const undo = put();
  try {
    const plan = makePlan(historySeeds(11).next().value);
    const shortest = await shrink(plan, 100);
    assert.notEqual((await runHistory(shortest)).violation, undefined);
    assert(
      shortest.operations.length < plan.operations.length / 4,
      `${shortest.operations.length} operations`,
    );
  } finally {
    undo();
  }
});

test("without a defect the same histories are well", async () => {
  const seeds = historySeeds(11);
  for (let n = 0; n < 10; n++)
    assert.equal((await runHistory(makePlan(seeds.next().value))).violation, undefined);
});
