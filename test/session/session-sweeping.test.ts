/** Session under its sweeps: heartbeats, suspicions and verdicts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { packetOf, Stage } from "./stage.ts";

describe("sweeping", () => {
  const HEARTBEAT = { intervalMs: 400, timeoutMs: 1000 };

  /** Passes `ms` in sweeps of 100. */
  function pass(stage: Stage, ms: number): void {
    for (let at = 0; at < ms; at += 100) {
      stage.clock.pass(100);
      stage.session.sweep(stage.clock.nowMs(), 100);
    }
  }

  test("beats where nothing else went out, and not while bytes wait", async () => {
    const stage = new Stage({ heartbeat: HEARTBEAT, sendStallMs: 100_000 }).opened();
    await stage.turn();
    stage.session.onWritten();
    stage.since();
    stage.session.sweep(stage.clock.nowMs(), 100); // sees the first one
    pass(stage, 300);
    await stage.turn();
    assert.deepEqual(stage.since(), []);
    pass(stage, 100);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0000"]);
    pass(stage, 1000); // in flight: life enough
    stage.session.onWritten();
    await stage.turn();
    assert.deepEqual(stage.since(), ["sent 2"]);
    assert.equal(stage.session.sent.packets, 0);
  });

  test("beats no more where other threads have taken all there is", async () => {
    const stage = new Stage({ heartbeat: HEARTBEAT }).opened();
    await stage.turn();
    stage.session.onWritten();
    stage.crossing.calls.length = 0;
    stage.since();
    stage.crossing.takes = false;
    pass(stage, 500);
    await stage.turn();
    assert.ok(!stage.since().includes("write 0000"));
    assert.equal(stage.crossing.calls[0], `take 2 of ${Number.MAX_SAFE_INTEGER}`);
  });

  test("a verdict waits for the bytes that had arrived: then the peer is reset, or it was alive", () => {
    for (const alive of [false, true]) {
      const stage = new Stage({ heartbeat: HEARTBEAT }).opened();
      stage.read("0000");
      assert.equal(stage.session.peerBeats, true);
      pass(stage, 1100);
      assert.deepEqual([stage.since(), stage.clock.suspicions], [[], 0]);
      pass(stage, 300);
      assert.deepEqual([stage.since(), stage.clock.suspicions], [[], 1]); // one, though swept twice
      if (alive) stage.read("0000");
      stage.clock.readsAreDone();
      assert.deepEqual(stage.since(), alive ? [] : ["reset"]);
      if (alive) {
        pass(stage, 1200); // suspected anew
        assert.equal(stage.clock.suspicions, 1);
      } else {
        stage.session.onClosed(undefined);
        assert.deepEqual(stage.leaves[0]!.reason, "heartbeat-timeout");
      }
    }
  });

  test("a suspicion of a session that leaves meanwhile is dropped", () => {
    const stage = new Stage({ heartbeat: HEARTBEAT }).opened();
    stage.read("0000");
    pass(stage, 1300);
    assert.equal(stage.clock.suspicions, 1);
    stage.session.drain("disconnected", 10_000);
    stage.since();
    stage.clock.readsAreDone();
    assert.deepEqual(stage.since(), []);

    const gone = new Stage({ heartbeat: HEARTBEAT }).opened();
    gone.read("0000");
    pass(gone, 1300);
    gone.session.onClosed(undefined);
    assert.equal(gone.clock.suspicions, 0);
  });

  test("a session that leaves is not judged", () => {
    const stage = new Stage({ sendStallMs: 1000 }).opened();
    stage.session.send(packetOf("aa"));
    stage.session.drain("disconnected", 100_000);
    pass(stage, 3000);
    assert.equal(stage.clock.suspicions, 0);
  });

  test("a stalled write is reset", async () => {
    const stage = new Stage({ sendStallMs: 1000 }).opened();
    stage.session.send(packetOf("aa"));
    await stage.turn();
    pass(stage, 1000);
    assert.equal(stage.clock.suspicions, 0);
    pass(stage, 200);
    stage.clock.readsAreDone();
    assert.equal(stage.since().at(-1), "reset");
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "send-stalled");
  });

  test("a peer that sends no packet in its first time is reset, and one that did is not", () => {
    for (const sends of [false, true]) {
      const stage = new Stage({ firstPacketTimeoutMs: 1000, heartbeat: HEARTBEAT }).opened();
      stage.read(sends ? "0100aa" : "0000");
      pass(stage, 900);
      stage.read("0000"); // a heartbeat is life, and no packet
      stage.since();
      pass(stage, 300);
      stage.clock.readsAreDone();
      assert.deepEqual(stage.since(), sends ? [] : ["reset"]);
    }
  });
});
