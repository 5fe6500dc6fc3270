/** The game and the chat server of the example: keys, rooms, departures; the login server is played by the test. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ChatServer } from "../../examples/game-servers/chat-server.ts";
import { GameServer } from "../../examples/game-servers/game-server.ts";
import { STATUS, WORLDS } from "../../examples/game-servers/protocol.ts";
import { LoginPeer, UserPeer, until } from "./game-servers-peers.ts";

const ROOM = 3;
/** Longer than any test may take. */
const LONG_MS = 3_600_000;

for (const make of [() => new GameServer(), () => new ChatServer()]) {
  const { name } = make().report();

  test(`the ${name} server logs in with its type and the address of its users' side`, async (t) => {
    const { serverLogin, port } = await open(t, make());
    assert.deepEqual(serverLogin, {
      kind: "serverLogin",
      serverType: WORLDS[name as "game"],
      name: `127.0.0.1:${port}`,
    });
  });

  test(`the ${name} server lets a key in once`, async (t) => {
    const { world, login, port } = await open(t, make());
    await login.announce(7n, "key");
    assert.equal(world.report().tables.tokens, 1);
    const alice = await UserPeer.enter(t, port, 7n, "key");
    assert.equal(world.report().tables.tokens, 0);
    const thief = await UserPeer.connect(t, port);
    thief.send("enter", { account: 7n, key: "key" });
    assert.equal((await thief.inbox.next("enterAnswer")).status, STATUS.wrongKey);
    assert.equal((await thief.left.promise).reason, "peer-closed");
    alice.send("moveOn", { room: ROOM }); // she did not notice
    await alice.inbox.next("moveOnAnswer");
  });
}

test("keys that were not used go with the login server, who is inside stays, and the link comes back", async (t) => {
  const { world, login, port } = await open(t, new GameServer());
  await login.announce(7n, "used");
  const alice = await UserPeer.enter(t, port, 7n, "used");
  await login.announce(8n, "not used");
  login.cut();
  await until(t, () => world.report().tables.tokens === 0);
  await login.inbox.next("serverLogin");
  const bob = await UserPeer.connect(t, port);
  bob.send("enter", { account: 8n, key: "not used" });
  assert.equal((await bob.inbox.next("enterAnswer")).status, STATUS.wrongKey);
  alice.send("act", { seq: 1 });
  await alice.inbox.next("actAnswer");
  await login.announce(8n, "new");
  await UserPeer.enter(t, port, 8n, "new");
});

test("keys that nobody comes for go by themselves", async (t) => {
  const { world, login } = await open(t, new GameServer(), 1);
  await login.announce(7n, "key");
  await until(t, () => world.report().tables.tokens === 0);
});

test("what is said is told to everybody in the room, the speaker too, and to nobody else", async (t) => {
  const { alice, bob, enter } = await chatters(t);
  const carol = await enter(9n);
  await standIn(carol, ROOM + 1);
  alice.send("say", { seq: 5, text: "hello" });
  const told = await bob.inbox.next("said");
  assert.deepEqual(await alice.inbox.next("said"), told);
  assert.deepEqual([told.room, told.seq, told.text], [ROOM, 5, "hello"]);
  carol.send("say", { seq: 1, text: "to myself" });
  assert.equal((await carol.inbox.next("said")).text, "to myself");
});

for (const [how, go] of [
  ["leaves", (user: UserPeer) => user.send("leave", {})],
  ["moves on", (user: UserPeer) => user.send("moveOn", { room: ROOM + 1 })],
  ["drops without goodbye", (user: UserPeer) => void user.disconnect({ now: true })],
  [
    "sends what makes no sense",
    (user: UserPeer) => user.send("enterAnswer", { status: 0, room: 0, visit: 0 }),
  ],
] as const) {
  test(`whoever ${how} is told as departed behind the last message`, async (t) => {
    const { alice, bob } = await chatters(t);
    alice.send("say", { seq: 1, text: "the last" });
    const { visit } = await bob.inbox.next("said");
    await alice.inbox.next("said");
    go(alice);
    assert.deepEqual(await bob.inbox.next("departed"), { kind: "departed", room: ROOM, visit });
  });
}

test("whoever comes again ends the older connection, which is told as departed first", async (t) => {
  const { world, alice, bob, enter } = await chatters(t);
  alice.send("say", { seq: 1, text: "here" });
  const { visit } = await bob.inbox.next("said");
  const again = await enter(7n);
  await alice.left.promise;
  assert.equal((await bob.inbox.next("departed")).visit, visit);
  await standIn(again, ROOM);
  again.send("say", { seq: 2, text: "again" });
  const said = await bob.inbox.next("said");
  assert.notEqual(said.visit, visit);
  await until(t, () => world.report().tables.sessions === 2);
  assert.equal(world.report().tables.insiders, 2);
});

test("a goodbye is answered by closing, and when all have gone nothing is left", async (t) => {
  const { world, alice, bob } = await chatters(t);
  for (const user of [alice, bob]) {
    user.send("leave", {});
    assert.equal((await user.left.promise).reason, "peer-closed");
  }
  await until(t, () => Object.values(world.report().tables).every((size) => size === 0));
  assert.deepEqual(world.report().errors, {});
});

test("a stranger who does not show a key first is cut off", async (t) => {
  const { world, port } = await open(t, new ChatServer());
  const stranger = await UserPeer.connect(t, port);
  stranger.send("say", { seq: 1, text: "hello" });
  await stranger.left.promise;
  await until(t, () => world.report().tables.users === 0);
});

test("each server understands its own words only", async (t) => {
  const { port, login } = await open(t, new GameServer());
  await login.announce(7n, "key");
  const alice = await UserPeer.enter(t, port, 7n, "key");
  alice.send("act", { seq: 9 });
  assert.equal((await alice.inbox.next("actAnswer")).seq, 9);
  alice.send("say", { seq: 1, text: "hello" });
  await alice.left.promise;
});

async function open<World extends GameServer | ChatServer>(
  t: TestContext,
  world: World,
  tokenLifeMs = LONG_MS,
) {
  const { login, port: loginPort } = await LoginPeer.start(t);
  const port = await world.open({ loginPort, maxSessions: 100, tokenLifeMs });
  t.after(() => world.close());
  const serverLogin = await login.inbox.next("serverLogin");
  return { world, login, port, serverLogin };
}

/** A chat server with Alice (account 7) and Bob (8) in one room. */
async function chatters(t: TestContext) {
  const { world, login, port } = await open(t, new ChatServer());
  const enter = async (account: bigint): Promise<UserPeer> => {
    await login.announce(account, `key of ${account}`);
    return UserPeer.enter(t, port, account, `key of ${account}`);
  };
  const alice = await enter(7n);
  const bob = await enter(8n);
  await standIn(alice, ROOM);
  await standIn(bob, ROOM);
  return { world, alice, bob, enter };
}

async function standIn(user: UserPeer, room: number): Promise<void> {
  user.send("moveOn", { room });
  assert.equal((await user.inbox.next("moveOnAnswer")).room, room);
}
