/**
 * Everybody who misbehaves, in one process, as cheap as can be: raw sockets, few bytes. Each does its part for as long
 * as an overload lasts, and comes back when it is thrown out.
 */
import net from "node:net";
import { Random } from "../../src/testing.ts";
import { serve } from "./child.ts";
import { addressOf, KINDS, type Kind, ROLES } from "./plan.ts";

/** By kind. */
export type Seen = Record<string, { connected: number; withdrew: number; failed: Record<string, number> }>;

const STAY_MS: readonly [number, number] = [500, 4000];
const AWAY_MS: readonly [number, number] = [0, 1000];
const BACK_MS: readonly [number, number] = [200, 1000];
const BYTE_MS: readonly [number, number] = [100, 400];

/** What starts none of our frames, each announcing more than any limit allows. */
const GARBAGE: readonly Buffer[] = [
  Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  Buffer.from("160301020001000001fc0303", "hex"), // TLS
  Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"),
  Buffer.from("04000000deadbeefffffffff00", "hex"), // one frame, and then rubbish
];

const random = new Random(JSON.parse(process.argv[2]!).seed);
const seen: Seen = {};
const open = new Set<Attacker>();
let port = 0;
let isOver = true;

class Attacker {
  readonly #kind: Kind;
  readonly #from: string;
  #socket: net.Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(kind: Kind, index: number) {
    this.#kind = kind;
    this.#from = addressOf(kind, index);
  }

  connect(): void {
    const figures = seen[this.#kind]!;
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: this.#from, noDelay: true });
    this.#socket = socket;
    open.add(this);
    socket.on("connect", () => {
      figures.connected++;
      this.#act(socket);
    });
    socket.on("error", ({ code }: NodeJS.ErrnoException) => {
      figures.failed[code ?? ""] = (figures.failed[code ?? ""] ?? 0) + 1;
    });
    socket.on("close", () => {
      clearTimeout(this.#timer);
      open.delete(this);
      if (!isOver) this.#later(this.#kind === "storm" ? AWAY_MS : BACK_MS, () => this.connect());
    });
  }

  /** Goes with a reset, at the end of an overload. */
  withdraw(): void {
    clearTimeout(this.#timer);
    if (this.#socket === undefined || this.#socket.destroyed) return;
    seen[this.#kind]!.withdrew++;
    this.#socket.resetAndDestroy();
  }

  #act(socket: net.Socket): void {
    switch (this.#kind) {
      case "storm":
        socket.resume();
        this.#later(STAY_MS, () => {
          if (random.chance(0.5)) socket.end();
          else socket.resetAndDestroy();
        });
        return;
      case "deaf":
        socket.pause();
        return;
      case "stuck":
        socket.resume();
        socket.write(Buffer.from([16, 0, 0, 0, 1, 2, 3]).subarray(0, random.integer(1, 7)));
        return;
      case "trickling":
        socket.resume();
        socket.write(Buffer.from([0, 0xff, 0, 0])); // 65 280 bytes
        this.#trickle(socket);
        return;
      case "garbage":
        socket.resume();
        socket.write(random.pick(GARBAGE));
        return;
      case "healthy":
        throw new Error("the healthy do not attack");
    }
  }

  #trickle(socket: net.Socket): void {
    this.#later(BYTE_MS, () => {
      socket.write(Buffer.from([7]));
      this.#trickle(socket);
    });
  }

  #later([from, to]: readonly [number, number], act: () => void): void {
    this.#timer = setTimeout(act, random.integer(from, to));
  }
}

const attackers = KINDS.filter((kind) => kind !== "healthy").flatMap((kind) => {
  seen[kind] = { connected: 0, withdrew: 0, failed: {} };
  return Array.from({ length: ROLES[kind].count }, (_, i) => new Attacker(kind, i));
});

serve({
  /** Those that are few come first: the storm takes every place there is. */
  attack: (to: { port: number }) => {
    port = to.port;
    isOver = false;
    for (const attacker of attackers.toReversed()) attacker.connect();
  },
  withdraw: () => {
    isOver = true;
    for (const attacker of attackers) attacker.withdraw();
    return seen;
  },
});
