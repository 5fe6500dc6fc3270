/** Unknown options and impossible values are refused with the option's name; what is not given has its default. */
import assert from "node:assert/strict";
import {
  LAN_DEFAULTS,
  type LanClientOptions,
  type LanServerOptions,
  type SessionId,
} from "../../src/index.ts";
import { assertLanError, assertThrows } from "../support/errors.ts";
import type { ClientRig, ServerRig } from "../support/rigs.ts";
import type { World } from "../support/world.ts";
import type { Subject, Tell } from "./suite.ts";

const NO_NUMBERS = [Number.NaN, "1", {}, true] as const;
const NO_WHOLE_NUMBERS = [...NO_NUMBERS, 1.5, Number.POSITIVE_INFINITY] as const;
const NO_TIMES = [...NO_NUMBERS, -1, Number.POSITIVE_INFINITY] as const;
const NO_TEXTS = ["", 5, {}, true] as const;

/** Values that an option cannot have, by the option's name. */
type Impossible = Readonly<Record<string, readonly unknown[]>>;

const BOTH: Impossible = {
  framing: [
    "u64le",
    "",
    "U8",
    5,
    null,
    {},
    { lengthBytes: 5, endian: "little" },
    { lengthBytes: "2", endian: "little" },
    { lengthBytes: 2, endian: "middle" },
    { lengthBytes: 2 },
    { lengthBytes: 2, endian: "little", includesHeader: 1 },
    { lengthBytes: 2, endian: "little", checksum: true },
  ],
  packetBytesMax: [...NO_WHOLE_NUMBERS, 0, -1, 2 ** 32],
  sendQueueBytesMax: [...NO_WHOLE_NUMBERS, 0, -1, 1024],
  receiveQueueBytesMax: [...NO_WHOLE_NUMBERS, 0, -1],
  heartbeat: [true, 5, "on"],
  partialFrameTimeoutMs: [...NO_TIMES, 0],
  sendStallMs: [...NO_TIMES, 0],
  disconnectDrainMs: NO_TIMES,
  keepAliveMs: [...NO_TIMES, 999],
  nagle: [0, 1, "yes", null, {}],
  workerThreads: [-1, 1.5, "1", Number.NaN, {}, { created: -1 }, { created: 1.5 }],
  busyPollMicros: [...NO_WHOLE_NUMBERS, -1],
  network: [null, {}, 5, "tcp"],
};
const SERVER: Impossible = {
  ip: NO_TEXTS,
  port: [...NO_WHOLE_NUMBERS, -1, 65_536],
  backlog: [...NO_WHOLE_NUMBERS, 0, -1],
  maxSessions: [...NO_WHOLE_NUMBERS, 0, -1, 2 ** 21],
  allow: [
    5,
    null,
    "127.0.0.1",
    [5],
    ["localhost"],
    [""],
    ["127.0.0.1/33"],
    ["127.0.0.1/-1"],
    ["127.0.0.1/"],
    ["127.0.0.1/8/8"],
    ["127.0.0"],
    ["::1/129"],
    ["127.0.0.1", "nonsense"],
  ],
};
const CLIENT: Impossible = {
  serverIp: NO_TEXTS,
  port: [...NO_WHOLE_NUMBERS, 0, -1, 65_536],
  bindIp: NO_TEXTS,
  bindPort: [...NO_WHOLE_NUMBERS, -1, 65_536],
  connectTimeoutMs: [...NO_TIMES, 0],
  signal: [{}, 5, "now", null],
  reconnect: [5, "always"],
};
/** The same for what lies inside an option that is an object. */
const INSIDE_BOTH: Impossible = {
  "heartbeat.intervalMs": [...NO_TIMES, 0],
  "heartbeat.timeoutMs": [...NO_TIMES, 0, 5000, 4999],
};
const INSIDE_CLIENT: Impossible = {
  "reconnect.minDelayMs": [...NO_TIMES, 0],
  "reconnect.maxDelayMs": [...NO_TIMES, 0, 99],
};

export const options: Subject = {
  name: "options",
  tests(tell) {
    for (const [name, values] of Object.entries({ ...BOTH, ...SERVER, ...INSIDE_BOTH }))
      tell(`the server refuses ${name} that cannot be`, (world) => serverRefuses(world, name, values));
    for (const [name, values] of Object.entries({ ...BOTH, ...CLIENT, ...INSIDE_BOTH, ...INSIDE_CLIENT }))
      tell(`the client refuses ${name} that cannot be`, (world) => clientRefuses(world, name, values));
    nothing(tell);
    contradictions(tell);
    unknown(tell);
    defaults(tell);
  },
};

