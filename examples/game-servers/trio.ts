/**
 * A run from beginning to end: starts the servers and the load, waits, kills where asked, and gathers what all report.
 *
 * Invariant: nothing here depends on being quick. What must happen is waited for, and given up only after
 * `settleMs`; then that is one of the run's problems, and the run is red.
 */
import { Deadline, Process } from "./processes.ts";
import { addUp, isSettled, type Run } from "./proofs.ts";
import type { World } from "./protocol.ts";
import type { LoadReport, ServerReport } from "./reports.ts";

export interface TrioOptions {
  readonly users: number;
  /** How long users play after everybody has been in. */
  readonly playMs: number;
  /** Whether the game server is killed half-way, and started again. */
  readonly kill: boolean;
  /** Worker threads of the login server's links to servers. */
  readonly threads: number;
  /** Load processes that share the users. */
  readonly loads: number;
  readonly tokenLifeMs: number;
  /** How long anything may take that must happen. */
  readonly settleMs: number;
  readonly seed: number;
  /** Takes a line for each thing that happens. */
  readonly note: (text: string) => void;
}

/** So many users to a room. */
const ROOM_USERS = 10;
/** How often it is looked whether a server is where it must come to. */
const LOOK_MS = 50;

/** Resolves with what is known at the end, whatever went wrong; no process is left then. */
export async function runTrio(options: TrioOptions): Promise<Run> {
  const trio = new Trio(options);
  try {
    return await trio.run();
  } finally {
    await trio.killAll();
  }
}

/** Something that the run cannot go on without did not happen. */
class Stuck extends Error {}

class Trio {
  readonly #options: TrioOptions;
  readonly #running = new Set<Process>();
  readonly #servers = new Map<"login" | World, Process>();
  readonly #loads: Process[] = [];
  readonly #killedPorts: number[] = [];
  readonly #problems: string[] = [];
  /** Where servers log in. */
  #linkPort = 0;

  constructor(options: TrioOptions) {
    this.#options = options;
  }

  async run(): Promise<Run> {
    let servers: ServerReport[] = [];
    let loads: LoadReport[] = [];
    try {
      const loginPort = await this.#beginLogin();
      await this.#beginWorld("chat");
      const gamePort = await this.#beginWorld("game");
      this.#beginLoads(loginPort);
      await this.#everyoneIn(gamePort);
      await this.#play(gamePort);
      await this.#endUsers();
      loads = await this.#reports<LoadReport>(this.#loads);
      servers = await this.#settledReports(loads);
      await this.#endAll();
    } catch (error) {
      if (!(error instanceof Stuck)) throw error;
      this.#problems.push(error.message);
    }
    return { servers, killedPorts: this.#killedPorts, loads, problems: this.#problems };
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((each) => each.kill()));
  }

