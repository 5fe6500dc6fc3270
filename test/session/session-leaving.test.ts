/** Session on its way out: draining, closing, and connections that end by themselves. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Packet } from "../../src/packet/packet.ts";
import { packetOf, Stage, systemError } from "./stage.ts";

/** A packet whose frame takes `byteLength` bytes. */
const ofFrame = (byteLength: number): Packet => Packet.from(new Uint8Array(byteLength - 2));

describe("draining", () => {
  test("takes nothing more, writes what was taken, says goodbye, and is gone once the peer says it too", async () => {
    const stage = new Stage().opened();
    const { session, clock } = stage;
    session.send(packetOf("aa"));
    assert.equal(session.drain("disconnected", 400), true);
    assert.deepEqual([session.isOpen, session.delivers, session.send(packetOf("bb"))], [false, false, false]);
    assert.deepEqual(stage.since(), ["write 0100aa"]); // at once
    assert.deepEqual(clock.timers, [{ inMs: 400, keepAlive: true }]);
    assert.equal(stage.crossing.calls.at(-1), "close");
    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "end"]);
    assert.deepEqual(clock.timers.length, 1); // the same deadline
    session.onEnd();
    assert.deepEqual(stage.since(), ["destroy"]);
    assert.deepEqual(clock.timers, []);
    session.onClosed(undefined);
    assert.deepEqual(stage.since(), ["left disconnected"]);
    assert.deepEqual(stage.leaves, [{ reason: "disconnected", notSent: { packets: 0, bytes: 0 } }]);
    await stage.turn();
    assert.deepEqual(stage.since(), []);
  });

  test("waits for the write that is under way, and goes on with what was taken meanwhile", async () => {
    const stage = new Stage().opened();
    stage.session.send(packetOf("aa"));
    await stage.turn();
    stage.session.send(packetOf("bb"));
    stage.since();
    stage.session.drain("disconnected", 400);
    assert.deepEqual(stage.since(), []);
    stage.session.onWritten();
    await stage.turn();
    assert.deepEqual(stage.since(), ["sent 3", "write 0100bb"]);
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "end"]);
  });

  test("a second one, or one of a session that is going, is refused and changes nothing", () => {
    const stage = new Stage().opened();
    stage.session.drain("disconnected", 400);
    stage.since();
    assert.equal(stage.session.drain("server-stopped", 10), false);
    stage.session.close("reset", { reset: true });
    assert.equal(stage.session.drain("server-stopped", 10), false);
    assert.deepEqual(stage.clock.timers, []);
    stage.session.onClosed(undefined);
    assert.equal(stage.session.drain("server-stopped", 10), false);
    assert.equal(stage.leaves[0]!.reason, "disconnected"); // the first one
    assert.deepEqual(stage.clock.timers, []);
  });

  test("ends with a reset at its deadline, and tells what did not go out", () => {
    for (const saidGoodbye of [false, true]) {
      const stage = new Stage().opened();
      stage.session.send(packetOf("aa"));
      stage.session.drain("server-stopped", 400);
      if (saidGoodbye) stage.session.onWritten();
      stage.since();
      stage.clock.pass(399);
      assert.deepEqual(stage.since(), []);
      stage.clock.pass(1);
      assert.deepEqual(stage.since(), ["reset"]);
      stage.session.onClosed(undefined);
      const notSent = saidGoodbye ? { packets: 0, bytes: 0 } : { packets: 1, bytes: 3 };
      assert.deepEqual(stage.leaves, [{ reason: "server-stopped", notSent }]);
    }
  });

  test("needs no goodbye where the peer has ended: it closes once all is written", () => {
    const stage = new Stage().opened();
    stage.session.send(packetOf("aa"));
    stage.session.drain("disconnected", 400);
    stage.session.onEnd();
    assert.deepEqual(stage.since(), ["write 0100aa"]);
    assert.equal(stage.clock.timers.length, 1);
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "destroy"]);
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "disconnected");
  });

  test("waits for packets that other threads have taken", () => {
    const stage = new Stage().opened();
    const { session, crossing } = stage;
    crossing.underWay = { packets: 1, bytes: 3 };
    session.drain("disconnected", 400);
    session.flush();
    assert.deepEqual(stage.since(), []);
    session.sendReserved(packetOf("bb"), null);
    crossing.underWay = { packets: 0, bytes: 0 };
    session.flush();
    assert.deepEqual(stage.since(), ["write 0100bb"]);
    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "end"]);
    session.sendReserved(packetOf("cc"), null); // too late: it stays reserved
    assert.equal(session.queuedPackets, 0);
  });

  test("reads on though packets had stopped it, so that the peer's bytes make no reset", () => {
    const stage = new Stage({ receiveQueueBytesMax: 100 }).opened();
    stage.hasTurn = false;
    stage.read("0100aa");
    stage.session.drain("disconnected", 400);
    assert.deepEqual(stage.since(), ["pause", "resume", "end"]);
    stage.hasTurn = true;
    stage.session.deliver();
    assert.deepEqual(stage.since(), []);
  });

  test("nothing is raised as room while it drains", async () => {
    const stage = new Stage({ sendQueueBytesMax: 10 }).opened();
    stage.session.send(ofFrame(10));
    assert.equal(stage.session.send(ofFrame(3)), false);
    stage.session.drain("disconnected", 400);
    stage.crossing.calls.length = 0;
    stage.since();
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 10", "end"]);
    assert.deepEqual(stage.crossing.calls, ["written 10"]);
  });
});

