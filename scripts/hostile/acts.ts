/**
 * Those who misbehave: one object is one of them, and comes back when it is thrown out. As cheap as can be, so that many
 * fit beside what they attack: raw sockets, frames made once, from the formulas alone.
 */
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { netFrame } from "../../test/support/net-frames.ts";
import { addressOf, ECHO, type Kind, LIMITS, roleOf } from "./plan.ts";

export interface Ports {
  readonly plain: number;
  readonly tls: number;
}

/** Of one kind: how often it came in, and what its sockets failed with. */
export interface Seen {
  connected: number;
  readonly failed: Record<string, number>;
}

const BYTE_MS = 60;
const TICK_MS = 50;
const BACK_MS = 250;
const LATE_SECONDS = 0.2;
/** Of a limit. */
const JUST_UNDER = 0.9;
const JUST_OVER = 1.3;

const TINY = netFrame(payloadOf(3), 0);
const SMALL = netFrame(payloadOf(60), 0x11);
const LARGE = netFrame(payloadOf(30_000), 0x22);
const LONGEST = netFrame(payloadOf(LIMITS.packetBytesMax), 0x33);
const OFF_BY_ONE = netFrame(payloadOf(60), 0x44);
// The last step of the encoding is an exclusive or, so the lowest bit of the checksum is that of its byte.
OFF_BY_ONE[4]! ^= 1;
/** Code, a length of one byte too many, and something behind. */
const TOO_LONG = Buffer.from([0x77, 0, 0, 0x55, 0, 1, 2, 3]);
TOO_LONG.writeUInt16LE(LIMITS.packetBytesMax + 1, 1);
const HELLO = clientHello();
/** A hello by its header, and nothing of the kind behind. */
const RUBBISH_HELLO = Buffer.concat([HELLO.subarray(0, 9), Buffer.alloc(HELLO.length - 9, 0xa5)]);
/** Encrypted with no key that anybody has. */
const RUBBISH_RECORD = Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64, 0x5a)]);

export class Hostile {
  readonly seen: Seen;
  readonly #kind: Kind;
  readonly #from: string;
  readonly #ports: Ports;
  #socket: net.Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #came = 0;

  constructor(kind: Kind, index: number, ports: Ports, seen: Seen) {
    this.#kind = kind;
    this.#from = addressOf(kind, index);
    this.#ports = ports;
    this.seen = seen;
  }