async function serverRefuses(
  world: World,
  name: string,
  values: readonly unknown[],
  rig: ServerRig = world.newServer(),
): Promise<void> {
  for (const value of values) {
    const given = { ...world.linkOptions, port: 0, ...optionOf(name, value) } as LanServerOptions;
    const error = await assertLanError(world, rig.server.start(given), "OPTION_INVALID");
    assert(error.message.includes(name), `${JSON.stringify(value)}: ${error.message}`);
  }
}

async function clientRefuses(
  world: World,
  name: string,
  values: readonly unknown[],
  rig: ClientRig = world.newClient(),
): Promise<void> {
  for (const value of values) {
    const given = { ...world.linkOptions, port: 1, ...optionOf(name, value) } as LanClientOptions;
    const connecting = rig.client.connect(given);
    connecting.catch(() => {});
    await world.until(rig.client.disconnect()); // ends what should not have begun
    const error = await assertLanError(world, connecting, "OPTION_INVALID");
    assert(error.message.includes(name), `${JSON.stringify(value)}: ${error.message}`);
  }
}

/** { a: value }, or { a: { b: value } } for "a.b". */
function optionOf(name: string, value: unknown): object {
  const [outer = "", inner] = name.split(".");
  return { [outer]: inner === undefined ? value : { [inner]: value } };
}

/** null is not "not given": that is undefined. */
function nothing(tell: Tell): void {
  const names = (options: Impossible): string[] => Object.keys(options).filter((name) => name !== "network");
  for (const name of names({ ...BOTH, ...SERVER, ...INSIDE_BOTH }))
    tell(`the server refuses null for ${name}`, (world) => serverRefuses(world, name, [null]));
  for (const name of names({ ...BOTH, ...CLIENT, ...INSIDE_BOTH, ...INSIDE_CLIENT }))
    tell(`the client refuses null for ${name}`, (world) => clientRefuses(world, name, [null]));
}

function contradictions(tell: Tell): void {
  const cases: readonly (readonly [string, LanServerOptions])[] = [
    ["port", {}],
    ["port", { path: "/run/x.sock", port: 0 }],
    ["ip", { path: "/run/x.sock", ip: "127.0.0.1" }],
    ["allow", { path: "/run/x.sock", allow: ["127.0.0.1"] }],
    ["packetBytesMax", { port: 0, framing: "u8", packetBytesMax: 256 }],
    ["packetBytesMax", { port: 0, framing: "u16be", packetBytesMax: 65_536 }],
    ["sendQueueBytesMax", { port: 0, packetBytesMax: 1000, sendQueueBytesMax: 1003 }],
    ["heartbeat.timeoutMs", { port: 0, heartbeat: { intervalMs: 100, timeoutMs: 100 } }],
  ];
  for (const [name, given] of cases) {
    tell(`the server refuses ${JSON.stringify(given)} for its ${name}`, async (world) => {
      const { server } = world.newServer();
      const start = server.start({ ...world.linkOptions, ...given });
      const error = await assertLanError(world, start, "OPTION_INVALID");
      assert(error.message.includes(name), error.message);
    });
  }

  const clientCases: readonly (readonly [string, LanClientOptions])[] = [
    ["port", {}],
    ["port", { path: "/run/x.sock", port: 1 }],
    ["serverIp", { path: "/run/x.sock", serverIp: "127.0.0.1" }],
    ["bindIp", { path: "/run/x.sock", bindIp: "127.0.0.1" }],
    ["bindPort", { path: "/run/x.sock", bindPort: 1 }],
    ["reconnect.maxDelayMs", { port: 1, reconnect: { minDelayMs: 100, maxDelayMs: 50 } }],
    ["workerThreads", { port: 1, workerThreads: 2 }],
  ];
  for (const [name, given] of clientCases) {
    tell(`the client refuses ${JSON.stringify(given)} for its ${name}`, async (world) => {
      const { client } = world.newClient();
      const error = await assertLanError(world, client.connect(given), "OPTION_INVALID");
      assert(error.message.includes(name), error.message);
    });
  }
}

