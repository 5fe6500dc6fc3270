/** NO_CROSSING: on one thread nobody else takes packets, so nothing is ever under way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_CROSSING } from "../../src/session/crossing.ts";
import { makeSessionId } from "../../src/session/session-id.ts";

test("on one thread whatever the queue has room for is taken, and nothing is under way or lost elsewhere", () => {
  const id = makeSessionId(1, 0);
  NO_CROSSING.open(id);
  assert.equal(NO_CROSSING.take(id, 1000, 10), true); // the queue itself has looked
  assert.equal(NO_CROSSING.isUnderWay(id), false);
  NO_CROSSING.arrived(id, 1);
  NO_CROSSING.written(id, 1000);
  NO_CROSSING.publishQueue(id, 1);
  const none = { packets: 0, bytes: 0 };
  NO_CROSSING.publish({ id, queuedPackets: 0, received: none, sent: none });
  NO_CROSSING.announceRoom(id);
  NO_CROSSING.close(id);
  assert.deepEqual(NO_CROSSING.end(id, 1000), none);
});
