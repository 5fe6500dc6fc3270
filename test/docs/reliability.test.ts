/** docs/reliability.md: every promise and every bound names tests, and each named test is there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path/posix";
import { it } from "node:test";
import { ROOT, type Row, readPage, rowsOf } from "./markdown.ts";

const PAGE = "docs/reliability.md";
const rows = ["Promise", "Bound"].flatMap((heading) => rowsOf(readPage(PAGE), heading));

/** A test that the page names. */
interface Named {
  readonly file: string;
  readonly title: string;
}

it("every promise and every bound names a test", () => {
  assert.ok(rows.length > 30, `${rows.length} rows`);
  for (const row of rows) assert.ok(namedBy(row).length > 0, row.code);
});

it("every test that is named is there, under its name", () => {
  const missing: string[] = [];
  for (const row of rows) {
    for (const { file, title } of namedBy(row)) {
      assert.ok(existsSync(join(ROOT, file)), `${file}, for "${row.code}"`);
      const isThere = hasTest(readFileSync(join(ROOT, file), "utf8"), title);
      if (!isThere) missing.push(`${file} has no test "${title}"`);
    }
  }
  assert.deepEqual(missing, []);
});

it("a test that is not there would be seen", () => {
  const source = 'it("does this", () => {}); tell(\n  `packets of $[n} bytes: $[how}`,\n  f);'.replaceAll(
    "[",
    "{",
  );
  assert.ok(hasTest(source, "does this"));
  assert.ok(hasTest(source, "packets of 7 bytes: …"));
  for (const title of ["does that", "does", "this", "packets of 7 bytes", "a packets of 7 bytes: …"])
    assert.equal(hasTest(source, title), false, title);
  const row = { code: "x", cells: ['[one](../test/one.test.ts) "a", "b", [two](../test/two.test.ts) "c"'] };
  assert.deepEqual(
    namedBy(row).map(({ file, title }) => `${file} ${title}`),
    ["test/one.test.ts a", "test/one.test.ts b", "test/two.test.ts c"],
  );
});

/** The tests in the last cell: a link to a file, then titles of it. */
function namedBy({ cells }: Row): Named[] {
  const links = (cells.at(-1) ?? "").matchAll(/\]\(\.\.\/(test\/[^)]+)\)((?:,? "[^"]+")*)/g);
  return [...links].flatMap(([, file, titles]) =>
    [...titles!.matchAll(/"([^"]+)"/g)].map(([, title]) => ({ file: file!, title: title! })),
  );
}

/** Whether a source has a test, or a group of tests, of that title. What varies is `${...}` there and may be … here. */
function hasTest(source: string, title: string): boolean {
  const calls = source.matchAll(/\b(?:it|test|tell|describe)\(\s*(["'`])((?:\\.|(?!\1)[^\\])*)\1/g);
  return [...calls].some(([, , written]) => {
    const parts = written!.split(/\$\{[^}]*\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".+")}$`).test(title);
  });
}
