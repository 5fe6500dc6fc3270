/**
 * Races of threads over the shared memory, stepped: each scene is played in every order of steps that can make a
 * difference.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Traffic } from "../../src/base/counters.ts";
import type { Leave } from "../../src/index.ts";
import { countOut, giveBackUnposted } from "../../src/threads/inheritance.ts";
import { Reservations } from "../../src/threads/reservations.ts";
import { SharedCrossing } from "../../src/threads/shared-crossing.ts";
import { SharedGate } from "../../src/threads/shared-gate.ts";
import { allocateShared, CONTROL, TURN, turnWord } from "../../src/threads/shared-memory.ts";
import { type SharedView, viewShared } from "../../src/threads/shared-view.ts";
import type { Stage } from "./fixtures/interleavings.ts";
import {
  A,
  B,
  crossing,
  death,
  FRAME_BYTES,
  heirs,
  join,
  leave,
  mail,
  PACKET,
  play,
  reserveOne,
  SETTINGS,
  sendOrWait,
  threadsAtWork,
  underWay,
} from "./fixtures/scenes.ts";

describe("leave against send against reuse of the slot", () => {
  it("what was taken is lost with its session or was never taken, and never reaches the next one", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        assert.equal(join(view, 1), A);
      },
      actors: [
        (stage) => leave(stage, A),
        (stage) => [mail(stage).send(A, PACKET), mail(stage).send(A, PACKET)],
        (stage) => join(stage, 3),
      ],
      after: ([lost, taken, next], view) => {
        const count = taken.filter(Boolean).length;
        assert.deepEqual(lost, { packets: count, bytes: count * FRAME_BYTES });
        assert.ok(!taken[1] || taken[0], "once gone, gone");
        assert.equal(view.registry.count, next === undefined ? 0 : 1);
        if (next === undefined) return;
        assert.notEqual(next, A);
        assert.equal(view.registry.ownerOf(next), 3);
        assert.equal(view.registry.ownerOf(A), 0);
        assert.deepEqual(underWay(view, next), { packets: 0, bytes: 0 });
      },
    });
  });

  it("of two senders, each packet is accounted for once", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
      },
      actors: [
        (stage) => leave(stage, A),
        (stage) => mail(stage).send(A, PACKET),
        (stage) => mail(stage).send(A, PACKET),
      ],
      after: ([lost, one, two]) => assert.equal(lost.packets, Number(one) + Number(two)),
    });
  });

  it("a place that is said to be there can be reserved", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 2);
      },
      actors: [
        ({ registry }) => (registry.hasPlace ? registry.reserve(1) : "refused"),
        (stage) => leave(stage, A),
      ],
      after: ([next], { registry }) => {
        assert.notEqual(next, undefined);
        assert.equal(registry.count, next === "refused" ? 0 : 1);
      },
    });
  });

  it("a disconnect of a session that leaves closes nothing of the next one", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
      },
      actors: [
        (stage) => leave(stage, A),
        (stage) => mail(stage).disconnect(A, false),
        (stage) => join(stage, 3),
      ],
      after: ([, , next], view) => {
        if (next !== undefined) assert.equal(new Reservations(view.memory).isClosed(next), false);
      },
    });
  });

  it("of disconnects by several threads one is the first, and sending ends with it", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
      },
      numbers: [2, 3, 0],
      actors: [
        (stage) => mail(stage).disconnect(A, false),
        (stage) => mail(stage).disconnect(A, false),
        (stage) => [mail(stage).isOpen(A), mail(stage).send(A, PACKET), mail(stage).isOpen(A)],
      ],
      after: ([one, two, [before, taken, behind]], view) => {
        assert.equal(Number(one) + Number(two), 1);
        assert.ok(before || !taken);
        assert.ok(taken || !behind);
        assert.equal(underWay(view, A).packets, Number(taken));
      },
    });
  });

  it("a full session takes no byte more from two senders at once, and tells who was refused once there is room", (t) => {
    // Seven fit. The owner takes in what is under way, writes it, and tells who waits.
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
        const reservations = new Reservations(view.memory);
        for (let i = 0; i < 6; i++) reservations.reserve(A, FRAME_BYTES, SETTINGS.sendQueueBytesMax);
      },
      actors: [
        ({ memory, registry }) => {
          const told: number[] = [];
          const own = new SharedCrossing(memory, registry, (thread) => told.push(thread));
          own.arrived(A, 6);
          own.written(A, 6 * FRAME_BYTES);
          own.announceRoom(A);
          own.announceRoom(A);
          return told;
        },
        (stage) => sendOrWait(stage),
        (stage) => sendOrWait(stage),
      ],
      after: ([told, one, two], view) => {
        const taken = Number(one.taken) + Number(two.taken);
        assert.deepEqual(underWay(view, A), { packets: taken, bytes: taken * FRAME_BYTES });
        assert.equal(new Set(told).size, told.length, "told once");
        for (const [i, { taken, sawRoom }] of [one, two].entries()) {
          const isTold = told.includes(i + 2);
          assert.ok(taken || sawRoom || isTold, `thread ${i + 2} was refused and is never told`);
          assert.ok(!(taken && isTold), `thread ${i + 2} was not refused and is told`);
        }
      },
    });
  });
});

describe("a session that is nearly full", () => {
  it("takes no byte more than it holds where its own thread and two others send at once", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
        for (let i = 0; i < 6; i++) reserveOne(view);
      },
      actors: [
        (stage) => {
          const own = crossing(stage);
          const takes = (): boolean => own.take(A, FRAME_BYTES, SETTINGS.sendQueueBytesMax);
          own.arrived(A, 6);
          const first = takes();
          own.written(A, FRAME_BYTES);
          return [first, takes()];
        },
        reserveOne,
        reserveOne,
      ],
      after: ([own, two, three], view) => {
        const others = Number(two) + Number(three);
        const taken = 6 + others + own.filter(Boolean).length;
        assert.equal(taken, 8, "seven fit, and one more where one is written; whoever comes first");
        const left = (taken - 1) * FRAME_BYTES;
        const queued = left - others * FRAME_BYTES;
        assert.deepEqual(new Reservations(view.memory).bytesTaken(A), left);
        assert.deepEqual(crossing(view).end(A, queued), { packets: others, bytes: others * FRAME_BYTES });
      },
    });
  });
});

describe("a host id that two threads claim", () => {
  const two = (view: SharedView): void => {
    threadsAtWork(view);
    assert.deepEqual([join(view, 1), join(view, 2)], [A, B]);
  };

  it("goes to one of two sessions", (t) => {
    play(t, {
      maxSessions: 2,
      before: two,
      actors: [
        ({ registry }) => registry.name(A, "northern", false),
        ({ registry }) => registry.name(B, "northern", false),
        ({ registry }) => registry.find("northern"),
      ],
      after: ([a, b, found], { registry }) => {
        assert.equal(Number(a) + Number(b), 1);
        const owner = a ? A : B;
        assert.ok(found === undefined || found === owner);
        assert.equal(registry.find("northern"), owner);
        assert.deepEqual(
          [registry.nameOf(A), registry.nameOf(B)],
          a ? ["northern", undefined] : [undefined, "northern"],
        );
      },
    });
  });

  it("moves with replace, and names one session at any time", (t) => {
    play(t, {
      maxSessions: 2,
      before: (view) => {
        two(view);
        assert.ok(view.registry.name(A, "old", false));
      },
      actors: [
        ({ registry }) => registry.name(A, "northern", true),
        ({ registry }) => registry.name(B, "northern", true),
      ],
      after: ([a, b], { registry }) => {
        assert.deepEqual([a, b], [true, true]);
        const names = [registry.nameOf(A), registry.nameOf(B)];
        assert.deepEqual(names.filter((name) => name === "northern").length, 1);
        assert.equal(registry.find("northern"), names[0] === "northern" ? A : B);
        assert.equal(registry.find("old"), undefined);
      },
    });
  });

  it("ends with its session, also where it is given just then, and never names the next one", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 1);
      },
      actors: [
        (stage) => leave(stage, A),
        ({ registry }) => [registry.name(A, "northern", false), registry.find("northern")] as const,
        (stage) => join(stage, 3),
      ],
      after: ([, [named, found], next], { registry }) => {
        assert.ok(found === undefined || (named && found === A));
        assert.equal(registry.find("northern"), undefined);
        if (next !== undefined) assert.equal(registry.nameOf(next), undefined);
        if (next !== undefined) assert.ok(registry.name(next, "northern", false));
      },
    });
  });

  it("given to another thread's session by a thread that died over it is there whole, or not at all", (t) => {
    play(t, {
      maxSessions: 2,
      before: (view) => {
        two(view);
        assert.ok(view.registry.name(B, "before", false));
      },
      mortal: 0,
      numbers: [1, 0],
      actors: [
        ({ registry }) => registry.name(B, "behind", false),
        (stage) => {
          stage.kill();
          return died(stage, 1);
        },
      ],
      after: (_, { registry }) => {
        const name = registry.nameOf(B);
        assert.ok(name === "before" || name === "behind" || name === undefined);
        for (const each of ["before", "behind"]) {
          assert.equal(registry.find(each), name === each ? B : undefined, each);
        }
        assert.ok(registry.name(B, "again", false));
        assert.deepEqual([registry.find("again"), registry.nameOf(B)], [B, "again"]);
      },
    });
  });

  it("is whole after a thread that died in the middle of giving it, at any access", (t) => {
    play(t, {
      maxSessions: 2,
      before: (view) => {
        two(view);
        assert.ok(view.registry.name(A, "a", false));
        assert.ok(view.registry.name(B, "b", false));
      },
      mortal: 0,
      numbers: [1, 2, 0],
      actors: [
        ({ registry }) => registry.name(A, "b", true),
        ({ registry }) => registry.name(B, "a", true),
        (stage) => {
          stage.kill();
          return died(stage, 1);
        },
      ],
      after: ([, b, leaves], { registry }) => {
        assert.deepEqual([b, leaves], [true, 1]);
        // Either way B has "a" now; A is gone, and with it its name.
        assert.equal(registry.find("a"), B);
        assert.equal(registry.nameOf(B), "a");
        assert.equal(registry.find("b"), undefined);
        assert.equal(registry.count, 1);
      },
    });
  });
});

/** What the handle does when it hears of the death of a thread; returns how many leaves it told. */
function died(stage: Stage, thread: number): number {
  const { memory, lock, registry } = stage;
  let leaves = 0;
  registry.setIncarnation(thread, 0);
  lock.releaseFrom(thread);
  giveBackUnposted(stage, thread);
  new SharedGate(memory, lock, 0).takeBack(thread);
  countOut(
    stage,
    thread,
    "thread-died",
    undefined,
    heirs(() => leaves++),
  );
  return leaves;
}

