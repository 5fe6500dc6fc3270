/**
 * What must be true of every link in the end, whatever happened to it.
 *
 *     taken = written + not sent                      exactly, of each process
 *     received <= taken, in order, once, nothing from an earlier connection
 *     taken - not sent - received = unknown           what the kernels held: bounded
 *
 * The write that was under way when a link broke counts as not sent, though some of it may have arrived: so the unknown
 * may be less than nothing, by that write at the most.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { LeaveReason } from "../../src/index.ts";
import { LATE_MS } from "./bounds.ts";
import type { Left, Peer } from "./peer.ts";

/** The most that one write hands over. */
const WRITE_BYTES_MAX = 2 * 1024 * 1024;

export interface Expectations {
  /** Codes that `onError` may have told. */
  readonly errors?: readonly string[];
  /** What may have been lost on the way, unknown to either side; undefined: nobody knows. */
  readonly heldBytesMax: number | undefined;
  /** Whose packets were tampered with: what arrived of them is anybody's guess. */
  readonly corrupted?: Peer | undefined;
}

/** The invariants over all that these processes told. */
export function checkLedgers(t: TestContext, peers: readonly Peer[], expectations: Expectations): void {
  for (const peer of peers) checkPeer(peer, expectations.errors ?? []);
  const lefts = peers.flatMap((peer) => peer.all("left"));
  for (const left of lefts) {
    if (isCorrupted(left, expectations.corrupted)) continue;
    assert.deepEqual([left.ledger.misfits, left.ledger.alteredBits], [[], []], `${left.ledger.who}`);
    const other = otherSide(left, lefts);
    if (other !== undefined) t.diagnostic(checkWay(left, other, expectations.heldBytesMax));
  }
}

/** That a session that ended in order lost nothing, either way. */
export function checkComplete(client: Peer, servers: readonly Peer[]): void {
  const left = client.all("left").at(-1)!;
  const other = otherSide(
    left,
    servers.flatMap((server) => server.all("left")),
  );
  assert.ok(other !== undefined, `${client.name}: the other side of its last session`);
  assert.deepEqual([left.reason, other.reason], ["disconnected", "peer-closed"], client.name);
  assert.deepEqual([left.notSent.packets, other.notSent.packets], [0, 0], client.name);
  assert.deepEqual(other.ledger.received, left.ledger.taken, `${client.name}: delivered everything`);
  assert.deepEqual(left.ledger.received, other.ledger.taken, `${client.name}: received everything`);
}

/** That the first leave came in time after a fault that was complete at `sinceMs`. */
export function checkLeave(
  t: TestContext,
  peer: Peer,
  reasons: readonly LeaveReason[],
  times: { readonly sinceMs: number; readonly withinMs: number; readonly notBeforeMs?: number },
): void {
  const left = peer.all("left")[0]!;
  const tookMs = left.atMs - times.sinceMs;
  const queue = `${left.ledger.taken.packets} taken, ${left.notSent.packets} not sent`;
  t.diagnostic(`${peer.name}: ${left.reason} after ${tookMs} ms; ${queue}`);
  assert.ok(reasons.includes(left.reason), `${peer.name}: ${left.reason}, not ${reasons}`);
  assert.ok(tookMs <= times.withinMs + LATE_MS, `${peer.name}: ${left.reason} only after ${tookMs} ms`);
  assert.ok(
    tookMs >= (times.notBeforeMs ?? Number.NEGATIVE_INFINITY),
    `${peer.name}: as soon as ${tookMs} ms`,
  );
}

function checkPeer(peer: Peer, errors: readonly string[]): void {
  const joins = peer.all("joined");
  const lefts = peer.all("left");
  assert.deepEqual(peer.all("protest"), [], peer.name);
  const epochs = lefts.map(({ ledger }) => ledger.epoch);
  assert.equal(new Set(epochs).size, epochs.length, `${peer.name}: one leave per join`);
  for (const { epoch } of lefts.map(({ ledger }) => ledger)) {
    assert.ok(
      joins.some((join) => join.epoch === epoch),
      `${peer.name}: a leave without a join`,
    );
  }
  for (const { code, message } of peer.all("error")) {
    assert.ok(errors.includes(code), `${peer.name}: ${code}, ${message}`);
  }
  const last = lefts.at(-1);
  if (last === undefined || lefts.length < joins.length) return; // killed
  const sum = (of: (left: Left) => number): number => lefts.reduce((total, left) => total + of(left), 0);
  const taken = sum(({ ledger }) => ledger.taken.packets);
  const notSent = sum((left) => left.notSent.packets);
  assert.equal(last.writtenPackets + notSent, taken, `${peer.name}: taken is written or not sent`);
}

function isCorrupted({ ledger }: Left, corrupted: Peer | undefined): boolean {
  return corrupted !== undefined && (ledger.who === corrupted.who || ledger.peer?.who === corrupted.who);
}

function otherSide(left: Left, lefts: readonly Left[]): Left | undefined {
  return lefts.find((candidate) => isOther(left, candidate));
}

function isOther({ ledger }: Left, { ledger: other }: Left): boolean {
  const names = (peer: typeof ledger.peer, of: typeof ledger): boolean =>
    peer !== null && peer.who === of.who && peer.epoch === of.epoch;
  return names(ledger.peer, other) || names(other.peer, ledger);
}

/** From one side of a session to the other. */
function checkWay(
  { ledger: { who, epoch, taken }, notSent }: Left,
  { ledger: other }: Left,
  heldBytesMax: number | undefined,
): string {
  const { received } = other;
  const name = `from ${who} to ${other.who}, epoch ${epoch}`;
  const unknownBytes = taken.bytes - notSent.bytes - received.bytes;
  const unknown = taken.packets - notSent.packets - received.packets;
  const story = `${name}: ${taken.packets} taken = ${notSent.packets} not sent + ${received.packets} received + ${unknown}`;
  assert.ok(received.packets <= taken.packets && received.bytes <= taken.bytes, story);
  assert.ok(unknownBytes >= -WRITE_BYTES_MAX, `${story}: more arrived than was written`);
  if (heldBytesMax !== undefined) {
    assert.ok(unknownBytes <= heldBytesMax, `${story}: ${unknownBytes} bytes are lost`);
  }
  return story;
}
