/** The figures of the host and of the process are this machine's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { test } from "node:test";
import { HostSampler, sumCpuTimes, sumNetworkBytes } from "../../src/monitor/host-figures.ts";
import { ProcessSampler } from "../../src/monitor/process-figures.ts";

test("HostSampler: memory used and available add up to the host's memory", () => {
  const { memoryAvailableBytes, memoryUsedBytes } = new HostSampler().sample();
  const total = totalmem();
  assert.ok(memoryAvailableBytes > 0 && memoryUsedBytes > 0);
  assert.ok(Math.abs(memoryAvailableBytes + memoryUsedBytes - total) < total * 0.05);
});

test("HostSampler: CPU is a share of all cores and sees a busy one", () => {
  const sampler = new HostSampler();
  burn(300);
  const { cpuRatio } = sampler.sample();
  // One core was busy all the time; the system's clock of it ticks in 10 ms.
  assert.ok(cpuRatio > (1 / availableParallelism()) * 0.3, `${cpuRatio}`);
  assert.ok(cpuRatio <= 1, `${cpuRatio}`);
});

test("HostSampler: network figures where the system tells them, none elsewhere", () => {
  const { network } = new HostSampler().sample();
  assert.equal(network !== undefined, existsSync("/proc/net/dev"));
  if (network !== undefined)
    assert.ok(network.receivedBytesPerSecond >= 0 && network.sentBytesPerSecond >= 0);
});

test("sumNetworkBytes() adds up the interfaces that lead out of the machine", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    3245      30    0    0    0     0          0         0     3245      30    0    0    0     0       0          0
  eth0: 198070263    5019    0    0    0     0          0         0   327887    2927    0    0    0     0       0          0
 wlan1:1000 5 0 0 0 0 0 0 2000 5 0 0 0 0 0 0
docker0:     777       1    0    0    0     0          0         0      777       1    0    0    0     0       0          0
`;
  assert.deepEqual(sumNetworkBytes(text), { received: 198_071_263, sent: 329_887 });
});

test("sumCpuTimes() adds up what was done and what was waited for", () => {
  const text = "cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\nctxt 5\n";
  assert.deepEqual(sumCpuTimes(text), { busy: 171, total: 621 });
  assert.equal(sumCpuTimes("intr 1 2 3\n"), undefined);
});

test("ProcessSampler: this process' CPU, memory and event-loop delay", (t) => {
  const sampler = new ProcessSampler();
  t.after(() => sampler.close());
  const before = process.cpuUsage();
  burn(200);
  const used = process.cpuUsage(before);
  const sample = sampler.sample();
  const { cpuCores, residentBytes, heapUsedBytes } = sample;
  const expected = (used.user + used.system) / 200_000;
  assert.ok(cpuCores > expected * 0.5 && cpuCores < expected * 2, `${cpuCores} for ${expected}`);
  const { rss, heapTotal } = process.memoryUsage();
  assert.ok(Math.abs(residentBytes - rss) < rss * 0.2, `${residentBytes} for ${rss}`);
  assert.ok(heapUsedBytes > 1e6 && heapUsedBytes < heapTotal * 2, `${heapUsedBytes} of ${heapTotal}`);
  assert.ok(sample.loopDelayMaxSeconds >= 0 && sample.loopDelayP99Seconds >= 0);
  assert.ok(Math.abs(sample.uptimeSeconds - process.uptime()) < 1);
});

test("ProcessSampler: a blocked event loop shows as its delay, once", async (t) => {
  const sampler = new ProcessSampler();
  t.after(() => sampler.close());
  await turns(3);
  burn(150);
  await turns(2);
  const { loopDelayMaxSeconds, loopDelayP99Seconds } = sampler.sample();
  assert.ok(loopDelayMaxSeconds > 0.1 && loopDelayMaxSeconds < 2, `${loopDelayMaxSeconds} s`);
  assert.ok(
    loopDelayP99Seconds > 0.1 && loopDelayP99Seconds <= loopDelayMaxSeconds * 1.01,
    `${loopDelayP99Seconds} s`,
  );
  assert.deepEqual([sampler.sample().loopDelayMaxSeconds, sampler.sample().loopDelayP99Seconds], [0, 0]);
});

function burn(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Lets the delay histogram's own timer (20 ms) tick `count` times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 25));
}
