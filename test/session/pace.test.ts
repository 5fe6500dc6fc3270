/** A pace to the packet, the byte and the millisecond, and what a session makes of a peer that is over it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Counters } from "../../src/base/counters.ts";
import { lengthHeader } from "../../src/framing/length-header.ts";
import { ReceivePool } from "../../src/framing/receive-buffer.ts";
import { Inflow, type InflowHost } from "../../src/session/inflow.ts";
import { Lateness } from "../../src/session/lateness.ts";
import { Pace } from "../../src/session/pace.ts";
import type { PaceSettings, SessionSettings } from "../../src/session/settings.ts";
import { Stage, StageClock } from "./stage.ts";

const BEGAN_MS = 10_000;

function paceOf(settings: Partial<PaceSettings>): Pace {
  const all = { packetsPerSecondMax: 0, bytesPerSecondMax: 0, overPace: "wait", ...settings } as const;
  return new Pace(all, BEGAN_MS, new Lateness());
}

describe("a pace", () => {
  test("takes a second's share at once, and then each packet in its time", () => {
    const pace = paceOf({ packetsPerSecondMax: 100 });
    assert.equal(pace.overMs(100, 1e9, BEGAN_MS), 0);
    assert.equal(pace.overMs(101, 1e9, BEGAN_MS), 10);
    assert.equal(pace.overMs(101, 1e9, BEGAN_MS + 10), 0);
    assert.equal(pace.overMs(104, 1e9, BEGAN_MS + 20), 20);
  });

  test("does the same with bytes", () => {
    const pace = paceOf({ bytesPerSecondMax: 1000 });
    assert.equal(pace.overMs(1e6, 1000, BEGAN_MS), 0);
    assert.equal(pace.overMs(1e6, 1250, BEGAN_MS), 250);
    assert.equal(pace.overMs(1e6, 1250, BEGAN_MS + 250), 0);
    assert.equal(pace.overMs(1e6, 1600, BEGAN_MS + 500), 100);
  });

  test("saves nothing up: after a long silence it takes a second's share and no more", () => {
    const pace = paceOf({ packetsPerSecondMax: 100 });
    assert.equal(pace.overMs(50, 0, BEGAN_MS), 0);
    assert.equal(pace.overMs(150, 0, BEGAN_MS + 60_000), 0);
    assert.equal(pace.overMs(151, 0, BEGAN_MS + 60_000), 10);
  });

  test("of packets and bytes is over by what takes longer, and by a millisecond at least", () => {
    const both = paceOf({ packetsPerSecondMax: 100, bytesPerSecondMax: 1000 });
    assert.equal(both.overMs(102, 1100, BEGAN_MS), 100);
    const fine = paceOf({ packetsPerSecondMax: 100_000 });
    assert.equal(fine.overMs(100_001, 0, BEGAN_MS), 1);
  });
});

/** A session's receiving half under a pace of 100 bytes a second, where each packet is one. */
class Paced implements InflowHost {
  isOpen = true;
  readonly delivers = true;
  hasTurn = true;
  readonly calls: string[] = [];
  readonly clock: StageClock = new StageClock();
  readonly inflow: Inflow;

  constructor(overPace: "leave" | "wait") {
    const settings = {
      header: lengthHeader("u16le"),
      packetBytesMax: 1000,
      receiveQueueBytesMax: 1000,
      heartbeat: false,
      pace: { packetsPerSecondMax: 0, bytesPerSecondMax: 100, overPace },
    } as unknown as SessionSettings;
    const shared = { counters: new Counters(), receivePool: new ReceivePool(), lateness: new Lateness() };
    this.inflow = new Inflow(this, { settings, clock: this.clock, ...shared });
  }

  /** One read of a packet that takes so many bytes on the wire. */
  reads(byteLength: number): void {
    const room = Buffer.from(this.inflow.readBuffer().buffer, this.inflow.readBuffer().byteOffset);
    room.writeUInt16LE(byteLength - 2);
    room.fill(1, 2, byteLength);
    this.inflow.commit(byteLength);
  }
  since(): string[] {
    return this.calls.splice(0);
  }

  mayDeliver(): boolean {
    return this.hasTurn;
  }
  handOver(): undefined {
    this.calls.push("packet");
  }
  pauseReading(): void {
    this.calls.push("pause");
  }
  resumeReading(): void {
    this.calls.push("resume");
  }
  onAllDelivered(): void {}
  onOverPace(): void {
    this.calls.push("over pace");
  }
}

describe("a peer that is over its pace", () => {
  test("leaves, with what it sent handed over", () => {
    const peer = new Paced("leave");
    peer.reads(100);
    assert.deepEqual(peer.since(), ["packet"]);
    peer.reads(10);
    assert.deepEqual(peer.since(), ["packet", "over pace"]);
    assert.deepEqual([peer.inflow.reading, peer.clock.timers], [true, []]);
  });

  test("is told once: where it leaves already nobody looks", () => {
    const peer = new Paced("leave");
    peer.isOpen = false;
    peer.reads(200);
    assert.deepEqual(peer.since(), ["packet"]);
  });

  test("is not read from until its time has come", () => {
    const peer = new Paced("wait");
    peer.reads(150);
    assert.deepEqual([peer.since(), peer.inflow.reading], [["packet", "pause"], false]);
    assert.deepEqual(peer.clock.timers, [{ inMs: 500, keepAlive: false }]);
    peer.clock.pass(499);
    assert.deepEqual(peer.since(), []);
    peer.clock.pass(1);
    assert.deepEqual([peer.since(), peer.inflow.reading], [["resume"], true]);
  });

  test("waits longer for a read that was under way", () => {
    const peer = new Paced("wait");
    peer.reads(150);
    peer.clock.pass(100);
    peer.reads(20);
    assert.deepEqual(peer.since(), ["packet", "pause", "packet"]);
    assert.deepEqual(peer.clock.timers, [{ inMs: 600, keepAlive: false }]); // 150 - 10 + 20 of 100
    peer.clock.pass(600);
    assert.deepEqual(peer.since(), ["resume"]);
  });

  test("is read from once both its pace and what waits allow it", () => {
    const peer = new Paced("wait");
    peer.hasTurn = false;
    peer.reads(900); // with its charge more than may wait
    assert.deepEqual(peer.since(), ["pause"]);
    peer.hasTurn = true;
    peer.inflow.deliverHeld();
    assert.deepEqual([peer.since(), peer.inflow.reading], [["packet"], false]);
    peer.clock.pass(8000);
    assert.deepEqual([peer.since(), peer.inflow.reading], [["resume"], true]);
  });

  test("that is given up is read from at once, and no timer is left", () => {
    const peer = new Paced("wait");
    peer.reads(150);
    peer.since();
    peer.inflow.abandon();
    assert.deepEqual([peer.since(), peer.inflow.reading, peer.clock.timers], [["resume"], true, []]);
  });

  test("is reset, for that reason", () => {
    const pace = { packetsPerSecondMax: 1, bytesPerSecondMax: 0, overPace: "leave" } as const;
    const stage = new Stage({ pace }).opened();
    stage.read("0100aa0100bb");
    assert.deepEqual(stage.since(), ["packet aa", "packet bb", "reset"]);
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]?.reason, "over-pace");
  });
});
