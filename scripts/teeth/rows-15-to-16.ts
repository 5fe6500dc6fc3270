/** What stands between the code and rows 15 to 16 of the known problems. */
import type { Protection } from "./protection.ts";

const TCP = "src/transport/tcp.ts";
const FLUSHER = "src/session/flusher.ts";
const REGISTRY = "src/session/session-registry.ts";

export const ROWS_15_TO_16: readonly Protection[] = [
  {
    row: 15,
    removed: "header and payload are two writes",
    file: TCP,
    find: "    socket.cork();\n",
    replace: "",
    only: "queued by reference",
    hangs: true,
  },
  {
    row: 15,
    removed: "each packet is written as it is sent",
    file: FLUSHER,
    find: `    if (this.#dirty.length === 0) {
      this.#dirty = [session]; // of one place: most flushes are of one session
      process.nextTick(this.#onTurnEnds);
    } else if (this.#dirty.push(session) === WAITING_MAX) process.nextTick(this.#onTurnEnds);`,
    replace: "    session.flush();",
    only: "^header and payload reach the transport in one call",
  },
  {
    row: 15,
    removed: "each packet crosses to the session's thread by itself",
    file: "src/threads/mail.ts",
    find: `    if (!this.#flushAsked) {
      this.#flushAsked = true;
      process.nextTick(this.#flush);
    }`,
    replace: "    this.#post(route);",
    only: "^all that the handle sends in one turn",
  },
  {
    row: 16,
    removed: "whoever has the slot is found",
    file: "src/session/session-table.ts",
    find: "return session !== undefined && session.id === id ? session : undefined;",
    replace: "return session;",
    only: "^a session id never reaches a later session",
  },
  {
    row: 16,
    removed: "whoever has the slot is found (real sockets)",
    file: "src/session/session-table.ts",
    find: "return session !== undefined && session.id === id ? session : undefined;",
    replace: "return session;",
    only: "^an id used in onClientLeave",
  },
  {
    row: 16,
    removed: "a slot's generation does not rise",
    file: REGISTRY,
    find: "const generation = (this.#generations[slot] ?? this.#olderGenerations) + 1;",
    replace: "const generation = this.#olderGenerations + 1;",
    only: "^a session id never reaches a later session",
  },
  {
    row: 16,
    removed: "generations begin anew with each start",
    file: "src/link/link-server.ts",
    find: "callersPlace(settings.maxSessions, this.#generations),",
    replace: "callersPlace(settings.maxSessions, 0),",
    only: "^a session id never reaches a later session",
  },
  {
    row: 16,
    removed: "a session that is gone is given a name",
    file: "src/engine/server-engine.ts",
    find: "this.#sessions.find(sessionId)?.isOpen === true && ",
    replace: "",
    only: "^a session id never reaches a later session",
  },
  {
    row: 16,
    removed: "whoever has the slot is found (by a packet that another thread took)",
    file: "src/session/session-table.ts",
    find: "return session !== undefined && session.id === id ? session : undefined;",
    replace: "return session;",
    only: "^a packet that another thread took",
  },
  {
    row: 16,
    removed: "a slot's generation does not rise (worker threads)",
    file: "src/threads/shared-registry.ts",
    find: "const generation = Atomics.add(this.#slots, at + GENERATION, 1) + 1;",
    replace: "const generation = Atomics.store(this.#slots, at + GENERATION, 7);",
    only: "^a packet that another thread took",
  },
  {
    row: 16,
    removed: "a session's name stays with its slot (worker threads)",
    file: "src/threads/shared-registry.ts",
    find: "    this.#names.clear(slot, hide);\n",
    replace: "    hide();\n",
    only: "^a packet that another thread took",
  },
];
