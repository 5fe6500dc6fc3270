/** Inbox: packets in the order they came, and what they cost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Packet } from "../../src/packet/packet.ts";
import { Inbox } from "../../src/session/inbox.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const CHARGE_BYTES = 128;
const packetOf = (byteLength: number): Packet => Packet.from(new Uint8Array(byteLength));

test("packets come out in the order they went in, also where some go in between", () => {
  const inbox = new Inbox();
  const packets = [0, 10, 20, 30, 40].map(packetOf);
  assert.equal(inbox.isEmpty, true);
  assert.equal(inbox.shift(), undefined);
  inbox.push(packets[0]!);
  inbox.push(packets[1]!);
  assert.equal(inbox.isEmpty, false);
  assert.equal(inbox.shift(), packets[0]);
  inbox.push(packets[2]!);
  assert.deepEqual([inbox.shift(), inbox.shift(), inbox.shift()], [packets[1], packets[2], undefined]);
  assert.equal(inbox.isEmpty, true);
  inbox.push(packets[3]!);
  assert.equal(inbox.shift(), packets[3]);
});

test("what it holds is the packets' bytes and a charge for each, and nothing once they are out", () => {
  const inbox = new Inbox();
  assert.equal(inbox.heldBytes, 0);
  inbox.push(packetOf(0));
  assert.equal(inbox.heldBytes, CHARGE_BYTES);
  inbox.push(packetOf(1000));
  assert.equal(inbox.heldBytes, 1000 + 2 * CHARGE_BYTES);
  inbox.shift();
  assert.equal(inbox.heldBytes, 1000 + CHARGE_BYTES);
  inbox.shift();
  assert.equal(inbox.heldBytes, 0);
});

test("packets that are out are let go once all are", async () => {
  const inbox = new Inbox();
  const pushed = (): WeakRef<Packet> => {
    const packet = packetOf(10);
    inbox.push(packet);
    return new WeakRef(packet);
  };
  const refs = [pushed(), pushed()];
  inbox.shift();
  inbox.shift();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.deepEqual(
    refs.map((ref) => ref.deref()),
    [undefined, undefined],
  );
});

test("clear() forgets all of them", () => {
  const inbox = new Inbox();
  for (let n = 0; n < 3; n++) inbox.push(packetOf(n));
  inbox.shift();
  inbox.clear();
  assert.deepEqual([inbox.isEmpty, inbox.heldBytes, inbox.shift()], [true, 0, undefined]);
  const packet = packetOf(7);
  inbox.push(packet);
  assert.deepEqual([inbox.heldBytes, inbox.shift()], [7 + CHARGE_BYTES, packet]);
});
