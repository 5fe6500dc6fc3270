/** What is done to a link: everything that can happen to a cable, and a system that gives up. */
import type { LinkDirection, MemoryLink } from "../../src/testing.ts";
import type { Cast } from "./driver.ts";
import type { Operation } from "./operations.ts";

export type Disturbance =
  | "cut"
  | "cut behind bytes"
  | "stall"
  | "resume"
  | "half-open one way"
  | "half-open"
  | "slow link"
  | "system gives a link up";

/** Does it to one of the links, where there is one. */
export function disturb(cast: Cast, operation: Operation & { readonly do: Disturbance }): void {
  const { links } = cast.world.network;
  const link = links[Math.floor(operation.a * links.length)];
  if (link === undefined) return;
  cast.world.count(`fault: ${operation.do}`);
  DEEDS[operation.do]({
    cast,
    operation,
    link,
    direction: operation.b < 0.5 ? link.toAcceptor : link.toDialler,
    scaleMs: cast.world.plan.scaleMs,
  });
}

interface Scene {
  readonly cast: Cast;
  readonly operation: Operation;
  readonly link: MemoryLink;
  readonly direction: LinkDirection;
  readonly scaleMs: number;
}

const DEEDS: Readonly<Record<Disturbance, (scene: Scene) => void>> = {
  cut: ({ link }) => link.cut(),
  "cut behind bytes": ({ direction, operation }) => direction.cutAfter(Math.floor(operation.c ** 3 * 5000)),
  stall: ({ link, direction, operation: { b, c }, scaleMs }) =>
    (c < 0.5 ? link : direction).stall(b < 0.1 ? undefined : scaleMs * 6 * c ** 2),
  resume: ({ link }) => link.resume(),
  "half-open one way": ({ direction }) => direction.halfOpen(),
  "half-open": ({ link }) => link.halfOpen(),
  "slow link": ({ link, operation: { c }, scaleMs }) =>
    link.slowRead(c < 0.2 ? Number.POSITIVE_INFINITY : 10 + Math.floor((c * 1e6) / scaleMs)),
  "system gives a link up": ({ cast: { world, server, clients }, operation, link }) => {
    const { acceptor, dialler } = world.linkFrom(link.dialler);
    const end = operation.b < 0.5 ? acceptor : dialler;
    if (end === undefined || end.phase === "left") return;
    const owner = clients.find(({ current }) => current === end);
    const connection = owner === undefined ? server.connections.get(end) : owner.connection;
    connection?.giveUp(Object.assign(new Error("read ETIMEDOUT"), { code: "ETIMEDOUT" }));
  },
};
