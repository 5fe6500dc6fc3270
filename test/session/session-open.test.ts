/** Session while it is open: what it takes, writes, hands over and counts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { netHeader } from "../../src/framing/length-header.ts";
import { Packet } from "../../src/packet/packet.ts";
import { packetOf, Stage } from "./stage.ts";

/** A packet whose frame takes `byteLength` bytes. */
const ofFrame = (byteLength: number): Packet => Packet.from(new Uint8Array(byteLength - 2));

describe("opening", () => {
  test("starts reading, lets other threads take packets, and beats first where heartbeats are on", async () => {
    for (const heartbeat of [{ intervalMs: 100, timeoutMs: 300 }, false as const]) {
      const stage = new Stage({ heartbeat });
      stage.session.open();
      assert.deepEqual(stage.crossing.calls[0], `open ${stage.session.id}`);
      await stage.turn();
      assert.deepEqual(stage.calls, heartbeat === false ? ["open"] : ["open", "write 0000"]);
    }
  });
});

/** An open session whose writes take 5 ms, behind the first of them. */
async function afterSlowWrite(): Promise<Stage> {
  const stage = new Stage().opened();
  stage.writeMs = 5;
  stage.session.send(packetOf("aa"));
  await stage.turn();
  stage.session.onWritten();
  stage.since();
  return stage;
}

