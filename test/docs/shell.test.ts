/**
 * The manual's commands do what the manual says, as they stand. The convention, for all pages:
 *
 *     ```sh run               is run by `sh -eu` and ends with 0
 *     ```sh run exit=1        ... with that
 *     ```sh run background    goes on until the next heading; what follows begins once it has printed something
 *     ```text shows           what the fence before it prints on stdout, line for line: `...` stands for anything in a
 *                             line, and alone for any lines
 *
 * A page has a folder of its own, `npx lanwire` is the source, and ports are free ones: those that are written, and those
 * that are meant where none is.
 */
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Readable } from "node:stream";
import { after, describe, it } from "node:test";
import { allPages, type Fence, type Page, ROOT, readPage } from "./markdown.ts";
import { freePorts, isInstalled } from "./workshop.ts";

/** Ports that pages write or mean. */
const PORTS = ["7000", "7700", "7701"];
const LIMIT_MS = 60_000;

/** What runs between two headings. */
interface Scene {
  readonly heading: string;
  readonly acts: Act[];
}

interface Act {
  readonly fence: Fence;
  readonly shows: Fence | undefined;
}

const folder = mkdtempSync(join(tmpdir(), "lanwire-shell-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const skip = isInstalled("sh") ? false : "there is no sh";

for (const page of allPages()) {
  const scenes = scenesOf(page);
  if (scenes.length === 0) continue;
  describe(`the commands of ${page.path}`, { concurrency: 1, skip }, async () => {
    const ports = await freePorts(PORTS.length);
    const stage = stageFor(page, ports);
    for (const scene of scenes) {
      it(scene.heading, { timeout: LIMIT_MS }, () => play(scene, stage));
    }
  });
}

it("every command of docs/command-line.md is run, and every example of a help stands there", async () => {
  const page = readPage("docs/command-line.md");
  const shells = page.fences.filter(({ language }) => language === "sh");
  for (const { attributes, line } of shells) assert.ok("run" in attributes, `line ${line} is not run`);
  const lines = new Set(shells.flatMap(({ text }) => text.split("\n")));
  for (const name of ["monitor", "top", "listen", "connect", "bench"]) {
    const { [name]: command } = await import(`../../src/cli/${name}.ts`);
    for (const example of command.spec.examples) {
      const line = example.command.replace("lanwire ", "npx lanwire ");
      assert.ok(lines.has(line), `${line} is not on the page`);
    }
  }
});

interface Stage {
  readonly folder: string;
  readonly path: string;
  readonly ported: (text: string) => string;
}

/** A folder for the page, and an `npx` that runs the source on the page's ports. */
function stageFor(page: Page, ports: readonly number[]): Stage {
  const place = join(folder, page.path.replaceAll("/", "-"));
  mkdirSync(join(place, "bin"), { recursive: true });
  const [listenPort, reportPort, pagePort] = ports;
  const npx = `#!/bin/sh
[ "$1" = lanwire ] || { echo "npx $1 is nothing of this project" >&2; exit 127; }
shift
case " $* " in
  *" --port "*|*" --path "*|*" --help "*) ;;
  " listen "*) set -- "$@" --port ${listenPort} ;;
  " monitor "*) set -- "$@" --port ${reportPort} ;;
esac
case " $* " in
  *" --page-port "*|*" --help "*) ;;
  " monitor "*) set -- "$@" --page-port ${pagePort} ;;
esac
case " $* " in
  " top http"*|*" --help "*) ;;
  " top "*) shift; set -- top "http://127.0.0.1:${pagePort}" "$@" ;;
esac
exec '${process.execPath}' '${join(ROOT, "src/cli/main.ts")}' "$@"
`;
  writeFileSync(join(place, "bin", "npx"), npx);
  chmodSync(join(place, "bin", "npx"), 0o755);
  return {
    folder: place,
    path: join(place, "bin") + delimiter + process.env.PATH,
    ported: (text) => text.replace(/\b\d{4}\b/g, (port) => String(ports[PORTS.indexOf(port)] ?? port)),
  };
}

async function play({ acts }: Scene, stage: Stage): Promise<void> {
  const running: { act: Act; shell: Shell }[] = [];
  try {
    for (const act of acts) {
      const shell = new Shell(stage, act.fence);
      running.push({ act, shell });
      if ("background" in act.fence.attributes) {
        await shell.begun;
        continue;
      }
      const code = await shell.end;
      assert.equal(code, Number(act.fence.attributes.exit ?? 0), `line ${act.fence.line}:\n${shell.all}`);
      check(act, shell, stage);
    }
  } finally {
    for (const { shell } of running.reverse()) await shell.stop();
  }
  for (const { act, shell } of running) {
    if (!("background" in act.fence.attributes)) continue;
    assert.ok(shell.endedWell, `line ${act.fence.line} ended:\n${shell.all}`);
    check(act, shell, stage);
  }
}

function check({ shows, fence }: Act, { out }: Shell, { ported }: Stage): void {
  if (shows === undefined) return;
  const lines = ported(shows.text).trimEnd().split("\n");
  const pattern = lines.map((line) =>
    line === "..." ? "(?:.*\\n)*?" : `${line.split("...").map(escaped).join(".*")}\\n`,
  );
  assert.match(out, new RegExp(`^${pattern.join("")}$`), `line ${fence.line} prints:\n${out}`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A fence that runs, as a group of processes of its own. */
class Shell {
  out = "";
  all = "";
  /** Known after `stop`: false where it had ended by itself before, with another exit code than 0. */
  endedWell = true;
  /** Resolves once it has printed something, or has ended. */
  readonly begun: Promise<unknown>;
  readonly end: Promise<number | string>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;

  constructor(stage: Stage, fence: Fence) {
    const child = spawn("sh", ["-eu", "-c", stage.ported(fence.text)], {
      cwd: stage.folder,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, PATH: stage.path, NODE_NO_WARNINGS: "1" },
    });
    this.#child = child;
    this.end = once(child, "close").then(([code, signal]) => code ?? signal);
    const printed = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.all += text;
        if (stream === child.stdout) this.out += text;
        printed.resolve();
      });
    }
    this.begun = Promise.race([printed.promise, this.end]);
  }

  /** As Ctrl-C does: all of the group is told. */
  async stop(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null) this.endedWell = exitCode === 0;
    else {
      try {
        process.kill(-pid!, "SIGINT");
      } catch {} // it has just ended
    }
    await this.end;
  }
}

function scenesOf({ text, fences }: Page): Scene[] {
  const lines = text.split("\n");
  const scenes: Scene[] = [];
  const headingOf = (fence: Fence): string =>
    lines.slice(0, fence.line).findLast((line) => /^#{1,6} /.test(line)) ?? "";
  fences.forEach((fence, i) => {
    if (fence.language !== "sh" || !("run" in fence.attributes)) return;
    const next = fences[i + 1];
    const shows =
      next !== undefined && next.language === "text" && "shows" in next.attributes ? next : undefined;
    const heading = headingOf(fence);
    if (scenes.at(-1)?.heading !== heading) scenes.push({ heading, acts: [] });
    scenes.at(-1)!.acts.push({ fence, shows });
  });
  return scenes;
}
