#!/usr/bin/env node
/**
 * The door of the command line: `lanwire COMMAND [options]`. Finds the command, reads what was typed, runs it, and turns
 * how it ended into an exit code (exit.ts). The commands' files are loaded only when they are asked for.
 */
import { readFileSync } from "node:fs";
import { LanError } from "../base/errors.ts";
import { readArguments, unknown } from "./arguments.ts";
import type { Command } from "./command.ts";
import { EXIT, RunError, UsageError } from "./exit.ts";
import { commandHelp, generalHelp } from "./help.ts";
import { Terminal } from "./terminal.ts";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  monitor: async () => (await import("./monitor.ts")).monitor,
  top: async () => (await import("./top.ts")).top,
  listen: async () => (await import("./listen.ts")).listen,
  connect: async () => (await import("./connect.ts")).connect,
  bench: async () => (await import("./bench.ts")).bench,
};

/** How long output may still take to leave once the command was told to end. */
const LAST_WORDS_MS = 1000;

const argv = process.argv.slice(2);
const terminal = new Terminal({ colours: !argv.includes("--no-color"), quiet: argv.includes("--quiet") });
let wasTold = false;
void terminal.told.then(() => {
  wasTold = true;
});
const code = await run();
terminal.restore();
await Promise.race([terminal.lines.end(), ...(wasTold ? [later(LAST_WORDS_MS)] : [])]);
process.exit(code);

async function run(): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === undefined || name === "--help" || name === "help") return await help(name, rest[0]);
    if (name === "--version") return print(`${version()}\n`);
    const command = await commandNamed(name);
    const args = readArguments(command.spec, rest);
    if (args.has("help")) return print(commandHelp(command.spec));
    return await command.run(args, terminal);
  } catch (error) {
    return failed(error, name);
  }
}

async function commandNamed(name: string): Promise<Command> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined && name.startsWith("-")) throw unknown("option", name, ["help", "version"], "--");
  if (load === undefined) throw unknown("command", name, [...Object.keys(COMMANDS), "help"]);
  return await load();
}

/** Without any word the help is an answer to wrong usage. */
async function help(asked: string | undefined, about: string | undefined): Promise<number> {
  if (asked === "help" && about !== undefined) return print(commandHelp((await commandNamed(about)).spec));
  const specs = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).spec));
  if (asked !== undefined) return print(generalHelp(specs));
  terminal.stderr.write(generalHelp(specs));
  return EXIT.usage;
}

function print(text: string): number {
  void terminal.lines.write(Buffer.from(text));
  return EXIT.fine;
}

function failed(error: unknown, name: string | undefined): number {
  if (error instanceof UsageError) {
    const about =
      name !== undefined && Object.hasOwn(COMMANDS, name) ? `lanwire ${name} --help` : "lanwire --help";
    terminal.problem(`lanwire: ${error.message}`);
    terminal.problem(`  ${about} tells more`);
    return EXIT.usage;
  }
  if (error instanceof LanError || error instanceof RunError) {
    terminal.error(error);
    return error instanceof LanError && error.code === "OPTION_INVALID" ? EXIT.usage : EXIT.failed;
  }
  throw error;
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
