/** When sessions are flushed, seen with a clock whose time passes only while somebody writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { Flusher } from "../../src/session/flusher.ts";

/** A flusher, and sessions that each take a while to be written. */
class Stage {
  nowMs = 1000;
  readonly flushes: string[] = [];
  readonly flusher = new Flusher({ nowMs: () => this.nowMs } as Clock);

  /** Takes a packet for a session, which asks to be flushed unless it has already. */
  take(name: string, writeMs: number, bytes = 64): void {
    this.#take(name, writeMs, bytes, (session) => this.flusher.add(session));
  }
  /** The same for a session that has just read. */
  answer(name: string, writeMs: number): void {
    this.#take(name, writeMs, 64, (session) => this.flusher.addAnswering(session));
  }
  #take(name: string, writeMs: number, bytes: number, ask: (session: { flush(): void }) => void): void {
    this.flusher.noteTaken(bytes);
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    ask({
      flush: () => {
        this.#asked.delete(name);
        this.nowMs += writeMs;
        this.flushes.push(name);
      },
    });
  }
  readonly #asked = new Set<string>();
}

const codeReturns = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
const loopTurns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what a turn takes is flushed once its code has returned, each session once", async () => {
  const stage = new Stage();
  for (let n = 0; n < 3; n++) {
    stage.take("a", 1);
    stage.take("b", 1);
  }
  assert.deepEqual(stage.flushes, []);
  await codeReturns();
  assert.deepEqual(stage.flushes, ["a", "b"]);
});

test("a turn that comes later than the last flush took is flushed at once", async () => {
  const stage = new Stage();
  stage.take("a", 5);
  await codeReturns();
  stage.nowMs += 5;
  stage.take("a", 5);
  await codeReturns();
  assert.deepEqual(stage.flushes, ["a", "a"]);
});

test("turns that follow a long flush closely are joined for as long as it took", async () => {
  const stage = new Stage();
  stage.take("a", 5);
  await codeReturns();
  let turns = 0;
  const sendsEachTurn = (): void => {
    if (stage.flushes.length > 1 || turns === 100) return;
    turns++;
    stage.nowMs += 1;
    stage.take("a", 5);
    setImmediate(sendsEachTurn); // before the flusher looks again
  };
  sendsEachTurn();
  while (stage.flushes.length === 1 && turns < 100) await loopTurns();
  assert.equal(turns, 5);
});

test("turns are joined no longer once 64 KiB wait for each session", async () => {
  const stage = new Stage();
  stage.take("a", 5000); // whoever writes was kept from running meanwhile
  stage.take("b", 0);
  await codeReturns();
  let turns = 0;
  const sendsEachTurn = (): void => {
    if (stage.flushes.length > 2 || turns === 100) return;
    turns++;
    stage.nowMs += 1;
    stage.take("a", 0, 16 * 1024);
    stage.take("b", 0, 16 * 1024);
    setImmediate(sendsEachTurn); // before the flusher looks again
  };
  sendsEachTurn();
  while (stage.flushes.length === 2 && turns < 100) await loopTurns();
  assert.equal(turns, 4);
});

test("a flush that waits, and that nobody adds to, goes out in the next turn", async () => {
  const stage = new Stage();
  stage.take("a", 5);
  await codeReturns();
  stage.take("a", 5);
  await codeReturns();
  assert.equal(stage.flushes.length, 1);
  await loopTurns();
  assert.deepEqual(stage.flushes, ["a", "a"]);
});

test("an answer goes out once its code has returned, however long the last flush took and whoever waits", async () => {
  const stage = new Stage();
  stage.take("a", 50);
  await codeReturns();
  stage.take("b", 1);
  await codeReturns();
  stage.answer("c", 1);
  stage.answer("d", 1);
  assert.deepEqual(stage.flushes, ["a"]);
  await codeReturns();
  assert.deepEqual(stage.flushes, ["a", "c", "d"]);
  stage.answer("c", 1);
  await codeReturns();
  assert.deepEqual(stage.flushes, ["a", "c", "d", "c"]);
  await loopTurns();
  await loopTurns();
  assert.deepEqual(stage.flushes, ["a", "c", "d", "c", "b"]);
});

test("addLater() flushes after the loop has turned, whatever else is flushed before", async () => {
  const stage = new Stage();
  const later: string[] = [];
  stage.flusher.addLater({ flush: () => void later.push("later") });
  stage.take("a", 1);
  await codeReturns();
  assert.deepEqual([stage.flushes, later], [["a"], []]);
  await loopTurns();
  assert.deepEqual(later, ["later"]);
});

test("a flush waits for no more sessions than may share its memory, and waits as before afterwards", async () => {
  const stage = new Stage();
  stage.take("first", 500);
  await codeReturns();
  for (let n = 0; n < 3000; n++) {
    stage.take(`session ${n}`, 0);
    await codeReturns(); // each is a read of its own, all in one turn of the loop
    assert.ok(n + 2 - stage.flushes.length < 1024, `${n + 2 - stage.flushes.length} wait`);
    if (stage.flushes.length > 1000) stage.take("slow", 500);
  }
  await loopTurns();
  await loopTurns();
  assert.equal(new Set(stage.flushes).size, 3002);
});