describe("closing", () => {
  test("resets or closes at once, once, and leaves for the first reason with the cause", () => {
    for (const reset of [true, false]) {
      const stage = new Stage().opened();
      const cause = new Error("why");
      stage.session.send(packetOf("aa"));
      assert.equal(stage.session.close("thread-died", { reset, cause }), true);
      assert.equal(stage.session.close("disconnected", { reset: !reset }), false);
      assert.deepEqual(stage.since(), [reset ? "reset" : "destroy"]);
      stage.session.onClosed(systemError("ECONNRESET"));
      assert.deepEqual(stage.leaves, [{ reason: "thread-died", notSent: { packets: 1, bytes: 3 }, cause }]);
      assert.equal(stage.session.close("disconnected", { reset }), false);
      assert.deepEqual(stage.since(), ["left thread-died"]);
    }
  });

  test("lets go at once of what had arrived, by whomever it is closed", () => {
    for (const closes of [true, false]) {
      const stage = new Stage().opened();
      stage.read("050001");
      assert.equal(stage.session.partialBytes, 3);
      if (closes) stage.session.close("disconnected", { reset: true });
      else stage.session.onClosed(undefined);
      assert.equal(stage.session.partialBytes, 0);
    }
  });

  test("without a cause of its own the system's error is told", () => {
    const stage = new Stage().opened();
    const error = systemError("ECONNRESET");
    stage.session.close("disconnected", { reset: true });
    stage.session.onClosed(error);
    assert.equal(stage.leaves[0]!.cause, error);
  });

  test("nothing is written, read on or paused after it", async () => {
    const stage = new Stage({ receiveQueueBytesMax: 10 }).opened();
    stage.session.send(packetOf("aa"));
    stage.session.close("disconnected", { reset: false });
    stage.since();
    await stage.turn();
    stage.session.flush();
    stage.session.pauseReading();
    stage.session.resumeReading();
    stage.read("0100bb");
    assert.deepEqual(stage.since(), []);
    stage.session.onClosed(undefined);
    stage.since();
    stage.session.flush();
    stage.session.pauseReading();
    stage.session.resumeReading();
    assert.deepEqual(stage.since(), []);
  });

  test("what was taken, by this thread and by others, and not written is not sent; a write in flight, too", async () => {
    const stage = new Stage().opened();
    const { session, crossing } = stage;
    session.send(packetOf("aa"));
    await stage.turn();
    session.send(packetOf("bbcc"));
    crossing.underWay = { packets: 2, bytes: 20 };
    session.onClosed(systemError("ECONNRESET"));
    assert.deepEqual(stage.leaves[0]!.notSent, { packets: 4, bytes: 27 });
    assert.deepEqual(crossing.calls.slice(-2), ["close", "end 7"]);
  });

  test("a second end of the same connection is a broken invariant", () => {
    const stage = new Stage().opened();
    stage.session.onClosed(undefined);
    assert.throws(() => stage.session.onClosed(undefined), /session left -> left/);
    assert.equal(stage.leaves.length, 1);
  });
});

