/** Session ids: a generation and a slot in one number that stays exact. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  generationOf,
  HOST_ID_LENGTH_MAX,
  makeSessionId,
  SESSION_SLOTS_MAX,
  slotOf,
} from "../../src/session/session-id.ts";

test("an id tells its generation and its slot, up to the last of both", () => {
  for (const generation of [1, 2, 4096, 2 ** 32, 2 ** 33 - 1]) {
    for (const slot of [0, 1, 1023, SESSION_SLOTS_MAX - 1]) {
      const id = makeSessionId(generation, slot);
      assert.ok(Number.isSafeInteger(id));
      assert.deepEqual([generationOf(id), slotOf(id)], [generation, slot]);
    }
  }
});

test("a server holds 2^20 sessions, and a host id 255 units", () => {
  assert.equal(SESSION_SLOTS_MAX, 1_048_576);
  assert.equal(HOST_ID_LENGTH_MAX, 255);
  assert.equal(makeSessionId(3, 5), 3 * 1_048_576 + 5);
});
