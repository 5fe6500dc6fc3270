/**
 * What was typed behind `lanwire COMMAND`, against one table: the same that `--help` is printed from.
 *
 *     --size 64   --size=64   --json   HOST:PORT        in any order; everything behind `--` is no option
 *
 * Invariant: an option that the table does not have, one without its value, and one given twice are refused by name;
 * for a name that is only mistyped the near ones are told. Nothing is read from the environment.
 */
import { parseArgs } from "node:util";
import { UsageError } from "./exit.ts";

/** One option: `value` is what its value is called in the help; a flag has none. */
interface OptionSpec {
  readonly value?: string;
  readonly help: string;
  /** May be given more than once. */
  readonly many?: true;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface CommandSpec {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What stands behind the name: `HOST:PORT [options]`. */
  readonly usage: string;
  /** A paragraph or two for somebody who sees it for the first time. */
  readonly about: string;
  /** Options under headings, in the order of the help. */
  readonly options: readonly { readonly heading: string; readonly table: OptionTable }[];
  /** How many words without `--` it takes, at the most. */
  readonly positionalsMax: number;
  /** Command and what it does. */
  readonly examples: readonly { readonly command: string; readonly does: string }[];
}

/** Options that every command has. */
export const COMMON_OPTIONS: OptionTable = {
  help: { help: "this text" },
  "no-color": { help: "no colours (as NO_COLOR; there are none anyway where it is no terminal)" },
};

/** What was typed, by the names of the table. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.positionals = positionals;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A whole number, decimal or 0x..., in [min, max]. @throws UsageError */
  whole(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^(?:\d+|0x[\da-f]+)$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, is "${text}"`);
  }

  /** A number above 0, fractions allowed. @throws UsageError */
  positive(name: string, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value > 0 && value <= max) return value;
    throw new UsageError(`--${name} must be a number above 0, at most ${max}, is "${text}"`);
  }

  /** One of `choices`. @throws UsageError */
  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const choice = choices.find((each) => each === text);
    if (choice !== undefined) return choice;
    throw new UsageError(`--${name} must be ${either(choices)}, is "${text}"`);
  }
}

/** @throws UsageError */
export function readArguments(spec: CommandSpec, argv: readonly string[]): Arguments {
  const table = tableOf(spec);
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(table).map(([name, { value }]) => [
        name,
        { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: true },
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const positionals: string[] = [];
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const option = rawName.startsWith("--") && Object.hasOwn(table, name) ? table[name] : undefined;
    if (option === undefined) throw unknown("option", rawName, Object.keys(table), "--");
    if (option.value === undefined && value !== undefined) throw new UsageError(`--${name} takes no value`);
    if (option.value !== undefined && (value === undefined || looksLikeOption(token)))
      throw new UsageError(`--${name} needs a value: --${name} ${option.value}`);
    const given = values.get(name) ?? [];
    if (given.length > 0 && option.many === undefined) throw new UsageError(`--${name} is given twice`);
    values.set(name, [...given, value ?? ""]);
  }
  const surplus = positionals[spec.positionalsMax];
  if (surplus !== undefined && !values.has("help"))
    throw new UsageError(`"${surplus}" is one word too many: lanwire ${spec.name} ${spec.usage}`);
  return new Arguments(positionals, values);
}

function tableOf({ options }: CommandSpec): OptionTable {
  return Object.assign({}, ...options.map(({ table }) => table), COMMON_OPTIONS);
}

/** A value that is an option itself was forgotten; with `=` it is meant. */
function looksLikeOption({
  value,
  inlineValue,
}: {
  value: string | undefined;
  inlineValue: boolean | undefined;
}): boolean {
  return inlineValue === false && value?.startsWith("--") === true;
}

/** What to say of a name that does not exist: with what is near, where anything is. */
export function unknown(kind: string, name: string, known: readonly string[], prefix = ""): UsageError {
  const near = nearest(name.replace(/^-+/, ""), known).map((each) => prefix + each);
  const hint = near.length === 0 ? "" : `; did you mean ${either(near)}?`;
  return new UsageError(`there is no ${kind} ${name}${hint}`);
}

export function either(choices: readonly string[]): string {
  const last = choices.at(-1) ?? "";
  return choices.length < 2 ? last : `${choices.slice(0, -1).join(", ")} or ${last}`;
}

/** The names of `known` that a slip of the keyboard makes `name` of: closest first, three at most. */
export function nearest(name: string, known: readonly string[]): string[] {
  const reach = name.length < 4 ? 1 : 2;
  const distances = known.map((each) => ({
    each,
    distance: distanceOf(name.toLowerCase(), each.toLowerCase()),
  }));
  const near = distances.filter(
    ({ each, distance }) => (name.length > 1 && distance <= reach) || (name !== "" && each.startsWith(name)),
  );
  return near
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ each }) => each);
}

/** How many letters have to be put in, taken out, replaced or swapped with their neighbour. */
function distanceOf(from: string, to: string): number {
  let [before, above] = [[] as number[], Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    [before, above] = [above, row];
  }
  return above[to.length]!;
}
