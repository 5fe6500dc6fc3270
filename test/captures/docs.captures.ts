/** Every command of docs/captures.md, typed as it stands, on a capture of a live link. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Packet } from "../../src/index.ts";
import { readPage } from "../docs/markdown.ts";
import { CANNOT_CAPTURE } from "./capture.ts";
import { DISSECTOR } from "./figures-table.ts";
import { CountingClient, EchoServer } from "./links.ts";

/** What has to be somewhere in a command's output. */
const SHOWN: Readonly<Record<string, readonly RegExp[]>> = {
  read: [/LANWIRE .*: heartbeat/, /LANWIRE .*: login of server 1/],
  whole: [/Type: SS_MONITOR_LOGIN \(20001\)/, /Server: 1/],
  framing: [/LANWIRE/],
  "decode-as": [/\t6\t214e01000000/],
  net: [/LANWIRE_NET/],
  json: [/"lanwire_monitor.server_no": "1"/],
  wrong: [/^(?!.*(?:longer than|No frame))/s],
};

const PAGE = readPage("docs/captures.md");
const COMMANDS = new Map(
  PAGE.fences
    .filter(({ language }) => language === "sh")
    .map(({ attributes, text }) => [attributes.file ?? "", text]),
);

describe("docs/captures.md", { skip: CANNOT_CAPTURE }, () => {
  const folder = mkdtempSync(join(tmpdir(), "lanwire-captures-"));
  let port = 0;
  after(() => rmSync(folder, { recursive: true }));
  const typed = (name: string): string =>
    COMMANDS.get(name)!.trim().replaceAll("7000", String(port)).replaceAll("tools/lanwire.lua", DISSECTOR);

  before(async () => {
    const server = new EchoServer();
    ({ port } = await server.start({ port: 0 }));
    const capture = spawn("sh", ["-c", typed("capture")], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let told = "";
    capture.stderr.on("data", (text) => {
      told += text;
    });
    const ended = once(capture, "close");
    while (!told.includes("File:") && capture.exitCode === null) await pause(10);
    // Links come and go until the command has what it waits for.
    while (capture.exitCode === null) {
      const client = new CountingClient(1);
      await client.connect({ port });
      client.sendPacket(new Packet().writeUint16(20001).writeInt32(1));
      await client.received.all;
      await client.disconnect();
    }
    assert.deepEqual(await ended, [0, null], told);
    await server.stop();
  });

  it("says what is shown of every command", () => {
    assert.deepEqual([...COMMANDS.keys()].sort(), ["capture", ...Object.keys(SHOWN)].sort());
  });

  for (const [name, patterns] of Object.entries(SHOWN)) {
    it(`the command "${name}" works as it stands`, async () => {
      const { stdout } = await promisify(execFile)("sh", ["-c", typed(name)], { cwd: folder });
      for (const pattern of patterns) assert.match(stdout, pattern);
    });
  }

  it("names every preference with its default", () => {
    const source = readFileSync(DISSECTOR, "utf8");
    const known = [...source.matchAll(/^(lan|net)\.prefs\.(\w+) = Pref\.\w+\("[^"]*", ([^,]+),/gm)].map(
      ([, kind, name, value]) => [
        `${kind === "lan" ? "lanwire" : "lanwire_net"}.${name}`,
        defaultOf(name!, value!),
      ],
    );
    const told = [
      ...readFileSync(new URL(`../../${PAGE.path}`, import.meta.url), "utf8").matchAll(
        /^\| `(lanwire\w*\.\w+)` \| (\w+) \|/gm,
      ),
    ];
    assert.deepEqual(
      told.map(([, name, value]) => [name, value]),
      known,
    );
  });
});

/** A default as the page writes it. */
function defaultOf(name: string, value: string): string {
  if (value === '""') return "none";
  if (name === "endian") return value === "1" ? "little" : "big";
  if (value === "true" || value === "false") return value.toUpperCase();
  return String(value.split("*").reduce((product, factor) => product * Number(factor), 1));
}