describe("sending", () => {
  test("what a turn takes goes out in one write, and is counted once that completed", async () => {
    const stage = new Stage().opened();
    const { session, crossing } = stage;
    assert.equal(session.send(packetOf("aa")), true);
    assert.equal(session.send(packetOf("bbcc")), true);
    assert.deepEqual(crossing.calls, ["take 3 of 100", "take 4 of 100"]);
    assert.deepEqual([crossing.queuedPackets, session.queuedPackets, session.queuedBytes], [2, 2, 7]);
    assert.deepEqual(stage.since(), []);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0100aa0200bbcc"]);
    assert.equal(stage.activity, 1);
    assert.deepEqual([session.sent, session.bytesQueued], [{ packets: 0, bytes: 0 }, 7]);

    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 7"]);
    assert.deepEqual(session.sent, { packets: 2, bytes: 7 });
    assert.deepEqual(stage.counters.sent, { packets: 2, bytes: 7 });
    assert.deepEqual([session.queuedBytes, session.bytesQueued, session.writesCompleted], [0, 7, 1]);
    assert.deepEqual(crossing.calls.slice(2), ["written 7", "room"]);
    assert.deepEqual(crossing.published, {
      id: session.id,
      queuedPackets: 0,
      received: { packets: 0, bytes: 0 },
      sent: { packets: 2, bytes: 7 },
    });
    await stage.turn();
    assert.deepEqual(stage.since(), []); // nothing more to write
    assert.equal(stage.activity, 1);
  });

  test("a frame that was encoded for many goes out as it is, and counts as its packet", async () => {
    const stage = new Stage().opened();
    assert.equal(stage.session.send(packetOf("aabb"), Buffer.from("0200ccdd", "hex")), true);
    assert.deepEqual([stage.crossing.queuedPackets, stage.session.queuedBytes], [1, 4]);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0200ccdd"]);
  });

  test("what is taken during a write, or in onSend, goes out in the next, after the loop has turned", async () => {
    const stage = new Stage().opened();
    stage.session.send(packetOf("aa"));
    await stage.turn();
    stage.session.send(packetOf("bb"));
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0100aa"]);
    stage.inside.sent = () => void stage.session.send(packetOf("cc"));
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3"]);
    await new Promise((resolve) => process.nextTick(resolve));
    assert.deepEqual(stage.since(), []);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0100bb0100cc"]);
    delete stage.inside.sent;
    stage.session.onWritten();
    stage.session.send(packetOf("dd"));
    await stage.turn();
    assert.deepEqual(stage.since(), ["sent 6", "write 0100dd"]);
  });

  test("a flush is asked for once in a turn, and not while a write is under way", async () => {
    const stage = new Stage().opened();
    for (let n = 0; n < 3; n++) stage.session.send(packetOf("aa"));
    assert.equal(stage.flusher.asked, 1);
    await stage.turn();
    for (let n = 0; n < 3; n++) stage.session.send(packetOf("bb"));
    assert.equal(stage.flusher.asked, 1);
    stage.session.onWritten();
    await stage.turn();
    stage.session.onWritten();
    assert.equal(stage.flusher.asked, 1);
    stage.session.send(packetOf("cc"));
    assert.equal(stage.flusher.asked, 2);
  });

  test("what a session takes while it reads goes out at once, though writing is most of the work", async () => {
    const stage = await afterSlowWrite();
    stage.inside.packet = () => void stage.session.send(packetOf("bb"));
    stage.read("0100ee");
    delete stage.inside.packet;
    await new Promise((resolve) => process.nextTick(resolve));
    assert.deepEqual(stage.since(), ["packet ee", "write 0100bb"]);
  });

  test("where writing is most of the work, a flush waits for as long as packets are being taken", async () => {
    const stage = await afterSlowWrite();
    stage.session.send(packetOf("bb"));
    await new Promise((resolve) => process.nextTick(resolve));
    stage.session.send(packetOf("cc"));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(stage.since(), []);
    stage.clock.pass(5);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0100bb0100cc"]);
  });

  test("the queue takes up to its limit and not a byte more, and tells of room for what it refused", async () => {
    const stage = new Stage({ sendQueueBytesMax: 100 }).opened();
    const { session } = stage;
    assert.equal(session.send(ofFrame(60)), true);
    await stage.turn(); // 60 in flight
    assert.equal(session.send(ofFrame(41)), false);
    assert.equal(session.send(ofFrame(10)), true);
    assert.equal(session.send(ofFrame(31)), false);
    assert.equal(session.send(ofFrame(30)), true); // 100 of 100
    assert.equal(session.send(ofFrame(3)), false);
    assert.equal(session.queuedBytes, 100);
    stage.since();
    session.onWritten(); // 40 left: room for the largest that was refused
    assert.deepEqual(stage.since(), ["sent 60", "send ready"]);
    await stage.turn();
    stage.since();
    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 40"]); // told already
  });

  test("room is told once the largest that was refused fits, not before", async () => {
    const stage = new Stage({ sendQueueBytesMax: 100 }).opened();
    const { session } = stage;
    session.send(ofFrame(30));
    await stage.turn();
    session.send(ofFrame(60));
    assert.equal(session.send(ofFrame(41)), false);
    assert.equal(session.send(ofFrame(12)), false);
    stage.since();
    session.onWritten(); // 60 left, 41 wanted
    assert.deepEqual(stage.since(), ["sent 30"]);
    await stage.turn();
    stage.since();
    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 60", "send ready"]);
  });

  test("exactly enough room is room", async () => {
    const stage = new Stage({ sendQueueBytesMax: 100 }).opened();
    stage.session.send(ofFrame(30));
    await stage.turn();
    stage.session.send(ofFrame(60));
    assert.equal(stage.session.send(ofFrame(40)), false);
    stage.since();
    stage.session.onWritten();
    assert.deepEqual(stage.since(), ["sent 30", "send ready"]);
  });

  test("what other threads have taken counts: where the count is full a packet is refused, and told of room", async () => {
    const stage = new Stage().opened();
    const { session, crossing } = stage;
    session.send(packetOf("aa"));
    crossing.takes = false;
    assert.equal(session.send(packetOf("bb")), false);
    assert.equal(session.queuedPackets, 1);
    crossing.takes = true;
    await stage.turn();
    stage.since();
    session.onWritten();
    assert.deepEqual(stage.since(), ["sent 3", "send ready"]);
  });

  test("packets that other threads took arrive in the queue, and then count as arrived", async () => {
    const stage = new Stage().opened();
    stage.session.sendReserved(packetOf("aa"), null);
    assert.deepEqual(stage.crossing.calls, ["arrived 1, queue 1"]);
    await stage.turn();
    assert.deepEqual(stage.since(), ["write 0100aa"]);
  });
});

