/** What the figures were taken on, for the head of each report. */
import { cpus, loadavg, release } from "node:os";
import type { Placement } from "./children.ts";

export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly system: string;
  readonly node: string;
  readonly placement: string;
  /** Others that were running when the bench began. */
  readonly loadBefore: number;
}

export function thisMachine(placement: Placement): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model.trim() ?? "unknown processor",
    processors: all.length,
    system: `${process.platform} ${release()}`,
    node: process.version,
    placement: placement.note,
    loadBefore: loadavg()[0]!,
  };
}

export function describeMachine(machine: Machine): string {
  const busy =
    machine.loadBefore > 0.5
      ? `\nThe machine is busy (load ${machine.loadBefore.toFixed(1)}): compare ratios with care.`
      : "";
  return `${machine.processor}, ${machine.processors} processors, ${machine.system}, Node ${machine.node}; ${machine.placement}${busy}`;
}
