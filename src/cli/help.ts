/** The help of one command, and that of all: printed from the tables that the arguments are read by. */
import { COMMON_OPTIONS, type CommandSpec, type OptionTable } from "./arguments.ts";

const LINE_MAX = 100;
const NAME_COLUMNS = 26;

/** Exit codes as every help tells them. */
const EXIT_CODES_HELP: string = [
  "Exit codes:",
  "  0  done, and everything that was promised held",
  "  1  it failed: no connection, the peer was lost, input that was not sent, a check of bench",
  "  2  wrong usage; nothing was begun",
  "  129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM (monitor ends with 0 then)",
].join("\n");

export function commandHelp(spec: CommandSpec): string {
  const parts = [`Usage: lanwire ${spec.name} ${spec.usage}`, wrapped(spec.about, 0)];
  for (const { heading, table } of [...spec.options, { heading: "General", table: COMMON_OPTIONS }])
    parts.push(`${heading}:\n${optionLines(table)}`);
  parts.push(
    `Examples:\n${spec.examples.map(({ command, does }) => `  # ${does}\n  ${command}`).join("\n\n")}`,
  );
  parts.push(EXIT_CODES_HELP);
  return `${parts.join("\n\n")}\n`;
}

export function generalHelp(
  commands: readonly { readonly name: string; readonly summary: string }[],
): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return [
    "lanwire: servers that talk in frames, seen and touched from the command line.",
    "",
    "Usage: lanwire COMMAND [options]",
    "",
    "Commands:",
    ...rows,
    "",
    "  lanwire COMMAND --help     what it does, its options, examples that work as typed",
    "  lanwire --version",
    "",
    "First steps, in two terminals:",
    "  lanwire listen --port 7000",
    "  lanwire connect 127.0.0.1:7000",
    "",
    EXIT_CODES_HELP,
    "",
  ].join("\n");
}

function optionLines(table: OptionTable): string {
  return Object.entries(table)
    .map(([name, { value, help }]) => {
      const shown = `  --${name}${value === undefined ? "" : ` ${value}`}`;
      const text = wrapped(help, NAME_COLUMNS);
      return shown.length < NAME_COLUMNS
        ? shown.padEnd(NAME_COLUMNS) + text
        : `${shown}\n${" ".repeat(NAME_COLUMNS)}${text}`;
    })
    .join("\n");
}

/** Broken between words; every line but the first begins with `indent` blanks. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > LINE_MAX) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}
