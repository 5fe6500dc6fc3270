/** Values that nobody should give, and that somebody gives: each is made anew, for some are of one use only. */
import { MessageChannel } from "node:worker_threads";
import type { Random } from "../../../src/testing.ts";

function refuse(): never {
  throw new Error("do not touch me");
}

function cyclic(): unknown {
  const self: Record<string, unknown> = {};
  self.self = self;
  return [self, self, [self]];
}

/** Every path through it is different, and there are more of them than anybody can walk. */
function labyrinth(): unknown {
  const rooms: unknown[] = [];
  for (let i = 0; i < 300; i++) rooms.push(rooms);
  return rooms;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function port(): unknown {
  const { port1, port2 } = new MessageChannel();
  port1.close(); // takes the other along in a moment
  return port2;
}

const MADE: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => Number.NaN,
  () => Number.POSITIVE_INFINITY,
  () => Number.NEGATIVE_INFINITY,
  () => -0,
  () => 0.1,
  () => 1e-320,
  () => 1e308,
  () => 2 ** 31 - 1,
  () => 2 ** 31,
  () => 2 ** 32,
  () => 2 ** 53,
  () => true,
  () => false,
  () => "",
  () => " ",
  () => "7000",
  () => "u32le",
  () => "__proto__",
  () => "constructor",
  () => "\0",
  () => "\ud800",
  () => "x".repeat(100_000),
  () => 0n,
  () => 10n ** 5000n,
  () => Symbol("secret"),
  () => Symbol.iterator,
  () => () => 1,
  () => refuse,
  () => class {},
  () => async () => {},
  () => [],
  () => [1, 2, 3],
  () => new Array(1000),
  () => ["10.0.0.0/8", "::1"],
  () => ["127.0.0.1", 5n],
  () => [cyclic()],
  () => [Symbol("in a list")],
  () => [Object.create(null)],
  () => ({}),
  () => Object.create(null),
  () => Object.create(null, { toString: { value: refuse } }),
  () => ({ toString: refuse, valueOf: refuse, toJSON: refuse }),
  () => ({ [Symbol.toPrimitive]: refuse }),
  () => ({ toString: () => ({}) }),
  () => Object.defineProperty({}, "intervalMs", { get: refuse, enumerable: true }),
  () => Object.defineProperty({}, "created", { get: refuse, enumerable: true }),
  () => ({ lengthBytes: 2, endian: "little" }),
  () => ({ lengthBytes: 2n, endian: {} }),
  () => ({ intervalMs: 1, timeoutMs: 2 }),
  () => ({ minDelayMs: 1n }),
  () => ({ created: 0 }),
  () => ({ created: Symbol("two") }),
  () => ({ listen: refuse, dial: refuse }),
  () => ({ listen: () => 1, dial: () => 1, clock: { nowMs: () => 0 } }),
  () => ({ kind: "serve", lanwire: { port: 1 } }),
  cyclic,
  labyrinth,
  revoked,
  port,
  () => [port()],
  () => new Proxy({}, { ownKeys: refuse, get: refuse, has: refuse, getPrototypeOf: refuse }),
  () => new Proxy([], { get: refuse }),
  () => new Date(Number.NaN),
  () => /x/g,
  () => new Map([[1, 2]]),
  () => new WeakMap(),
  () => new Error("mine"),
  () => new Number(5),
  () => new String("u8"),
  () => new Boolean(false),
  () => Buffer.from("bytes"),
  () => new SharedArrayBuffer(8),
  () => new Float64Array(3),
  () => Promise.resolve(1),
  () => globalThis,
  () => AbortSignal.abort(),
  () => Object.create(AbortSignal.prototype),
];

/** One of them, or a number of any size. */
export function hostileValue(random: Random): unknown {
  const kind = random.float();
  if (kind < 0.65) return random.pick(MADE)();
  if (kind < 0.75) return random.integer(-2, 40);
  if (kind < 0.85) return 2 ** random.integer(0, 33) + random.integer(-1, 1);
  if (kind < 0.95) return random.integer(-100, 70_000);
  return random.float() * 10 ** random.integer(-3, 12);
}

/** What a value is, for people. */
export function nameOf(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 40));
  if (typeof value === "bigint") return "a bigint";
  return typeof value === "object" && value !== null ? "an object" : String(value).slice(0, 60);
}
