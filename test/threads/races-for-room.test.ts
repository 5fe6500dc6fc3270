/**
 * Races for the room of a queue whose owner takes some ahead, stepped: each scene is played in every order of steps that
 * can make a difference.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Leave, Packet, type SessionId } from "../../src/index.ts";
import { Reservations } from "../../src/threads/reservations.ts";
import { SharedCrossing } from "../../src/threads/shared-crossing.ts";
import { allocateShared } from "../../src/threads/shared-memory.ts";
import { type SharedView, viewShared } from "../../src/threads/shared-view.ts";
import type { Stage } from "./fixtures/interleavings.ts";
import {
  A,
  crossing,
  death,
  FRAME_BYTES,
  join,
  play,
  reserveOne,
  SETTINGS,
  sendOrWait,
  threadsAtWork,
  underWay,
} from "./fixtures/scenes.ts";

/**
 * An owner that takes a block with its first packet: its limit of 1000 bytes gives blocks of 250. Four packets of earlier
 * turns are queued.
 */
describe("a session whose own thread takes room ahead", () => {
  const BYTES_MAX = 1000;
  const BLOCK = 250;
  const ROOMY = { ...SETTINGS, sendQueueBytesMax: BYTES_MAX };
  /** Fits beside what is queued and another two, but not beside a block too. */
  const LARGE = new Packet().writeBytes(new Uint8Array(BYTES_MAX - 6 * FRAME_BYTES - 4));
  const LARGE_BYTES = BYTES_MAX - 6 * FRAME_BYTES;

  const ahead = (
    { memory, registry }: SharedView,
    tell: (thread: number, id: SessionId) => void = () => {},
  ) => new SharedCrossing(memory, registry, tell, 0);
  const four = (view: SharedView, owner = 1): void => {
    threadsAtWork(view);
    assert.equal(join(view, owner), A);
    const own = crossing(view);
    for (let i = 0; i < 4; i++) assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
    assert.equal(new Reservations(view.memory).unspent(A), 0);
  };

  it("takes the first few packets of each turn alone", () => {
    const view = viewShared(allocateShared(1, 2), 1);
    threadsAtWork(view);
    join(view, 1);
    const own = crossing(view);
    for (let turn = 0; turn < 3; turn++) {
      const unspent: number[] = [];
      for (let packets = 0; packets < 6; packets++) {
        assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
        unspent.push(new Reservations(view.memory).unspent(A));
      }
      assert.deepEqual(unspent, [0, 0, 0, 0, BLOCK, BLOCK - FRAME_BYTES]);
      own.endTurn();
    }
  });

  it("takes no block where each turn has one packet for it, however many turns", async () => {
    const view = viewShared(allocateShared(1, 2), 1);
    threadsAtWork(view);
    join(view, 1);
    const own = crossing(view);
    for (let turn = 0; turn < 20; turn++) {
      assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
      assert.equal(new Reservations(view.memory).unspent(A), 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it("takes a block, spends it, and holds nothing of it once its turn is over", () => {
    const view = viewShared(allocateShared(1, 2), 1);
    four(view);
    const { reservationHalves } = view.memory;
    const reservations = new Reservations(view.memory);
    const own = ahead(view);
    for (let packets = 5; packets <= 22; packets++) {
      assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
      const left = BLOCK - (packets - 5) * FRAME_BYTES;
      assert.equal(reservations.unspent(A), left);
      assert.equal(reservationHalves[0], 5 * FRAME_BYTES + BLOCK, "the count says so once");
      assert.equal(reservations.bytesTaken(A), packets * FRAME_BYTES, "what is unspent is nobody's");
    }
    own.endTurn();
    assert.equal(reservationHalves[0], 22 * FRAME_BYTES);
    assert.equal(reservations.unspent(A), 0);
    own.written(A, 22 * FRAME_BYTES);
    assert.equal(reservationHalves[0], 0);
  });

  it("takes no block beyond half of its limit, and is full where it is full and no byte before", () => {
    const view = viewShared(allocateShared(1, 2), 1);
    four(view);
    const reservations = new Reservations(view.memory);
    const own = ahead(view);
    let packets = 4;
    for (; own.take(A, FRAME_BYTES, BYTES_MAX); packets++) {
      if (reservations.unspent(A) > 0) assert.ok(view.memory.reservationHalves[0]! <= BYTES_MAX / 2);
    }
    assert.equal(packets, Math.floor(BYTES_MAX / FRAME_BYTES));
    assert.ok(own.take(A, BYTES_MAX - packets * FRAME_BYTES, BYTES_MAX));
    assert.equal(view.memory.reservationHalves[0], BYTES_MAX);
  });

  it("takes no block for a heartbeat, which knows no limit", () => {
    const view = viewShared(allocateShared(1, 2), 1);
    four(view);
    assert.ok(ahead(view).take(A, 4, Number.MAX_SAFE_INTEGER));
    assert.equal(view.memory.reservationHalves[0], 4 * FRAME_BYTES + 4);
  });

  it("never passes its limit together with two others, and counts nothing else once its turn is over", (t) => {
    const large = (bytes: number) => (stage: Stage) =>
      new Reservations(stage.memory).reserve(A, bytes, BYTES_MAX) === "taken" ? bytes : 0;
    play(t, {
      maxSessions: 1,
      before: (view) => four(view),
      actors: [
        (stage) => {
          const own = ahead(stage);
          const seen: number[] = [];
          let taken = 0;
          for (let i = 0; i < 2; i++) if (own.take(A, FRAME_BYTES, BYTES_MAX)) taken += FRAME_BYTES;
          own.written(A, 4 * FRAME_BYTES);
          if (own.take(A, 600, BYTES_MAX)) taken += 600;
          seen.push(stage.memory.reservationHalves[0]!);
          own.endTurn();
          return { taken, seen };
        },
        large(LARGE_BYTES - BLOCK),
        large(BLOCK),
      ],
      after: ([{ taken, seen }, two, three], view) => {
        for (const count of seen) assert.ok(count <= BYTES_MAX, `${count} bytes at once`);
        const left = taken + two + three;
        assert.ok(left <= BYTES_MAX);
        assert.equal(view.memory.reservationHalves[0]! & 0x7fffffff, left);
        const { bytes } = crossing(view).end(A, taken);
        assert.equal(bytes, two + three);
      },
    });
  });

  it("tells who was refused for what it then did not spend", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => four(view),
      actors: [
        (stage) => {
          const told: number[] = [];
          const own = ahead(stage, (thread) => told.push(thread));
          const taken = [own.take(A, FRAME_BYTES, BYTES_MAX), own.take(A, FRAME_BYTES, BYTES_MAX)];
          own.endTurn();
          return { told, taken };
        },
        (stage) => sendOrWait(stage, LARGE, ROOMY),
      ],
      after: ([{ told, taken }, { taken: isTaken, sawRoom }], view) => {
        assert.deepEqual(taken, [true, true], "all fit, whoever comes first");
        assert.ok(isTaken || sawRoom || told.includes(2), "it was refused and is never told");
        assert.ok(!(isTaken && told.length > 0), "it was not refused and is told");
        const large = isTaken ? LARGE_BYTES : 0;
        assert.equal(view.memory.reservationHalves[0]! & 0x7fffffff, 6 * FRAME_BYTES + large);
      },
    });
  });

  it("that is cut off with a block tells exactly what was under way, and its place begins at nothing", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => four(view),
      actors: [
        (stage) => {
          const own = ahead(stage);
          const queued = own.take(A, FRAME_BYTES, BYTES_MAX) ? 5 * FRAME_BYTES : 4 * FRAME_BYTES;
          const unspent = new Reservations(stage.memory).unspent(A);
          own.close(A);
          const lost = own.end(A, queued);
          stage.registry.free(A);
          own.endTurn(); // comes behind the end of the session
          return { lost, unspent };
        },
        reserveOne,
        (stage) => join(stage, 3),
      ],
      after: ([{ lost, unspent }, taken, next], view) => {
        assert.equal(unspent, BLOCK);
        assert.deepEqual(lost, { packets: Number(taken), bytes: Number(taken) * FRAME_BYTES });
        if (next === undefined) return;
        assert.deepEqual(underWay(view, next), { packets: 0, bytes: 0 });
        assert.equal(new Reservations(view.memory).unspent(next), 0);
      },
    });
  });

  it("that follows in the same place and turn has its own block, and who waits for it is told of it", () => {
    const view = viewShared(allocateShared(1, 2), 1);
    four(view);
    const told: SessionId[] = [];
    const own = ahead(view, (_, id) => told.push(id));
    assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
    own.close(A);
    own.end(A, 5 * FRAME_BYTES);
    view.registry.free(A);
    const next = view.registry.reserve(1)!;
    own.open(next);
    for (let i = 0; i < 5; i++) assert.ok(own.take(next, FRAME_BYTES, BYTES_MAX));
    view.registry.waitForRoom(next, 2);
    own.endTurn();
    assert.deepEqual(told, [next]);
    assert.equal(new Reservations(view.memory).unspent(next), 0);
  });

  it("on a thread that dies with a block: its leave tells what was queued and under way, and no more", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        four(view, 2);
        const own = ahead(view);
        for (let i = 0; i < 2; i++) assert.ok(own.take(A, FRAME_BYTES, BYTES_MAX));
        assert.ok(new Reservations(view.memory).unspent(A) > 0);
      },
      numbers: [1, 0],
      actors: [reserveOne, death],
      after: ([taken, leaves], view) => {
        const packets = Number(taken);
        const notSent = { packets, bytes: (6 + packets) * FRAME_BYTES };
        assert.deepEqual(leaves, [{ reason: "thread-died", notSent }]); // no packet of the six was published here
        assert.equal(view.registry.hasPlace, true);
        assert.equal(new Reservations(view.memory).unspent(A), 0);
      },
    });
  });

  it("on a thread that dies at any access: its leave tells all that was queued, and at most a block more", (t) => {
    const told = new Set<number>();
    play(t, {
      maxSessions: 1,
      before: (view) => four(view, 2),
      numbers: [2, 0],
      mortal: 0,
      actors: [
        (stage) => {
          const own = ahead(stage);
          own.take(A, FRAME_BYTES, BYTES_MAX);
          own.take(A, FRAME_BYTES, BYTES_MAX);
          own.endTurn();
        },
        (stage) => {
          stage.kill();
          return death(stage);
        },
      ],
      after: ([, leaves], view) => {
        const [{ notSent }] = leaves as [Leave];
        assert.ok(notSent.bytes >= 4 * FRAME_BYTES, `${notSent.bytes} bytes`);
        assert.ok(notSent.bytes <= 6 * FRAME_BYTES + BLOCK, `${notSent.bytes} bytes`);
        told.add(notSent.bytes);
        assert.equal(view.registry.hasPlace, true);
        assert.equal(new Reservations(view.memory).unspent(A), 0);
      },
    });
    for (const packets of [4, 5, 6]) assert.ok(told.has(packets * FRAME_BYTES), `${packets} packets`);
  });

  it("is read by others with what is taken, or with a block more where one comes or goes just then", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => four(view),
      actors: [
        (stage) => {
          const own = ahead(stage);
          own.take(A, FRAME_BYTES, BYTES_MAX);
          own.endTurn();
        },
        ({ memory }) => new Reservations(memory).bytesTaken(A),
      ],
      after: ([, bytes]) => {
        assert.ok(bytes >= 4 * FRAME_BYTES && bytes <= 5 * FRAME_BYTES + BLOCK, `${bytes} bytes`);
      },
    });
  });
});
