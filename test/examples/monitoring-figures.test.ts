/** The figures of the monitoring example are this machine's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { test } from "node:test";
import { HostSampler, ProcessSampler, sumNetworkBytes } from "../../examples/monitoring/host-figures.ts";

const MIB = 1024 * 1024;

test("HostSampler: memory used and available add up to the host's memory", () => {
  const { memoryAvailableMib, memoryUsedMib } = new HostSampler().sample();
  const totalMib = totalmem() / MIB;
  assert.ok(memoryAvailableMib > 0 && memoryUsedMib > 0);
  assert.ok(Math.abs(memoryAvailableMib + memoryUsedMib - totalMib) < totalMib * 0.05);
});

test("HostSampler: CPU is a share of all cores and sees a busy one", () => {
  const sampler = new HostSampler();
  burn(300);
  const { cpuPercent } = sampler.sample();
  // One core was busy all the time; the system's clock of it ticks in 10 ms.
  assert.ok(cpuPercent > (100 / availableParallelism()) * 0.3, `${cpuPercent} %`);
  assert.ok(cpuPercent <= 100, `${cpuPercent} %`);
});

test("HostSampler: network figures where the system tells them, none elsewhere", () => {
  const { network } = new HostSampler().sample();
  assert.equal(network !== undefined, existsSync("/proc/net/dev"));
  if (network !== undefined) assert.ok(network.receivedKibPerSecond >= 0 && network.sentKibPerSecond >= 0);
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

test("ProcessSampler: this process' CPU, memory and event-loop delay", (t) => {
  const sampler = new ProcessSampler();
  t.after(() => sampler.close());
  const before = process.cpuUsage();
  burn(200);
  const used = process.cpuUsage(before);
  const { cpuPercent, memoryMib, loopDelayMicros } = sampler.sample();
  const expected = (100 * (used.user + used.system)) / 200_000;
  assert.ok(cpuPercent > expected * 0.5 && cpuPercent < expected * 2, `${cpuPercent} % for ${expected} %`);
  const rssMib = process.memoryUsage.rss() / MIB;
  assert.ok(Math.abs(memoryMib - rssMib) < rssMib * 0.2, `${memoryMib} MiB for ${rssMib} MiB`);
  assert.ok(loopDelayMicros >= 0);
});

test("ProcessSampler: a blocked event loop shows as its delay, once", async (t) => {
  const sampler = new ProcessSampler();
  t.after(() => sampler.close());
  await turns(3);
  burn(150);
  await turns(2);
  const { loopDelayMicros } = sampler.sample();
  assert.ok(loopDelayMicros > 100_000 && loopDelayMicros < 2_000_000, `${loopDelayMicros} us`);
  assert.ok(sampler.sample().loopDelayMicros < 100_000);
});

function burn(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Lets the delay histogram's own timer (20 ms) tick `count` times. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 25));
}
