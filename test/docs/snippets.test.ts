/**
 * The manual's code does what the manual says. The convention, for all pages:
 *
 *     ```ts                       is checked by the compiler, as a module of its own
 *     ```ts file=echo/server.ts   the same, under that name; others of the page may import it
 *     ```text output=order.ts     is what that file prints when it runs, line for line
 *     ```text output=echo/server.ts against=echo/client.ts,echo/peer.py
 *                                 ... while these run, one after the other; it is ended afterwards
 *
 * The port 7000 is replaced by a free one for each page. Files in other languages run where their interpreter is installed.
 */
import assert from "node:assert/strict";
import { extname } from "node:path/posix";
import { after, describe, it, type TestContext } from "node:test";
import { allPages, type Fence, type Page, readPage } from "./markdown.ts";
import { freePorts, isInstalled, type Program, Workshop } from "./workshop.ts";

const MANUAL_PORT = /\b7000\b/g;

/** What runs a file, by its ending. */
const INTERPRETERS: Readonly<Record<string, string>> = {
  ".ts": process.execPath,
  ".py": "python3",
  ".escript": "escript",
};

/** A file that is run, and what it prints; with the files that run against it meanwhile. */
interface Run {
  readonly page: Page;
  readonly file: string;
  readonly against: readonly string[];
}

const pages = allPages();
const workshop = new Workshop();
after(() => workshop.remove());

const ports = await freePorts(pages.length);
for (const page of pages) {
  for (const fence of page.fences) writeSnippet(page, fence);
}

it("every snippet passes the compiler", async (t) => {
  assert.equal(await workshop.typeErrors(t), "");
});

describe("every example prints what its page says", { concurrency: 3 }, () => {
  for (const page of pages) {
    // One after another: the examples of a page share its port.
    describe(page.path, { concurrency: 1 }, () => {
      for (const run of runsOf(page)) {
        const files = [run.file, ...run.against];
        const missing = files.map(interpreterOf).find((command) => !isInstalled(command));
        const skip = missing === undefined ? false : `${missing} is not installed`;
        it(files.join(", "), { timeout: 60_000, skip }, (t) => play(t, run));
      }
    });
  }
});

it("the README's server and client are at most 15 lines each and need no option but addresses", () => {
  const { fences } = readPage("README.md");
  for (const file of ["echo/server.ts", "echo/client.ts"]) {
    const { text, given } = fences.find(({ attributes }) => attributes.file === file)!;
    assert.ok(text.trimEnd().split("\n").length <= 15, file);
    assert.equal(given, "", file);
    const options = /\.(?:start|connect)\(\{([^}]*)\}\)/.exec(text)![1]!;
    for (const option of options.split(",")) assert.match(option, /^\s*(?:ip|serverIp|port):/, file);
  }
});

async function play(t: TestContext, { page, file, against }: Run): Promise<void> {
  const program = start(t, page, file);
  const expected = outputOf(page, file);
  if (against.length === 0) {
    assert.equal(await program.end, 0, program.lines.join("\n"));
  } else {
    await program.printed(1);
    for (const other of against) {
      const partner = start(t, page, other);
      assert.equal(await partner.end, 0, partner.lines.join("\n"));
      assert.deepEqual(partner.lines, outputOf(page, other), other);
    }
    await program.printed(expected.length);
    await program.kill();
  }
  assert.deepEqual(program.lines, expected, file);
}

function start(t: TestContext, page: Page, file: string): Program {
  return workshop.program(t, interpreterOf(file), [file], folderOf(page));
}

function interpreterOf(file: string): string {
  return INTERPRETERS[extname(file)]!;
}

/** What a file prints, by its page. */
function outputOf(page: Page, file: string): string[] {
  const fence = page.fences.find(({ attributes }) => attributes.output === file);
  assert.ok(fence, `${page.path} does not say what ${file} prints`);
  return withPort(page, fence.text).trimEnd().split("\n");
}

function runsOf(page: Page): Run[] {
  const outputs = page.fences.filter(({ attributes }) => attributes.output !== undefined);
  const runs = outputs.map(({ attributes }) => {
    const against = attributes.against?.split(",") ?? [];
    return { page, file: attributes.output!, against };
  });
  const partners = new Set(runs.flatMap(({ against }) => against));
  return runs.filter(({ file }) => !partners.has(file));
}

function writeSnippet(page: Page, fence: Fence): void {
  const name = nameOf(fence);
  if (INTERPRETERS[extname(name)] === undefined) return;
  workshop.write(`${folderOf(page)}/${name}`, withPort(page, fence.given + fence.text));
}

function withPort(page: Page, text: string): string {
  return text.replace(MANUAL_PORT, String(ports[pages.indexOf(page)]));
}

function nameOf({ attributes, language, line }: Fence): string {
  return attributes.file ?? `line-${line}.${language}`;
}

function folderOf({ path }: Page): string {
  return path.replace(/\.md$/, "");
}
