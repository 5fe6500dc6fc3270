/**
 * A process that is killed (SIGKILL) says nothing; its kernel ends its links. Whatever these were doing: the other
 * side leaves once and at once, raises nothing uncaught, and works with the next one. No time-out has a part in it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { LeaveReason } from "../../src/index.ts";
import { PATIENT, PLACES } from "./bounds.ts";
import { Lab, noLab } from "./lab.ts";
import { checkLeave } from "./ledgers.ts";
import { Link } from "./link.ts";
import type { Peer } from "./peer.ts";

const ENDED: readonly LeaveReason[] = ["reset", "peer-closed"];
const DIALS: readonly string[] = ["CONNECT_FAILED", "CONNECT_TIMEOUT"];
const SIDES = ["server", "client"] as const;
const STATES = [
  { name: "while idle", busy: async (_link: Link<Lab>) => {} },
  { name: "mid-write", busy: (link: Link<Lab>) => link.flood() },
];

const skip = noLab() ?? false;

for (const place of PLACES) {
  for (const victim of SIDES) {
    const other = victim === "server" ? "client" : "server";
    const plan = { place, options: PATIENT };

    for (const { name, busy } of STATES) {
      test(`a ${victim} killed ${name}: the ${other} leaves at once and takes the next one, ${place.where}`, {
        skip,
      }, async (t) => {
        const link = await Link.up(t, plan, new Lab(t));
        await busy(link);
        link[victim].signal("SIGKILL");
        const sinceMs = Date.now();
        await link[other].nth("left", 1);
        checkLeave(t, link[other], ENDED, { sinceMs, withinMs: 0 });
        await link[victim].gone();
        link.say({ kind: "silent" });
        await replaceKilled(link, victim);
        await link.settle({ errors: DIALS });
      });
    }

    test(`a ${victim} killed while it drains: the ${other} leaves at once and takes the next one, ${place.where}`, {
      skip,
    }, async (t) => {
      const link = await Link.up(t, plan, new Lab(t));
      await link.flood();
      link[other].signal("SIGSTOP"); // so that the drain cannot end
      await link.fill(victim);
      link[victim].order({ do: "leave", now: false, drainMs: 60_000 });
      await hasBegun(link[victim]);
      link[victim].signal("SIGKILL");
      await link[victim].gone();
      assert.deepEqual(link[victim].all("over"), []);
      link[other].signal("SIGCONT");
      const sinceMs = Date.now();
      link.say({ kind: "silent" });
      await link[other].nth("left", 1);
      checkLeave(t, link[other], ENDED, { sinceMs, withinMs: 0 });
      await replaceKilled(link, victim);
      await link.settle({ errors: DIALS });
    });

    test(`a ${victim} killed while the ${other} drains to it: that ends at once, and tells what was not sent, ${place.where}`, {
      skip,
    }, async (t) => {
      const link = await Link.up(t, plan, new Lab(t));
      await link.flood();
      link[victim].signal("SIGSTOP"); // so that the drain cannot end
      await link.fill(other);
      link[other].order({ do: "leave", now: false, drainMs: 60_000 });
      await hasBegun(link[other]);
      assert.deepEqual(link[other].all("over"), []);
      link[victim].signal("SIGKILL");
      const sinceMs = Date.now();
      await Promise.all([link[other].nth("over", 1), link[other].nth("left", 1)]);
      const reason = other === "client" ? "disconnected" : "server-stopped";
      checkLeave(t, link[other], [reason], { sinceMs, withinMs: 0 });
      assert.ok(link[other].all("left")[0]!.notSent.packets > 0);
      await link[other].end();
      await link.startServer();
      await link.startClient();
      await link.goesOn(1);
      await link.settle({ errors: DIALS });
    });
  }

  test(`a server killed while a client connects: the client tries on until there is a server, ${place.where}`, {
    skip,
  }, async (t) => {
    const link = new Link(t, { place, options: PATIENT }, new Lab(t));
    await link.startServer();
    link.wire.drop("server"); // the dial gets no answer
    await link.startClient();
    await link.client.nth("error", 1);
    link.server.signal("SIGKILL");
    await link.server.gone();
    link.wire.heal();
    await link.client.until("a refusal", () => link.client.all("error").some(isRefusal));
    await link.startServer();
    await link.goesOn(1);
    await link.settle({ errors: DIALS });
  });

  test(`a server killed before it accepted a client: the client leaves at once and comes back, ${place.where}`, {
    skip,
  }, async (t) => {
    const link = new Link(t, { place, options: PATIENT }, new Lab(t));
    await link.startServer();
    link.server.signal("SIGSTOP"); // its kernel goes on to take connections
    await link.startClient();
    await link.client.nth("joined", 1);
    link.server.signal("SIGKILL");
    const sinceMs = Date.now();
    await link.client.nth("left", 1);
    checkLeave(t, link.client, ENDED, { sinceMs, withinMs: 0 });
    await replaceKilled(link, "server");
    await link.settle({ errors: DIALS });
  });

  test(`a client killed while it connects, or before it was accepted: the server takes the next one, ${place.where}`, {
    skip,
  }, async (t) => {
    const link = new Link(t, { place, options: PATIENT }, new Lab(t));
    await link.startServer();
    link.wire.drop("server");
    await link.startClient();
    await link.client.nth("error", 1); // one dial got no answer; the next is under way, or about to be
    link.client.signal("SIGKILL");
    await link.client.gone();
    link.wire.heal();
    link.server.signal("SIGSTOP");
    await link.startClient();
    await link.client.nth("joined", 1);
    link.client.signal("SIGKILL");
    await link.client.gone();
    link.server.signal("SIGCONT");
    await replaceKilled(link, "client");
    await link.settle({ errors: DIALS });
  });
}

/** The next one of the killed kind is started, and the link works. */
async function replaceKilled(link: Link<Lab>, victim: "server" | "client"): Promise<void> {
  if (victim === "server") await link.startServer();
  else await link.startClient();
  await link.goesOn(victim === "server" ? link.client.all("left").length + 1 : 1);
}

/** Whatever it was ordered: a thread that answers twice has looked at all its messages in between. */
async function hasBegun(peer: Peer): Promise<void> {
  for (let i = 0; i < 2; i++) await peer.ask({ do: "account" }, "account");
}

const isRefusal = ({ message }: { readonly message: string }): boolean => message.includes("ECONNREFUSED");