  come(): void {
    this.#came++;
    const port = this.#ports[roleOf(this.#kind).to];
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: this.#from, noDelay: true });
    this.#socket = socket;
    socket.on("error", ({ code = "?" }: NodeJS.ErrnoException) => {
      this.seen.failed[code] = (this.seen.failed[code] ?? 0) + 1;
    });
    socket.on("connect", () => {
      this.seen.connected++;
      ACTS[this.#kind](this, socket);
    });
    socket.on("close", () => {
      clearTimeout(this.#timer);
      if (!this.#isOver) this.#timer = setTimeout(() => this.come(), this.isRestless ? 0 : BACK_MS);
    });
  }

  /** Goes, and stays away. */
  withdraw(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#socket?.resetAndDestroy();
  }

  get isRestless(): boolean {
    return this.#kind.startsWith("comes and goes");
  }

  /** Every other time. */
  get isOdd(): boolean {
    return this.#came % 2 === 1;
  }

  later(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  /** One byte after another, and again from the start if asked to. */
  trickle(socket: net.Socket, bytes: Uint8Array, again: boolean, at = 0): void {
    if (at === bytes.length && !again) return;
    const next = at % bytes.length;
    socket.write(bytes.subarray(next, next + 1));
    this.later(BYTE_MS, () => this.trickle(socket, bytes, again, next + 1));
  }

  /** So many frames a second, whether or not anything comes back. */
  pour(socket: net.Socket, frame: Uint8Array, perSecond: number): void {
    const beganMs = performance.now();
    let poured = 0;
    const tick = (): void => {
      const due = ((performance.now() - beganMs) / 1000) * perSecond;
      // What this process was too late for is left out: it would not be the pace that was asked for.
      poured = Math.max(poured, due - perSecond * LATE_SECONDS);
      for (; poured < due && socket.writableLength < 4 * LONGEST.length; poured++) socket.write(frame);
      this.later(TICK_MS, tick);
    };
    tick();
  }

  /** A user by TLS as any other, until `act`. Between it and `raw` there is a relay, so that `raw` takes other bytes too. */
  secure(raw: net.Socket, act: (secured: tls.TLSSocket) => void): void {
    const relay = net.createServer((near) => {
      relay.close();
      near.on("error", () => {});
      near.pipe(raw).pipe(near);
    });
    relay.listen(0, "127.0.0.1", () => {
      const { port } = relay.address() as net.AddressInfo;
      const secured = tls.connect({ port, rejectUnauthorized: false, maxVersion: "TLSv1.2" });
      secured.on("error", () => {}); // the server's part is what counts: it shall hang up
      raw.on("close", () => {
        relay.close();
        secured.destroy();
      });
      secured.on("secureConnect", () => {
        secured.write(SMALL);
        secured.once("data", () => act(secured)); // the echo: it has joined
      });
    });
  }
}

type Act = (it: Hostile, socket: net.Socket) => void;

const ACTS: Readonly<Record<Kind, Act>> = {
  replay: (it, socket) => it.pour(socket.resume(), SMALL, LIMITS.packetsPerSecondMax / 2),
  "a byte at a time": (it, socket) => it.trickle(socket.resume(), TINY, true),
  "just under the packets' pace": (it, socket) =>
    it.pour(socket.resume(), SMALL, JUST_UNDER * LIMITS.packetsPerSecondMax),
  "just under the bytes' pace": (it, socket) =>
    it.pour(socket.resume(), LONGEST, (JUST_UNDER * LIMITS.bytesPerSecondMax) / LONGEST.length),
  "leaves while the server broadcasts": (it, socket) => {
    socket.write(SMALL);
    socket.once("data", () => socket.once("data", () => go(it, socket))); // its echo, and what all are told
  },
  "half a frame, FIN, RST": (it, socket) => {
    socket.end(SMALL.subarray(0, SMALL.length / 2));
    it.later(TICK_MS, () => socket.resetAndDestroy());
  },
  "impossible length": (_, socket) => void socket.resume().write(TOO_LONG),
  "checksum off by one": (_, socket) => void socket.resume().write(OFF_BY_ONE),
  "TLS where there is none": (_, socket) => void socket.resume().write(HELLO),
  "just over the packets' pace": (it, socket) =>
    it.pour(socket.resume(), SMALL, JUST_OVER * LIMITS.packetsPerSecondMax),
  "just over the bytes' pace": (it, socket) =>
    it.pour(socket.resume(), LARGE, (JUST_OVER * LIMITS.bytesPerSecondMax) / LARGE.length),
  "says nothing": (_, socket) => void socket.resume(),
  "a first packet that never ends": (it, socket) => it.trickle(socket.resume(), LONGEST, false),
  "one packet in the last moment": (it, socket) => {
    socket.resume();
    it.later(0.7 * LIMITS.firstPacketTimeoutMs, () => socket.write(SMALL));
  },
  "reads no echo": (it, socket) =>
    it.pour(socket.pause(), LONGEST, (JUST_UNDER * LIMITS.bytesPerSecondMax) / LONGEST.length),
  "comes and goes from one address": (it, socket) => go(it, socket),
  "comes and goes from many addresses": (it, socket) => go(it, socket),
  "a crowd behind one address": (_, socket) => void socket.resume(),
  "a denied address": (_, socket) => void socket.resume(),
  "frames in clear": (_, socket) => void socket.resume().write(SMALL),
  "a hello of rubbish": (it, socket) => void socket.resume().write(it.isOdd ? RUBBISH_HELLO : RUBBISH_RECORD),
  "a hello a byte at a time": (it, socket) => it.trickle(socket.resume(), HELLO, false),
  "no hello": (_, socket) => void socket.resume(),
  renegotiates: (it, socket) => it.secure(socket, (secured) => renegotiate(it, secured)),
  "a record of rubbish": (it, socket) => it.secure(socket, () => void socket.write(RUBBISH_RECORD)),
  "cuts TLS off": (it, socket) => it.secure(socket, () => socket.resetAndDestroy()),
};

/** In order, or with a reset. */
function go(it: Hostile, socket: net.Socket): void {
  if (it.isOdd) socket.destroy();
  else socket.resetAndDestroy();
}

/** Again and again, as long as the server plays along. */
function renegotiate(it: Hostile, secured: tls.TLSSocket): void {
  secured.resume();
  secured.renegotiate({}, (error) => {
    if (error === null) it.later(1, () => renegotiate(it, secured));
  });
}

/** For the server to echo. */
function payloadOf(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i === 0 ? ECHO : (i * 31) & 0xff));
}

/** The first bytes of a client that speaks TLS. */
function clientHello(): Buffer {
  const written: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(bytes: Buffer, _encoding, done) {
      written.push(bytes);
      done();
    },
  });
  tls.connect({ socket: wire }).on("error", () => {});
  const hello = Buffer.concat(written);
  wire.destroy();
  return hello;
}
