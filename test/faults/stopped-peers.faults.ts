/** A process that stands still (SIGSTOP) while its kernel goes on: forgiven if it is short, noticed if it is long. */
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LanOptions, LeaveReason } from "../../src/index.ts";
import { BEATING, HEARTBEAT_MS, PATIENT, PLACES, RESET, SILENT, STALL_MS } from "./bounds.ts";
import { Lab, noLab } from "./lab.ts";
import { checkLeave } from "./ledgers.ts";
import { Link } from "./link.ts";

interface Case {
  readonly name: string;
  readonly options: LanOptions;
  readonly busy: (link: Link<Lab>) => Promise<void>;
  readonly reasons: readonly LeaveReason[];
  readonly withinMs: number;
}

const CASES: readonly Case[] = [
  {
    name: "while idle, with heartbeats",
    options: BEATING,
    busy: async () => {},
    reasons: ["heartbeat-timeout"],
    withinMs: HEARTBEAT_MS,
  },
  {
    name: "mid-write, with heartbeats",
    options: BEATING,
    busy: (link) => link.flood(),
    reasons: ["heartbeat-timeout"],
    withinMs: HEARTBEAT_MS,
  },
  {
    name: "mid-write, without heartbeats",
    options: SILENT,
    busy: (link) => link.flood(),
    reasons: ["send-stalled", "partial-frame-timeout"],
    withinMs: STALL_MS,
  },
];

const skip = noLab() ?? false;

for (const place of PLACES) {
  for (const victim of ["server", "client"] as const) {
    const other = victim === "server" ? "client" : "server";

    for (const { name, options, busy, reasons, withinMs } of CASES) {
      const title = `a ${victim} that stands still for too long, ${name}: the ${other} leaves in time, then the ${victim}`;
      test(`${title}, ${place.where}`, { skip }, async (t) => {
        const link = await Link.up(t, { place, options }, new Lab(t));
        await busy(link);
        link[victim].signal("SIGSTOP");
        const sinceMs = Date.now();
        await link[other].nth("left", 1);
        checkLeave(t, link[other], reasons, { sinceMs, withinMs, notBeforeMs: 1000 });
        link[victim].signal("SIGCONT");
        const wokeMs = Date.now();
        await link[victim].nth("left", 1);
        checkLeave(t, link[victim], RESET, { sinceMs: wokeMs, withinMs: 0 });
        await link.comesBack();
        await link.settle();
      });
    }

    test(`a ${victim} that stands still for less than the time-outs costs nothing but time, ${place.where}`, {
      skip,
    }, async (t) => {
      const link = await Link.up(t, { place, options: PATIENT }, new Lab(t));
      const exchanged = link.exchange(6000);
      await link[other].ask({ do: "watch", bytes: 500_000 }, "arrived");
      link[victim].signal("SIGSTOP");
      await sleep(1000); // the fault's length; nothing is waited for
      link[victim].signal("SIGCONT");
      await exchanged;
      link.assertUp();
      await link.settle();
    });

    test(`an idle ${victim} that stands still is not missed without heartbeats: its kernel answers, ${place.where}`, {
      skip,
    }, async (t) => {
      const link = await Link.up(t, { place, options: SILENT }, new Lab(t));
      link[victim].signal("SIGSTOP");
      await sleep(2 * STALL_MS); // the fault's length; nothing is waited for
      link[victim].signal("SIGCONT");
      await link.exchange(200);
      link.assertUp();
      await link.settle();
    });
  }
}
