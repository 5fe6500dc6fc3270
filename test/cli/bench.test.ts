/** `lanwire bench`: what it counts is what happened, what it checks it notices, and a stall is felt by all it held back. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { freePorts } from "../docs/workshop.ts";
import { Command, listening } from "./command.ts";
import { testServer } from "./peers.ts";

interface Result {
  readonly seconds: number;
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly latencyMicros: Record<"p50" | "p90" | "p99" | "p999" | "max", number> | null;
  readonly histogram: readonly (readonly [number, number, number])[];
  readonly lateMicros: object | null;
  readonly checks: { wrong: number; missing: number; dueAndNotSent: number; linksLost: string[] };
  readonly ok: boolean;
}

async function benched(t: TestContext, code: number, target: string, ...args: string[]): Promise<Result> {
  const command = new Command(t, ["bench", target, "--json", ...args]);
  const out = await command.ends(code);
  assert.equal(out.length, 1, command.err.text);
  return JSON.parse(out[0]!);
}

describe("lanwire bench", { concurrency: 1 }, () => {
  test("counts as many answers as the peer sent, over several links, in every framing", async (t) => {
    for (const framing of ["u32le", "u16be", "erlangPacket1", "3,le,includes-header"]) {
      const { server, target } = await testServer(
        t,
        (server, id, packet) => void server.sendPacket(id, packet),
        framing === "u32le" ? {} : { framing: framingOf(framing) },
      );
      const args = [
        "--framing",
        framing,
        "--seconds",
        "0.3",
        "--links",
        "3",
        "--outstanding",
        "7",
        "--size",
        "100",
      ];
      const result = await benched(t, 0, target, ...args);
      assert.ok(result.ok && result.messages > 0);
      assert.equal(server.packets.length, result.messages);
      assert.equal(server.packets[0]!.length, 100);
      assert.equal(sum(result), result.messages);
      assert.ok(Math.abs(result.messagesPerSecond * result.seconds - result.messages) < 1);
      assert.ok(Math.abs(result.bytesPerSecond - result.messagesPerSecond * 100) < 1);
      const { p50, p90, p99, p999, max } = result.latencyMicros!;
      assert.ok(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= p999 && p999 <= max);
      server.packets.length = 0;
    }
  });

  test("a message of 4 bytes, the smallest, and one of 1 MiB", async (t) => {
    const { target } = await listening(t, "--echo");
    for (const size of ["4", "7", "8", "1048576"]) {
      const result = await benched(t, 0, target, "--size", size, "--seconds", "0.2", "--outstanding", "3");
      assert.ok(result.messages > 0);
    }
  });

  const corruptions: Record<string, (bytes: Uint8Array, n: number) => Uint8Array | null> = {
    "loses one": (bytes, n) => (n === 2 ? null : bytes),
    "cuts one short": (bytes, n) => (n === 2 ? bytes.subarray(0, 60) : bytes),
    "damages the end of one": (bytes, n) => {
      if (n === 2) bytes[63]! ^= 1;
      return bytes;
    },
  };
  for (const [what, corrupt] of Object.entries(corruptions)) {
    test(`a peer that ${what} fails the check: exit code 1`, async (t) => {
      const { target } = await testServer(t, (server, id, packet) => {
        const bytes = corrupt(packet.toBytes(), server.packets.length);
        if (bytes !== null) server.sendPacket(id, packet.copy().clear().writeBytes(bytes));
      });
      const args = ["--seconds", "0.2", "--outstanding", "5", "--answer-ms", "100"];
      const { checks, ok } = await benched(t, 1, target, ...args);
      assert.equal(ok, false);
      assert.ok(checks.wrong + checks.missing > 0);
    });
  }

  test("a peer that swaps two answers fails the check", async (t) => {
    let kept: Uint8Array | null = null;
    const { target } = await testServer(t, (server, id, packet) => {
      if (server.packets.length === 2) {
        kept = packet.toBytes();
        return;
      }
      server.sendPacket(id, packet);
      if (kept !== null) server.sendPacket(id, packet.copy().clear().writeBytes(kept));
      kept = null;
    });
    const { checks } = await benched(
      t,
      1,
      target,
      "--seconds",
      "0.2",
      "--outstanding",
      "5",
      "--answer-ms",
      "100",
    );
    assert.ok(checks.wrong > 0);
  });

  test("a peer that leaves in the middle: exit code 1, with the reason", async (t) => {
    const { target } = await testServer(t, (server, id, packet) => {
      server.sendPacket(id, packet);
      if (server.packets.length === 50) server.disconnect(id, { now: true });
    });
    const { checks } = await benched(t, 1, target, "--seconds", "20");
    assert.deepEqual(checks.linksLost, ["reset"]);
  });

  test("with --rate a stall of the peer is felt by every message that it held back", async (t) => {
    const stallMs = 500;
    const { target } = await testServer(t, (server, id, packet) => {
      server.sendPacket(id, packet);
      if (server.packets.length !== 200) return;
      const untilMs = performance.now() + stallMs;
      while (performance.now() < untilMs); // nothing of this process answers meanwhile
    });
    const result = await benched(t, 0, target, "--rate", "500", "--seconds", "2");
    assert.equal(result.messages, 1000);
    // 250 were due during the stall: those of its first 400 ms waited longer than 100 ms.
    const slow = result.histogram
      .filter(([from]) => from >= 65_536)
      .reduce((total, [, , count]) => total + count, 0);
    assert.ok(slow >= 190, `${slow} of 1000 felt the stall`);
    assert.ok(result.latencyMicros!.max >= (stallMs - 10) * 1000);
    // The same stall without a rate: one message waited, and no percentile tells of it.
  });

  test("with --rate and no room for what is due, waiting counts too, and what was never sent fails", async (t) => {
    const { target } = await testServer(t, async (server, id, packet) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      server.sendPacket(id, packet.copy());
    });
    const args = ["--rate", "200", "--outstanding", "1", "--seconds", "1", "--answer-ms", "100"];
    const result = await benched(t, 1, target, ...args);
    assert.ok(result.checks.dueAndNotSent > 50, `${result.checks.dueAndNotSent}`);
    assert.ok(result.latencyMicros!.p50 > 100_000, "waiting for room does not count");
  });

  test("one-way counts what the kernel took, and the peer has as many", async (t) => {
    const sink = await listening(t, "--discard", "--once");
    const result = await benched(t, 0, sink.target, "--mode", "one-way", "--seconds", "0.5", "--size", "200");
    await sink.ends(0);
    assert.equal(result.latencyMicros, null);
    assert.match(
      sink.err.text,
      new RegExp(`; ${result.messages} packets \\(${result.messages * 200} bytes\\)`),
    );
  });

  test("one-way with a rate sends as many as were due", async (t) => {
    const { server, target } = await testServer(t);
    const result = await benched(
      t,
      0,
      target,
      "--mode",
      "one-way",
      "--seconds",
      "0.5",
      "--rate",
      "400",
      "--links",
      "3",
    );
    assert.equal(result.messages, 200);
    assert.equal(server.packets.length, 200);
  });

  test("the report for people has the percentiles, the histogram and the verdict", async (t) => {
    const { target } = await listening(t, "--echo");
    const out = await new Command(t, ["bench", target, "--seconds", "0.3"]).ends(0);
    const text = out.join("\n");
    assert.match(
      text,
      /^echo: 1 link x 1 outstanding, 64 bytes\nmessages {2}[\d ]+ in 0\.\d\d s: [\d ]+\/s\n/,
    );
    assert.match(text, /\nlatency {3}p50 \S+ us {2}p90 .* p99 .* p99\.9 .* max /);
    assert.match(text, /\n +\S+ us - \S+ us +[\d ]+ {2}#+\n/);
    assert.match(text, /\nchecked {3}[\d ]+ answers, whole, in order, none missing$/);
  });

  test("nobody there: exit code 1; Ctrl-C: 130, and the result so far", async (t) => {
    const [port] = await freePorts(1);
    await new Command(t, ["bench", `127.0.0.1:${port}`]).ends(1);
    const { server, target } = await testServer(
      t,
      (server, id, packet) => void server.sendPacket(id, packet),
    );
    const command = new Command(t, ["bench", target, "--seconds", "600", "--json", "--rate", "1000"]);
    await server.joined;
    while (server.packets.length < 10) await new Promise((resolve) => setImmediate(resolve));
    command.child.kill("SIGINT");
    const [line] = await command.ends(130);
    assert.ok(JSON.parse(line!).messages >= 10);
    assert.equal(await server.left, "peer-closed");
  });
});

function framingOf(text: string): NonNullable<Parameters<typeof testServer>[2]>["framing"] & object {
  if (text === "u16be") return { lengthBytes: 2, endian: "big" };
  if (text === "erlangPacket1") return { lengthBytes: 1, endian: "big" };
  return { lengthBytes: 3, endian: "little", includesHeader: true };
}

function sum({ histogram }: Result): number {
  return histogram.reduce((total, [, , count]) => total + count, 0);
}
