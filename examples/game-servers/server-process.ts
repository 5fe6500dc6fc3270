/**
 * A server process. `main.ts` starts it; it reports over IPC, and ends in good order when that channel closes.
 *
 *     server-process.ts --role login --max-sessions 4000 [--threads 1]
 *     server-process.ts --role game|chat --max-sessions 4000 --login-port N --token-ms 10000 [--not-port N]
 */
import { parseArgs } from "node:util";
import { ChatServer } from "./chat-server.ts";
import { GameServer } from "./game-server.ts";
import { LoginServer } from "./login-server.ts";
import type { News, Order } from "./reports.ts";

const { values } = parseArgs({
  options: {
    role: { type: "string" },
    "max-sessions": { type: "string" },
    threads: { type: "string", default: "1" },
    "login-port": { type: "string", default: "0" },
    "token-ms": { type: "string", default: "10000" },
    "not-port": { type: "string" },
  },
});
const maxSessions = Number(values["max-sessions"]);

const tell = (news: News): void => void (process.connected && process.send?.(news));

const disconnected = new Promise<void>((resolve) => {
  process.once("disconnect", () => resolve());
  if (process.send !== undefined && !process.connected) resolve(); // it went while this module was loading
});
const server = await start();
process.on("message", ({ order }: Order) => {
  if (order === "report") tell({ news: "report", report: server.report() });
});
await disconnected;
await server.close();

async function start(): Promise<LoginServer | GameServer | ChatServer> {
  if (values.role === "login") {
    const login = new LoginServer();
    tell({ news: "listening", ...(await login.open({ maxSessions, threads: Number(values.threads) })) });
    return login;
  }
  const world = values.role === "game" ? new GameServer() : new ChatServer();
  const userPort = await world.open({
    loginPort: Number(values["login-port"]),
    maxSessions,
    tokenLifeMs: Number(values["token-ms"]),
    notPort: values["not-port"] === undefined ? undefined : Number(values["not-port"]),
  });
  tell({ news: "listening", userPort, linkPort: 0 });
  return world;
}
