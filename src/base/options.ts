/**
 * Checks for options: unknown names are refused by name, impossible values by the option's name and unit.
 * Nothing is read from the environment.
 */
import { isNativeError } from "node:util/types";
import { LanError } from "./errors.ts";

export function invalidOption(name: string, why: string): LanError {
  return new LanError("OPTION_INVALID", `Cannot use option ${name}: ${why}`);
}

/**
 * What `given` has of the names in `known`, each read once; what is undefined is left out.
 * @throws LanError OPTION_UNKNOWN, OPTION_INVALID when `given` is no object, cannot be read, or has another name.
 */
export function readOptions<Options extends object>(
  given: Options,
  known: readonly string[],
  owner: string,
): Options {
  if (given === null || typeof given !== "object") {
    throw new LanError("OPTION_INVALID", `Cannot ${owner}: its options must be an object`);
  }
  const read: Record<string, unknown> = {};
  let unknown: string | undefined;
  try {
    unknown = Object.keys(given).find((name) => !known.includes(name));
    for (const name of known) {
      const value = (given as Record<string, unknown>)[name];
      if (value !== undefined) read[name] = value;
    }
  } catch (cause) {
    throw new LanError("OPTION_INVALID", `Cannot ${owner}: its options cannot be read`, { cause });
  }
  if (unknown !== undefined)
    throw new LanError("OPTION_UNKNOWN", `Cannot ${owner}: unknown option ${show(unknown)}`);
  return read as Options;
}

/**
 * What `read` makes of an option's value. Where the value itself throws when it is looked at, it is refused.
 * @throws LanError OPTION_INVALID
 */
export function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isNativeError(cause) && cause instanceof LanError) throw cause;
    throw new LanError("OPTION_INVALID", `Cannot use option ${name}: it cannot be read`, { cause });
  }
}

/** A whole number in [min, max]. @throws LanError OPTION_INVALID */
export function wholeNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw invalidOption(name, `must be a whole number from ${min} to ${max}, is ${show(value)}`);
  }
  return value;
}

/** The longest delay that the system's timers take, about 24 days. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** A time in milliseconds from `min` on. @throws LanError OPTION_INVALID */
export function milliseconds(name: string, value: unknown, min = 0): number {
  if (typeof value !== "number" || !(value >= min) || value > TIMER_MS_MAX) {
    throw invalidOption(name, `must be milliseconds from ${min} to ${TIMER_MS_MAX}, is ${show(value)}`);
  }
  return value;
}

/** @throws LanError OPTION_INVALID */
export function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw invalidOption(name, `must be true or false, is ${show(value)}`);
  return value;
}

/** A text that is not empty. @throws LanError OPTION_INVALID */
export function text(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "")
    throw invalidOption(name, `must be a text, is ${show(value)}`);
  return value;
}

const SHOWN_UNITS_MAX = 60;

/** A value for a message: short, and without calling anything of the value's own. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > SHOWN_UNITS_MAX ? `a text of ${value.length} units` : JSON.stringify(value);
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    case "object":
      return value === null ? "null" : "an object";
    default:
      return `a ${typeof value}`; // printing a bigint may take long
  }
}
