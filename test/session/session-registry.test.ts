/** LocalRegistry: places, ids and names of one thread's server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { generationOf, slotOf } from "../../src/session/session-id.ts";
import { LocalRegistry } from "../../src/session/session-registry.ts";

test("there are as many places as asked for, and a place that is free again is given out again", () => {
  const registry = new LocalRegistry(2);
  assert.equal(registry.count, 0);
  const [a, b] = [registry.reserve()!, registry.reserve()!];
  assert.deepEqual([slotOf(a), slotOf(b)], [0, 1]);
  assert.equal(registry.count, 2);
  assert.equal(registry.reserve(), undefined);
  assert.equal(registry.count, 2);
  registry.free(a);
  assert.equal(registry.count, 1);
  assert.equal(slotOf(registry.reserve()!), 0);
  assert.equal(registry.reserve(), undefined);
});

test("a place's next id is of the next generation, so an id never comes twice", () => {
  const registry = new LocalRegistry(2);
  const ids = [registry.reserve()!, registry.reserve()!];
  for (let n = 0; n < 3; n++) {
    registry.free(ids.at(-1)!);
    ids.push(registry.reserve()!);
  }
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(ids.map(generationOf), [1, 1, 2, 3, 4]);
  assert.equal(registry.newestGeneration, 4);
  registry.free(ids[0]!);
  registry.reserve(); // generation 2 of the other slot
  assert.equal(registry.newestGeneration, 4);
});

test("a later registry begins above what the earlier ones gave out", () => {
  const registry = new LocalRegistry(3, 7);
  assert.equal(registry.newestGeneration, 7);
  const ids = [registry.reserve()!, registry.reserve()!];
  assert.deepEqual(ids.map(generationOf), [8, 8]);
  assert.equal(registry.newestGeneration, 8);
});

test("a host id finds its session, and the session its host id, until the place is free", () => {
  const registry = new LocalRegistry(2);
  const [a, b] = [registry.reserve()!, registry.reserve()!];
  assert.equal(registry.nameOf(a), undefined);
  assert.equal(registry.find("game"), undefined);
  assert.equal(registry.name(a, "game", false), true);
  assert.deepEqual([registry.find("game"), registry.nameOf(a), registry.nameOf(b)], [a, "game", undefined]);
  registry.free(a);
  assert.deepEqual([registry.find("game"), registry.nameOf(a)], [undefined, undefined]);
  assert.equal(registry.name(b, "game", false), true);
  assert.equal(registry.find("game"), b);
});

test("a host id in use stays where it is, unless it is replaced: then the old session is nameless", () => {
  const registry = new LocalRegistry(2);
  const [a, b] = [registry.reserve()!, registry.reserve()!];
  registry.name(a, "game", false);
  assert.equal(registry.name(b, "game", false), false);
  assert.deepEqual([registry.find("game"), registry.nameOf(b)], [a, undefined]);
  assert.equal(registry.name(a, "game", false), true); // its own
  assert.equal(registry.name(b, "game", true), true);
  assert.deepEqual([registry.find("game"), registry.nameOf(a), registry.nameOf(b)], [b, undefined, "game"]);
});

test("a session that takes another host id gives the one before back", () => {
  const registry = new LocalRegistry(2);
  const [a, b] = [registry.reserve()!, registry.reserve()!];
  registry.name(a, "old", false);
  registry.name(a, "new", false);
  assert.deepEqual([registry.find("old"), registry.find("new"), registry.nameOf(a)], [undefined, a, "new"]);
  assert.equal(registry.name(b, "old", false), true);
  assert.equal(registry.name(b, "new", false), false);
  assert.equal(registry.nameOf(b), "old"); // a refusal changes nothing
});

test("a place is held from its reservation until the session leaves", () => {
  const registry = new LocalRegistry(2);
  const [a, b] = [registry.reserve()!, registry.reserve()!];
  assert.deepEqual([registry.holds(a), registry.holds(b)], [true, true]);
  registry.leave(a);
  registry.free(b);
  assert.deepEqual([registry.holds(a), registry.holds(b)], [false, false]);
});
