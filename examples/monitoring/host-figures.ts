/**
 * This host's and this process' real figures. A rate is measured from one `sample()` to the next; the first
 * one from the construction.
 */
import { readFileSync } from "node:fs";
import { cpus, freemem, totalmem } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** What goes over the machine's network per second, loopback left out. */
export interface NetworkFigures {
  readonly receivedKibPerSecond: number;
  readonly sentKibPerSecond: number;
}

export interface HostFigures {
  /** Share of all cores, 0 to 100. */
  readonly cpuPercent: number;
  readonly memoryUsedMib: number;
  /** What programs can still take without swapping; on Linux `MemAvailable`. */
  readonly memoryAvailableMib: number;
  /** undefined where the system does not tell (no /proc/net/dev). */
  readonly network: NetworkFigures | undefined;
}

export interface ProcessFigures {
  /** Share of one core; over 100 with several busy threads. */
  readonly cpuPercent: number;
  /** Resident memory. */
  readonly memoryMib: number;
  /** The latest that the event loop was since the last sample. */
  readonly loopDelayMicros: number;
}

/** Samples the host. */
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
    const kibPerSecond = (from: number, to: number) => Math.max(0, to - from) / KIB / seconds;
    return {
      cpuPercent: total > 0 ? (100 * (this.#cpu.busy - before.cpu.busy)) / total : 0,
      memoryUsedMib: (totalmem() - freemem()) / MIB,
      memoryAvailableMib: freemem() / MIB,
      network: this.#network &&
        before.network && {
          receivedKibPerSecond: kibPerSecond(before.network.received, this.#network.received),
          sentKibPerSecond: kibPerSecond(before.network.sent, this.#network.sent),
        },
    };
  }
}

/** Samples this process. Needs `close`, or its delay histogram goes on measuring. */
export class ProcessSampler {
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  #cpu = process.cpuUsage();
  #atMs = performance.now();

  constructor() {
    this.#delay.enable();
  }

  sample(): ProcessFigures {
    const atMs = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const micros = Math.max(atMs - this.#atMs, 1) * 1000;
    this.#cpu = process.cpuUsage();
    this.#atMs = atMs;
    // The histogram holds the time between two ticks of a timer, in nanoseconds, its own interval included.
    const lateMicros = this.#delay.max / 1000 - DELAY_RESOLUTION_MS * 1000;
    this.#delay.reset();
    return {
      cpuPercent: (100 * (user + system)) / micros,
      memoryMib: process.memoryUsage.rss() / MIB,
      loopDelayMicros: Math.max(0, lateMicros),
    };
  }

  close(): void {
    this.#delay.disable();
  }
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

const KIB = 1024;
const MIB = 1024 * KIB;
const DELAY_RESOLUTION_MS = 20;

/** Loopback, and bridges and their ends, whose traffic is counted again where it leaves the machine. */
const INNER_INTERFACE = /^(lo$|veth|br-|docker|virbr)/;

function cpuTimes(): { busy: number; total: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, total: busy + idle };
}

function networkBytes(): { received: number; sent: number } | undefined {
  try {
    return sumNetworkBytes(readFileSync("/proc/net/dev", "utf8"));
  } catch {
    return undefined;
  }
}
