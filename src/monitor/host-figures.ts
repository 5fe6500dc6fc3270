/**
 * The host's real figures, in base units. A rate is measured from one `sample()` to the next; the first one from the
 * construction.
 *
 *     /proc/stat, /proc/net/dev where the system has them; else node:os, and no network figures
 */
import { readFileSync } from "node:fs";
import { cpus, freemem, totalmem } from "node:os";
import { BLOCK } from "./figures.ts";

export interface HostFigures {
  /** Busy share of all cores, 0 to 1. */
  readonly cpuRatio: number;
  readonly memoryUsedBytes: number;
  /** What programs can still take without swapping; on Linux `MemAvailable`. */
  readonly memoryAvailableBytes: number;
  /** undefined where the system does not tell. */
  readonly network: NetworkFigures | undefined;
}

/** What goes over the machine's network per second, loopback left out. */
interface NetworkFigures {
  readonly receivedBytesPerSecond: number;
  readonly sentBytesPerSecond: number;
}

/** A figure's type with its value in base units. */
export type BaseValue = readonly [type: number, value: number];

export class HostSampler {
  #cpu = cpuTimes();
  #network = networkBytes();
  #atMs = performance.now();

  sample(): HostFigures {
    const before = { cpu: this.#cpu, network: this.#network, atMs: this.#atMs };
    this.#cpu = cpuTimes();
    this.#network = networkBytes();
    this.#atMs = performance.now();

    const seconds = Math.max(this.#atMs - before.atMs, 1) / 1000;
    const total = this.#cpu.total - before.cpu.total;
    const busy = this.#cpu.busy - before.cpu.busy;
    const perSecond = (from: number, to: number): number => Math.max(0, to - from) / seconds;
    return {
      cpuRatio: total > 0 ? Math.min(1, Math.max(0, busy / total)) : 0,
      memoryUsedBytes: totalmem() - freemem(),
      memoryAvailableBytes: freemem(),
      network: this.#network &&
        before.network && {
          receivedBytesPerSecond: perSecond(before.network.received, this.#network.received),
          sentBytesPerSecond: perSecond(before.network.sent, this.#network.sent),
        },
    };
  }
}

/** As data types of the host's block, in the order of its table. */
export function hostValues({
  cpuRatio,
  memoryUsedBytes,
  memoryAvailableBytes,
  network,
}: HostFigures): BaseValue[] {
  return [
    [BLOCK.host, cpuRatio],
    [BLOCK.host + 1, memoryUsedBytes],
    ...(network === undefined
      ? []
      : ([
          [BLOCK.host + 2, network.receivedBytesPerSecond],
          [BLOCK.host + 3, network.sentBytesPerSecond],
        ] as const)),
    [BLOCK.host + 4, memoryAvailableBytes],
  ];
}

/** Total bytes since boot in the text of /proc/net/dev, over the interfaces that lead out of the machine. */
export function sumNetworkBytes(procNetDev: string): { received: number; sent: number } {
  let received = 0;
  let sent = 0;
  for (const line of procNetDev.split("\n").slice(2)) {
    const [name, counters] = line.split(":");
    if (name === undefined || counters === undefined || INNER_INTERFACE.test(name.trim())) continue;
    const fields = counters.trim().split(/\s+/);
    received += Number(fields[0]);
    sent += Number(fields[8]);
  }
  return { received, sent };
}

/** Loopback, and bridges and their ends, whose traffic is counted again where it leaves the machine. */
const INNER_INTERFACE = /^(lo$|veth|br-|docker|virbr)/;

interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** Of the text of /proc/stat: all cores together, in the kernel's ticks. */
export function sumCpuTimes(procStat: string): CpuTimes | undefined {
  const line = /^cpu +(\d.*)$/m.exec(procStat)?.[1];
  if (line === undefined) return undefined;
  // user nice system idle iowait irq softirq steal; guests are in user and nice already
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(" ")
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait };
}

/** One line of /proc/stat costs the same on every machine; node:os reads a file per core. */
function cpuTimes(): CpuTimes {
  const times = readIfThere("/proc/stat", sumCpuTimes);
  if (times !== undefined) return times;
  let busy = 0;
  let idle = 0;
  for (const { times: core } of cpus()) {
    busy += core.user + core.nice + core.sys + core.irq;
    idle += core.idle;
  }
  return { busy, total: busy + idle };
}

function networkBytes(): { received: number; sent: number } | undefined {
  return readIfThere("/proc/net/dev", sumNetworkBytes);
}

function readIfThere<T>(file: string, read: (text: string) => T): T | undefined {
  try {
    return read(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
