/** The judge of the overload's leaves: content with what must happen, and with nothing else. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Seen } from "../../scripts/overload/attackers.ts";
import { KINDS, type Kind, ROLES } from "../../scripts/overload/plan.ts";
import type { Tally } from "../../scripts/overload/server.ts";
import { allThrownOut, leavesWrong } from "../../scripts/overload/verdict.ts";

const OVERLOADS = 2;

/** Everybody came once per overload, and left as they had to; `change` makes one thing different. */
function tallied(
  change: { kind?: Kind; joins?: number; refusedSends?: number; left?: Record<string, number> } = {},
) {
  const tally: Tally = {};
  const seen: Seen = {};
  for (const kind of KINDS) {
    const { count, thrownOutWith } = ROLES[kind];
    const joins = kind === "healthy" ? count : count * OVERLOADS;
    const reason = kind === "healthy" ? "peer-closed" : (thrownOutWith ?? "reset");
    tally[kind] = { joins, refusedSends: kind === "deaf" ? joins : 0, left: { [reason]: joins } };
    seen[kind] = { connected: joins, withdrew: reason === "reset" ? joins : 0, failed: {} };
    if (change.kind === kind) tally[kind] = { ...tally[kind]!, ...change };
  }
  return { tally, seen };
}

function wrongOf(change: Parameters<typeof tallied>[0]): string[] {
  const { tally, seen } = tallied(change);
  return leavesWrong(tally, seen, OVERLOADS);
}

describe("the judge of leaves", () => {
  it("finds nothing wrong where everybody left as they had to", () => {
    assert.deepEqual(wrongOf({}), []);
    assert.ok(allThrownOut(tallied().tally, OVERLOADS));
  });

  it("finds a healthy link that left, or came twice", () => {
    assert.equal(wrongOf({ kind: "healthy", left: { "peer-closed": 9, reset: 1 } }).length, 1);
    assert.equal(wrongOf({ kind: "healthy", joins: 11, left: { "peer-closed": 11 } }).length, 1);
  });

  it("finds a join without a leave", () => {
    assert.match(wrongOf({ kind: "storm", joins: 2001 })[0]!, /2001 joins and 2000 leaves/);
  });

  it("finds a reason that does not fit", () => {
    const left = { "partial-frame-timeout": 1, reset: 99 };
    assert.match(wrongOf({ kind: "trickling", left })[0]!, /1 left with partial-frame-timeout/);
  });

  it("finds those that were not thrown out", () => {
    const change = { kind: "stuck", left: { "partial-frame-timeout": 99, reset: 1 } } as const;
    assert.match(wrongOf(change)[0]!, /at least 100 had to/);
    assert.ok(!allThrownOut(tallied(change).tally, OVERLOADS));
  });

  it("finds sessions that were reset and did not go by themselves", () => {
    const { tally, seen } = tallied({ kind: "deaf", joins: 201, left: { "send-stalled": 200, reset: 1 } });
    assert.match(leavesWrong(tally, seen, OVERLOADS)[0]!, /only 0 went by themselves/);
  });

  it("finds a queue that never refused", () => {
    assert.match(wrongOf({ kind: "deaf", refusedSends: 199 })[0]!, /only 199 sends were refused/);
  });

  it("finds too few that came", () => {
    assert.match(
      wrongOf({ kind: "garbage", joins: 199, left: { "frame-too-large": 199 } })[0]!,
      /only 199 joins/,
    );
  });
});