describe("the death of a thread", () => {
  it("against the accepting thread that moves a session to it: the place is freed once", (t) => {
    play(t, {
      maxSessions: 1,
      before: threadsAtWork,
      numbers: [1, 0],
      actors: [
        ({ registry }) => {
          const id = registry.reserve(1)!;
          const moved = registry.move(id, 1, 2, 2);
          if (moved === "kept") registry.free(id);
          return moved;
        },
        (stage) => {
          const leaves: unknown[] = [];
          stage.registry.setIncarnation(2, 0);
          countOut(
            stage,
            2,
            "thread-died",
            undefined,
            heirs((_, told) => leaves.push(told)),
          );
          return leaves;
        },
      ],
      after: ([, leaves], view) => {
        assert.deepEqual(leaves, [], "it had not joined");
        assert.equal(view.registry.count, 0);
        for (const thread of [0, 1, 2])
          assert.equal(view.registry.load(thread), 0, `load of thread ${thread}`);
        assert.notEqual(view.registry.reserve(1), undefined);
      },
    });
  });

  it("against its own session: before its join is told nobody is told its leave", (t) => {
    play(t, {
      maxSessions: 1,
      before: threadsAtWork,
      numbers: [2, 0],
      mortal: 0,
      actors: [
        (stage) => {
          const id = stage.registry.reserve(2)!;
          crossing(stage).open(id);
          stage.registry.leave(id, { reason: "reset", notSent: { packets: 0, bytes: 0 } });
        },
        (stage) => {
          stage.kill();
          return death(stage);
        },
      ],
      after: ([, leaves], { registry }) => {
        assert.deepEqual(leaves, []);
        assert.equal(registry.hasPlace, true);
      },
    });
  });

  it("against its own session: a join that was told has its leave, wherever the thread ended over it", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 2);
      },
      numbers: [2, 0],
      mortal: 0,
      actors: [
        ({ registry }) => registry.leave(A, { reason: "reset", notSent: { packets: 3, bytes: 4 } }),
        (stage) => {
          // As the handle ends threads: while it holds the lock.
          stage.lock.acquire();
          stage.kill();
          stage.lock.release();
          return death(stage);
        },
      ],
      after: ([, leaves], { registry }) => {
        assert.equal(leaves.length, 1);
        const [{ reason, notSent }] = leaves as [Leave];
        if (reason === "reset") assert.deepEqual(notSent, { packets: 3, bytes: 4 });
        else assert.equal(reason, "thread-died");
        assert.equal(registry.hasPlace, true);
      },
    });
  });

  it("of a thread that had a join and its leave to tell, and its turn never came: nobody is told either", () => {
    const view = viewShared(allocateShared(1, 2), 2);
    const id = view.registry.reserve(2)!;
    crossing(view).open(id);
    view.registry.leave(id, { reason: "peer-closed", notSent: { packets: 0, bytes: 0 } });
    assert.deepEqual([view.registry.count, view.registry.hasPlace], [0, false]);
    const leaves: Leave[] = [];
    countOut(
      view,
      2,
      "thread-died",
      undefined,
      heirs((_, leave) => leaves.push(leave)),
    );
    assert.deepEqual(leaves, []);
    assert.equal(view.registry.hasPlace, true);
    assert.equal(view.registry.load(2), 0);
  });

  it("against a sender: what it took is in the leave, or it was not taken", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 2);
      },
      numbers: [1, 0],
      actors: [
        (stage) => [mail(stage).send(A, PACKET), mail(stage).send(A, PACKET)],
        (stage) => {
          const lost: Traffic[] = [];
          stage.registry.setIncarnation(2, 0);
          countOut(
            stage,
            2,
            "thread-died",
            undefined,
            heirs((_, { notSent }) => lost.push(notSent)),
          );
          return lost;
        },
      ],
      after: ([taken, lost], { registry }) => {
        const packets = taken.filter(Boolean).length;
        assert.deepEqual(lost, [{ packets, bytes: packets * FRAME_BYTES }]);
        assert.equal(registry.count, 0);
      },
    });
  });

  it("against the accepting thread that gives the place to another: the new session is whole", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view) => {
        threadsAtWork(view);
        join(view, 2);
        assert.equal(new Reservations(view.memory).reserve(A, FRAME_BYTES, 100), "taken");
      },
      numbers: [0, 1, 3],
      actors: [
        (stage) => {
          stage.registry.setIncarnation(2, 0);
          const told: unknown[] = [];
          countOut(
            stage,
            2,
            "thread-died",
            undefined,
            heirs((id, { notSent }) => told.push(id, notSent.packets)),
          );
          return told;
        },
        (stage) => join(stage, 1),
        (stage) => mail(stage).send(A, PACKET),
      ],
      after: ([told, next, taken], view) => {
        assert.deepEqual(told, [A, 1 + Number(taken)]);
        assert.equal(view.registry.count, next === undefined ? 0 : 1);
        if (next === undefined) return;
        const reservations = new Reservations(view.memory);
        assert.equal(reservations.reserve(next, FRAME_BYTES, 100), "taken");
        assert.equal(underWay(view, next).packets, 1);
      },
    });
  });

  it("of a sender against the end of the session that it sent to: given back once, to that session only", (t) => {
    play(t, {
      maxSessions: 1,
      before: (view, buffers) => {
        threadsAtWork(view);
        join(view, 1);
        assert.equal(new Reservations(view.memory).reserve(A, FRAME_BYTES, 100), "taken");
        assert.ok(buffers.unposted.byteLength > 0);
        view.memory.unposted(2).set([A, 1, FRAME_BYTES]);
      },
      numbers: [0, 1, 3],
      actors: [
        (stage) => giveBackUnposted(stage, 2),
        (stage) => leave(stage, A),
        (stage) => {
          const next = join(stage, 3);
          return next !== undefined && mail(stage).send(next, PACKET) ? next : undefined;
        },
      ],
      after: ([, lost, next], view) => {
        assert.ok(lost.packets === 0 || lost.packets === 1);
        assert.equal(lost.bytes, lost.packets * FRAME_BYTES);
        if (next !== undefined) assert.deepEqual(underWay(view, next), { packets: 1, bytes: FRAME_BYTES });
      },
    });
  });
});

