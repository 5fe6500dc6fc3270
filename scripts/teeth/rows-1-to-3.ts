/** What stands between the code and rows 1 to 3 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const SEND_BUFFER = "src/framing/send-buffer.ts";

export const ROWS_1_TO_3: readonly Protection[] = [
  {
    row: 1,
    removed: "a verdict of the sweep is final at once",
    file: SESSION,
    find: "if (this.#liveness.verdict(this, nowMs) !== undefined) this.#suspect();",
    replace: `const reason = this.#liveness.verdict(this, nowMs);
    if (reason !== undefined) this.close(reason, { reset: true });`,
    only: "a handler that blocks its thread",
  },
  {
    row: 1,
    removed: "a verdict of the sweep is final at once (virtual clock)",
    file: SESSION,
    find: "if (this.#liveness.verdict(this, nowMs) !== undefined) this.#suspect();",
    replace: `const reason = this.#liveness.verdict(this, nowMs);
    if (reason !== undefined) this.close(reason, { reset: true });`,
    only: "after a block of any length",
  },
  {
    row: 1,
    removed: "a suspicion is judged before the loop has read what had arrived",
    file: "src/base/clock.ts",
    find: `    let pending = setImmediate(() => {
      pending = setImmediate(task);
      pending.unref();
    });
    pending.unref();
    return { cancel: () => clearImmediate(pending) };`,
    replace: `    let isPending = true;
    process.nextTick(() => {
      if (isPending) task();
    });
    return {
      cancel: () => {
        isPending = false;
      },
    };`,
    only: "a handler that blocks its thread",
  },
  {
    row: 1,
    removed: "what was read meanwhile is not looked at before a suspicion is judged",
    file: SESSION,
    find: `      this.#liveness.observe(this, nowMs);
      const reason`,
    replace: "      const reason",
    only: "a handler that blocks its thread|after a block of any length",
  },
  {
    row: 1,
    removed: "a verdict of the sweep is final at once (worker thread)",
    file: SESSION,
    find: "if (this.#liveness.verdict(this, nowMs) !== undefined) this.#suspect();",
    replace: `const reason = this.#liveness.verdict(this, nowMs);
    if (reason !== undefined) this.close(reason, { reset: true });`,
    only: "^a worker thread that is held",
  },
  {
    row: 2,
    removed: "the bytes of a frame that is not whole are no sign of life",
    file: SESSION,
    find: `  get bytesReceived(): number {
    return this.#in.bytesReceived;`,
    replace: `  get bytesReceived(): number {
    return this.#in.bytesReceived - this.#in.partialBytes;`,
    only: "a 100 MB message",
  },
  {
    row: 2,
    removed: "the bytes of a frame that is not whole are no sign of life (real sockets)",
    file: SESSION,
    find: `  get bytesReceived(): number {
    return this.#in.bytesReceived;`,
    replace: `  get bytesReceived(): number {
    return this.#in.bytesReceived - this.#in.partialBytes;`,
    only: "^over real sockets",
  },
  {
    row: 2,
    removed: "heartbeats are sent while bytes are queued",
    file: SESSION,
    find: "if (this.#out.queuedBytes === 0 && this.#liveness.heartbeatDue(nowMs, sweepMs)) this.#beat();",
    replace: "if (this.#liveness.heartbeatDue(nowMs, sweepMs)) this.#beat();",
    only: "heartbeats go between messages",
  },
  {
    row: 2,
    removed: "no heartbeat is sent between messages",
    file: SESSION,
    find: "if (this.#out.queuedBytes === 0 && this.#liveness.heartbeatDue(nowMs, sweepMs)) this.#beat();",
    replace: "",
    only: "heartbeats go between messages",
  },
  {
    row: 2,
    removed: "a large packet is one write, which shows no progress on a slow link",
    file: SEND_BUFFER,
    find: "const WRITE_BYTES_MAX = 1024 * 1024;",
    replace: "const WRITE_BYTES_MAX = Number.MAX_SAFE_INTEGER;",
    only: "a 100 MB message",
  },
  {
    row: 2,
    removed: "the bytes of a frame that is not whole are no sign of life (worker thread)",
    file: SESSION,
    find: `  get bytesReceived(): number {
    return this.#in.bytesReceived;`,
    replace: `  get bytesReceived(): number {
    return this.#in.bytesReceived - this.#in.partialBytes;`,
    only: "^the same to a worker thread and back",
  },
  {
    row: 3,
    removed: "the queue has no limit on one thread",
    file: SESSION,
    find: "if (this.#out.queuedBytes + frameBytes > bytesMax || !crossing.take(this.id, frameBytes, bytesMax)) {",
    replace: "if (!crossing.take(this.id, frameBytes, bytesMax)) {",
    only: "packets of 512 bytes",
  },
  {
    row: 3,
    removed: "a packet that does not fit into the rest of a slab leaves that rest empty",
    file: SEND_BUFFER,
    find: "this.#longBytes = header.net === null ? SPLIT_PAYLOAD_BYTES : 0;",
    replace: "this.#longBytes = header.net === null ? LARGE_PAYLOAD_BYTES + 0 * SPLIT_PAYLOAD_BYTES : 0;",
    only: "packets that are nearly large",
  },
  {
    row: 3,
    removed: "packets are queued by reference whatever else their memory holds (grown field by field)",
    file: SEND_BUFFER,
    find: " && heldBytes(packet) <= length * HELD_RATIO_MAX)",
    replace: ")",
    only: "grew field by field",
  },
  {
    row: 3,
    removed: "packets are queued by reference whatever else their memory holds (one of many received)",
    file: SEND_BUFFER,
    find: " && heldBytes(packet) <= length * HELD_RATIO_MAX)",
    replace: ")",
    only: "received packets that are passed on",
  },
  {
    row: 3,
    removed: "who was refused is not told of room",
    file: SESSION,
    find: "        owner.onSendReady(this);\n",
    replace: "",
    only: "a stalled session refuses packets",
    hangs: true,
  },
  {
    row: 3,
    removed: "who was refused is told of room before there is enough for that packet",
    file: SESSION,
    find: `        this.#refusedBytes > 0 &&
        this.#out.queuedBytes + this.#refusedBytes <= settings.sendQueueBytesMax`,
    replace: "        this.#refusedBytes > 0",
    only: "^who was refused a large packet",
  },
  {
    row: 3,
    removed: "other threads take packets for a session without limit",
    file: "src/threads/reservations.ts",
    find: 'if (!fits(word, bytes, bytesMax)) return "full";',
    replace: 'if (!fits(word, bytes, BYTES_MAX)) return "full";',
    only: "one queue for all threads",
  },
  {
    row: 3,
    removed: "a session's own thread does not count what others have taken for it",
    file: "src/threads/reservations.ts",
    find: "      if (taken > bytesMax || taken > BYTES_MAX) return false;",
    replace: "      if (taken > BYTES_MAX) return false;",
    only: "one queue for all threads",
  },
  {
    row: 3,
    removed: "other threads that were refused are not told of room",
    file: SESSION,
    find: "      crossing.announceRoom(this.id);\n",
    replace: "",
    only: "one queue for all threads",
  },
  {
    row: 3,
    removed: "what is written goes on counting against the limit of all threads",
    file: SESSION,
    find: "    crossing.written(this.id, bytes);\n",
    replace: "",
    only: "one queue for all threads",
  },
  {
    row: 3,
    removed: "room that a session's own thread took ahead and did not use stays taken",
    file: "src/threads/shared-crossing.ts",
    find: "    for (const id of ids) if (this.#reservations.giveBackUnspent(id)) this.announceRoom(id);\n",
    replace: "    void ids;\n",
    only: "took ahead and did not use is there",
    hangs: true,
  },
];
