/** On a terminal: colours where they are wanted, the progress line, and what is typed and shown line by line. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { listening } from "./command.ts";
import { HAS_TERMINALS, OnTerminal } from "./on-terminal.ts";

const SIZE = { columns: 80, rows: 24 };
const skip = !HAS_TERMINALS && "util-linux' script is not installed";
const COLOUR = "\x1b[3";

describe("lanwire on a terminal", { concurrency: 2, skip }, () => {
  test("what is wrong is red, but not with NO_COLOR and not with --no-color", async (t) => {
    const wrong = ["listen", "--port", "x"];
    const shown = async (args: string[], env: Record<string, string>): Promise<string> => {
      const terminal = new OnTerminal(t, args, { ...SIZE, env });
      assert.equal(await terminal.end(), 2);
      assert.match(terminal.text, /--port must be/);
      return terminal.text;
    };
    assert.ok((await shown(wrong, {})).startsWith("\x1b[31mlanwire: "));
    assert.ok(!(await shown(wrong, { NO_COLOR: "1" })).includes(COLOUR));
    assert.ok(!(await shown([...wrong, "--no-color"], {})).includes(COLOUR));
  });

  test("bench has a line that shows how far it is, and leaves nothing of it", async (t) => {
    const { target } = await listening(t, "--echo");
    const terminal = new OnTerminal(t, ["bench", target, "--seconds", "1"], SIZE);
    await terminal.shows(/\r\d+ % {2}[\d ]+ messages {2}[\d ]+\/s\r/);
    assert.equal(await terminal.end(), 0);
    const [progress, report] = terminal.text.split("\r\x1b[K") as [string, string];
    assert.match(progress, / %/);
    assert.match(report, /^echo: /);
    assert.doesNotMatch(report, / % /);
    const quiet = new OnTerminal(t, ["bench", target, "--seconds", "0.5", "--quiet"], SIZE);
    assert.equal(await quiet.end(), 0);
    assert.doesNotMatch(quiet.text, / % /);
  });

  test("connect sends what is typed, line by line, and Ctrl-D ends it as every input's end", async (t) => {
    const { target } = await listening(t, "--echo");
    const terminal = new OnTerminal(t, ["connect", target, "--wait-ms", "100"], SIZE);
    await terminal.shows(/joined/);
    terminal.type("hello\n");
    await terminal.shows(/hello\r\nhello\r\n/); // typed, and back
    terminal.type("\x04");
    assert.equal(await terminal.end(), 0);
    assert.match(terminal.text, /left: disconnected/);
  });

  test("Ctrl-C on a terminal is 130", async (t) => {
    const { target } = await listening(t);
    const terminal = new OnTerminal(t, ["connect", target], SIZE);
    await terminal.shows(/joined/);
    terminal.type("\x03");
    assert.equal(await terminal.end(), 130);
  });
});
