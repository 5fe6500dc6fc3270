/** The login server of the example between users and servers that answer when the test says so. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { LoginServer } from "../../examples/game-servers/login-server.ts";
import { LINK, STATUS, write } from "../../examples/game-servers/protocol.ts";
import { UserPeer, until, WorldPeer } from "./game-servers-peers.ts";

const GAME_PORT = 40_001;
const CHAT_PORT = 40_002;
const LOGIN = { account: 7n, password: "any" };

for (const threads of [0, 1]) {
  const where = threads === 0 ? "everything on one thread" : "links on a thread of their own";

  test(`a user is answered after both servers, with their addresses and the key (${where})`, async (t) => {
    const { game, chat, user } = await trio(t, threads);
    const alice = await user();
    alice.send("login", LOGIN);
    const asked = await game.inbox.next("newClient");
    assert.deepEqual(await chat.inbox.next("newClient"), asked);
    assert.equal(asked.account, 7n);
    game.answer(asked);
    await roundTrip(game, chat, user); // the login server has had the first answer, and said nothing
    assert.ok(alice.inbox.isEmpty);
    chat.answer(asked);
    const answer = await alice.inbox.next("loginAnswer");
    assert.deepEqual(answer, {
      ...{ kind: "loginAnswer", status: STATUS.ok, key: asked.key },
      ...{ gameIp: "127.0.0.1", gamePort: GAME_PORT, chatIp: "127.0.0.1", chatPort: CHAT_PORT },
    });
    assert.match(asked.key, /^[0-9a-f]{64}$/);
  });

  test(`a late answer to an earlier login does not stand for the later one (${where})`, async (t) => {
    const { login, game, chat, user } = await trio(t, threads);
    const [first, second] = [await user(), await user()];
    first.send("login", LOGIN);
    const early = await game.inbox.next("newClient");
    await chat.inbox.next("newClient");
    second.send("login", LOGIN);
    const later = await game.inbox.next("newClient");
    await chat.inbox.next("newClient");
    assert.notEqual(later.param, early.param);
    assert.notEqual(later.key, early.key);
    assert.equal((await first.inbox.next("loginAnswer")).status, STATUS.newerLogin);

    for (const server of [game, chat]) server.answer(early);
    await until(t, () => login.report().counts.lateAnswers === 2);
    assert.ok(second.inbox.isEmpty);
    for (const server of [game, chat]) server.answer(later);
    const answer = await second.inbox.next("loginAnswer");
    assert.deepEqual([answer.status, answer.key], [STATUS.ok, later.key]);
  });

  test(`with a lost server the logins that asked it fail, and it is forgotten until it comes back (${where})`, async (t) => {
    const { login, linkPort, game, chat, user } = await trio(t, threads);
    const [alice, bob] = [await user(), await user()];
    alice.send("login", LOGIN);
    bob.send("login", { ...LOGIN, account: 8n });
    const [aliceAsked] = [await game.inbox.next("newClient"), await game.inbox.next("newClient")];
    game.answer(aliceAsked); // it had answered one of them
    await roundTrip(game, chat, user, 2);
    await game.disconnect({ now: true });
    for (const each of [alice, bob]) {
      assert.equal((await each.inbox.next("loginAnswer")).status, STATUS.serverLost);
    }
    assert.equal(login.report().tables.pending, 0);
    const carol = await user();
    carol.send("login", LOGIN);
    assert.equal((await carol.inbox.next("loginAnswer")).status, STATUS.noServers);

    const again = await WorldPeer.join(t, linkPort, "game", 40_003);
    await until(t, () => login.report().worlds?.game === 40_003);
    const dave = await user();
    dave.send("login", LOGIN);
    const asked = await again.inbox.next("newClient");
    again.answer(asked);
    chat.answer(asked);
    assert.equal((await dave.inbox.next("loginAnswer")).gamePort, 40_003);
  });
}

test("a user who goes before the answers leaves nothing behind", async (t) => {
  const { login, game, chat, user } = await trio(t, 0);
  const alice = await user();
  alice.send("login", LOGIN);
  const asked = await game.inbox.next("newClient");
  await alice.disconnect({ now: true });
  await until(t, () => login.report().tables.pending === 0 && login.report().tables.users === 0);
  for (const server of [game, chat]) server.answer(asked);
  await until(t, () => login.report().counts.lateAnswers === 2);
  assert.equal(login.report().counts.handedOver, 0);
});

test("a server that logs in again takes the older link's place, and its pending logins fail", async (t) => {
  const { login, linkPort, game, user } = await trio(t, 0);
  const alice = await user();
  alice.send("login", LOGIN);
  await game.inbox.next("newClient");
  await WorldPeer.join(t, linkPort, "game", 40_003);
  await game.left.promise;
  assert.equal((await alice.inbox.next("loginAnswer")).status, STATUS.serverLost);
  assert.deepEqual(login.report().worlds, { game: 40_003, chat: CHAT_PORT });
});

test("an empty password is wrong, and nobody is asked", async (t) => {
  const { game, user } = await trio(t, 0);
  const alice = await user();
  alice.send("login", { ...LOGIN, password: "" });
  assert.equal((await alice.inbox.next("loginAnswer")).status, STATUS.wrongPassword);
  assert.ok(game.inbox.isEmpty);
});

test("a user who asks twice on one connection, or for something else, is cut off", async (t) => {
  const { login, game, user } = await trio(t, 0);
  const twice = await user();
  twice.send("login", LOGIN);
  twice.send("login", LOGIN);
  await twice.left.promise;
  await game.inbox.next("newClient");
  const other = await user();
  other.send("say", { seq: 1, text: "hello" });
  await other.left.promise;
  await until(t, () => login.report().tables.users === 0);
  assert.equal(login.report().counts.logins, 1);
  assert.equal(login.report().tables.pending, 0);
});

for (const [what, type, name] of [
  ["of another type", 3, "127.0.0.1:1"],
  ["whose name is no address", 1, "game"],
] as const) {
  test(`a server ${what} is disconnected, and that is told`, async (t) => {
    const { login, linkPort } = await trio(t, 0);
    const stranger = new WorldPeer();
    t.after(() => stranger.disconnect({ now: true }));
    await stranger.connect({ port: linkPort, ...LINK });
    stranger.sendPacket(write("serverLogin", { serverType: type, name }));
    await stranger.left.promise;
    assert.equal(login.report().errors["server refused"], 1);
    assert.deepEqual(login.report().worlds, { game: GAME_PORT, chat: CHAT_PORT });
  });
}

/** A login server with a game and a chat server that a test plays, both logged in. */
async function trio(t: TestContext, threads: number) {
  const login = new LoginServer();
  const { userPort, linkPort } = await login.open({ maxSessions: 100, threads });
  t.after(() => login.close());
  const game = await WorldPeer.join(t, linkPort, "game", GAME_PORT);
  const chat = await WorldPeer.join(t, linkPort, "chat", CHAT_PORT);
  await until(t, () => Object.keys(login.report().worlds ?? {}).length === 2);
  return { login, linkPort, game, chat, user: () => UserPeer.connect(t, userPort) };
}

/** A whole login of somebody else: whatever went to the login server before has been there when it is over. */
async function roundTrip(
  game: WorldPeer,
  chat: WorldPeer,
  user: () => Promise<UserPeer>,
  unread: number = 0,
): Promise<void> {
  for (let n = 0; n < unread; n++) await chat.inbox.next("newClient");
  const other = await user();
  other.send("login", { account: 99n, password: "any" });
  const asked = await game.inbox.next("newClient");
  await chat.inbox.next("newClient");
  for (const server of [game, chat]) server.answer(asked);
  await other.inbox.next("loginAnswer");
}
