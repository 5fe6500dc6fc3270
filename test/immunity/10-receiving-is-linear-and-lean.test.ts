/** Row 10. What receiving costs: time in proportion to the bytes, and memory for what is kept. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Packet } from "../../src/index.ts";
import { HIDES_COSTS } from "../support/platform.ts";
import { Child } from "./fixtures/child.ts";
import { FeedNetwork } from "./fixtures/feed-network.ts";
import { header } from "./fixtures/frames.ts";
import type { KeepingServerArgs, Kept } from "./fixtures/keeping-server.ts";
import { RecordingClient, RecordingServer } from "./fixtures/recording.ts";
import { turns } from "./fixtures/turns.ts";

const MEGABYTE = 1024 * 1024;
const SIZES: readonly number[] = [0.25, 0.5, 1, 2, 4, 8].map((times) => times * MEGABYTE);
const LARGEST_BYTES = 8 * MEGABYTE;
/** How long the best times may take to show it; what else the machine does spoils some. */
const PATIENCE_MS = 60_000;

/** Counts every byte that is written from one memory into another, or allocated for that, until the test ends. */
function countBytes(t: TestContext): { written: number; allocated: number } {
  const counts = { written: 0, allocated: 0 };
  const { copy } = Buffer.prototype;
  const { allocUnsafeSlow } = Buffer;
  const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
  const { set } = typedArray;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<Buffer["copy"]>) {
    const count = copy.apply(this, args);
    counts.written += count;
    return count;
  };
  typedArray.set = function (from, at) {
    counts.written += from.length;
    set.call(this, from, at);
  };
  Buffer.allocUnsafeSlow = (byteLength) => {
    counts.allocated += byteLength;
    return allocUnsafeSlow(byteLength);
  };
  t.after(() => {
    Buffer.prototype.copy = copy;
    typedArray.set = set;
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  });
  return counts;
}

test("doubling a message's size costs at most 2.2x work when it arrives in 64-byte chunks", async (t) => {
  const network = new FeedNetwork();
  const server = new RecordingServer();
  await server.start({ network, port: 7000, packetBytesMax: LARGEST_BYTES });
  t.after(() => server.stop({ drainMs: 0 }));
  const payload = Buffer.alloc(LARGEST_BYTES, 7);
  const counts = countBytes(t);
  const costs: { written: number; allocated: number }[] = [];
  for (const size of SIZES) {
    const feed = network.connect();
    Object.assign(counts, { written: 0, allocated: 0 });
    feed.feed(header(size), 64);
    feed.feed(payload.subarray(0, size), 64);
    costs.push({ ...counts });
    assert.equal(server.packets.pop()!.packet.length, size);
    feed.reset();
    await turns(2);
  }
  assert.ok(costs.every(({ written }, i) => written > SIZES[i]!)); // the arrival itself is in it
  for (const [i, { written, allocated }] of costs.entries()) {
    if (i === 0) continue;
    const times = [written / costs[i - 1]!.written, allocated / costs[i - 1]!.allocated];
    for (const each of times) assert.ok(each <= 2.2, `${SIZES[i]} bytes: ${times.join(" and ")} times`);
  }
});