function unknown(tell: Tell): void {
  tell("unknown options of start are refused by name", async (world) => {
    const { server } = world.newServer();
    for (const name of ["serverIp", "sendQueueMax", "Port", "reconnect", "drainMs", "__proto_"]) {
      const start = server.start({ ...world.listenOptions(), [name]: 1 });
      const error = await assertLanError(world, start, "OPTION_UNKNOWN");
      assert(error.message.includes(name), error.message);
    }
    for (const outer of ["heartbeat", "workerThreads"]) {
      const start = server.start({ ...world.listenOptions(), [outer]: { sometimes: 1 } });
      assert.match((await assertLanError(world, start, "OPTION_UNKNOWN")).message, /sometimes/);
    }
  });

  tell("unknown options of connect are refused by name", async (world) => {
    const { client } = world.newClient();
    const { dial } = await world.vacant();
    for (const name of ["ip", "timeoutMs", "maxSessions", "allow", "retry"]) {
      const error = await assertLanError(world, client.connect({ ...dial, [name]: 1 }), "OPTION_UNKNOWN");
      assert(error.message.includes(name), error.message);
    }
    for (const outer of ["heartbeat", "reconnect"]) {
      const connect = client.connect({ ...dial, [outer]: { sometimes: 1 } });
      assert.match((await assertLanError(world, connect, "OPTION_UNKNOWN")).message, /sometimes/);
    }
  });

  tell(
    "unknown and impossible options of stop, disconnect and setHostId are refused by name",
    async (world) => {
      const { server, client, sessionId } = await world.pair();
      const no = { sometimes: true } as object;
      for (const call of [() => server.server.stop(no), () => client.client.disconnect(no)])
        assert.match((await assertLanError(world, call(), "OPTION_UNKNOWN")).message, /sometimes/);
      for (const drainMs of NO_TIMES) {
        const stop = server.server.stop({ drainMs: drainMs as number });
        assert.match((await assertLanError(world, stop, "OPTION_INVALID")).message, /drainMs/);
      }
      assertThrows(() => server.server.disconnect(sessionId, no), "OPTION_UNKNOWN");
      assertThrows(() => server.server.setHostId(sessionId, "name", no), "OPTION_UNKNOWN");
      const yes = { now: "yes", replace: 1 } as unknown as { now: boolean; replace: boolean };
      assertThrows(() => server.server.disconnect(sessionId, { now: yes.now }), "OPTION_INVALID");
      const replace = { replace: yes.replace };
      assertThrows(() => server.server.setHostId(sessionId, "name", replace), "OPTION_INVALID");
      const now = client.client.disconnect({ now: yes.now });
      assert.match((await assertLanError(world, now, "OPTION_INVALID")).message, /now/);
      assert.equal(server.server.getSessionCount(), 1);
    },
  );

  tell("what was refused leaves nothing behind: start and connect work at once", async (world) => {
    const server = world.newServer();
    const client = world.newClient();
    await serverRefuses(world, "framing", ["u64le"], server);
    await clientRefuses(world, "framing", ["u64le"], client);
    await server.start();
    await client.connect(server);
    await server.joined();
  });

  tell("options that are no object are refused", async (world) => {
    const { server } = world.newServer();
    for (const given of [null, 5, "port"])
      await assertLanError(world, server.start(given as unknown as LanServerOptions), "OPTION_INVALID");
  });

  tell("impossible options are refused on a server that was not started as well", async (world) => {
    const { server } = world.newServer();
    const no = { sometimes: true } as object;
    assertThrows(() => server.disconnect(1 as SessionId, no), "OPTION_UNKNOWN");
    await assertLanError(world, server.stop(no), "OPTION_UNKNOWN");
  });
}

function defaults(tell: Tell): void {
  tell("the defaults are those of the contract", async () => {
    assert.deepEqual(LAN_DEFAULTS, {
      framing: "u32le",
      packetBytesMax: 1_048_576,
      sendQueueBytesMax: 16_777_216,
      receiveQueueBytesMax: 1_048_576,
      heartbeat: { intervalMs: 5000, timeoutMs: 15_000 },
      partialFrameTimeoutMs: 30_000,
      sendStallMs: 30_000,
      disconnectDrainMs: 5000,
      keepAliveMs: 30_000,
      nagle: false,
      workerThreads: 0,
      busyPollMicros: 0,
      ip: "127.0.0.1",
      backlog: 511,
      maxSessions: 1024,
      connectTimeoutMs: 5000,
      reconnect: { minDelayMs: 100, maxDelayMs: 10_000 },
    });
    assert(Object.isFrozen(LAN_DEFAULTS) && Object.isFrozen(LAN_DEFAULTS.heartbeat));
  });

  tell("an option that is undefined has its default", async (world) => {
    const server = await world.server({
      ...world.listenOptions(),
      ...({ heartbeat: undefined, maxSessions: undefined, allow: undefined, nagle: undefined } as object),
    });
    await world.client(server, { reconnect: undefined, signal: undefined } as unknown as LanClientOptions);
    await server.joined();
  });

  tell("every option may be given its default", async (world) => {
    const { ip, backlog, maxSessions, connectTimeoutMs, reconnect, ...both } = LAN_DEFAULTS;
    const listen = world.listenOptions();
    const server = await world.server({ ...both, ...listen, backlog, maxSessions });
    const client = await world.client(server, { ...both, connectTimeoutMs, reconnect });
    await server.joined();
    await client.disconnect();
    assert.equal(ip, "127.0.0.1");
  });
}
