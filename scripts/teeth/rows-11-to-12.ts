/** What stands between the code and rows 11 to 12 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const LIVENESS = "src/session/liveness.ts";
const CLIENT_ENGINE = "src/engine/client-engine.ts";
const TCP = "src/transport/tcp.ts";

export const ROWS_11_TO_12: readonly Protection[] = [
  ...(
    ["while idle", "mid-write, unacknowledged", "in one direction only", "^over real sockets"] as const
  ).map(
    (only): Protection => ({
      row: 11,
      removed: `a silent peer is never noticed: ${only.replace("^", "")}`,
      file: LIVENESS,
      find: `    if (heartbeat !== false && signs.peerBeats && silentMs > heartbeat.timeoutMs) return "heartbeat-timeout";\n`,
      replace: "",
      only,
      ...(only === "^over real sockets" ? { hangs: true as const } : {}),
    }),
  ),
  {
    row: 11,
    removed: "full buffers are never noticed",
    file: LIVENESS,
    find: `    if (nowMs - this.#writtenAtMs > sendStallMs) return "send-stalled";\n`,
    replace: "",
    only: "without heartbeats, the buffers full",
  },
  {
    row: 11,
    removed: "a frame that breaks off is never noticed",
    file: LIVENESS,
    find: `    if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs) return "partial-frame-timeout";\n`,
    replace: "",
    only: "mid-read, without heartbeats",
  },
  {
    row: 11,
    removed: "a suspicion is looked into only after a minute",
    file: "src/engine/sweeper.ts",
    find: "this.#timer = this.#clock.after(delayMs, this.#onDue);",
    replace: "this.#timer = this.#clock.after(60_000, this.#onDue);",
    only: "mid-write, the buffers full",
  },
  {
    row: 11,
    removed: "there are no TCP keepalive probes",
    file: TCP,
    find: "    if (options.keepAliveMs > 0) keepAlive(socket, options.keepAliveMs);\n",
    replace: "",
    only: "^between two hosts",
    hangs: true,
  },
  {
    row: 11,
    removed: "a silent peer is never noticed (worker threads)",
    file: LIVENESS,
    find: `    if (heartbeat !== false && signs.peerBeats && silentMs > heartbeat.timeoutMs) return "heartbeat-timeout";\n`,
    replace: "",
    only: "^between two worker threads.*idle, heartbeats",
  },
  {
    row: 11,
    removed: "full buffers are never noticed (worker threads)",
    file: LIVENESS,
    find: `    if (nowMs - this.#writtenAtMs > sendStallMs) return "send-stalled";\n`,
    replace: "",
    only: "^between two worker threads.*buffers full",
  },
  {
    row: 12,
    removed: "a listener stays on the signal after the last connection",
    file: CLIENT_ENGINE,
    find: `    signal?.removeEventListener("abort", onAbort);\n`,
    replace: "",
    only: "^1000 reconnect cycles",
  },
  {
    row: 12,
    removed: "the deadline of a dial stays behind when it is done",
    file: CLIENT_ENGINE,
    find: `    } finally {
      deadline.cancel();`,
    replace: "    } finally {",
    only: "^1000 reconnect cycles",
  },
  {
    row: 12,
    removed: "the deadline of a dial stays behind when it fails",
    file: CLIENT_ENGINE,
    find: `    } finally {
      deadline.cancel();`,
    replace: "    } finally {",
    only: "^1000 attempts that find nobody",
  },
  {
    row: 12,
    removed: "a session's deadline stays behind when it is left",
    file: SESSION,
    find: `    if ("deadline" in state && !("deadline" in next && next.deadline === state.deadline))
      state.deadline.cancel();
`,
    replace: "",
    only: "^1000 reconnect cycles",
  },
  {
    row: 12,
    removed: "a client holds the next peer to the heartbeats of the last one",
    file: "src/session/inflow.ts",
    find: "this.#emptyIsHeartbeat = settings.heartbeat !== false;",
    replace: `this.#emptyIsHeartbeat = settings.heartbeat !== false;
    const shared = receivePool as { beats?: true };
    Object.defineProperty(this, "peerBeats", { get: () => shared.beats ?? false, set: () => (shared.beats = true) });`,
    only: "^each connection starts from fresh liveness",
  },
  {
    row: 12,
    removed: "reconnect attempts are not spread by chance",
    file: CLIENT_ENGINE,
    find: "const delayMs = randomOf(network)() * Math.min(",
    replace: "const delayMs = Math.ceil(randomOf(network)()) * Math.min(",
    only: "^the reconnect attempts of 500 clients",
  },
  {
    row: 12,
    removed: "the pause between attempts soon stops growing",
    file: CLIENT_ENGINE,
    find: "minDelayMs * 2 ** Math.min(pauses, 30)",
    replace: "minDelayMs * 2 ** Math.min(pauses, 4)",
    only: "^the reconnect attempts of 500 clients",
  },
  {
    row: 12,
    removed: "a client's place stays taken between two connections (worker thread)",
    file: CLIENT_ENGINE,
    find: "    this.#place.registry.free(session.id);\n",
    replace: "",
    only: "^300 reconnect cycles",
    hangs: true,
  },
  {
    row: 12,
    removed: "what was taken for the last connection counts for the next one (worker thread)",
    file: "src/threads/reservations.ts",
    find: "    Atomics.store(this.#words, slotOf(id), generationBits(id));\n",
    replace: "    Atomics.store(this.#words, slotOf(id), generationBits(id) + 1000n);\n",
    only: "^300 reconnect cycles",
  },
  {
    row: 12,
    removed: "the handle's listener stays on the signal",
    file: "src/threads/client-host.ts",
    find: `    void this.#over.promise.then(() => signal?.removeEventListener("abort", onAbort));\n`,
    replace: "",
    only: "^300 reconnect cycles",
  },
];
