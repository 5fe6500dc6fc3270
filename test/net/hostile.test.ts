/** Everybody of scripts/hostile/plan.ts, a few of each, beside users who notice nothing. `npm run test:hostile` has many. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Hostile, type Seen } from "../../scripts/hostile/acts.ts";
import { KINDS, roleOf } from "../../scripts/hostile/plan.ts";
import { Attacked, type Report } from "../../scripts/hostile/server.ts";
import { Users } from "../../scripts/hostile/users.ts";
import { allMet, wrongOf } from "../../scripts/hostile/verdict.ts";
import { canMoveSockets } from "../../src/transport/tcp.ts";

const USERS = 40;
const OF_EACH_MAX = 2;
/** One address has more than this kind's place. */
const CROWD = 70;

for (const workerThreads of [0, 2]) {
  const skip =
    workerThreads > 1 && !canMoveSockets()
      ? "sockets cannot be moved between threads here"
      : process.platform !== "linux" && "only Linux has all of 127.0.0.0/8 without asking";
  it(`hostile clients of ${KINDS.length} kinds meet their own reason, ${workerThreads} worker threads`, {
    skip,
  }, async (t) => {
    const attacked = new Attacked();
    const ports = await attacked.start(workerThreads);
    t.after(() => attacked.stop());
    const users = new Users(USERS);
    await users.join(ports);
    const seen: Seen = { connected: 0, failed: {} };
    const hostiles = KINDS.flatMap((kind) => {
      const count = kind === "a crowd behind one address" ? CROWD : Math.min(OF_EACH_MAX, roleOf(kind).count);
      return Array.from({ length: count }, (_, i) => new Hostile(kind, i, ports, seen));
    });
    const until = async (holds: (report: Report) => boolean): Promise<void> => {
      while (!holds(attacked.report()) && users.wrong.length === 0) await sleep(10);
    };
    let isOver = false;
    const spoken = users.speak(() => isOver || users.wrong.length > 0);
    for (const hostile of hostiles) hostile.come();
    await until((report) => allMet(report, () => 1));
    for (const hostile of hostiles) hostile.withdraw();
    await until(({ sessions }) => sessions === USERS);
    isOver = true;
    await spoken;
    assert.deepEqual(await users.finish(), []);
    while (attacked.report().sessions > 0) await sleep(10);
    assert.deepEqual(
      wrongOf(attacked.report(), USERS, () => 1),
      [],
    );
  });
}