test("doubling a message's size costs at most 2.2x time when it arrives in 64-byte chunks", {
  skip: HIDES_COSTS,
}, async (t) => {
  const network = new FeedNetwork();
  const server = new RecordingServer();
  await server.start({ network, port: 7000, packetBytesMax: LARGEST_BYTES });
  t.after(() => server.stop({ drainMs: 0 }));
  const payload = Buffer.alloc(LARGEST_BYTES, 7);

  /** Milliseconds of the processor that a new session takes for one message: what others run does not count. */
  const costMs = (byteLength: number): number => {
    const feed = network.connect();
    const announced = header(byteLength);
    const before = process.cpuUsage();
    feed.feed(announced, 64);
    feed.feed(payload.subarray(0, byteLength), 64);
    const { user, system } = process.cpuUsage(before);
    const tookMs = (user + system) / 1000;
    assert.equal(server.packets.pop()!.packet.length, byteLength);
    feed.reset();
    return tookMs;
  };

  /** Milliseconds that the machine takes at the moment for the same bytes in the same pieces, and nothing else. */
  const bareMs = (byteLength: number): number => {
    const startMs = performance.now();
    const target = Buffer.allocUnsafeSlow(byteLength);
    for (let at = 0; at < byteLength; at += 64) target.set(payload.subarray(at, at + 64), at);
    return performance.now() - startMs;
  };

  const best = SIZES.map(() => Number.POSITIVE_INFINITY);
  const bestBare = [...best];
  /** What doubling to the `i`-th size cost, by the best times so far. */
  const doubling = (i: number): number => best[i]! / best[i - 1]!;
  /**
   * Where neighbours take the caches, doubling the bytes alone costs more than 2.2 times: a tenth beyond that. The work,
   * counted above, is held to 2.2 on any machine.
   */
  const bound = (i: number): number => Math.max(2.2, (1.1 * bestBare[i]!) / bestBare[i - 1]!);
  const isSlow = (): boolean => SIZES.some((_, i) => i > 0 && !(doubling(i) <= bound(i)));
  for (let i = 0; i < 20; i++) costMs(SIZES[0]!) + bareMs(SIZES[0]!); // warms up
  let rounds = 0;
  const beganMs = performance.now();
  const isPatient = (): boolean => performance.now() - beganMs < PATIENCE_MS;
  // What else the machine does only ever makes a time longer, so the best of each size is what counts.
  for (; rounds < 3 || (isPatient() && isSlow()); rounds++) {
    for (const [i, size] of SIZES.entries()) {
      for (let tries = 0; tries < 5; tries++) {
        best[i] = Math.min(best[i]!, costMs(size));
        bestBare[i] = Math.min(bestBare[i]!, bareMs(size));
      }
      if (i > 0 && doubling(i) > 3) break; // far from it, in this round: the larger sizes would take minutes
      await turns(1); // the sessions that were reset leave
    }
  }
  const figures = SIZES.map(
    (size, i) => `${size / MEGABYTE} MiB ${best[i]!.toFixed(2)} ms (bare ${bestBare[i]!.toFixed(2)})`,
  ).join(", ");
  t.diagnostic(`${figures}; ${rounds} rounds`);
  assert.ok(!isSlow(), `a doubling costs more than 2.2 times: ${figures}`);
});

const KEPT_BYTES = 512;

/** What a process that keeps so many packets, one of `oneOf`, needs for them, in times their bytes. */
async function keptTimes(
  t: TestContext,
  keeps: number,
  oneOf: number,
): Promise<{ rss: number; used: number }> {
  const args: KeepingServerArgs = { count: keeps * oneOf, oneOf };
  const child = new Child(t, "keeping-server.ts", args, ["--expose-gc"]);
  const client = await RecordingClient.to({ port: await child.next<number>(), heartbeat: false });
  const packet = new Packet();
  const payload = Buffer.alloc(KEPT_BYTES, 7);
  let kept: Kept | undefined;
  for (let flow = 0; flow < 2; flow++) {
    for (let i = 0; i < args.count; i++) {
      packet.clear().writeBytes(payload);
      while (!client.sendPacket(packet)) {
        const readies = client.sendReadies;
        await client.until(() => client.sendReadies > readies);
      }
    }
    assert.equal(await child.next(), "received");
    child.tell("measure");
    kept = await child.next<Kept>();
  }
  assert.equal(await child.ended, 0, child.errorText);
  await client.left();
  assert.deepEqual([kept!.packets, kept!.bytes], [keeps, keeps * KEPT_BYTES]);
  return { rss: kept!.rssBytes / kept!.bytes, used: kept!.memoryBytes / kept!.bytes };
}

/** The kernel's count moves by more than the bound leaves in single runs: two that agree decide. */
async function costsAtMost3x(t: TestContext, keeps: number, oneOf: number): Promise<void> {
  const rss: number[] = [];
  let over = 0;
  while (rss.length - over < 2 && over < 2) {
    const times = await keptTimes(t, keeps, oneOf);
    t.diagnostic(`RSS ${times.rss.toFixed(2)}, in use ${times.used.toFixed(2)} times their bytes`);
    assert.ok(times.used <= 3, `${times.used.toFixed(2)} times their bytes in use`);
    rss.push(times.rss);
    if (times.rss > 3) over++;
  }
  assert.ok(over < 2, `${rss.map((times) => times.toFixed(2)).join(" and ")} times their bytes in RSS`);
}

test("keeping 20 000 packets of 512 bytes costs at most 3x their bytes in RSS", (t) =>
  costsAtMost3x(t, 20_000, 1));

test("the same where each is one of 16 that arrived together, by copy(): in use for 20 000, in RSS for 100 000", async (t) => {
  const { used } = await keptTimes(t, 20_000, 16);
  assert.ok(used <= 3, `${used.toFixed(2)} times their bytes in use`);
  // What the allocator keeps of the 16 times as many bytes that were not kept moves by 20 MB from run to run: twice 20 000
  // packets' bytes, whoever keeps what.
  await costsAtMost3x(t, 100_000, 16);
});
