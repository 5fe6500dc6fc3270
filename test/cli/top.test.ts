/** `lanwire top`, against a monitor that is made up and against the real one. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { figureOf, LanClient, Packet } from "../../src/index.ts";
import { freePorts } from "../docs/workshop.ts";
import { Command } from "./command.ts";
import { down, FakeMonitor, SINCE_MS, up } from "./fake-monitor.ts";
import { HAS_TERMINALS, OnTerminal } from "./on-terminal.ts";

/** A process: 12.34 % CPU, 48 MiB, delay 1.5 ms; a LanServer and a NetServer. */
const LOGIN = up(1, "login", {
  100: 1234,
  101: 48 * 1024,
  103: 1500,
  110: 3,
  113: 100,
  114: 90,
  115: kibibytes(115, 12),
  116: kibibytes(116, 11),
  117: kibibytes(117, 2),
  120: 4,
  123: 20,
});
/** A game server of another system: CPU 55 %, 700 MiB, 40 sessions, 5000 and 6000 packets. */
const GAME = up(2, "game", { 11: 55, 12: 700, 13: 40, 17: 5000, 18: 6000 });

describe("lanwire top", { concurrency: 2 }, () => {
  test("--once prints the table: each column from the figures that mean it, links added up", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN, GAME, down(up(3, "chat", { 31: 99 }), "reset")];
    const out = await new Command(t, ["top", monitor.url, "--once"]).ends(0);
    const cells = out.map((line) => line.split(/ {2,}/));
    const [head, chat, game, login] = cells;
    const titles = [
      "SERVER",
      "STATE",
      "CPU%",
      "MEM",
      "SESS",
      "PKT IN",
      "PKT OUT",
      "IN/s",
      "OUT/s",
      "QUEUED",
      "DELAY",
    ];
    assert.deepEqual(head, titles);
    assert.match(chat!.slice(0, 2).join(" "), /^chat down \d+d \d+h: reset$/);
    assert.deepEqual(chat!.slice(2), ["-", "-", "-", "-", "-", "-", "-", "-", "-"]);
    assert.match(game![1]!, /^up \d+d \d+h$/);
    assert.deepEqual(game!.slice(2), ["55.0", "700M", "40", "5000", "6000", "-", "-", "-", "-"]);
    assert.deepEqual(login!.slice(2), ["12.3", "48.0M", "7", "120", "90", "12.0K", "11.0K", "2.0K", "1.5ms"]);
  });

  test("--sort and --links", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN, GAME];
    const byCpu = await new Command(t, ["top", monitor.url, "--once", "--sort", "cpu"]).ends(0);
    assert.deepEqual(firstWords(byCpu), ["SERVER", "game", "login"]);
    const links = await new Command(t, ["top", monitor.url, "--once", "--links"]).ends(0);
    assert.deepEqual(firstWords(links), ["SERVER", "game", "login", "LanServer", "NetServer"]);
    assert.match(links[3]!, / 3 +100 +90 +12\.0K +11\.0K +2\.0K$/);
    assert.match(links[4]!, / 4 +20$/);
  });

  test("without a terminal: a line of name=value for each server, each second", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN];
    const command = new Command(t, ["top", monitor.url]);
    const [first] = await command.out.match(/^.*\n/);
    assert.match(
      first,
      /^20\d\d-\d\d-\d\dT[\d:.]+Z server=1 name="login" state=up since=2026-01-02T03:04:05.000Z /,
    );
    assert.match(
      first,
      / cpu_percent=12\.34 memory_bytes=50331648 sessions=7 packets_in_per_second=120 packets_out_per_second=90 bytes_in_per_second=12288 bytes_out_per_second=11264 queued_bytes=2048 loop_delay_p99_ms=1\.5\n$/,
    );
    monitor.tell({ kind: "values", atMs: Date.now(), values: [[1, 100, 9999, Date.now()]] });
    await command.out.match(/cpu_percent=99\.99/);
    monitor.tell({ kind: "joined", server: GAME });
    await command.out.match(/name="game" state=up/);
    monitor.tell({ kind: "left", server: down(GAME, "heartbeat-timeout") });
    await command.out.match(
      /name="game" state=down since=2026-01-02T03:04:06.000Z reason="heartbeat-timeout"\n/,
    );
    command.child.kill("SIGTERM");
    await command.ends(143);
  });

  test("a monitor that restarts is found again, with what it knows then", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN];
    const command = new Command(t, ["top", monitor.url]);
    await command.out.match(/name="login"/);
    await monitor.stop();
    await command.err.match(/the monitor is lost: .*; trying again\n/);
    monitor.servers = [GAME];
    await monitor.start(t);
    await command.out.match(/name="game"/);
    assert.match(command.err.text, /the monitor is back\n$/);
  });

  test("how long a server is up is told by the monitor's clock, which may go otherwise than ours", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN];
    monitor.nowMs = () => SINCE_MS + 3_700_000;
    const out = await new Command(t, ["top", monitor.url, "--once"]).ends(0);
    assert.match(out[1]!, /^login +up 1h 1m /);
  });

  test("a name that would command a terminal does not", async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [up(1, "ev\x1b[2Jil\n", {}), down(up(2, "b", {}), "\x1b]0;x\x07")];
    const out = await new Command(t, ["top", monitor.url, "--once"]).ends(0);
    assert.match(out[2]!, /^ev\?\[2Jil\?/);
    assert.equal(out.length, 3);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
    assert.doesNotMatch(out.join("\n"), /[\x00-\x09\x0b-\x1f\x7f]/);
  });

  test("exit code 1 without a monitor and without its token, 2 for what is no URL", async (t) => {
    const [port] = await freePorts(1);
    const nobody = new Command(t, ["top", `http://127.0.0.1:${port}`]);
    await nobody.ends(1);
    assert.match(nobody.err.text, /^no monitor at http:\/\/127\.0\.0\.1:\d+\/: ECONNREFUSED\n/);
    await new Command(t, ["top", "ftp://x"]).ends(2);
    const monitor = new FakeMonitor();
    monitor.token = "a-long-token";
    await monitor.start(t);
    const refused = new Command(t, ["top", monitor.url, "--once"]);
    await refused.ends(1);
    assert.match(refused.err.text, /wants a token/);
    const folder = mkdtempSync(join(tmpdir(), "lanwire-cli-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "token"), "a-long-token\n");
    await new Command(t, ["top", monitor.url, "--once", "--token-file", join(folder, "token")]).ends(0);
  });

  test("on a terminal: a table that fits, keys that sort, q that ends and puts the screen back", {
    skip: !HAS_TERMINALS && "util-linux' script is not installed",
  }, async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN, GAME, up(3, "게임 서버", { 11: 1 })];
    const screen = new OnTerminal(t, ["top", monitor.url], { columns: 60, rows: 12 });
    await screen.shows(/3 servers: 3 up, 0 down {2}sorted by name/);
    assert.ok(screen.text.startsWith("\x1b[?1049h\x1b[?25l"));
    for (const line of screen.lastDrawn()) assert.ok(widthOf(line) <= 60, JSON.stringify(line));
    screen.type("c");
    await screen.shows(/sorted by cpu[\s\S]*game[\s\S]*login[\s\S]*게임 서버/);
    screen.type("r");
    await screen.shows(/sorted by cpu, reversed/);
    screen.type("l");
    await screen.shows(/ {2}LanServer/);
    await monitor.stop();
    await screen.shows(/MONITOR LOST for/);
    screen.type("q");
    assert.equal(await screen.end(), 0);
    assert.ok(screen.text.includes("\x1b[?25h\x1b[?1049l"), "the screen is put back");
  });

  test("on a terminal: Ctrl-C is 130, and puts the screen and its modes back", {
    skip: !HAS_TERMINALS && "util-linux' script is not installed",
  }, async (t) => {
    const monitor = await new FakeMonitor().start(t);
    monitor.servers = [LOGIN];
    const screen = new OnTerminal(t, ["top", monitor.url], { columns: 80, rows: 24 });
    await screen.shows(/login/);
    screen.type("\x03");
    assert.equal(await screen.end(), 130);
    assert.ok(screen.text.includes("\x1b[?25h\x1b[?1049l"));
    assert.deepEqual(screen.modesAfter, screen.modesBefore);
  });

  test("against the real monitor: a server that reports, and why it left", async (t) => {
    const args = ["--port", "0", "--page-port", "0", "--name", "7=login", "--red", "10=0.5"];
    const monitor = new Command(t, ["monitor", ...args]);
    const [, reports] = await monitor.out.match(/^reports {2}127\.0\.0\.1:(\d+) \(u16le\)\n/);
    const [, url] = await monitor.out.match(
      /\npage {5}(http:\/\/127\.0\.0\.1:\d+)\/\nhistory {2}in memory\n/,
    );
    const reporter = new Reporter();
    await reporter.connect({ port: Number(reports), framing: "u16le" });
    reporter.sendPacket(new Packet().writeUint16(20001).writeInt32(7));
    reporter.sendPacket(update(13, 42));
    const top = new Command(t, ["top", url!]);
    await top.out.match(/server=7 name="login" state=up .*sessions=42/);
    await reporter.disconnect();
    await top.out.match(/server=7 name="login" state=down .*reason="peer-closed"/);
    monitor.child.kill("SIGTERM");
    await monitor.ends(0);
    await top.err.match(/the monitor is lost/);
  });
});

/** So many KiB, as the figure has them on the wire. */
function kibibytes(type: number, amount: number): number {
  return amount * 1024 * figureOf(type).metricScale;
}

class Reporter extends LanClient {
  onEnterJoinServer(): void {}
  onLeaveServer(): void {}
  onRecv(): void {}
  onSend(): void {}
  onError(): void {}
}

function update(type: number, value: number): Packet {
  const seconds = Math.floor(Date.now() / 1000);
  return new Packet().writeUint16(20002).writeUint8(type).writeInt32(value).writeInt32(seconds);
}

function firstWords(lines: readonly string[]): string[] {
  return lines.map((line) => line.trim().split(" ")[0]!);
}

/** Columns on a terminal; of what is used here, Hangul alone is wide. */
function widthOf(text: string): number {
  return [...text].reduce((columns, character) => columns + (/[\uac00-\ud7a3]/.test(character) ? 2 : 1), 0);
}