describe("receiving", () => {
  test("packets are handed over, counted and shown to the other threads", () => {
    const stage = new Stage().opened();
    stage.read("0100aa0200bbcc01");
    assert.deepEqual(stage.since(), ["packet aa", "packet bbcc"]);
    assert.deepEqual(stage.session.received, { packets: 2, bytes: 8 });
    assert.deepEqual(stage.crossing.published?.received, { packets: 2, bytes: 8 });
    assert.deepEqual([stage.session.bytesReceived, stage.session.partialBytes], [8, 1]);
    assert.deepEqual([stage.activity, stage.session.reading, stage.session.peerBeats], [1, true, false]);
  });

  test("what waits for the turn is handed over once it has come; reading stops and begins again", () => {
    const stage = new Stage({ receiveQueueBytesMax: 200 }).opened();
    stage.hasTurn = false;
    stage.read("0100aa0100bb");
    assert.deepEqual(stage.since(), ["pause"]);
    assert.equal(stage.session.reading, false);
    stage.hasTurn = true;
    stage.session.deliver();
    assert.deepEqual(stage.since(), ["packet aa", "packet bb", "resume"]);
  });

  test("a broken stream is told as an error of this session, which is reset and leaves with it", () => {
    for (const [framing, reason, code] of [
      ["ffff", "frame-too-large", "FRAME_TOO_LARGE"],
      ["0100", "frame-invalid", "FRAME_INVALID"],
    ] as const) {
      const header = { byteLength: 2, littleEndian: true, counted: 2, payloadLimit: 65_533 } as const;
      const stage = new Stage({ header: { ...header, payloadDefaultMax: undefined, net: null } }).opened();
      stage.read(`0300aa${framing}`);
      assert.deepEqual(stage.since(), ["packet aa", "reset"]);
      assert.deepEqual(stage.crossing.published?.received, { packets: 1, bytes: 5 });
      assert.equal(stage.errors.length, 1);
      const [error] = stage.errors;
      assert.deepEqual([error!.code, error!.sessionId], [code, stage.session.id]);
      assert.match(error!.message, /^Cannot decode a frame: /);
      stage.session.onClosed(undefined);
      assert.deepEqual(stage.leaves, [{ reason, notSent: { packets: 0, bytes: 0 }, cause: error }]);
    }
  });

  test("only what is sent while a read is handed over is an answer to it", async () => {
    const stage = new Stage().opened();
    const { session, flusher } = stage;
    stage.inside.packet = () => void session.send(packetOf("bb"));
    stage.read("0100aa");
    assert.deepEqual([flusher.answers, flusher.asked], [1, 1]);
    await stage.turn();
    session.onWritten();
    session.send(packetOf("cc"));
    assert.deepEqual([flusher.answers, flusher.asked], [1, 2]);
  });

  test("a broken stream of Net frames is told by what broke it", () => {
    for (const [framing, reason] of [
      ["780100000000", "frame-code-wrong"],
      ["770100005555", "frame-checksum-wrong"],
    ] as const) {
      const stage = new Stage({ header: netHeader(0x77, 0) }).opened();
      stage.read(framing);
      stage.session.onClosed(undefined);
      assert.equal(stage.leaves[0]?.reason, reason);
    }
  });

  test("what arrives after the goodbye is counted and dropped", () => {
    const stage = new Stage().opened();
    stage.session.drain("disconnected", 100);
    stage.since();
    stage.read("0100aa");
    assert.deepEqual(stage.since(), []);
    assert.deepEqual(stage.session.received, { packets: 0, bytes: 3 });
    assert.equal(stage.activity, 1);
  });

  test("an error that is none of the stream's goes on to whoever called", () => {
    const stage = new Stage().opened();
    stage.inside.packet = () => {
      throw new RangeError("of the owner's");
    };
    assert.throws(() => stage.read("0100aa"), RangeError);
    assert.deepEqual([stage.since(), stage.errors], [["packet aa"], []]);
  });
});
