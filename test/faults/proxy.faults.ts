/**
 * A wire that delays, cuts up, flips bits, breaks off and half-closes, in user space: runs everywhere, without root.
 * What is random comes from FAULTS_SEED.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { LeaveReason } from "../../src/index.ts";
import { Random } from "../../src/testing.ts";
import { PATIENT, PLACES, RESET, SEED } from "./bounds.ts";
import { HEAD_BYTES } from "./fixtures/conversation.ts";
import { Link, type LinkPlan, type Side, some } from "./link.ts";
import type { Left, Peer } from "./peer.ts";
import { FaultyWire, type WayFaults, type WireFaults } from "./proxy.ts";

const SIDES = ["server", "client"] as const;
/** How many connections in a row something random happens to. */
const ROUNDS = 8;
/** Frames of 101 bytes: no power of two is a multiple of that, so one flipped bit never leads to another frame's start. */
const FRAME_BYTES = 101;
const SHORT = { minBytes: FRAME_BYTES - 4, maxBytes: FRAME_BYTES - 4 } as const;
const NOTICES: readonly LeaveReason[] = ["frame-too-large", "partial-frame-timeout"];

function random(t: TestContext): Random {
  t.diagnostic(`FAULTS_SEED=${SEED}`);
  return new Random(SEED);
}

const towards = (side: Side, faults: WayFaults): WireFaults =>
  side === "server" ? { toServer: faults } : { toClient: faults };

for (const place of PLACES) {
  const patient: LinkPlan = { place, options: PATIENT };

  test(`delay and jitter: everything arrives in order, nobody leaves, ${place.where}`, async (t) => {
    const faults = { delayMs: 20, jitterMs: 60 };
    const wire = new FaultyWire(t, random(t).seed, () => ({ toServer: faults, toClient: faults }));
    const link = await Link.up(t, patient, wire);
    await link.exchange(1000);
    link.assertUp();
    await link.settle();
  });

  test(`one byte at a time: everything arrives in order, nobody leaves, ${place.where}`, async (t) => {
    const faults = { pieceBytes: 1 };
    const wire = new FaultyWire(t, SEED, () => ({ toServer: faults, toClient: faults }));
    const link = await Link.up(t, patient, wire);
    await link.exchange(10);
    link.assertUp();
    await link.settle();
  });

  test(`cuts at random bytes: what arrived is whole and in order, the client comes back, ${place.where}`, async (t) => {
    const numbers = random(t);
    const wire = new FaultyWire(t, SEED, (connection) => {
      const cut = { behindBytes: numbers.integer(1, 300_000), by: "reset" } as const;
      return connection < ROUNDS ? towards(connection % 2 === 0 ? "server" : "client", { cut }) : {};
    });
    const link = new Link(t, patient, wire);
    await link.startServer();
    await link.startClient();
    link.say(some(1000));
    await link.client.nth("left", ROUNDS);
    await link.comesBack();
    for (const { reason } of [...link.server.all("left"), ...link.client.all("left")]) {
      assert.ok(RESET.includes(reason), reason);
    }
    await link.settle();
  });

  for (const side of SIDES) {
    const other = side === "server" ? "client" : "server";

    test(`half-close towards the ${side}: what came before is received, both leave, ${place.where}`, async (t) => {
      const cut = { behindBytes: random(t).integer(1000, 300_000), by: "half-close" } as const;
      const wire = new FaultyWire(t, SEED, (connection) => (connection === 0 ? towards(side, { cut }) : {}));
      const link = await Link.up(t, patient, wire);
      link.say(some(1000));
      await Promise.all(SIDES.map((one) => link[one].nth("left", 1)));
      const { reason, ledger } = link[side].all("left")[0]!;
      assert.equal(reason, "peer-closed");
      const { packets } = wire.passed[0]![side === "server" ? "toServer" : "toClient"];
      assert.equal(ledger.received.packets, packets, "all that went through was received");
      await link.comesBack();
      await link.settle();
    });

    test(`a length that is far too large on its way to the ${side}: that session leaves at once, no other, ${place.where}`, async (t) => {
      const flip = { frame: 20, part: "header", bit: 31 } as const;
      const { link, healthy } = await besideHealthy(t, patient, (connection) =>
        connection === 0 ? towards(side, { flip }) : {},
      );
      link.say({ kind: "flood", packets: 4000, ...SHORT });
      const [left] = await Promise.all([link[side].nth("left", 1), link[other].nth("left", 1)]);
      assert.equal(left.reason, "frame-too-large");
      // The greeting and what followed, but for heartbeats.
      assert.ok(left.ledger.received.packets <= flip.frame, `${left.ledger.received.packets}`);
      assert.deepEqual(left.ledger.misfits, []);
      assert.ok(RESET.includes(link[other].all("left")[0]!.reason));
      await link.comesBack();
      assert.deepEqual(healthy.all("left"), []);
      await link.settle({ errors: ["FRAME_TOO_LARGE"] });
    });

    test(`random bits of lengths flipped on their way to the ${side}: those sessions leave, no other, ${place.where}`, async (t) => {
      const numbers = random(t);
      // Without heartbeats: they would be bytes of a frame that is waited for, and keep it up for a long time.
      const options = { ...PATIENT, heartbeat: false, partialFrameTimeoutMs: 2000 } as const;
      const plan: LinkPlan = { place, options };
      const { link, healthy } = await besideHealthy(t, plan, (connection) => {
        const flip = { frame: numbers.integer(1, 200), part: "header", bit: numbers.integer(0, 31) } as const;
        return connection < ROUNDS ? towards(side, { flip }) : {};
      });
      link.say({ kind: "flood", packets: 4000, ...SHORT });
      const noticed = (): Left[] => link[side].all("left").filter(({ reason }) => NOTICES.includes(reason));
      await link[side].until("all flips to be noticed", () => noticed().length >= ROUNDS);
      t.diagnostic(
        link[side]
          .all("left")
          .map(({ reason }) => reason)
          .join(", "),
      );
      await link.client.nth("left", ROUNDS);
      await link.comesBack();
      assert.deepEqual(healthy.all("left"), []);
      await link.settle({ errors: ["FRAME_TOO_LARGE"], corrupted: link.client });
    });

    test(`a bit of a payload flipped on its way to the ${side} is delivered as it came: Lan has no checksum, ${place.where}`, async (t) => {
      const bit = random(t).integer(8 * HEAD_BYTES, 8 * (FRAME_BYTES - 4) - 1);
      const flip = { frame: 20, part: "payload", bit } as const;
      const wire = new FaultyWire(t, SEED, () => towards(side, { flip }));
      const link = await Link.up(t, patient, wire);
      await link.exchange(200, SHORT);
      link.assertUp();
      await link.settle({ corrupted: link.client });
      const { ledger } = link[side].all("left")[0]!;
      assert.deepEqual([ledger.misfits, ledger.alteredBits], [[], [1]]);
      assert.deepEqual(link[other].all("left")[0]!.ledger.alteredBits, []);
    });
  }
}

/** A client on the proxy's wire beside one that is not: both have joined. */
async function besideHealthy(
  t: TestContext,
  plan: LinkPlan,
  faults: (connection: number) => WireFaults,
): Promise<{ link: Link<FaultyWire>; healthy: Peer }> {
  const link = new Link(t, plan, new FaultyWire(t, SEED, faults));
  await link.startServer();
  const healthy = link.startNeighbour();
  await link.joined(1);
  await link.startClient();
  await link.joined(1);
  return { link, healthy };
}
