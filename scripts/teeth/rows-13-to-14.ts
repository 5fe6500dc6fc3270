/** What stands between the code and rows 13 to 14 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const SERVER_ENGINE = "src/engine/server-engine.ts";
const CLIENT_ENGINE = "src/engine/client-engine.ts";
const EVENT_CALLER = "src/engine/event-caller.ts";
const TCP = "src/transport/tcp.ts";

export const ROWS_13_TO_14: readonly Protection[] = [
  {
    row: 13,
    removed: "what an event throws is not caught",
    file: EVENT_CALLER,
    find: `      void this.settle(name, sessionId, event());
    } catch (cause) {
      this.threw(name, sessionId, cause);`,
    replace: `      void this.settle(name, sessionId, event());
    } finally {`,
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "what onRecv throws is not caught",
    file: SERVER_ENGINE,
    find: `      this.#caller.threw("onRecv", id, cause);
      return undefined;`,
    replace: "      throw cause;",
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "what a handler rejects with is not told",
    file: EVENT_CALLER,
    find: "      (cause: unknown) => this.threw(name, sessionId, cause),",
    replace: "      () => {},",
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "a connection whose onConnectionRequest threw is admitted",
    file: SERVER_ENGINE,
    find: `if (this.#caller.ask("onConnectionRequest", ask) !== true) return "application";`,
    replace: `if (this.#caller.ask("onConnectionRequest", ask) === false) return "application";`,
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "the place of a session that left stays taken",
    file: "src/session/session-registry.ts",
    find: "    this.#held.delete(id);\n",
    replace: "",
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "a session is closed once more while it closes",
    file: SESSION,
    find: `    if (state.at === "closing" || state.at === "left") return false;\n`,
    replace: "",
    only: "^100 000 random connects",
  },
  {
    row: 13,
    removed: "a connection that is refused is not closed",
    file: SERVER_ENGINE,
    find: "        incoming.refuse();\n",
    replace: "",
    only: "^over real sockets: session count",
  },
  {
    row: 13,
    removed: "the sessions of a thread that died are not counted out",
    file: "src/threads/server-host.ts",
    find: `    this.#countOut(thread, this.#state === "stopping" ? "server-stopped" : "thread-died", cause);\n`,
    replace: "",
    only: "^on worker threads, some of which die",
    hangs: true,
  },
  {
    row: 13,
    removed: "the sessions of a thread that died are counted out, and their places stay taken",
    file: "src/threads/inheritance.ts",
    find: "    registry.free(id);\n",
    replace: "",
    only: "^on worker threads, some of which die",
    hangs: true,
  },
  {
    row: 13,
    removed: "what onRecv throws is not caught (worker thread)",
    file: SERVER_ENGINE,
    find: `      this.#caller.threw("onRecv", id, cause);
      return undefined;`,
    replace: "      throw cause;",
    only: "^on worker threads, some of which die",
    hangs: true,
  },
  {
    row: 14,
    removed: "an error of a socket is nobody's",
    file: TCP,
    find: `    socket.on("error", (error) => {
      this.#silent = true;
      this.#error ??= error;
      socket.destroy(); // an error of TLS alone does not
    });
`,
    replace: "",
    only: "^a client killed with SIGKILL leaves at once",
  },
  {
    row: 14,
    removed: "an error of a socket is nobody's (clients)",
    file: TCP,
    find: `    socket.on("error", (error) => {
      this.#silent = true;
      this.#error ??= error;
      socket.destroy(); // an error of TLS alone does not
    });
`,
    replace: "",
    only: "^a server killed with SIGKILL makes its clients leave",
  },
  {
    row: 14,
    removed: "a dial that fails waits for its deadline",
    file: TCP,
    find: `    socket.on("error", reject);
    socket.once("connect", () => {`,
    replace: `    socket.on("error", () => {});
    socket.once("connect", () => {`,
    only: "^a server killed under a client that reconnects",
  },
  {
    row: 14,
    removed: "disconnect() waits for the pause between two attempts",
    file: CLIENT_ENGINE,
    find: "    this.#interrupt(aborted(why));\n",
    replace: "",
    only: "^a server killed before connect\\(\\) ever joined",
    hangs: true,
  },
  {
    row: 14,
    removed: "stop() is not told that the last session has gone",
    file: SERVER_ENGINE,
    find: "    if (this.#sessions.size === 0) this.#onEmpty();\n",
    replace: "",
    only: "^clients killed while the server stops",
    hangs: true,
  },
  {
    row: 14,
    removed: "an error of a socket is nobody's (worker thread)",
    file: TCP,
    find: `    socket.on("error", (error) => {
      this.#silent = true;
      this.#error ??= error;
      socket.destroy(); // an error of TLS alone does not
    });
`,
    replace: "",
    only: "leaves a server on worker threads at once",
  },
];
