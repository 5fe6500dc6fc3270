/**
 * A wire in user space: a TCP proxy between two processes on this machine that delays, cuts up, flips, breaks off.
 *
 *     client --- toServer: read | flip | wait its time | write in pieces ---> server
 *            <-- toClient: the same -----------------------------------------
 *
 * It knows where frames begin (u32 LE length | payload), so that it can hit a header or a payload. Bytes stay in
 * order, and no more than `HELD_BYTES_MAX` of them wait here each way: the sender feels a slow receiver.
 */
import net from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { LanClientOptions } from "../../src/index.ts";
import { Random } from "../../src/testing.ts";
import type { Wire } from "./link.ts";

const HELD_BYTES_MAX = 256 * 1024;
const HEADER_BYTES = 4;

/** What happens to the bytes of one way of one connection. */
export interface WayFaults {
  /** How long each piece travels: from `delayMs` to `delayMs + jitterMs`. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** The most that one write carries on. */
  readonly pieceBytes?: number;
  /** One bit of frame number `frame`, the first being 0, is not what it was: bit `bit` of its header, or of its payload. */
  readonly flip?: { readonly frame: number; readonly part: "header" | "payload"; readonly bit: number };
  /** Behind so many bytes: RST to both sides, or FIN to the receiver alone, while the other way goes on. */
  readonly cut?: { readonly behindBytes: number; readonly by: "reset" | "half-close" };
}

export interface WireFaults {
  readonly toServer?: WayFaults;
  readonly toClient?: WayFaults;
}

/** What went one way: whole frames with a payload. */
export interface Passed {
  readonly packets: number;
}

export class FaultyWire implements Wire {
  readonly listenAt: Wire["listenAt"] = { ip: "127.0.0.1", port: 0 };
  readonly heldBytesMax = undefined;
  /** What went each way, by connection. */
  readonly passed: { readonly toServer: Passed; readonly toClient: Passed }[] = [];
  readonly #t: TestContext;
  readonly #random: Random;
  #faults: (connection: number) => WireFaults;

  /**
   * @param seed where the jitter comes from.
   * @param faults what happens to connection 0, 1, ...
   */
  constructor(t: TestContext, seed: number, faults: (connection: number) => WireFaults) {
    this.#t = t;
    this.#random = new Random(seed);
    this.#faults = faults;
  }

  within(): undefined {}

  async dialAt(port: number): Promise<LanClientOptions> {
    const sockets = new Set<net.Socket>();
    const proxy = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
      const far = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true });
      for (const socket of [near, far]) sockets.add(socket);
      const { toServer = {}, toClient = {} } = this.#faults(this.passed.length);
      const reset = (): void => {
        for (const socket of [near, far]) socket.resetAndDestroy();
      };
      this.passed.push({
        toServer: new Way(near, far, toServer, this.#random, reset),
        toClient: new Way(far, near, toClient, this.#random, reset),
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    this.#t.after(() => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    });
    // No dial is given up on a busy machine: the faults are for the connection that is the session.
    const connectTimeoutMs = 60_000;
    return { serverIp: "127.0.0.1", port: (proxy.address() as net.AddressInfo).port, connectTimeoutMs };
  }

  /** Connections that come from now on are not tampered with. */
  heal(): void {
    this.#faults = () => ({});
  }
}

interface Held {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

class Way implements Passed {
  packets = 0;
  readonly #from: net.Socket;
  readonly #to: net.Socket;
  readonly #faults: WayFaults;
  readonly #random: Random;
  readonly #reset: () => void;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #ended = false;
  #wake: () => void = () => {};
  readonly #arriving = new FrameCursor();
  readonly #leaving = new FrameCursor();
  #leftBytes = 0;

  constructor(from: net.Socket, to: net.Socket, faults: WayFaults, random: Random, reset: () => void) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#random = random;
    this.#reset = reset;
    from.setNoDelay(true);
    from.on("error", reset);
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => {
      this.#ended = true;
      this.#wake();
    });
    from.on("close", () => this.#wake());
    from.resume();
    void this.#run();
  }

  #take(bytes: Buffer): void {
    const { delayMs = 0, jitterMs = 0, flip } = this.#faults;
    if (flip !== undefined) {
      this.#arriving.walk(bytes, (frame, part, at, offset, count) => {
        const inRun = (flip.bit >> 3) - offset;
        if (frame !== flip.frame || part !== flip.part || inRun < 0 || inRun >= count) return;
        bytes[at + inRun]! ^= 1 << (flip.bit & 7);
      });
    }
    this.#lastDueMs = Math.max(
      this.#lastDueMs,
      performance.now() + delayMs + this.#random.float() * jitterMs,
    );
    this.#held.push({ bytes, dueMs: this.#lastDueMs });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= HELD_BYTES_MAX) this.#from.pause();
    this.#wake();
  }

  async #run(): Promise<void> {
    for (;;) {
      const next = this.#held.shift();
      if (next === undefined) {
        if (this.#ended || this.#from.destroyed) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      if (!(await this.#pass(next.bytes))) return;
      this.#heldBytes -= next.bytes.length;
      if (this.#heldBytes < HELD_BYTES_MAX) this.#from.resume();
    }
    this.#to.end();
  }

  /** False where nothing may follow. */
  async #pass(bytes: Buffer): Promise<boolean> {
    const { pieceBytes = bytes.length, cut } = this.#faults;
    const allowed =
      cut === undefined ? bytes.length : Math.min(bytes.length, cut.behindBytes - this.#leftBytes);
    for (let at = 0; at < allowed; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(allowed, at + pieceBytes));
      if (!(await this.#write(piece))) return false;
      if (pieceBytes < allowed) await turn();
    }
    this.#leftBytes += allowed;
    if (cut === undefined || this.#leftBytes < cut.behindBytes) return true;
    if (cut.by === "reset") this.#reset();
    else this.#to.end();
    this.#from.resume(); // what still comes goes nowhere
    return false;
  }

  #write(piece: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      this.#to.write(piece, (error) => {
        if (error === null || error === undefined) {
          this.packets += this.#leaving.walk(piece, () => {});
          resolve(true);
        } else resolve(false);
      });
    });
  }
}

/** `count` bytes from `at` on are the bytes from `offset` on of a frame's header or payload. */
type VisitRun = (
  frame: number,
  part: "header" | "payload",
  at: number,
  offset: number,
  count: number,
) => void;

/** Where in a stream of frames the next byte lies. */
class FrameCursor {
  #frame = 0;
  #headerAt = 0;
  #length = 0;
  #payloadAt = 0;

  /** Goes through bytes, run by run, each of which lies in one part; returns how many frames with a payload ended. */
  walk(bytes: Uint8Array, visit: VisitRun): number {
    let packets = 0;
    for (let at = 0; at < bytes.length; ) {
      if (this.#headerAt < HEADER_BYTES) {
        this.#length += bytes[at]! * 2 ** (8 * this.#headerAt); // as it was before somebody flips it
        visit(this.#frame, "header", at++, this.#headerAt++, 1);
      } else {
        const count = Math.min(bytes.length - at, this.#length - this.#payloadAt);
        visit(this.#frame, "payload", at, this.#payloadAt, count);
        at += count;
        this.#payloadAt += count;
      }
      if (this.#headerAt < HEADER_BYTES || this.#payloadAt < this.#length) continue;
      if (this.#length > 0) packets++;
      this.#frame++;
      this.#headerAt = this.#length = this.#payloadAt = 0;
    }
    return packets;
  }
}
