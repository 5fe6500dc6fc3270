/** What stands between the code and rows 6 to 7 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const SERVER_ENGINE = "src/engine/server-engine.ts";
const CLIENT_ENGINE = "src/engine/client-engine.ts";

export const ROWS_6_TO_7: readonly Protection[] = [
  {
    row: 6,
    removed: "stop() leaves sessions alone that leave already, and waits for them",
    file: SERVER_ENGINE,
    find: `      for (const session of this.#sessions) session.close("server-stopped", { reset: true });\n`,
    replace: "",
    only: "a session that already leaves in order",
    hangs: true,
  },
  {
    row: 6,
    removed: "the port stays open behind stop()",
    file: SERVER_ENGINE,
    find: "const closed = this.#listener?.close();",
    replace: "const closed = Promise.resolve();",
    only: "drainMs 0, and all of them",
    hangs: true,
  },
  {
    row: 6,
    removed: "events are still called after stop()",
    file: SERVER_ENGINE,
    find: `    this.#sweeper.stop();
    this.#caller.silence();`,
    replace: "    this.#sweeper.stop();",
    only: "with idle, mid-frame and half-open peers",
  },
  {
    row: 6,
    removed: "the sweep goes on behind stop()",
    file: SERVER_ENGINE,
    find: `    this.#sweeper.stop();
    this.#caller.silence();`,
    replace: "    this.#caller.silence();",
    only: "on a virtual clock stop\\(\\) ends",
  },
  {
    row: 6,
    removed: "stop() waits for as long as its slowest peer",
    file: SERVER_ENGINE,
    find: 'for (const session of this.#sessions) session.drain("server-stopped", drainMs);',
    replace:
      'for (const session of this.#sessions) session.drain("server-stopped", this.#settings.disconnectDrainMs);\n    drainMs = this.#settings.disconnectDrainMs;',
    only: "with idle, mid-frame and half-open peers",
  },
  {
    row: 6,
    removed: "a session that has let everything out says no goodbye",
    file: SESSION,
    find: "    this.connection.end();\n",
    replace: "",
    only: "peers that read and close",
  },
  {
    row: 6,
    removed: "the handle waits for every thread, however long",
    file: "src/threads/server-host.ts",
    find: "await Promise.race([Promise.allSettled(over), late.promise]);",
    replace: "await Promise.allSettled(over);",
    only: "on worker threads, one of them stuck",
    hangs: true,
  },
  {
    row: 6,
    removed: "the sessions of a thread that is stuck have no leave",
    file: "src/threads/server-host.ts",
    find: '      this.#countOut(thread, "server-stopped", undefined);',
    replace: "      void thread;",
    only: "on worker threads, one of them stuck",
  },
  {
    row: 7,
    removed: "a client's disconnect() closes at once",
    file: CLIENT_ENGINE,
    find: `else this.#session?.drain("disconnected", this.#settings.disconnectDrainMs);`,
    replace: `else this.#session?.close("disconnected", { reset: false });`,
    only: "^12 000 sends followed by a graceful disconnect",
  },
  {
    row: 7,
    removed: "a server's disconnect() closes at once",
    file: SERVER_ENGINE,
    find: `: session.drain("disconnected", this.#settings.disconnectDrainMs);`,
    replace: `: session.close("disconnected", { reset: false });`,
    only: "from a server, by disconnect",
  },
  {
    row: 7,
    removed: "stop() lets nothing out first",
    file: SERVER_ENGINE,
    find: `for (const session of this.#sessions) session.drain("server-stopped", drainMs);`,
    replace: `for (const session of this.#sessions) session.close("server-stopped", { reset: false });`,
    only: "from a server, by stop",
  },
  {
    row: 7,
    removed: "the goodbye does not wait for the peer's: what the peer still sends is answered by a reset",
    file: SESSION,
    find: `    this.#enter({ at: "parting", reason: state.reason, deadline: state.deadline });
    this.connection.end();`,
    replace: "    this.close(state.reason, { reset: false });",
    only: "while the other side sends all the time",
  },
  {
    row: 7,
    removed: "packets that wait for their handler are dropped at the peer's goodbye",
    file: SESSION,
    find: `} else if (state.at === "open" && this.#in.holds) {`,
    replace: `} else if (state.at === "open" && this.#in.holds && this.#in.partialBytes > 2 ** 40) {`,
    only: "one packet after the other, asynchronously",
  },
  {
    row: 7,
    removed: "the handle's disconnect() closes at once (client)",
    file: "src/threads/client-host.ts",
    find: 'this.#mail.tell(THREAD, { kind: "leave", now });',
    replace: 'this.#mail.tell(THREAD, { kind: "leave", now: true });',
    only: "the handle sends and says goodbye",
  },
  {
    row: 7,
    removed: "the handle's disconnect() closes at once (server)",
    file: "src/threads/mail.ts",
    find: 'this.#tell(route, { kind: "disconnect", id, now });',
    replace: 'this.#tell(route, { kind: "disconnect", id, now: true });',
    only: "from the handle of a server on worker threads",
  },
  {
    row: 7,
    removed: "a goodbye does not wait for packets that are under way from other threads",
    file: SESSION,
    find: 'state.at === "draining" && !this.#context.crossing.isUnderWay(this.id)) this.#part(state);',
    replace: 'state.at === "draining") this.#part(state);',
    only: "^a goodbye waits",
  },
  {
    row: 7,
    removed: "packets that arrive from other threads while a session drains are dropped",
    file: SESSION,
    find: 'if (this.#state !== OPEN && this.#state.at !== "draining") return;',
    replace: "if (this.#state !== OPEN) return;",
    only: "^a goodbye waits",
  },
];
