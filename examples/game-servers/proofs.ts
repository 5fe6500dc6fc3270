/**
 * What a run must prove at its end, from what the processes reported. Each line that comes back is a proof that broke;
 * none is green.
 */
import { countOf, type LoadReport, type PortTally, type ServerReport } from "./reports.ts";

/** All that is known of a run when it is over. */
export interface Run {
  /** Of the servers that were there at the end. */
  readonly servers: readonly ServerReport[];
  /** Game servers that were killed, by the port of their users. */
  readonly killedPorts: readonly number[];
  readonly loads: readonly LoadReport[];
  /** What went wrong on the way: something did not come in time, a process ended badly. */
  readonly problems: readonly string[];
}

export function brokenProofs({ servers, killedPorts, loads, problems }: Run): string[] {
  const all = addUp(loads);
  const ports = new Map(Object.entries(all.ports).map(([port, tally]) => [Number(port), tally]));
  const known = new Set([...killedPorts, ...servers.map(({ port }) => port)]);
  const strangers = [...ports.keys()].filter((port) => !known.has(port));
  return [
    ...problems,
    ...servers.flatMap((server) => brokenOfServer(server, ports.get(server.port) ?? NOTHING)),
    ...killedPorts.flatMap((port) =>
      brokenReplies(`the killed server at ${port}`, ports.get(port) ?? NOTHING),
    ),
    ...strangers.map((port) => `users connected to port ${port}, which no server reported`),
    ...(all.gone < all.users ? [`${all.users - all.gone} of ${all.users} users have not ended`] : []),
    ...(all.openLinks > 0 ? [`${all.openLinks} connections of users have not ended`] : []),
    ...(all.violations > 0
      ? [`${all.violations} messages broke the protocol: ${all.violationTexts.join("; ")}`]
      : []),
  ];
}

/** Whether nothing is left in a server's tables, and it has seen all `connects`. */
export function isSettled(server: ServerReport, connects: number): boolean {
  return server.accepted >= connects && Object.values(server.tables).every((size) => size === 0);
}

/** The reports of several load processes as one. */
export function addUp(loads: readonly LoadReport[]): LoadReport {
  const ports: Record<string, PortTally> = {};
  const counts: Record<string, number> = {};
  for (const load of loads) {
    for (const [name, count] of Object.entries(load.counts)) countOf(counts, name, count);
    for (const [port, tally] of Object.entries(load.ports)) {
      ports[port] ??= { ...NOTHING };
      for (const name of Object.keys(NOTHING) as (keyof PortTally)[]) ports[port][name] += tally[name];
    }
  }
  const sum = (of: (load: LoadReport) => number): number =>
    loads.reduce((total, load) => total + of(load), 0);
  return {
    users: sum(({ users }) => users),
    gone: sum(({ gone }) => gone),
    openLinks: sum(({ openLinks }) => openLinks),
    ports,
    counts,
    violations: sum(({ violations }) => violations),
    violationTexts: loads.flatMap(({ violationTexts }) => violationTexts),
  };
}

const NOTHING: PortTally = { connects: 0, failed: 0, cut: 0, asked: 0, answered: 0, abandoned: 0, lost: 0 };

function brokenOfServer(server: ServerReport, users: PortTally): string[] {
  const name = `the ${server.name} server`;
  const broken = brokenReplies(name, users);
  if (users.connects !== server.accepted)
    broken.push(`users counted ${users.connects} connects, ${name} ${server.accepted} accepts`);
  if (server.refused > 0) broken.push(`${name} refused ${server.refused} connections`);
  if (users.failed > 0) broken.push(`${users.failed} connects to ${name} failed`);
  if (users.cut > 0) broken.push(`${name} cut off ${users.cut} users`);
  if (users.lost > 0) broken.push(`${users.lost} replies of ${name} were lost`);
  for (const [table, size] of Object.entries(server.tables)) {
    if (size !== 0) broken.push(`${size} left in ${table} of ${name}`);
  }
  for (const [error, count] of Object.entries(server.errors)) {
    broken.push(`${name} had ${count} errors ${error}`);
  }
  return broken;
}

function brokenReplies(name: string, { asked, answered, abandoned, lost }: PortTally): string[] {
  const outstanding = asked - answered - abandoned - lost;
  return outstanding === 0 ? [] : [`${outstanding} replies of ${name} are outstanding`];
}