  async #beginLogin(): Promise<number> {
    const { threads } = this.#options;
    const login = this.#beginServer("login", ["--threads", `${threads}`]);
    const listening = await login.next("listening", this.#deadline());
    if (listening === undefined) throw new Stuck("the login server did not start");
    const { userPort, linkPort } = listening;
    this.#linkPort = linkPort;
    this.#note(
      `login server (pid ${login.pid}) listens on ${userPort} for users, on ${linkPort} for servers`,
    );
    return userPort;
  }

  /** Resolves with the users' port when the server has logged in to the login server. */
  async #beginWorld(world: World, notPort: number = 0): Promise<number> {
    const { tokenLifeMs } = this.#options;
    const args = ["--login-port", `${this.#linkPort}`, "--token-ms", `${tokenLifeMs}`];
    const server = this.#beginServer(world, [...args, "--not-port", `${notPort}`]);
    const listening = await server.next("listening", this.#deadline());
    if (listening === undefined) throw new Stuck(`the ${world} server did not start`);
    const { userPort } = listening;
    this.#note(`${world} server (pid ${server.pid}) listens on ${userPort}`);
    const deadline = this.#deadline();
    while (deadline.leftMs() > 0) {
      const report = await this.#servers.get("login")!.report<ServerReport>(deadline);
      if (report?.worlds?.[world] === userPort) return userPort;
      await sleep(LOOK_MS);
    }
    throw new Stuck(`the ${world} server did not log in to the login server`);
  }

  #beginServer(role: "login" | World, more: readonly string[]): Process {
    // Two logins at once, game and chat, and as many again that dropped and were not yet noticed.
    const args = ["--role", role, "--max-sessions", `${4 * this.#options.users + 100}`, ...more];
    const server = this.#begin(`${role} server`, "./server-process.ts", args);
    this.#servers.set(role, server);
    return server;
  }

  #beginLoads(loginPort: number): void {
    const { users, loads, seed } = this.#options;
    const where = ["--login-port", `${loginPort}`, "--rooms", `${Math.ceil(users / ROOM_USERS)}`];
    for (let n = 0; n < loads; n++) {
      const first = Math.floor((users * n) / loads);
      const share = Math.floor((users * (n + 1)) / loads) - first;
      const who = ["--users", `${share}`, "--first-account", `${first + 1}`, "--seed", `${seed + n}`];
      this.#loads.push(this.#begin(`load ${n + 1}`, "./load.ts", [...where, ...who]));
    }
  }

  #begin(name: string, file: string, args: readonly string[]): Process {
    const started = new Process(name, file, args);
    this.#running.add(started);
    return started;
  }

  async #play(gamePort: number): Promise<void> {
    const { playMs, kill } = this.#options;
    if (!kill) return sleep(playMs);
    await sleep(playMs / 2);
    const game = this.#servers.get("game")!;
    await game.kill();
    this.#running.delete(game);
    this.#killedPorts.push(gamePort);
    this.#note(`killed the game server (pid ${game.pid})`);
    await this.#everyoneIn(await this.#beginWorld("game", gamePort));
    await sleep(playMs / 2);
  }

  /** Waits until each user has been in the world of that game server. */
  async #everyoneIn(gamePort: number): Promise<void> {
    for (const load of this.#loads) load.tell({ order: "tell-everyone-in", gamePort });
    const deadline = this.#deadline();
    const problems: string[] = [];
    for (const load of this.#loads) {
      if ((await load.next("everyone-in", deadline)) === undefined)
        problems.push(`not all users of ${load.name} came into the game at ${gamePort}`);
    }
    this.#problems.push(...problems);
    if (problems.length === 0) this.#note(`everybody has been in the game at ${gamePort}`);
  }

  /** Who does not end in time is in the reports. */
  async #endUsers(): Promise<void> {
    for (const load of this.#loads) load.tell({ order: "end" });
    const deadline = this.#deadline();
    let left = 0;
    for (const load of this.#loads) if (await load.next("everyone-gone", deadline)) left++;
    if (left === this.#loads.length) this.#note("everybody has left");
  }

  /** The servers' last reports: when all is as it must be, or it has taken too long. */
  async #settledReports(loads: readonly LoadReport[]): Promise<ServerReport[]> {
    const { ports } = addUp(loads);
    const deadline = this.#deadline();
    for (;;) {
      const told = await this.#reports<ServerReport>([...this.#servers.values()]);
      const settled = told.every((report) => isSettled(report, ports[report.port]?.connects ?? 0));
      if (settled || told.length < this.#servers.size || deadline.leftMs() === 0) return told;
      await sleep(LOOK_MS);
    }
  }

  async #reports<Report extends ServerReport | LoadReport>(processes: readonly Process[]): Promise<Report[]> {
    const told: Report[] = [];
    for (const each of processes) {
      const report = await each.report<Report>(this.#deadline());
      if (report === undefined) this.#problems.push(`${each.name} does not report`);
      else told.push(report);
    }
    return told;
  }

  /** The login server ends last, as the others are linked to it. */
  async #endAll(): Promise<void> {
    for (const each of [...this.#loads, ...[...this.#servers.values()].reverse()]) {
      const how = await each.end();
      this.#running.delete(each);
      if (how !== "exit code 0") this.#problems.push(`${each.name} ended with ${how}`);
    }
  }

  #deadline(): Deadline {
    return new Deadline(this.#options.settleMs);
  }

  #note(text: string): void {
    this.#options.note(text);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
