/** A run in lines, for people. */
import { addUp, type Run } from "./proofs.ts";
import type { PortTally } from "./reports.ts";

export function summary({ servers, killedPorts, loads }: Run): string[] {
  const all = addUp(loads);
  const lines = servers.flatMap(({ name, port, accepted, counts }) => [
    `${name} server at ${port}: ${accepted} accepts; ${replies(all.ports[port])}`,
    `  ${inWords(counts)}`,
  ]);
  const killed = killedPorts.map((port) => `killed game server at ${port}: ${replies(all.ports[port])}`);
  return [...lines, ...killed, `${all.users} users: ${inWords(all.counts)}`];
}

function replies(tally: PortTally | undefined): string {
  if (tally === undefined) return "no user came";
  const { connects, failed, cut, asked, answered, abandoned, lost } = tally;
  const broken =
    failed + cut + lost > 0 ? `, ${lost} lost; ${cut} users cut off, ${failed} connects failed` : "";
  return `${connects} connects; ${asked} asked, ${answered} answered, ${abandoned} abandoned${broken}`;
}

function inWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${words(name)} ${count}`)
    .sort()
    .join(", ");
}

/** Names in code are one word: `lateAnswers` is "late answers". */
function words(name: string): string {
  return name.replaceAll(/[a-z][A-Z]/g, ([a, b]) => `${a} ${b!.toLowerCase()}`);
}
