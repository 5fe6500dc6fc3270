/**
 * Every option of `LanServer.start` and `LanClient.connect`, and of the calls that take options, with random and
 * hostile values: each is taken, or refused by a LanError that names it; nothing else is ever thrown, and an
 * instance that refused can be used. What would start threads is asked of the checks alone.
 */
import assert from "node:assert/strict";
import { LanClient, LanError, LanServer, Packet, type SessionId } from "../../../src/index.ts";
import { lanClientSettings, lanServerSettings } from "../../../src/lan/options.ts";
import { threadSettings } from "../../../src/link/settings.ts";
import { MemoryNetwork, type Random } from "../../../src/testing.ts";
import { dataForThread, invalidWorkerData } from "../../../src/threads/crew.ts";
import { hostileValue, nameOf } from "./hostile-values.ts";
import { CLIENT_MODELS, type Opinion, type OptionModel, SERVER_MODELS } from "./option-models.ts";
import type { FuzzTarget, Note } from "./target.ts";

type Side = "server" | "client";
type Options = Record<PropertyKey, unknown>;

const MODELS: Readonly<Record<Side, readonly OptionModel[]>> = {
  server: SERVER_MODELS,
  client: CLIENT_MODELS,
};
const CREATED_MAX = { server: 30, client: 1 };
const STRANGERS = ["prot", "constructor", "toString", "", "\0", "keepaliveMs", "0"];
/** Longer than that no message is of use to anybody. */
const MESSAGE_UNITS_MAX = 500;

class Server extends LanServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(): void {}
  onError(): void {}
}

class Client extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

export const options: FuzzTarget = {
  name: "options",
  module: import.meta.url,
  share: 5,
  begin() {
    const network = new MemoryNetwork();
    return (random, note) => oneCall(random, network, note);
  },
};

function oneCall(random: Random, network: MemoryNetwork, note: Note | undefined): void | Promise<void> {
  const side = random.chance(0.5) ? "server" : "client";
  const kind = random.float();
  if (kind < 0.7) return oneOption(random, side, network, note);
  if (kind < 0.85) return manyOptions(random, side, network, note);
  if (kind < 0.95) return workerData(random, note);
  return callOptions(random, network, note);
}

/** One option is anything, all others are good: so it is known what must come of it. */
function oneOption(
  random: Random,
  side: Side,
  network: MemoryNetwork,
  note: Note | undefined,
): void | Promise<void> {
  const model = random.pick(MODELS[side]);
  const value = hostileValue(random);
  const opinion = model.takes(value);
  const given: Options = { port: 7000, ...model.put(value) };
  note?.(`${side}: ${model.name} ${nameOf(value)} is ${opinion}`);
  if (side === "server" && random.chance(0.3) && model.name !== "network" && model.name !== "workerThreads") {
    return startAndStop({ network, ...given }, opinion, model.name);
  }
  if (side === "client" && random.chance(0.3) && model.name !== "network" && model.name !== "workerThreads") {
    return connectAndEnd({ network, ...given }, opinion, model.name);
  }
  check(
    refusalOf(() => settings(side, given)),
    opinion,
    [model.name],
  );
}

/** All at once: whatever it is that is wrong, a LanError names it. */
function manyOptions(
  random: Random,
  side: Side,
  network: MemoryNetwork,
  note: Note | undefined,
): void | Promise<void> {
  const given: Options = random.chance(0.9) ? { port: 7000 } : {};
  for (let count = random.integer(0, 6); count > 0; count--) {
    const model = random.pick(MODELS[side]);
    const value = hostileValue(random);
    Object.assign(given, random.chance(0.5) ? model.put(value) : { [model.name]: value });
  }
  if (random.chance(0.1)) given[random.pick(STRANGERS)] = hostileValue(random);
  if (random.chance(0.05)) given[Symbol("mine")] = 1;
  const whole = random.chance(0.95) ? given : hostileValue(random);
  const names = [...MODELS[side].map(({ name }) => name), "unknown option", "options"];
  note?.(
    `${side}: ${Object.entries(given)
      .map(([name, value]) => `${name} ${nameOf(value)}`)
      .join(", ")}`,
  );
  check(
    refusalOf(() => settings(side, whole)),
    "either",
    names,
  );
  if (random.chance(0.2) && whole === given && given.network === undefined && !hasThreads(given)) {
    const all = { ...given, network };
    return side === "server" ? startAndStop(all, "either", names) : connectAndEnd(all, "either", names);
  }
}

function hasThreads({ workerThreads }: Options): boolean {
  return workerThreads !== undefined && workerThreads !== 0;
}

