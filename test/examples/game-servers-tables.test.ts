/** What the game servers remember: pending logins, tokens, rooms. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingLogins } from "../../examples/game-servers/pending-logins.ts";
import { Rooms } from "../../examples/game-servers/rooms.ts";
import { Tokens } from "../../examples/game-servers/tokens.ts";
import type { SessionId } from "../../src/index.ts";

const id = (number: number): SessionId => number as SessionId;
const [GAME, CHAT, OTHER_GAME] = [id(1), id(2), id(3)];
const [ANNA, BERT] = [id(101), id(102)];

test("a login is complete when both servers have answered, in whichever order", () => {
  for (const [first, second] of [
    [GAME, CHAT],
    [CHAT, GAME],
  ] as const) {
    const pending = new PendingLogins();
    const { login } = pending.begin(7n, ANNA, "key", [GAME, CHAT]);
    assert.deepEqual(pending.answered(first, 7n, login.param), { was: "waiting" });
    assert.deepEqual(pending.answered(second, 7n, login.param), { was: "complete", login });
    assert.equal(pending.size, 0);
  }
});

test("one server that answers twice does not stand for both", () => {
  const pending = new PendingLogins();
  const { login } = pending.begin(7n, ANNA, "key", [GAME, CHAT]);
  pending.answered(GAME, 7n, login.param);
  assert.deepEqual(pending.answered(GAME, 7n, login.param), { was: "late" });
  assert.equal(pending.size, 1);
});

test("answers to an earlier login of the account are late, and complete nothing", () => {
  const pending = new PendingLogins();
  const earlier = pending.begin(7n, ANNA, "old", [GAME, CHAT]).login;
  const { login, superseded } = pending.begin(7n, BERT, "new", [GAME, CHAT]);
  assert.equal(superseded, earlier);
  assert.notEqual(login.param, earlier.param);
  assert.deepEqual(pending.answered(GAME, 7n, earlier.param), { was: "late" });
  assert.deepEqual(pending.answered(GAME, 7n, login.param), { was: "waiting" });
  assert.deepEqual(pending.answered(CHAT, 7n, earlier.param), { was: "late" });
  const complete = pending.answered(CHAT, 7n, login.param);
  assert.equal(complete.was === "complete" && complete.login.user, BERT);
});

test("a superseded user who goes takes nothing of the newer login along", () => {
  const pending = new PendingLogins();
  pending.begin(7n, ANNA, "old", [GAME, CHAT]);
  pending.begin(7n, BERT, "new", [GAME, CHAT]);
  pending.forget(ANNA);
  assert.equal(pending.size, 1);
});

test("an answer for nobody, of another account or of a server that was not asked is late", () => {
  const pending = new PendingLogins();
  const { login } = pending.begin(7n, ANNA, "key", [GAME, CHAT]);
  for (const [link, account, param] of [
    [GAME, 8n, login.param],
    [GAME, 7n, login.param + 1n],
    [OTHER_GAME, 7n, login.param],
  ] as const) {
    assert.deepEqual(pending.answered(link, account, param), { was: "late" });
  }
  pending.forget(ANNA);
  assert.equal(pending.size, 0);
  assert.deepEqual(pending.answered(GAME, 7n, login.param), { was: "late" });
});

test("with a lost server go the logins that asked it, also where it had answered, and no others", () => {
  const pending = new PendingLogins();
  const anna = pending.begin(7n, ANNA, "a", [GAME, CHAT]).login;
  pending.answered(GAME, 7n, anna.param);
  const bert = pending.begin(8n, BERT, "b", [OTHER_GAME, CHAT]).login;
  assert.deepEqual(pending.lost(GAME), [anna]);
  assert.deepEqual(pending.answered(CHAT, 7n, anna.param), { was: "late" });
  assert.equal(pending.size, 1);
  assert.deepEqual(pending.lost(CHAT), [bert]);
  assert.equal(pending.size, 0);
});

test("a key opens once, for its account only, and a wrong one leaves it alone", () => {
  const tokens = new Tokens(1000, () => 0);
  tokens.announce(7n, "key");
  assert.equal(tokens.use(7n, "wrong"), false);
  assert.equal(tokens.use(8n, "key"), false);
  assert.equal(tokens.use(7n, "key"), true);
  assert.equal(tokens.use(7n, "key"), false);
  assert.equal(tokens.size, 0);
});

test("a newer key of the account takes the older one's place", () => {
  const tokens = new Tokens(1000, () => 0);
  tokens.announce(7n, "old");
  tokens.announce(7n, "new");
  assert.equal(tokens.size, 1);
  assert.equal(tokens.use(7n, "old"), false);
  assert.equal(tokens.use(7n, "new"), true);
});

test("a key expires, and one that was announced again lives from then on", () => {
  let nowMs = 0;
  const tokens = new Tokens(1000, () => nowMs);
  tokens.announce(7n, "a");
  tokens.announce(8n, "b");
  nowMs = 600;
  tokens.announce(7n, "c");
  nowMs = 1000;
  tokens.forgetExpired();
  assert.equal(tokens.size, 1);
  assert.equal(tokens.use(8n, "b"), false);
  nowMs = 1599;
  assert.equal(tokens.use(7n, "c"), true);
  tokens.announce(9n, "d");
  nowMs = 2599;
  assert.equal(tokens.use(9n, "d"), false);
});

test("a room is there as long as somebody is in it", () => {
  const rooms = new Rooms();
  rooms.enter(5, ANNA);
  rooms.enter(5, BERT);
  rooms.depart(5, ANNA);
  assert.deepEqual([...rooms.members(5)], [BERT]);
  rooms.depart(6, BERT);
  assert.equal(rooms.size, 1);
  rooms.depart(5, BERT);
  assert.equal(rooms.size, 0);
  assert.deepEqual([...rooms.members(5)], []);
});
