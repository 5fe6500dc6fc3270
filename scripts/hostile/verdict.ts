/** Whether each kind ended as it had to, by the server's tally. */
import { KINDS, type Kind, roleOf } from "./plan.ts";
import type { Report } from "./server.ts";

/** How often each of a kind has to have met what it must, at least. */
export type Least = (kind: Kind) => number;

/** Whether each has been thrown out, or refused, that had to be. Of those that are refused some may have joined. */
export function allMet({ joined, left, refusedBy }: Report, least: Least): boolean {
  return KINDS.every((kind) => {
    const { leaves, refused, to } = roleOf(kind);
    if (refused !== null && (refusedBy[to][refused] ?? 0) === 0) return false;
    if (leaves === null) return refused !== null || joined[kind]! >= least(kind);
    return (left[kind]![leaves] ?? 0) >= (refused === null ? least(kind) : 1);
  });
}

/** What is wrong, once nobody is there any more. */
export function wrongOf(report: Report, users: number, least: Least): string[] {
  const wrong: string[] = [];
  if (!allMet(report, least)) wrong.push(`not all were thrown out: ${JSON.stringify(report)}`);
  const refusals = { plain: new Set<string>(), tls: new Set<string>() };
  for (const kind of KINDS) {
    const { leaves, orWith, refused, to } = roleOf(kind);
    if (refused !== null) refusals[to].add(refused);
    for (const reason of Object.keys(report.left[kind]!)) {
      if (reason !== leaves && !(orWith as readonly string[]).includes(reason))
        wrong.push(`${kind}: some left with ${reason}`);
    }
    const left = Object.values(report.left[kind]!).reduce((sum, count) => sum + count, 0);
    if (left !== report.joined[kind]) wrong.push(`${kind}: ${report.joined[kind]} joins, ${left} leaves`);
  }
  for (const to of ["plain", "tls"] as const)
    for (const reason of Object.keys(report.refusedBy[to]))
      if (!refusals[to].has(reason)) wrong.push(`${to}: some were refused by ${reason}`);
  if (report.joined[""] !== users || report.left[""]!["peer-closed"] !== users)
    wrong.push(`the healthy: ${report.joined[""]} joins, left ${JSON.stringify(report.left[""])}`);
  for (const [reason, count] of Object.entries(report.leaves)) {
    const tallied = Object.values(report.left).reduce((sum, left) => sum + (left[reason as never] ?? 0), 0);
    if (count !== tallied)
      wrong.push(`stats() has ${count} left with ${reason}, onClientLeave told ${tallied}`);
  }
  return wrong;
}
