/** Each proof of the game servers' run can break, and says so in one line. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { addUp, brokenProofs, isSettled, type Run } from "../../examples/game-servers/proofs.ts";
import type { LoadReport, PortTally, ServerReport } from "../../examples/game-servers/reports.ts";

const server = (more: Partial<ServerReport> = {}): ServerReport => ({
  ...{ name: "game", pid: 1, port: 4000, accepted: 5, refused: 0, counts: {}, errors: {} },
  tables: { sessions: 0, tokens: 0 },
  ...more,
});
const tally = (more: Partial<PortTally> = {}): PortTally => ({
  ...{ connects: 5, failed: 0, cut: 0, asked: 10, answered: 9, abandoned: 1, lost: 0 },
  ...more,
});
const load = (more: Partial<LoadReport> = {}): LoadReport => ({
  ...{ users: 3, gone: 3, openLinks: 0, ports: { 4000: tally() }, counts: {} },
  ...{ violations: 0, violationTexts: [] },
  ...more,
});
const run = (more: Partial<Run> = {}): Run => ({
  ...{ servers: [server()], killedPorts: [], loads: [load()], problems: [] },
  ...more,
});
const ports = (more: Partial<PortTally>): Partial<Run> => ({
  loads: [load({ ports: { 4000: tally(more) } })],
});

test("a run where everything adds up is green", () => {
  assert.deepEqual(brokenProofs(run()), []);
});

const BROKEN: readonly (readonly [Partial<Run>, string])[] = [
  [ports({ connects: 6 }), "users counted 6 connects, the game server 5 accepts"],
  [{ servers: [server({ accepted: 6 })] }, "users counted 5 connects, the game server 6 accepts"],
  [{ servers: [server({ refused: 1 })] }, "the game server refused 1 connections"],
  [ports({ answered: 8 }), "1 replies of the game server are outstanding"],
  [ports({ answered: 8, lost: 1 }), "1 replies of the game server were lost"],
  [ports({ failed: 2 }), "2 connects to the game server failed"],
  [ports({ cut: 2 }), "the game server cut off 2 users"],
  [{ servers: [server({ tables: { sessions: 0, tokens: 3 } })] }, "3 left in tokens of the game server"],
  [{ servers: [server({ errors: { EVENT_THREW: 2 } })] }, "the game server had 2 errors EVENT_THREW"],
  [{ loads: [load({ gone: 2 })] }, "1 of 3 users have not ended"],
  [{ loads: [load({ openLinks: 1 })] }, "1 connections of users have not ended"],
  [
    {
      loads: [
        load({ violations: 2, violationTexts: ["a message of a user whose departure was told (visit 8)"] }),
      ],
    },
    "2 messages broke the protocol: a message of a user whose departure was told (visit 8)",
  ],
  [{ problems: ["chat server does not report"] }, "chat server does not report"],
  [
    { loads: [load({ ports: { 4000: tally(), 4001: tally() } })] },
    "users connected to port 4001, which no server reported",
  ],
  [
    { killedPorts: [4001], loads: [load({ ports: { 4000: tally(), 4001: tally({ answered: 8 }) } })] },
    "1 replies of the killed server at 4001 are outstanding",
  ],
];
for (const [more, line] of BROKEN) {
  test(`it breaks where ${line}`, () => {
    assert.deepEqual(brokenProofs(run(more)), [line]);
  });
}

test("a killed server's connections, cuts and lost replies are no broken proof", () => {
  const killed = tally({ connects: 9, failed: 2, cut: 3, answered: 7, lost: 2 });
  const more = { killedPorts: [4001], loads: [load({ ports: { 4000: tally(), 4001: killed } })] };
  assert.deepEqual(brokenProofs(run(more)), []);
});

test("load processes are added up", () => {
  const half = (connects: number): LoadReport =>
    load({ ports: { 4000: tally({ connects }) }, counts: { "logged in": 2 } });
  assert.deepEqual(brokenProofs(run({ loads: [half(2), half(3)] })), []);
  const { users, counts, ports } = addUp([half(2), half(3)]);
  assert.deepEqual([users, counts["logged in"], ports[4000]?.connects], [6, 4, 5]);
});

test("a server is settled when it has seen all connects and has nothing left", () => {
  assert.equal(isSettled(server(), 5), true);
  assert.equal(isSettled(server(), 6), false);
  assert.equal(isSettled(server({ tables: { rooms: 1 } }), 5), false);
});
