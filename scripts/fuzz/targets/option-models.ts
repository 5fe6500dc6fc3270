/** Every option with a second, simple opinion of what it takes. */
import { canMoveSockets } from "../../../src/transport/tcp.ts";

/** "either": an object where objects are taken, which may be a good one. */
export type Opinion = "valid" | "invalid" | "either";

/** One option, or a part of one: `name` is what a refusal must tell. */
export interface OptionModel {
  readonly name: string;
  readonly takes: (value: unknown) => Opinion;
  /** Puts a value into options that are otherwise good. */
  readonly put: (value: unknown) => Record<string, unknown>;
}

const MS_MAX = 2 ** 31 - 1;
const MIB = 1024 * 1024;

function whole(min: number, max: number): (value: unknown) => boolean {
  return (value) => typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

function ms(min: number): (value: unknown) => boolean {
  return (value) => typeof value === "number" && value >= min && value <= MS_MAX;
}

function text(value: unknown): boolean {
  return typeof value === "string" && value.length > 0;
}

function flag(value: unknown): boolean {
  return typeof value === "boolean";
}

function never(): boolean {
  return false;
}

/** An option that takes what `isGood` says, or nothing. */
function plain(name: string, isGood: (value: unknown) => boolean): OptionModel {
  const takes = (value: unknown): Opinion => (value === undefined || isGood(value) ? "valid" : "invalid");
  return { name, takes, put: (value) => ({ [name]: value }) };
}

/** An option that also takes some objects. */
function open(name: string, isGood: (value: unknown) => boolean): OptionModel {
  const { takes, put } = plain(name, isGood);
  return {
    name,
    put,
    takes: (value) => (value !== null && typeof value === "object" ? "either" : takes(value)),
  };
}

/** A part of an option that is an object, beside good others. */
function part(
  option: string,
  name: string,
  isGood: (value: unknown) => boolean,
  others: Record<string, unknown> = {},
): OptionModel {
  const { takes } = plain(name, isGood);
  return { name: option, takes, put: (value) => ({ [option]: { ...others, [name]: value } }) };
}

function needed(model: OptionModel): OptionModel {
  return { ...model, takes: (value) => (value === undefined ? "invalid" : model.takes(value)) };
}

const FRAMINGS = ["u8", "u16le", "u16be", "u24le", "u24be", "u32le", "u32be"];
const FORMAT = { lengthBytes: 2, endian: "little" };

function keepAlive(value: unknown): boolean {
  return value === 0 || ms(1000)(value);
}

/** Whether so many threads can be had here. */
function threads(max: number): (value: unknown) => boolean {
  return whole(0, canMoveSockets() ? max : Math.min(1, max));
}

const BOTH: readonly OptionModel[] = [
  open("framing", (value) => FRAMINGS.includes(value as string)),
  needed(part("framing", "lengthBytes", whole(1, 4), FORMAT)),
  needed(part("framing", "endian", (value) => value === "little" || value === "big", FORMAT)),
  part("framing", "includesHeader", flag, FORMAT),
  part("framing", "packetBytesMax", whole(1, 65_535), FORMAT),
  needed(part("framing", "checksum", never, FORMAT)),
  plain("packetBytesMax", whole(1, 2 ** 32 - 1)),
  plain("sendQueueBytesMax", whole(MIB + 4, Number.MAX_SAFE_INTEGER)),
  plain("receiveQueueBytesMax", whole(1, Number.MAX_SAFE_INTEGER)),
  open("heartbeat", (value) => value === false),
  part("heartbeat", "intervalMs", (value) => ms(1)(value) && (value as number) < 15_000),
  part("heartbeat", "timeoutMs", (value) => ms(1)(value) && (value as number) > 5000),
  plain("partialFrameTimeoutMs", ms(1)),
  plain("sendStallMs", ms(1)),
  plain("disconnectDrainMs", ms(0)),
  plain("keepAliveMs", keepAlive),
  plain("nagle", flag),
  plain("busyPollMicros", whole(0, 1_000_000)),
  open("network", never),
];

export const SERVER_MODELS: readonly OptionModel[] = [
  ...BOTH,
  open("workerThreads", threads(30)),
  needed(part("workerThreads", "created", threads(30))),
  part("workerThreads", "running", (value) => value === 1, { created: 1 }),
  plain("ip", text),
  needed(plain("port", whole(0, 65_535))),
  { ...needed(plain("path", text)), put: (value) => ({ path: value, port: undefined }) },
  plain("backlog", whole(1, 2 ** 31 - 1)),
  plain("maxSessions", whole(1, 2 ** 20)),
  open("allow", never),
];

export const CLIENT_MODELS: readonly OptionModel[] = [
  ...BOTH,
  open("workerThreads", threads(1)),
  needed(part("workerThreads", "created", threads(1))),
  part("workerThreads", "running", (value) => value === 1, { created: 1 }),
  plain("serverIp", text),
  needed(plain("port", whole(1, 65_535))),
  { ...needed(plain("path", text)), put: (value) => ({ path: value, port: undefined }) },
  plain("bindIp", text),
  plain("bindPort", whole(0, 65_535)),
  plain("connectTimeoutMs", ms(1)),
  {
    ...plain("signal", (value) => value instanceof AbortSignal && !isForged(value)),
    takes: (value) => (isSignal(value) || value === undefined ? "valid" : "invalid"),
  },
  open("reconnect", flag),
  part("reconnect", "minDelayMs", ms(1)),
  part("reconnect", "maxDelayMs", ms(100)),
];

function isSignal(value: unknown): boolean {
  try {
    return value instanceof AbortSignal && !isForged(value);
  } catch {
    return false;
  }
}

/** Has the class's face and nothing behind it. */
function isForged(signal: AbortSignal): boolean {
  try {
    return typeof signal.aborted !== "boolean";
  } catch {
    return true;
  }
}