function settings(side: Side, given: unknown): void {
  const checked = side === "server" ? lanServerSettings(given as never) : lanClientSettings(given as never);
  threadSettings(given as never, CREATED_MAX[side], checked);
}

/** What a call is refused with. Anything but a LanError comes through. */
function refusalOf(call: () => unknown): LanError | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof LanError) return error;
    throw error;
  }
}

function check(refusal: LanError | undefined, opinion: Opinion, names: readonly string[]): void {
  if (opinion === "valid") assert.equal(refusal?.message, undefined, "it is good");
  if (opinion === "invalid") assert.ok(refusal !== undefined, "it is refused");
  if (refusal === undefined) return;
  assert.ok(refusal.code === "OPTION_INVALID" || refusal.code === "OPTION_UNKNOWN", refusal.code);
  assert.ok(
    names.some((name) => refusal.message.includes(name)),
    `"${refusal.message}" names the option`,
  );
  assert.ok(refusal.message.length <= MESSAGE_UNITS_MAX, `a message of ${refusal.message.length} units`);
}

async function startAndStop(
  given: Options,
  opinion: Opinion,
  name: string | readonly string[],
): Promise<void> {
  const server = new Server();
  const { clock } = given.network as MemoryNetwork;
  const refusal = await refusalFrom(server.start(given as never));
  check(refusal, opinion, [name].flat());
  if (refusal !== undefined) await server.start({ port: 7000, network: given.network as MemoryNetwork });
  await clock.until(server.stop({ drainMs: 0 }));
}

async function connectAndEnd(
  given: Options,
  opinion: Opinion,
  name: string | readonly string[],
): Promise<void> {
  const client = new Client();
  const { clock } = given.network as MemoryNetwork;
  const connecting = refusalFrom(client.connect(given as never));
  await clock.until(client.disconnect({ now: true }));
  const refusal = await clock.until(connecting);
  // Nobody listens there, and we gave up: that is no refusal of an option.
  const isOver = refusal?.code === "CONNECT_ABORTED" || refusal?.code === "CONNECT_FAILED";
  check(isOver ? undefined : refusal, opinion, [name].flat());
  const again = refusalFrom(client.connect({ port: 1, network: given.network as MemoryNetwork }));
  assert.equal((await clock.until(again))?.code, "CONNECT_FAILED", "the client can be used");
}

async function refusalFrom(pending: Promise<unknown>): Promise<LanError | undefined> {
  try {
    await pending;
    return undefined;
  } catch (error) {
    if (error instanceof LanError) return error;
    throw error;
  }
}

/** What goes to threads: it can be cloned with its ports, or is refused. */
function workerData(random: Random, note: Note | undefined): void {
  const value = random.chance(0.5) ? hostileValue(random) : nested(random, 6);
  note?.(`workerData ${nameOf(value)}`);
  const refusal = refusalOf(() => {
    const { data, ports } = dataForThread(value, 1);
    try {
      structuredClone({ kind: "serve", workerData: data }, { transfer: ports });
    } catch (cause) {
      throw invalidWorkerData(cause);
    }
  });
  check(refusal, "either", ["workerData"]);
}

function nested(random: Random, depth: number): unknown {
  if (depth === 0 || random.chance(0.2)) return hostileValue(random);
  const inside = Array.from({ length: random.integer(0, 3) }, () => nested(random, depth - 1));
  return random.chance(0.5) ? inside : Object.fromEntries(inside.map((value, i) => [`part${i}`, value]));
}

/** Calls that take options of their own. */
async function callOptions(random: Random, network: MemoryNetwork, note: Note | undefined): Promise<void> {
  const server = new Server();
  await server.start({ port: 7000, network });
  const value = hostileValue(random);
  const name = random.pick(["drainMs", "now", "replace"]);
  const given = (random.chance(0.3) ? value : { [name]: value }) as never;
  note?.(`${name} ${nameOf(value)}`);
  const id = (2 ** 20) as SessionId;
  const names = [name, "unknown option", "options", "capacityBytes", "maxBytes"];
  // `stop` may take what it is given; then it is over.
  if (name === "drainMs") check(await network.clock.until(refusalFrom(server.stop(given))), "either", names);
  if (name === "now")
    check(
      refusalOf(() => server.disconnect(id, given)),
      "either",
      names,
    );
  if (name === "now") check(await refusalFrom(new Client().disconnect(given)), "either", names);
  if (name === "replace")
    check(
      refusalOf(() => server.setHostId(id, "a name", given)),
      "either",
      names,
    );
  check(
    refusalOf(() => new Packet(value as never, hostileValue(random) as never)),
    "either",
    names,
  );
  await network.clock.until(server.stop({ drainMs: 0 }));
}
