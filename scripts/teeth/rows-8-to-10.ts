/** What stands between the code and rows 8 to 10 of the known problems. */
import type { Protection } from "./protection.ts";

const SESSION = "src/session/session.ts";
const SEND_BUFFER = "src/framing/send-buffer.ts";
const LIVENESS = "src/session/liveness.ts";
const INFLOW = "src/session/inflow.ts";
const DECODE = "src/framing/decode-frames.ts";
const RECEIVE_BUFFER = "src/framing/receive-buffer.ts";

export const ROWS_8_TO_10: readonly Protection[] = [
  {
    row: 8,
    removed: "a large packet goes ahead of the small ones before it",
    file: SEND_BUFFER,
    find: `  #appendByReference(payload: Uint8Array, length: number): void {
    this.#closeRun();`,
    replace: "  #appendByReference(payload: Uint8Array, length: number): void {",
    only: "^1000 un-awaited sends",
  },
  {
    row: 8,
    removed: "a session is busy while a write is under way",
    file: SESSION,
    find: `    if (this.#state !== OPEN) return false;
    const { settings, crossing } = this.#context;`,
    replace: `    if (this.#state !== OPEN || this.#out.writing) return false;
    const { settings, crossing } = this.#context;`,
    only: "^1000 un-awaited sends",
  },
  {
    row: 8,
    removed: "the handle is busy while a batch is full",
    file: "src/threads/mail.ts",
    find: "if (!route.batch.hasRoom(packet, frame)) this.#post(route);",
    replace: "if (!route.batch.hasRoom(packet, frame)) return false;",
    only: "^the same from the handle of a client",
  },
  {
    row: 8,
    removed: "a batch is handed over from its end",
    file: "src/threads/mail-batch.ts",
    find: `    take(id, receivedPacket(memory, view, start, at), frame);
  }`,
    replace: `    const packet = receivedPacket(memory, view, start, at);
    if (at < byteLength) readBatch({ bytes: bytes.slice(at), byteLength: byteLength - at }, take);
    take(id, packet, frame);
    return;
  }`,
    only: "^the same from the handle of a client",
  },
  {
    row: 9,
    removed: "frames are handed over by a function that calls itself",
    file: DECODE,
    find: "    if (!sink.onFrame(payload, at)) return at;",
    replace:
      "    return sink.onFrame(payload, at) ? decodeFrames(header, packetBytesMax, view, at, end, sink) : at;",
    only: "grows no stack",
    hangs: true,
  },
  {
    row: 9,
    removed: "heartbeats are handed over as packets",
    file: INFLOW,
    find: "if (start === end && this.#emptyIsHeartbeat) {",
    replace: "if (start === end && this.#emptyIsHeartbeat && start < 0) {",
    only: "1 MB of heartbeats",
  },
  {
    row: 9,
    removed: "a forbidden length is refused only once its bytes are there",
    file: DECODE,
    find: `    if (length > packetBytesMax || length < 0) throw brokenStream(length, packetBytesMax);
    const payload = at + headerBytes;
    if (end - payload < length) break;`,
    replace: `    const payload = at + headerBytes;
    if (end - payload < length) break;
    if (length > packetBytesMax || length < 0) throw brokenStream(length, packetBytesMax);`,
    only: "refused from the header alone.*one byte too many, u32le",
  },
  {
    row: 9,
    removed: "a length shorter than its own header is taken",
    file: DECODE,
    find: "if (length > packetBytesMax || length < 0) throw",
    replace: "if (length > packetBytesMax) throw",
    only: "less than the header itself",
    hangs: true,
  },
  {
    row: 9,
    removed: "an announced length allocates its memory at once",
    file: "src/framing/receive-buffer.ts",
    find: "if (this.#start + wanted <= slab.bytes.length || this.#growsHere(left, free, wanted)) {",
    replace: `if (this.#start + wanted > slab.bytes.length) {
      this.#takeSlab(wanted, slab);
      return;
    } else {`,
    only: "a length that is allowed allocates nothing",
  },
  {
    row: 9,
    removed: "a stalled partial frame is waited for",
    file: LIVENESS,
    find: `    if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs) return "partial-frame-timeout";\n`,
    replace: "",
    only: "^a stalled partial frame is reaped",
  },
  {
    row: 9,
    removed: "a stalled partial frame is waited for (real sockets)",
    file: LIVENESS,
    find: `    if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs) return "partial-frame-timeout";\n`,
    replace: "",
    only: "^the same over real sockets",
    hangs: true,
  },
  {
    row: 9,
    removed: "a partial frame that moves is reaped all the same",
    file: SESSION,
    find: `  get bytesReceived(): number {
    return this.#in.bytesReceived;`,
    replace: `  get bytesReceived(): number {
    return this.#in.bytesReceived - this.#in.partialBytes;`,
    only: "^a stalled partial frame is reaped",
  },
  {
    row: 9,
    removed: "a peer that is quiet between frames is reaped",
    file: LIVENESS,
    find: "if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs)",
    replace: "if (silentMs > partialFrameTimeoutMs)",
    only: "^a stalled partial frame is reaped",
  },
  {
    row: 9,
    removed: "a forbidden length is refused only once its bytes are there (worker thread)",
    file: DECODE,
    find: `    if (length > packetBytesMax || length < 0) throw brokenStream(length, packetBytesMax);
    const payload = at + headerBytes;
    if (end - payload < length) break;`,
    replace: `    const payload = at + headerBytes;
    if (end - payload < length) break;
    if (length > packetBytesMax || length < 0) throw brokenStream(length, packetBytesMax);`,
    only: "^all of it at once on a worker thread",
  },
  {
    row: 9,
    removed: "a stalled partial frame is waited for (worker thread)",
    file: LIVENESS,
    find: `    if (signs.partialBytes > 0 && silentMs > partialFrameTimeoutMs) return "partial-frame-timeout";\n`,
    replace: "",
    only: "^all of it at once on a worker thread",
  },
  {
    row: 10,
    removed: "a frame that does not fit moves by steps instead of by doubling",
    file: RECEIVE_BUFFER,
    find: "Math.min(wanted, Math.max(2 * left, this.#frameBytesEarned))",
    replace: "Math.min(wanted, left + 16 * 1024)",
    only: "doubling a message's size",
    hangs: true,
  },
  {
    row: 10,
    removed: "each read takes a slab of its own",
    file: RECEIVE_BUFFER,
    find: "if (this.#start + wanted <= slab.bytes.length ||",
    replace: "if ((left > ROOM_BYTES_MIN && this.#start + wanted <= slab.bytes.length) ||",
    only: "keeping 20 000 packets of 512 bytes",
  },
];
