/**
 * Does a plan's operations to a cluster, each in a task of the clock, so that they fall between any two things
 * that the library does.
 */
import type { SessionId } from "../../src/index.ts";
import type { ClientPart } from "./client-part.ts";
import { type Disturbance, disturb } from "./disturbances.ts";
import { drawSize } from "./handlers.ts";
import type { Operation, OperationName } from "./operations.ts";
import type { RawPart } from "./raw-part.ts";
import type { ServerPart } from "./server-part.ts";
import type { World } from "./world.ts";

/** Who takes part in a history. */
export interface Cast {
  readonly world: World;
  readonly server: ServerPart;
  readonly clients: readonly ClientPart[];
  readonly peers: RawPart;
}

/** Does all operations, one after another; calls `done` behind the last. */
export function drive(cast: Cast, done: () => void): void {
  const { world } = cast;
  const { operations, scaleMs } = world.plan;
  const next = (at: number): void => {
    const operation = operations[at];
    if (operation === undefined) {
      done();
      return;
    }
    world.note("operation", operation.do, at);
    world.count(`operation: ${operation.do}`);
    perform(cast, operation);
    later(cast, operation.gap * scaleMs, operation.hops, () => next(at + 1));
  };
  later(cast, 0, 0, () => next(0));
}

function later(cast: Cast, delayMs: number, hops: number, task: () => void): void {
  const { clock } = cast.world;
  if (delayMs > 0 || hops === 0) clock.after(delayMs, task);
  else clock.after(0, () => later(cast, 0, hops - 1, task));
}

/** Everybody and everything that an operation's numbers choose. */
interface Scene extends Cast {
  readonly operation: Operation;
  readonly client: ClientPart;
  /** Undefined where nobody is joined. */
  readonly session: SessionId | undefined;
  readonly hostId: string;
  readonly scaleMs: number;
  clientSize(): number;
  serverSize(): number;
}

function perform(cast: Cast, operation: Operation): void {
  const { world, server, clients } = cast;
  const { a, c } = operation;
  const client = clients[Math.floor(a * clients.length)]!;
  const deed = (DEEDS as Partial<Record<OperationName, (scene: Scene) => void>>)[operation.do];
  deed?.({
    ...cast,
    operation,
    client,
    session: [...server.ends.keys()][Math.floor(a * server.ends.size)],
    hostId: `host ${Math.floor(c * 3)}`,
    scaleMs: world.plan.scaleMs,
    clientSize: () => drawSize(world.random, client.plan.limits),
    serverSize: () => drawSize(world.random, world.plan.server.limits),
  });
  if (deed === undefined) disturb(cast, { ...operation, do: operation.do as Disturbance });
}

/** How many times something is done: mostly once. */
function timesOf({ b }: Operation): number {
  return 1 + Math.floor(30 * b ** 4);
}

const DEEDS: Readonly<Record<Exclude<OperationName, Disturbance>, (scene: Scene) => void>> = {
  connect: ({ client }) => client.begin(),
  start: ({ server }) => server.begin(),
  "client sends": ({ client, operation, clientSize }) => {
    for (let n = timesOf(operation); n > 0; n--) client.send(clientSize());
  },
  "server sends": ({ server, session, operation, serverSize }) => {
    for (let n = timesOf(operation); n > 0 && session !== undefined; n--) server.send(session, serverSize());
  },
  "server sends by host id": ({ server, hostId, serverSize }) => {
    server.send(hostId, serverSize());
  },
  "server sends to a session that left": ({ server, operation }) => {
    const { leftIds } = server;
    if (leftIds.length > 0) server.send(leftIds[Math.floor(operation.a * leftIds.length)]!, 1);
  },
  broadcast: ({ server, serverSize }) => server.broadcastTo(undefined, serverSize()),
  "broadcast to some": ({ server, hostId, operation, serverSize }) => {
    const ids = [...server.ends.keys()].filter((_, at) => (at * 0.37) % 1 < operation.b);
    server.broadcastTo([...ids, hostId, ...ids.slice(0, 1), ...server.leftIds.slice(-1)], serverSize());
  },
  "send what cannot be taken": ({ client }) => client.sendWrongly(),
  "set host id": ({ server, session, hostId, operation }) => {
    if (session !== undefined) server.name(session, hostId, operation.b < 0.5);
  },
  disconnect: ({ server, session, hostId, operation }) => {
    if (operation.b < 0.2) server.kick(hostId, false);
    else if (session !== undefined) server.kick(session, false);
  },
  "disconnect now": ({ server, session }) => {
    if (session !== undefined) server.kick(session, true);
  },
  "client disconnects": ({ client }) => void client.halt(false),
  "client disconnects now": ({ client }) => void client.halt(true),
  "client is aborted": ({ client }) => client.abort(),
  stop: ({ server, operation, scaleMs }) => void server.halt(scaleMs * operation.b * 3),
  wait: () => {},
  "wait long": () => {},
  "block the thread": ({ world, operation: { b, c }, scaleMs }) => {
    world.count("fault: the clock jumped");
    world.clock.block(scaleMs * 4 * b * c);
  },
  "accept fails": ({ world }) => world.network.failNextAccept("EMFILE"),
  "hold dials": ({ world }) => world.network.holdDials(),
  "release dials": ({ world }) => world.network.releaseDials(),
  "faults change": ({ world, operation: { b }, scaleMs }) => {
    const rough = { resetPerMegabyte: b > 0.8 ? 500 : 0, stallPerMegabyte: 300, stallMs: scaleMs };
    world.network.setFaults(b < 0.5 ? {} : { ...world.plan.network.faults, ...rough });
  },
  "peer comes": ({ peers }) => peers.come(),
  "peer sends frames": ({ peers, operation: { a, b }, serverSize }) =>
    peers.sendFrames(a, 1 + Math.floor(5 * b), serverSize()),
  "peer sends half a frame": ({ peers, operation, serverSize }) =>
    peers.sendHalfFrame(operation.a, serverSize()),
  "peer sends nonsense": ({ peers, operation: { a, b } }) => peers.sendNonsense(a, b < 0.3),
  "peer stops reading": ({ peers, operation }) => peers.stopReading(operation.a),
  "peer leaves": ({ peers, operation: { a, b } }) => peers.leave(a, b),
};
