/** Whether everybody left as they had to, by the server's tally and by what the others saw. */
import type { Seen } from "./attackers.ts";
import { KINDS, type Kind, ROLES } from "./plan.ts";
import type { Tally } from "./server.ts";

/** What is wrong, after `overloads` overloads and once nobody is there any more. */
export function leavesWrong(tally: Tally, seen: Seen, overloads: number): string[] {
  return KINDS.flatMap((kind) => wrongOf(kind, tally[kind]!, seen[kind], overloads));
}

/** Whether each has been thrown out that had to be, in each of so many overloads. */
export function allThrownOut(tally: Tally, overloads: number): boolean {
  return KINDS.every((kind) => {
    const { count, thrownOutWith } = ROLES[kind];
    return thrownOutWith === null || (tally[kind]!.left[thrownOutWith] ?? 0) >= count * overloads;
  });
}

function wrongOf(
  kind: Kind,
  { joins, refusedSends, left }: Tally[string],
  seen: Seen[string] | undefined,
  overloads: number,
): string[] {
  const wrong: string[] = [];
  const { count, thrownOutWith, orWith } = ROLES[kind];
  const leaves = Object.values(left).reduce((sum, each) => sum + each, 0);
  if (joins !== leaves) wrong.push(`${kind}: ${joins} joins and ${leaves} leaves`);
  if (kind === "healthy") {
    if (joins !== count || left["peer-closed"] !== count) wrong.push(`healthy: left ${JSON.stringify(left)}`);
    return wrong;
  }
  const expected = [...orWith, ...(thrownOutWith === null ? [] : [thrownOutWith])] as string[];
  for (const reason of Object.keys(left))
    if (!expected.includes(reason)) wrong.push(`${kind}: ${left[reason]} left with ${reason}`);
  if (joins < count * overloads) wrong.push(`${kind}: only ${joins} joins`);
  if (thrownOutWith !== null && (left[thrownOutWith] ?? 0) < count * overloads)
    wrong.push(
      `${kind}: ${left[thrownOutWith]} left with ${thrownOutWith}, at least ${count * overloads} had to`,
    );
  if (kind !== "storm" && (left.reset ?? 0) > seen!.withdrew)
    wrong.push(`${kind}: ${left.reset} left with reset, and only ${seen!.withdrew} went by themselves`);
  if (kind === "deaf" && refusedSends < count * overloads)
    wrong.push(`deaf: only ${refusedSends} sends were refused`);
  return wrong;
}
