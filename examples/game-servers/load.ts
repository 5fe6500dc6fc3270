/**
 * A load process: many users of the game servers. `main.ts` starts it; it obeys and reports over IPC.
 *
 *     load.ts --users 1000 --first-account 1 --login-port N --rooms 100 --seed 1
 */
import { parseArgs } from "node:util";
import type { News, Order } from "./reports.ts";
import { Tally } from "./tally.ts";
import { User } from "./user.ts";

const { values } = parseArgs({
  options: {
    users: { type: "string" },
    "first-account": { type: "string" },
    "login-port": { type: "string" },
    rooms: { type: "string" },
    seed: { type: "string" },
  },
});
const count = Number(values.users);
const firstAccount = BigInt(values["first-account"]!);
const random = randomFrom(Number(values.seed));
const tally = new Tally();
/** Users that were in the world of a game server, by its port. */
const players = new Map<number, Set<bigint>>();
let toldOf: number | undefined;
let gone = 0;

const tell = (news: News): void => void (process.connected && process.send?.(news));

const users = Array.from({ length: count }, (_, n) => {
  const account = firstAccount + BigInt(n);
  return new User(account, {
    login: { ip: "127.0.0.1", port: Number(values["login-port"]) },
    rooms: Number(values.rooms),
    tally,
    random,
    onPlaying: (gamePort) => {
      players.set(gamePort, (players.get(gamePort) ?? new Set()).add(account));
      tellIfEveryoneIsIn();
    },
    onGone: () => {
      gone++;
    },
  });
});

process.on("message", ({ order, ...more }: Order & { gamePort?: number }) => {
  if (order === "report") {
    for (const user of users) if (user.state !== "gone") tally.count(`not gone: ${user.state}`);
    tell({ news: "report", report: tally.report(count, gone) });
  } else if (order === "tell-everyone-in") {
    toldOf = more.gamePort;
    tellIfEveryoneIsIn();
  } else {
    for (const user of users) user.end();
    const look = setInterval(() => {
      if (gone < count || tally.openLinks > 0) return;
      clearInterval(look);
      tell({ news: "everyone-gone" });
    }, 20);
  }
});
process.once("disconnect", () => process.exit());
if (!process.connected) process.exit(); // the main process went while this module was loading

function tellIfEveryoneIsIn(): void {
  if (toldOf === undefined || players.get(toldOf)?.size !== count) return;
  tell({ news: "everyone-in", gamePort: toldOf });
  toldOf = undefined;
}

/** Numbers from 0 to below 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
