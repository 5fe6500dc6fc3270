/**
 * What holds for every history of every fixture, checked behind each test of the suite:
 *
 *      server, per session:   join  (recv | send | sendReady)*  leave          once each, then nothing
 *      client:               (join  (recv | send | sendReady)*  leave)*
 *
 * No event runs inside another, every error is a LanError, and none comes that the test did not bring about.
 */
import assert from "node:assert/strict";
import type { EventLog } from "./event-log.ts";
import type { EventRecord } from "./script.ts";

export function assertContract(log: EventLog, expectedErrors: ReadonlySet<string>): void {
  for (const run of log.runs) assertRun(run, expectedErrors);
}

/** What came between a start and its stop. */
function assertRun(records: readonly EventRecord[], expectedErrors: ReadonlySet<string>): void {
  const open = new Set<number | undefined>();
  const left = new Map<number | undefined, number>();
  for (const record of records) {
    const { event, sessionId, inside } = record;
    assert.equal(inside, null, `event "${event}" ran inside event "${inside}"`);
    if (event === "error") assertError(record, expectedErrors);
    else if (event === "join") {
      assert(!open.has(sessionId), `session ${sessionId} joined twice`);
      assert(!left.has(sessionId), `session id ${sessionId} was used again`);
      open.add(sessionId);
    } else if (event === "leave") {
      assert(open.delete(sessionId), `session ${sessionId} left without having joined`);
      if (sessionId !== undefined) left.set(sessionId, record.atMs);
    } else if (event === "sendReady") {
      // It runs where the send was refused, on the handle too: begun before the leave, it may be told behind it.
      const isInTime = open.has(sessionId) || record.atMs < (left.get(sessionId) ?? Number.NEGATIVE_INFINITY);
      assert(isInTime, `"${event}" of session ${sessionId}, which is not joined`);
    } else if (event === "recv" || event === "send") {
      assert(open.has(sessionId), `"${event}" of session ${sessionId}, which is not joined`);
    }
  }
  assert.equal(open.size, 0, `sessions joined and never left: ${[...open].join(", ")}`);
}

function assertError({ error }: EventRecord, expected: ReadonlySet<string>): void {
  assert(error?.isLanError, `onError was given no LanError: ${error?.message}`);
  assert(
    expected.has(String(error.code)),
    `unexpected error ${error.code}: ${error.message}, because of ${error.cause?.message}`,
  );
}
