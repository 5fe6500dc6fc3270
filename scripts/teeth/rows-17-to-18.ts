/** What stands between the code and rows 17 to 18 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const TCP = "src/transport/tcp.ts";
const REGISTRY = "src/session/session-registry.ts";

/** `disconnect({ now })` inside an event would run the leave inside it. */
const TOLD_INSIDE_RESET = {
  file: TCP,
  find: `  reset(): void {
    this.#silent = true;
    const socket = this.#socket!;
    if (this.#raw === null) {
      resetSocket(socket, this.remote);`,
  replace: `  reset(): void {
    this.#silent = true;
    const receiver = this.#receiver;
    this.#receiver = null;
    const socket = this.#socket!;
    if (this.#raw === null) {
      resetSocket(socket, this.remote);
      receiver?.onClosed(undefined);`,
} as const;
/** So would `disconnect` with the completion of what it writes. */
const TOLD_INSIDE_WRITE = {
  file: TCP,
  find: "      socket.write(chunks[0]!, this.#onWritten);",
  replace: "      socket.write(chunks[0]!);\n      this.#onWritten();",
} as const;

export const ROWS_17_TO_18: readonly Protection[] = [
  {
    row: 17,
    removed: "a reset is told inside the call that asked for it (server)",
    ...TOLD_INSIDE_RESET,
    only: "of a server.*workerThreads 0, without",
    hangs: true,
  },
  {
    row: 17,
    removed: "a reset is told inside the call that asked for it (client)",
    ...TOLD_INSIDE_RESET,
    only: "of a client.*workerThreads 0",
    hangs: true,
  },
  {
    row: 17,
    removed: "a reset is told inside the call that asked for it (server on a thread)",
    ...TOLD_INSIDE_RESET,
    only: "of a server.*workerThreads 1, with batch",
    hangs: true,
  },
  {
    row: 17,
    removed: "a reset is told inside the call that asked for it (client on a thread)",
    ...TOLD_INSIDE_RESET,
    only: "of a client.*workerThreads 1",
    hangs: true,
  },
  {
    row: 17,
    removed: "a completed write is told inside the call that wrote",
    ...TOLD_INSIDE_WRITE,
    only: "of a server.*workerThreads 0, with batch",
    hangs: true,
  },
  {
    row: 17,
    removed: "a packet is written, and told so, inside sendPacket",
    file: SESSION,
    find: `    if (this.#hands) this.#context.flusher.addAnswering(this);
    else this.#context.flusher.add(this);`,
    replace: `    this.flush();
    if (this.#out.writing) this.onWritten();`,
    only: "of a client.*workerThreads 0",
    hangs: true,
  },
  {
    row: 18,
    removed: "a client has one queue for all its connections",
    file: SESSION,
    find: "this.#out = new SendBuffer(context.settings.header, context.sendPool, context.random);",
    replace: `const shared = context as unknown as { out?: SendBuffer };
    this.#out = shared.out ??= new SendBuffer(context.settings.header, context.sendPool, context.random);`,
    only: "^packets of 20000 bytes",
    hangs: true,
  },
  {
    row: 18,
    removed: "a client has one queue for all its connections, which is not emptied between them",
    file: SESSION,
    find: "this.#out = new SendBuffer(context.settings.header, context.sendPool, context.random);",
    replace: `const shared = context as unknown as { out?: SendBuffer };
    const fresh = new SendBuffer(context.settings.header, context.sendPool, context.random);
    this.#out = shared.out ??= Object.assign(fresh, { release: () => {} });`,
    only: "^on a virtual clock",
  },
  {
    row: 18,
    removed: "a host id in use moves by itself",
    file: REGISTRY,
    find: "      if (!replace) return false;\n",
    replace: "",
    only: "^packets queued for a host id",
  },
  {
    row: 18,
    removed: "packets under way to a client's thread go to whatever session it has then",
    file: "src/threads/client-thread.ts",
    find: "if (session?.id === id) session.sendReserved(packet, frame);",
    replace: "session?.sendReserved(packet, frame);",
    only: "^packets that the handle took for one connection",
  },
];
