/** What the command line says of itself, and how it takes what was typed wrong. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type CommandSpec, nearest, readArguments } from "../../src/cli/arguments.ts";
import { bench } from "../../src/cli/bench.ts";
import { connect } from "../../src/cli/connect.ts";
import { UsageError } from "../../src/cli/exit.ts";
import { readFraming } from "../../src/cli/framing-text.ts";
import { listen } from "../../src/cli/listen.ts";
import { monitor } from "../../src/cli/monitor.ts";
import { top } from "../../src/cli/top.ts";
import { FRAMING_PRESETS } from "../../src/index.ts";
import { readPage, rowsOf } from "../docs/markdown.ts";
import { Command } from "./command.ts";

const COMMANDS = { monitor, top, listen, connect, bench };

describe("lanwire", { concurrency: 2 }, () => {
  test("--help, help, and no word at all: every command is named", async (t) => {
    for (const [args, code] of [
      [["--help"], 0],
      [["help"], 0],
      [[], 2],
    ] as const) {
      const command = new Command(t, args);
      await command.ends(code);
      const text = code === 0 ? command.out.text : command.err.text;
      for (const { spec } of Object.values(COMMANDS)) assert.ok(text.includes(`  ${spec.name} `), spec.name);
      assert.equal(code === 0 ? command.err.text : command.out.text, "");
    }
  });

  test("--version is the package's", async (t) => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    assert.deepEqual(await new Command(t, ["--version"]).ends(0), [version]);
  });

  for (const [name, { spec }] of Object.entries(COMMANDS)) {
    test(`${name} --help has every option, examples and the exit codes, in lines of at most 100 columns`, async (t) => {
      const command = new Command(t, [name, "--help"]);
      const lines = await command.ends(0);
      for (const { table } of spec.options) {
        for (const option of Object.keys(table))
          assert.match(command.out.text, new RegExp(`^ {2}--${option}\\b`, "m"));
      }
      assert.ok(spec.examples.length >= 2);
      for (const example of spec.examples) assert.ok(lines.includes(`  ${example.command}`), example.command);
      for (const line of lines) assert.ok(line.length <= 100, line);
      assert.match(command.out.text, /\nExit codes:\n {2}0 .*\n {2}1 .*\n {2}2 /);
    });

    test(`docs/command-line.md has a row for every option of ${name}, and for no other`, () => {
      const page = readPage("docs/command-line.md");
      const headings = new Set(
        [...page.prose.matchAll(/^\| (`[^|]*?`) \|/gm)].map(([, heading]) => heading!),
      );
      const own = [...headings].filter((heading) => heading.split(", ").includes(`\`${name}\``));
      const rows = own.flatMap((heading) => rowsOf(page, heading)).map(({ code }) => code.split(" ")[0]!);
      assert.deepEqual(rows.sort(), optionsOf(spec).sort());
    });
  }

  for (const [args, hint] of [
    [["lisen"], "there is no command lisen; did you mean listen?"],
    [["--hepl"], "there is no option --hepl; did you mean --help?"],
    [["listen", "--prot", "1"], "there is no option --prot; did you mean --port?"],
    [["listen", "-p", "1"], "there is no option -p; did you mean --port, --path or --packet-bytes-max?"],
    [["listen", "--framing", "u23be"], '--framing cannot be "u23be"; did you mean u24be, u32be or u16be?'],
    [["listen", "--port"], "--port needs a value: --port PORT"],
    [["listen", "--port", "--echo"], "--port needs a value: --port PORT"],
    [["listen", "--port", "70000"], '--port must be a whole number from 0 to 65535, is "70000"'],
    [["listen", "--port", "1", "--port", "2"], "--port is given twice"],
    [["listen", "--echo=yes"], "--echo takes no value"],
    [["listen", "--echo", "--discard"], "--echo and --discard exclude each other"],
    [
      ["listen", "somewhere"],
      '"somewhere" is one word too many: lanwire listen [--ip IP] [--port PORT] | --path P [options]',
    ],
    [["listen", "--code", "1"], "--code has no meaning without --net"],
    [
      ["listen", "--net", "--key", "1", "--framing", "u8"],
      "--key has no meaning with --framing: a length alone has neither code nor key",
    ],
    [["listen", "--tls"], "--tls has no meaning without --net"],
    [["listen", "--net", "--tls"], "--tls needs --tls-cert and --tls-key here"],
    [["listen", "--format", "xml"], '--format must be text, hex or json, is "xml"'],
    [["connect"], "where to? HOST:PORT or --path P is needed"],
    [["connect", "127.0.0.1"], '"127.0.0.1" is no HOST:PORT such as 127.0.0.1:7000 or [::1]:7000'],
    [["connect", "a:1", "--path", "p"], "--path takes the place of HOST:PORT"],
    [
      ["connect", "a:1", "--wait-ms", "soon"],
      '--wait-ms must be a whole number from 0 to 2147483647, is "soon"',
    ],
    [["bench", "a:1", "--size", "3"], '--size must be a whole number from 4 to 1048576, is "3"'],
    [["bench", "a:1", "--rate", "0"], '--rate must be a number above 0, at most 1000000000, is "0"'],
    [
      ["bench", "a:1", "--mode", "one-way", "--outstanding", "2"],
      "--outstanding has no meaning one-way: nothing is answered",
    ],
    [["monitor", "--name", "login"], '--name must be NO=NAME, is "login"'],
    [["monitor", "--no-page", "--token", "abcdefgh"], "--token has no meaning with --no-page"],
    [
      ["top", "--sort", "size"],
      '--sort must be name, state, cpu, memory, sessions, packets-in, packets-out, bytes-in, bytes-out, queued or delay, is "size"',
    ],
  ] as const) {
    test(`lanwire ${args.join(" ")}: exit code 2, and what is wrong`, async (t) => {
      const command = new Command(t, args);
      assert.deepEqual(await command.ends(2), []);
      assert.equal(command.err.all[0], `lanwire: ${hint}`);
      assert.match(command.err.all[1]!, /--help tells more$/);
    });
  }

  test("an option that the library refuses is wrong usage too", async (t) => {
    const command = new Command(t, ["listen", "--framing", "u8", "--packet-bytes-max", "300"]);
    await command.ends(2);
    assert.match(command.err.text, /^OPTION_INVALID: .*packetBytesMax/);
  });
});

test("every example of a help can be read as it stands", () => {
  for (const { spec } of Object.values(COMMANDS)) {
    for (const { command } of spec.examples) {
      const words = command
        .replace(/^.*?lanwire /, "")
        .replace(/ [|<>].*$/, "")
        .split(" ");
      assert.equal(words[0], spec.name);
      readArguments(spec, words.slice(1));
    }
  }
});

test("an option may stand anywhere, with = or without; behind -- nothing is one", () => {
  const args = readArguments(connect.spec, ["--format=hex", "a:1", "--code", "0x77"]);
  assert.deepEqual(
    [args.positionals, args.text("format"), args.whole("code", 0, 255)],
    [["a:1"], "hex", 0x77],
  );
  assert.deepEqual(readArguments(connect.spec, ["--", "--format"]).positionals, ["--format"]);
  assert.equal(readArguments(monitor.spec, ["--name", "1=a", "--name", "2=b"]).texts("name").length, 2);
});

test("a slip of the keyboard finds the name: swapped, missing, doubled, begun", () => {
  const names = Object.keys(COMMANDS);
  for (const [typed, meant] of [
    ["bnech", "bench"],
    ["conect", "connect"],
    ["toop", "top"],
    ["moni", "monitor"],
    ["Listen", "listen"],
  ])
    assert.equal(nearest(typed!, names)[0], meant);
  assert.deepEqual(nearest("xyzzy", names), []);
});

test("framings as text: names, every preset, formats, and nothing else", () => {
  assert.equal(readFraming("u24be"), "u24be");
  for (const [name, format] of Object.entries(FRAMING_PRESETS)) assert.equal(readFraming(name), format);
  assert.deepEqual(readFraming("3,be,includes-header"), {
    lengthBytes: 3,
    endian: "big",
    includesHeader: true,
  });
  assert.deepEqual(readFraming("2,le"), { lengthBytes: 2, endian: "little", includesHeader: false });
  for (const wrong of ["", "5,be", "3", "3,xe", "3,be,", "3,be,includes", "toString", "__proto__", "U8 "])
    assert.throws(() => readFraming(wrong), UsageError, wrong);
});

function optionsOf({ options }: CommandSpec): string[] {
  return options.flatMap(({ table }) => Object.keys(table)).map((name) => `--${name}`);
}
