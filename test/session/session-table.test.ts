/** SessionTable: a thread's sessions, found by their whole id. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packet } from "../../src/packet/packet.ts";
import type { Session } from "../../src/session/session.ts";
import { makeSessionId } from "../../src/session/session-id.ts";
import { SessionTable } from "../../src/session/session-table.ts";

/** What the table needs of a session. */
function sessionAt(generation: number, slot: number, takes: boolean = true): Session {
  const session = { id: makeSessionId(generation, slot), sent: [] as Packet[], send: (_: Packet) => takes };
  return session as unknown as Session;
}

test("a session is found by its id, wherever its slot is, and no other id of that slot finds it", () => {
  const table = new SessionTable();
  const [far, near] = [sessionAt(1, 5), sessionAt(2, 0)];
  table.insert(far);
  table.insert(near);
  assert.equal(table.find(far.id), far);
  assert.equal(table.find(near.id), near);
  assert.equal(table.find(makeSessionId(2, 5)), undefined);
  assert.equal(table.find(makeSessionId(1, 0)), undefined);
  assert.equal(table.find(makeSessionId(1, 3)), undefined); // between them
  assert.equal(table.find(makeSessionId(1, 6)), undefined); // past the last
  assert.equal(table.size, 2);
});

test("a removed session is found no more, and its slot takes the next", () => {
  const table = new SessionTable();
  const [before, after] = [sessionAt(1, 1), sessionAt(2, 1)];
  table.insert(before);
  table.remove(before);
  assert.deepEqual([table.find(before.id), table.size, [...table]], [undefined, 0, []]);
  table.insert(after);
  assert.deepEqual([table.find(before.id), table.find(after.id), table.size], [undefined, after, 1]);
});

test("walking meets each session once, in the order of slots, though some leave on the way", () => {
  const table = new SessionTable();
  const sessions = [sessionAt(1, 2), sessionAt(1, 0), sessionAt(1, 4)];
  for (const session of sessions) table.insert(session);
  assert.deepEqual([...table], [sessions[1], sessions[0], sessions[2]]);
  const met: Session[] = [];
  for (const session of table) {
    met.push(session);
    table.remove(session);
  }
  assert.equal(met.length, 3);
  assert.equal(table.size, 0);
});

test("slots in use lie below a bound, and each has its session or none", () => {
  const table = new SessionTable();
  assert.equal(table.slots, 0);
  const [near, far] = [sessionAt(1, 1), sessionAt(3, 4)];
  table.insert(far);
  table.insert(near);
  assert.equal(table.slots, 5);
  assert.deepEqual(
    [0, 1, 4, 5].map((slot) => table.at(slot)),
    [undefined, near, far, undefined],
  );
  assert.deepEqual([...table.ids()], [near.id, far.id]);
});

test("sendToAll() asks every session once and counts those that take the packet", () => {
  const table = new SessionTable();
  const asked: number[] = [];
  const packet = new Packet().writeUint8(1);
  for (const [slot, takes] of [true, false, true, true].entries()) {
    const session = sessionAt(1, slot * 2);
    session.send = (sent) => {
      assert.equal(sent, packet);
      asked.push(slot);
      return takes;
    };
    table.insert(session);
  }
  assert.equal(table.sendToAll(packet, null), 3);
  assert.deepEqual(asked, [0, 1, 2, 3]);
  assert.equal(new SessionTable().sendToAll(packet, null), 0);
});
