/** Few large packets leave much memory outside V8's heap: that it goes with the young generation, not with the whole heap. */
import assert from "node:assert/strict";
import { constants, PerformanceObserver } from "node:perf_hooks";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { Counters } from "../../src/base/counters.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import { Inflow, type InflowHost } from "../../src/session/inflow.ts";
import { Lateness } from "../../src/session/lateness.ts";
import type { SessionSettings } from "../../src/session/settings.ts";
import { frame } from "../framing/streams.ts";

const PACKET_BYTES = 64 * 1024;
const PACKETS = 16 * 1024;
const HEADER = lengthHeader("u32le");

/** An application that looks at each packet and keeps none. */
const HOST: InflowHost = {
  isOpen: true,
  delivers: true,
  mayDeliver: () => true,
  handOver: () => undefined,
  pauseReading() {},
  resumeReading() {},
  onAllDelivered() {},
  onOverPace() {},
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("1 GiB in packets of 64 KiB is collected young: the whole heap at most once per 256 MiB", async () => {
  const inflow = new Inflow(HOST, {
    settings: {
      header: HEADER,
      packetBytesMax: PACKET_BYTES,
      receiveQueueBytesMax: PACKET_BYTES,
      heartbeat: false,
      pace: null,
    } as unknown as SessionSettings,
    clock: systemClock,
    counters: new Counters(),
    receivePool: new ReceivePool(),
    lateness: new Lateness(),
  });
  let whole = 0;
  let young = 0;
  const note = (entries: readonly PerformanceEntry[]): void => {
    for (const entry of entries) {
      const { kind } = (entry as PerformanceEntry & { detail: { kind: number } }).detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole++;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) young++;
    }
  };
  const observer = new PerformanceObserver((list) => note(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  const one = frame({ lengthBytes: 4, endian: "little" }, Buffer.alloc(PACKET_BYTES));
  for (let packet = 0; packet < PACKETS; packet++) {
    for (let at = 0; at < one.length; ) {
      const memory = inflow.readBuffer();
      const count = one.copy(memory, 0, at);
      at += count;
      inflow.commit(count);
    }
    if (packet % 256 === 0) await turn();
  }
  note(observer.takeRecords());
  observer.disconnect();
  assert.equal(inflow.packetsReceived, PACKETS);
  assert.ok(young > 0 && whole <= 4, `${young} young collections, ${whole} whole ones`);
});
