/**
 * Bytes that are no Net frames: the session leaves with a reason of its own, counted, and nobody else is disturbed.
 * A frame that lies behind good ones in one read, and one behind which more follows.
 */
import assert from "node:assert/strict";
import type { ErrorCode, LeaveReason } from "../../src/index.ts";
import type { RawPeer } from "../../src/testing.ts";
import type { Subject, Tell } from "../conformance/suite.ts";
import { pattern, utf8 } from "../support/frames.ts";
import { AGREED, checksum, decoded, NET_HEADER_BYTES, netFrame, netFrames } from "../support/net-frames.ts";
import type { World } from "../support/world.ts";

const PACKET_BYTES_MAX = 1000;
const HEALTHY = 20;
const GOOD: readonly Uint8Array[] = [utf8("first"), utf8("second")];

interface Broken {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly code: ErrorCode;
  readonly reason: LeaveReason;
}

const WRONG_CODE = { code: "FRAME_CODE_WRONG", reason: "frame-code-wrong" } as const;
const WRONG_CHECKSUM = { code: "FRAME_CHECKSUM_WRONG", reason: "frame-checksum-wrong" } as const;
const TOO_LARGE = { code: "FRAME_TOO_LARGE", reason: "frame-too-large" } as const;

const BROKEN: readonly Broken[] = [
  { what: "another code", bytes: netFrame(utf8("x"), 1, { ...AGREED, code: 0x78 }), ...WRONG_CODE },
  { what: "the first byte of something else", bytes: utf8("G"), ...WRONG_CODE },
  { what: "a request of HTTP", bytes: utf8("GET / HTTP/1.1\r\n\r\n"), ...WRONG_CODE },
  { what: "a wrong checksum", bytes: changed(netFrame(pattern(50), 7), -1, 1), ...WRONG_CHECKSUM },
  {
    what: "a changed byte of the payload",
    bytes: changed(netFrame(pattern(50), 7), 20, 0x3c),
    ...WRONG_CHECKSUM,
  },
  { what: "another key", bytes: netFrame(pattern(50), 7, { ...AGREED, key: 0x33 }), ...WRONG_CHECKSUM },
  {
    what: "an empty frame with a checksum",
    bytes: changed(netFrame(pattern(0), 7), 4, 0x10),
    ...WRONG_CHECKSUM,
  },
  { what: "one byte too long", bytes: netFrame(pattern(1001), 7).subarray(0, 5), ...TOO_LARGE },
  { what: "the longest there is", bytes: Uint8Array.of(AGREED.code, 0xff, 0xff), ...TOO_LARGE },
];

export const brokenFrames: Subject = {
  name: "broken Net frames",
  tests(tell) {
    for (const broken of BROKEN) {
      serverTest(tell, broken);
      clientTest(tell, broken);
    }
    everyBit(tell);
  },
};

/** One of each reason, for worlds on threads. */
export const brokenFramesOnThreads: Subject = {
  name: "broken Net frames",
  tests(tell) {
    for (const broken of oneOfEachReason()) {
      serverTest(tell, broken);
      clientTest(tell, broken);
    }
  },
};

/** The same where only servers are on threads. */
export const brokenFramesAcrossThreads: Subject = {
  name: "broken Net frames",
  tests(tell) {
    for (const broken of oneOfEachReason()) serverTest(tell, broken);
  },
};

function oneOfEachReason(): Broken[] {
  return [WRONG_CODE, WRONG_CHECKSUM, TOO_LARGE].map(
    ({ code }) => BROKEN.find((each) => each.code === code)!,
  );
}

/** `bytes` with some bits of one byte changed; -1 is the last byte. */
function changed(bytes: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at < 0 ? copy.length + at : at]! ^= bits;
  return copy;
}

function behindGoodOnes(bytes: Uint8Array): Uint8Array {
  const good = GOOD.map((payload, n) => netFrame(payload, n));
  return Buffer.concat([...good, bytes]);
}