describe("a connection that ends by itself", () => {
  test("closed in order, reset, or failed in another way", () => {
    const ends: readonly (readonly [NodeJS.ErrnoException | undefined, string])[] = [
      [undefined, "peer-closed"],
      [systemError("ECONNRESET"), "reset"],
      [systemError("EPIPE"), "reset"],
      [systemError("ECONNABORTED"), "reset"],
      [systemError("ETIMEDOUT"), "connection-failed"],
      [new Error("without a code"), "connection-failed"],
    ];
    for (const [error, reason] of ends) {
      const stage = new Stage().opened();
      stage.session.onClosed(error);
      const notSent = { packets: 0, bytes: 0 };
      const leave = error === undefined ? { reason, notSent } : { reason, notSent, cause: error };
      assert.deepEqual(stage.leaves, [leave]);
      assert.equal(stage.errors.length, reason === "connection-failed" ? 1 : 0);
      for (const told of stage.errors) {
        assert.deepEqual(
          [told.code, told.sessionId, told.cause],
          ["CONNECTION_FAILED", stage.session.id, error],
        );
        assert.equal(told.message, `Cannot go on: ${error!.message}`);
      }
    }
  });

  test("the peer's goodbye closes a session that holds nothing", () => {
    const stage = new Stage().opened();
    stage.session.onEnd();
    assert.deepEqual(stage.since(), ["destroy"]);
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "peer-closed");
  });

  test("the peer's goodbye waits for packets that are held, which are still handed over", () => {
    const stage = new Stage().opened();
    const { session } = stage;
    stage.hasTurn = false;
    stage.read("0100aa0100bb");
    session.onEnd();
    assert.deepEqual(stage.since(), []);
    assert.deepEqual([session.isOpen, session.delivers, session.send(packetOf("cc"))], [false, true, false]);
    assert.deepEqual(stage.clock.timers, [{ inMs: 500, keepAlive: false }]);
    session.sendReserved(packetOf("cc"), null);
    assert.equal(session.queuedPackets, 0);
    stage.hasTurn = true;
    stage.inside.packet = () => {
      stage.hasTurn = false;
    };
    session.deliver();
    assert.deepEqual(stage.since(), ["packet aa"]);
    stage.hasTurn = true;
    session.deliver();
    assert.deepEqual(stage.since(), ["packet bb", "destroy"]);
    assert.deepEqual(stage.clock.timers, []);
    session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "peer-closed");
  });

  test("packets that are held after the peer's goodbye are given up at disconnectDrainMs", () => {
    const stage = new Stage().opened();
    stage.hasTurn = false;
    stage.read("0100aa");
    stage.session.onEnd();
    stage.clock.pass(500);
    assert.deepEqual(stage.since(), ["destroy"]);
    stage.hasTurn = true;
    stage.session.deliver();
    stage.session.onClosed(undefined);
    assert.deepEqual(stage.since(), ["left peer-closed"]);
  });

  test("a session that ends may still be drained: what was taken goes out, and no goodbye is awaited", async () => {
    const stage = new Stage().opened();
    stage.hasTurn = false;
    stage.session.send(packetOf("bb"));
    stage.read("0100aa");
    stage.session.onEnd();
    assert.equal(stage.session.drain("disconnected", 300), true);
    assert.deepEqual(stage.clock.timers, [{ inMs: 300, keepAlive: true }]);
    assert.deepEqual(stage.since(), ["write 0100bb"]);
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "destroy"]);
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "disconnected");
  });

  test("goodbyes that come where nothing waits for them change nothing", () => {
    const ending = new Stage().opened();
    ending.hasTurn = false;
    ending.read("0100aa");
    ending.session.onEnd();
    ending.session.onEnd();
    assert.deepEqual([ending.since(), ending.session.delivers], [[], true]);

    const stage = new Stage().opened();
    stage.session.close("disconnected", { reset: true });
    stage.since();
    stage.session.onEnd();
    assert.deepEqual(stage.since(), []);
    stage.session.onClosed(undefined);
    assert.equal(stage.leaves[0]!.reason, "disconnected");
  });
});
