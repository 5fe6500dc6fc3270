/**
 * A server that reports to a monitor: itself, its process and this host, once a second. So that there is something to
 * see, it has a few users of its own, who come and go and talk over loopback.
 *
 *     npx node examples/monitoring/reporting-server.ts --server-no 1 --port 7700 [--ip 127.0.0.1] [--role chat]
 *
 *     users --LanClient--> LanServer          MonitorAgent --20001, 20002--> monitor
 *
 * The link may break and the monitor may be away: the agent tries again until the server is ended (Ctrl-C, SIGTERM, or
 * the end of the process that forked it).
 */
import { parseArgs } from "node:util";
// In a project of your own: from "lanwire".
import {
  LanClient,
  type LanError,
  LanServer,
  MonitorAgent,
  Packet,
  type SessionId,
} from "../../src/index.ts";

class EchoServer extends LanServer {
  override onConnectionRequest(): boolean {
    return true;
  }
  override onClientJoin(): void {}
  override onClientLeave(): void {}
  override onRecv(sessionId: SessionId, packet: Packet): void {
    this.sendPacket(sessionId, packet);
  }
  override onError({ code, message }: LanError): void {
    console.error(`${code}: ${message}`);
  }
}

/** Sends a packet every so often. */
class User extends LanClient {
  readonly #packet = new Packet().writeBytes(new Uint8Array(200));
  readonly #everyMs: number;
  #talking: NodeJS.Timeout | undefined;

  constructor(everyMs: number) {
    super();
    this.#everyMs = everyMs;
  }

  override onEnterJoinServer(): void {
    this.#talking = setInterval(() => this.sendPacket(this.#packet), this.#everyMs);
  }
  override onLeaveServer(): void {
    clearInterval(this.#talking);
  }
  override onRecv(): void {}
  override onSend(): void {}
  override onError({ code, message }: LanError): void {
    console.error(`${code}: ${message}`);
  }
}

/** What a role reports besides: how many players there are, by its data type of the C++ systems. */
const PLAYERS = { game: 15, chat: 34 } as const;
const USERS = 6;

/** Users come one by one and leave one by one, in turns of half a minute. */
class Users {
  readonly #all: readonly User[];
  readonly #port: number;
  readonly #turning: NodeJS.Timeout;
  #turns = 0;

  constructor(port: number) {
    this.#port = port;
    this.#all = Array.from({ length: USERS }, (_, n) => new User(20 + 15 * n));
    this.#turning = setInterval(() => this.#turn(), 5000);
    this.#turn();
  }

  async stop(): Promise<void> {
    clearInterval(this.#turning);
    await Promise.all(this.#all.map((user) => user.disconnect({ now: true })));
  }

  #turn(): void {
    const turn = this.#turns++ % (2 * USERS);
    const user = this.#all[turn % USERS];
    const moved = turn < USERS ? user?.connect({ port: this.#port }) : user?.disconnect();
    moved?.catch((error: Error) => console.error(error.message));
  }
}

const { values } = parseArgs({
  options: {
    "server-no": { type: "string", default: "1" },
    ip: { type: "string", default: "127.0.0.1" },
    port: { type: "string" },
    role: { type: "string" },
  },
});
if (values.port === undefined) throw new Error("Cannot start the server: --port, the monitor's, is missing");
const serverNo = Number(values["server-no"]);
// By convention of this example server 1 is the chat server; everything else plays a game server.
const role = values.role ?? (serverNo === 1 ? "chat" : "game");
if (role !== "chat" && role !== "game") throw new Error(`Cannot start the server: no role "${role}"`);

const ended = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  process.once("disconnect", () => resolve());
  if (process.send !== undefined && !process.connected) resolve(); // it went while this module was loading
});

const server = new EchoServer();
const agent = new MonitorAgent({ serverNo, watch: [server] });
agent.onError = ({ code, message }) => console.error(`server ${serverNo} ${code}: ${message}`);
agent.start({ serverIp: values.ip, port: Number(values.port) });

const { port } = await server.start({ port: 0 });
console.log(`server ${serverNo} (pid ${process.pid}, ${role}) listens on port ${port}`);
const users = new Users(port);
const counting = setInterval(() => agent.report(PLAYERS[role], server.getSessionCount()), 1000);
await ended;
clearInterval(counting);
await users.stop();
await agent.stop();
await server.stop({ drainMs: 0 });
if (process.connected) process.disconnect?.();
