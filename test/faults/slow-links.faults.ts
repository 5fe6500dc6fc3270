/** A link that is bad or slow and not dead: everything arrives, in order, and nobody leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BEATING, PATIENT, PLACES } from "./bounds.ts";
import { Lab, noLab } from "./lab.ts";
import { Link, sendLong } from "./link.ts";

const MIB = 1024 * 1024;
/** What a process may grow by that has nothing to do with its queues: code that gets hot, garbage not yet collected. */
const HEAP_NOISE_BYTES = 48 * MIB;

/** What both send through a link that loses. */
const PACKETS = 150;

const skip = noLab() ?? false;

for (const place of PLACES) {
  test(`with 20 % of all packets lost everything arrives in order, and nobody leaves, ${place.where}`, {
    skip,
  }, async (t) => {
    // TCP waits twice as long after each loss of the same segment: seven in a row are 25 s.
    const link = await Link.up(t, { place, options: PATIENT }, new Lab(t));
    link.wire.lose(20);
    const startMs = Date.now();
    await link.exchange(PACKETS);
    const lost = link.wire.lost();
    t.diagnostic(
      `${PACKETS} packets each way in ${Date.now() - startMs} ms; ${lost} of their parts were lost`,
    );
    assert.ok(lost > 0);
    link.assertUp();
    link.wire.heal();
    await link.settle();
  });

  test(`on a link slower than its sender the queue refuses, memory is bounded, nobody leaves, ${place.where}`, {
    skip,
  }, async (t) => {
    const options = { ...BEATING, sendQueueBytesMax: 4 * MIB };
    const link = await Link.up(t, { place, options }, new Lab(t));
    link.wire.limit("client", 2_000_000);
    link.wire.limit("server", 2_000_000);
    const before = await Promise.all(peers(link).map((peer) => peer.ask({ do: "figures" }, "figures")));
    await link.flood(50_000);
    // Longer than the heartbeat's time-out, during which the queues are full all the time.
    await Promise.all(peers(link).map((peer) => peer.ask({ do: "watch", bytes: 6_000_000 }, "arrived")));
    for (const [i, peer] of peers(link).entries()) {
      const { rssBytes, peakQueuedBytes } = await peer.ask({ do: "figures" }, "figures");
      const grownBytes = rssBytes - before[i]!.rssBytes;
      t.diagnostic(`${peer.name}: grew by ${grownBytes} bytes, queue at most ${peakQueuedBytes}`);
      assert.ok(peakQueuedBytes > options.sendQueueBytesMax / 2, "the queue was full");
      // And a heartbeat, which is not asked for room.
      assert.ok(peakQueuedBytes <= options.sendQueueBytesMax + 4, `${peakQueuedBytes} bytes in the queue`);
      assert.ok(
        grownBytes <= options.sendQueueBytesMax * 1.1 + HEAP_NOISE_BYTES,
        `grew by ${grownBytes} bytes`,
      );
    }
    link.assertUp();
    for (const side of ["server", "client"] as const) link.wire.limit(side, 1_000_000_000);
    await link.quiet();
    await link.settle();
  });

  test(`a message that takes longer than every time-out arrives, and nobody leaves, ${place.where}`, {
    skip,
  }, async (t) => {
    const bytes = 8 * MIB;
    const sizes = { packetBytesMax: bytes, sendQueueBytesMax: 2 * bytes };
    // At 2 MB/s one write of 2 MiB, the longest, takes about 1 s.
    const options = { ...BEATING, ...sizes, sendStallMs: 3000, partialFrameTimeoutMs: 2000 };
    const link = await Link.up(t, { place, options }, new Lab(t));
    const reached = link.server.ask({ do: "count", packets: 2, from: link.client.who }, "reached");
    const startMs = Date.now();
    await sendLong(link, bytes);
    await reached;
    const tookMs = Date.now() - startMs;
    t.diagnostic(`${bytes} bytes in ${tookMs} ms`);
    assert.ok(tookMs > options.sendStallMs, "it took longer than the time-outs");
    link.assertUp();
    await link.settle();
  });
}

const peers = (link: Link<Lab>) => [link.server, link.client];