function serverTest(tell: Tell, { what, bytes, code, reason }: Broken): void {
  tell(`${reason}: ${what}, at the server; ${HEALTHY} others are not disturbed`, async (world) => {
    const script = [{ on: "recv", do: [{ do: "echo" }] }] as const;
    const server = await world.server({ packetBytesMax: PACKET_BYTES_MAX }, script);
    server.expect(code);
    const healthy: RawPeer[] = [];
    while (healthy.length < HEALTHY) healthy.push(await world.peer(server));
    await server.joined(HEALTHY);
    // Half of them in the middle of a frame.
    const payload = pattern(300, 9);
    const whole = netFrame(payload, 200);
    for (const [n, peer] of healthy.entries()) void peer.send(whole.subarray(0, n % 2 === 0 ? 150 : 0));

    const bad = await world.peer(server);
    const sessionId = await server.joined(HEALTHY + 1);
    void bad.send(behindGoodOnes(bytes));
    const { leave } = await server.event("leave", { sessionId });
    assert.equal(leave?.reason, reason);
    assert.equal(leave.cause?.code, code);
    const names = server.log.names({ sessionId });
    assert.deepEqual(names, ["join", "recv", "recv", "error", "leave"]);
    assert.deepEqual(server.log.received({ sessionId }).map(String), GOOD.map(String));
    assert.equal(server.log.of("error", { sessionId })[0]?.error?.code, code);
    await assertReset(world, bad);

    for (const [n, peer] of healthy.entries()) void peer.send(whole.subarray(n % 2 === 0 ? 150 : 0));
    for (const peer of healthy) {
      const [echo] = netFrames(await world.until(peer.receivedAtLeast(whole.length)));
      assert.deepEqual(Buffer.from(echo!.payload), Buffer.from(payload));
    }
    const { left, errors, sessions } = server.server.stats();
    assert.deepEqual(
      { left, errors, sessions },
      { left: { [reason]: 1 }, errors: { [code]: 1 }, sessions: HEALTHY },
    );
    assert.equal(server.log.of("leave").length, 1);
  });
}

function clientTest(tell: Tell, { what, bytes, code, reason }: Broken): void {
  tell(`${reason}: ${what}, at the client`, async (world) => {
    const { client, peer } = await world.rawServed({ packetBytesMax: PACKET_BYTES_MAX });
    client.expect(code);
    void peer.send(behindGoodOnes(bytes));
    const { leave } = await client.event("leave");
    assert.equal(leave?.reason, reason);
    assert.deepEqual(client.log.names(), ["join", "recv", "recv", "error", "leave"]);
    assert.deepEqual(client.log.received().map(String), GOOD.map(String));
    assert.equal(client.log.of("error")[0]?.error?.code, code);
    await assertReset(world, peer);
  });
}

async function assertReset(world: World, peer: RawPeer): Promise<void> {
  const error = await world.until(peer.closed);
  if (world.features.has("reset")) assert.equal(error?.code, "ECONNRESET");
}

function everyBit(tell: Tell): void {
  tell("each bit of a frame flipped on a session of its own: as the formulas judge", async (world) => {
    const payload = utf8("payload");
    const frame = netFrame(payload, 0x5a);
    const server = await world.server();
    server.expect("FRAME_CHECKSUM_WRONG", "FRAME_CODE_WRONG");
    const expected: Record<string, number> = {};
    const peers: RawPeer[] = [];
    for (let at = 0; at < frame.length; at++) {
      if (at === 1 || at === 2) continue; // another length is another frame
      for (let bit = 1; bit < 256; bit *= 2) {
        const bytes = changed(frame, at, bit);
        const verdict = judged(bytes);
        expected[verdict] = (expected[verdict] ?? 0) + 1;
        const peer = await world.peer(server);
        peers.push(peer);
        void peer.send(bytes);
      }
    }
    const { received = 0, ...left } = expected;
    const leaves = Object.values(left).reduce((sum, count) => sum + count, 0);
    await server.event("leave", { nth: leaves });
    if (received > 0) await server.event("recv", { nth: received });
    await world.settle();
    assert.deepEqual(server.server.stats().left, left);
    assert.equal(server.log.of("recv").length, received);
    assert(leaves > received, `${leaves} left, ${received} passed`);
  });
}

function judged(frame: Uint8Array): LeaveReason | "received" {
  if (frame[0] !== AGREED.code) return "frame-code-wrong";
  const [sum, ...payload] = decoded(AGREED.key, frame[3]!, frame.subarray(NET_HEADER_BYTES - 1));
  return sum === checksum(Uint8Array.from(payload)) ? "received" : "frame-checksum-wrong";
}
