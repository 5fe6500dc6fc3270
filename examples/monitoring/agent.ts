/**
 * An agent: a process that tells the monitoring server this host's and its own figures, once a second.
 *
 *     npx node examples/monitoring/agent.ts --server-no 1 --port 40123 [--ip 127.0.0.1] [--role chat]
 *
 * The link may break and the server may be away: it tries again until it is ended (Ctrl-C, SIGTERM, or the
 * end of the process that forked it).
 */
import { parseArgs } from "node:util";
// In a project of your own: from "lanwire".
import { LanClient, type LanError, type Leave } from "../../src/index.ts";
import { HOST, PROCESS, type Role } from "./data-types.ts";
import { HostSampler, ProcessSampler } from "./host-figures.ts";
import { LINK, loginPacket, updatePacket } from "./protocol.ts";

/** The server says nothing on this link, and delays start over only after it did: so they stay short. */
const RECONNECT = { minDelayMs: 100, maxDelayMs: 2000 };

class Agent extends LanClient {
  readonly #serverNo: number;
  readonly #role: Role;
  readonly #host = new HostSampler();
  readonly #process = new ProcessSampler();
  #reporting: NodeJS.Timeout | undefined;

  constructor(serverNo: number, role: Role) {
    super();
    this.#serverNo = serverNo;
    this.#role = role;
  }

  override onEnterJoinServer(): void {
    console.log(`server-${this.#serverNo} (pid ${process.pid}, ${this.#role}) joined`);
    this.sendPacket(loginPacket(this.#serverNo));
    this.#reporting = setInterval(() => this.#report(), 1000);
  }

  override onLeaveServer({ reason }: Leave): void {
    clearInterval(this.#reporting);
    console.log(`server-${this.#serverNo} left: ${reason}`);
  }

  override onRecv(): void {
    // The monitoring server sends nothing.
  }

  override onSend(): void {}

  override onError(error: LanError): void {
    console.error(`server-${this.#serverNo} ${error.code}: ${error.message}`);
  }

  close(): void {
    this.#process.close();
  }

  #report(): void {
    const host = this.#host.sample();
    const own = this.#process.sample();
    const types = PROCESS[this.#role];
    const unixTime = Math.floor(Date.now() / 1000);
    const send = (dataType: number, value: number): void => {
      // False where the server does not keep up: this figure is lost, and the next comes in a second.
      this.sendPacket(updatePacket({ dataType, value: Math.round(value), unixTime }));
    };
    send(types.cpuPercent, own.cpuPercent);
    send(types.memoryMib, own.memoryMib);
    send(types.loopDelayMicros, own.loopDelayMicros);
    send(HOST.cpuPercent, host.cpuPercent);
    send(HOST.memoryUsedMib, host.memoryUsedMib);
    send(HOST.memoryAvailableMib, host.memoryAvailableMib);
    if (host.network !== undefined) {
      send(HOST.receivedKibPerSecond, host.network.receivedKibPerSecond);
      send(HOST.sentKibPerSecond, host.network.sentKibPerSecond);
    }
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
if (values.port === undefined) throw new Error("Cannot start the agent: --port is missing");
const serverNo = Number(values["server-no"]);
// By convention of this example server 1 is the chat server; everything else plays a game server.
const role = values.role ?? (serverNo === 1 ? "chat" : "game");
if (role !== "chat" && role !== "game") throw new Error(`Cannot start the agent: no role "${role}"`);

const agent = new Agent(serverNo, role);
const ended = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
  process.once("disconnect", () => resolve());
  if (process.send !== undefined && !process.connected) resolve(); // it went while this module was loading
});
agent
  .connect({ serverIp: values.ip, port: Number(values.port), ...LINK, reconnect: RECONNECT })
  .catch((error: LanError) => {
    if (error.code !== "CONNECT_ABORTED") throw error;
  });
await ended;
await agent.disconnect();
agent.close();
if (process.connected) process.disconnect?.();