describe("turns", () => {
  /** A word of `control` that nobody uses: how many are inside. */
  const INSIDE = 6;
  /** Enters and leaves; returns how many it saw inside. */
  const enter = ({ memory, lock, thread, awaitChange }: Stage): number => {
    const gate = new SharedGate(memory, lock, thread);
    if (!gate.tryEnter()) {
      gate.enterLater(() => {});
      awaitChange(turnWord(thread), TURN.waiting);
    }
    const inside = Atomics.add(memory.control, INSIDE, 1) + 1;
    Atomics.sub(memory.control, INSIDE, 1);
    gate.leave();
    return inside;
  };
  const isQuiet = ({ memory }: SharedView): void => {
    assert.equal(memory.control[CONTROL.active], 0);
    for (let thread = 1; thread <= 3; thread++) assert.equal(memory.control[turnWord(thread)], TURN.idle);
  };

  for (const running of [1, 2]) {
    it(`three threads, ${running} at once: no more are ever inside, and nobody waits for ever`, (t) => {
      play(t, {
        maxSessions: 1,
        before: ({ memory, lock }) => new SharedGate(memory, lock, 0).setRunning(running),
        actors: [enter, enter, enter],
        after: (inside, view) => {
          for (const count of inside) assert.ok(count <= running);
          isQuiet(view);
        },
      });
    });
  }

  it("a thread that enters again and again lets those in line before it", (t) => {
    play(t, {
      maxSessions: 1,
      before: ({ memory, lock }) => new SharedGate(memory, lock, 0).setRunning(1),
      actors: [(stage) => [enter(stage), enter(stage)], enter],
      after: (_, view) => isQuiet(view),
    });
  });

  it("of a thread that dies anywhere, waiting or inside or in the middle of entering, are taken back", (t) => {
    play(t, {
      maxSessions: 1,
      before: ({ memory, lock }) => new SharedGate(memory, lock, 0).setRunning(1),
      mortal: 0,
      numbers: [1, 2, 0],
      actors: [
        enter,
        ({ memory, lock, thread, awaitChange }) => {
          const gate = new SharedGate(memory, lock, thread);
          if (!gate.tryEnter()) {
            gate.enterLater(() => {});
            awaitChange(turnWord(thread), TURN.waiting);
          }
          gate.leave();
        },
        (stage) => {
          stage.kill();
          died(stage, 1);
        },
      ],
      after: (_, view) => isQuiet(view),
    });
  });
});
