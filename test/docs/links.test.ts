/** What the manual points at is there: pages, headings, files, npm scripts. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { it } from "node:test";
import { allPages, anchors, type Page, ROOT, readPage, relativeLinks } from "./markdown.ts";

const pages = allPages();

it("every relative link leads to a file, and to a heading of it", () => {
  for (const page of pages) {
    for (const target of relativeLinks(page)) {
      assert.equal(deadEnd(page, target), undefined, `${page.path} links to ${target}`);
    }
  }
});

it("every page of docs/ can be reached from the README", () => {
  const reached = new Set(["README.md"]);
  for (const path of reached) {
    for (const target of relativeLinks(readPage(path))) {
      const [file] = target.split("#");
      if (file!.endsWith(".md")) reached.add(join(dirname(path), file!));
    }
  }
  for (const { path } of pages) assert.ok(reached.has(path), path);
});

it("every npm script that is named exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const { path, text } of pages) {
    for (const [, name] of text.matchAll(/\bnpm run ([\w:-]+)/g)) {
      assert.ok(Object.hasOwn(scripts, name!), `${path} names npm run ${name}`);
    }
  }
});

/** Why a link leads nowhere. */
function deadEnd(page: Page, target: string): string | undefined {
  const [file, anchor] = target.split("#");
  const path = file === "" ? page.path : join(dirname(page.path), file!);
  if (!existsSync(join(ROOT, path))) return "no such file";
  if (anchor === undefined || !path.endsWith(".md")) return undefined;
  return anchors(readPage(path)).has(anchor) ? undefined : "no such heading";
}
