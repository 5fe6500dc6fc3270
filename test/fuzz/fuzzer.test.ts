/** The fuzzer itself: what is wrong it tells, with what makes the case again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzzInProcess } from "../../scripts/fuzz/in-process.ts";
import { TARGETS } from "../../scripts/fuzz/targets/all.ts";
import { CaseFailed, runCases } from "../../scripts/fuzz/targets/run-cases.ts";
import type { FuzzTarget } from "../../scripts/fuzz/targets/target.ts";
import { bad, EXITS, FAILS, HANGS, SEED } from "./fixtures/bad-target.ts";

/** A case that is quick takes less on a busy machine, too. */
const HANG_MS = 5000;

describe("the fuzzer", () => {
  it("tells a case that fails, one that hangs and one that ends the process, and goes on behind each", async () => {
    const problems: string[] = [];
    const problem = (text: string): void => void problems.push(text);
    const { cases, failures } = await fuzzInProcess(bad, SEED, 300, { hangMs: HANG_MS, problem });
    assert.deepEqual([cases, failures], [300, 3], problems.join("\n"));
    for (const [i, index] of [FAILS, HANGS, EXITS].entries())
      assert.match(problems[i]!, new RegExp(`--seed ${SEED} --replay bad:${index}\\b`));
    assert.match(problems[0]!, /it fails/);
    assert.match(problems[1]!, /hangs/);
    assert.match(problems[2]!, /code 7/);
  });

  it("makes a case again with the same numbers, whatever ran before", async () => {
    const told: string[] = [];
    const drawn: FuzzTarget = {
      name: "drawn",
      module: import.meta.url,
      share: 1,
      begin: () => (random) => void told.push(String(random.uint32())),
    };
    await runCases(drawn, 4, 0, 600);
    const [first, all] = [told[0], told.splice(0)];
    await runCases(drawn, 4, 520, 521);
    assert.equal(told.at(-1), all[520]);
    assert.equal(told.length, 520 - 512 + 1); // with those of its block before it
    assert.notEqual(first, all[520]);
    told.length = 0;
    await runCases(drawn, 5, 0, 1);
    assert.notEqual(told[0], first);
  });
});

describe("a quick run with a fixed seed", () => {
  const CASES: Readonly<Record<string, number>> = {
    decoder: 20_000,
    reader: 20_000,
    batch: 6000,
    mail: 6000,
    options: 4000,
  };
  for (const target of TARGETS) {
    it(`${target.name}: ${CASES[target.name]} cases`, async () => {
      try {
        await runCases(target, 1, 0, CASES[target.name]!);
      } catch (error) {
        assert.ok(error instanceof CaseFailed);
        assert.fail(`${error.message}: ${(error.cause as Error).stack}`);
      }
    });
  }
});
