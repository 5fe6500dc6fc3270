/** A firewall that answers for a peer: each packet meets RST, whatever the link is in the middle of. */
import { test } from "node:test";
import { BEATING, LONG, PLACES, RESET } from "./bounds.ts";
import { Lab, noLab } from "./lab.ts";
import { checkLeave } from "./ledgers.ts";
import { Link, sendLong } from "./link.ts";

const CASES = [
  // The next heartbeat is the next packet.
  { name: "while idle", busy: async (_link: Link<Lab>) => {}, withinMs: BEATING.heartbeat.intervalMs },
  { name: "mid-write", busy: (link: Link<Lab>) => link.flood(), withinMs: BEATING.heartbeat.intervalMs },
  {
    name: "mid-read",
    busy: (link: Link<Lab>) => sendLong(link, 4 * 1024 * 1024),
    withinMs: BEATING.heartbeat.intervalMs,
  },
];

const skip = noLab() ?? false;

for (const place of PLACES) {
  for (const { name, busy, withinMs } of CASES) {
    test(`RST ${name}: both sides leave once and at once, the client comes back, ${place.where}`, {
      skip,
    }, async (t) => {
      const link = await Link.up(t, { place, options: { ...BEATING, ...LONG } }, new Lab(t));
      await busy(link);
      link.wire.reset();
      const sinceMs = Date.now();
      await Promise.all([link.server.nth("left", 1), link.client.nth("left", 1)]);
      for (const peer of [link.server, link.client]) checkLeave(t, peer, RESET, { sinceMs, withinMs });
      await link.comesBack();
      await link.settle({ errors: ["CONNECT_FAILED", "CONNECT_TIMEOUT"] }); // dials meet the same
    });
  }
}
