/** Carries out plans on real connections, and compares what the server made of them with what it must. */
import net from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { LINKS } from "./links.ts";
import type { LeftSession } from "./messages.ts";
import type { Plan } from "./plan.ts";

/** A session that has not left after this long never will. */
const LEAVE_MS_MAX = 20_000;
/**
 * A connection that was reset before the server accepted it has no port there, so its leave finds nobody. After
 * this long it is taken for one of those.
 */
const RESET_MS_MAX = 1000;
/** How long a stalling connection waits for the server to end it. */
const STALL_MS = 3000;
/** Pieces of a stream that are written one by one; the rest follows at once. */
const PIECES_MAX = 200;

/** What became of a plan. */
export interface Outcome {
  /** Cases that the server looked at. */
  readonly cases: number;
  readonly packets: number;
  readonly reason: string;
  /** How it differs from what was expected. */
  readonly wrong: string | undefined;
}

export class Attacker {
  readonly #ports: readonly number[];
  /** Who waits for the leave of a peer's port, the oldest first; undefined tells that none will come. */
  readonly #waiting = new Map<string, ((left: LeftSession | undefined) => void)[]>();

  constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  /** Sessions of `link` that left. */
  onLeft(link: number, sessions: readonly LeftSession[]): void {
    for (const session of sessions) {
      const key = `${link}:${session[0]}`;
      const waiting = this.#waiting.get(key);
      waiting?.shift()?.(session);
    }
  }

  /** Nobody will leave any more: the process is gone. */
  giveUp(): void {
    for (const waiting of this.#waiting.values()) for (const arrived of waiting.splice(0)) arrived(undefined);
  }

  /** Resolves once the session has left. That may take a while where we stall or reset. Rejects where it cannot connect, or the session stays. */
  async carryOut(plan: Plan): Promise<Outcome> {
    const socket = net.connect({ port: this.#ports[plan.link]!, host: "127.0.0.1", noDelay: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", resolve);
        socket.once("error", reject);
      });
      socket.on("error", () => {}); // the server may reset it at any moment
      const left = this.#left(plan, socket.localPort!);
      if (plan.reads) socket.resume();
      await writeAll(socket, plan);
      if (plan.ending === "reset") socket.resetAndDestroy();
      else if (plan.ending === "fin") socket.end();
      else setTimeout(() => socket.end(), STALL_MS).unref();
      return outcomeOf(plan, await left);
    } finally {
      socket.destroy();
    }
  }

  #left(plan: Plan, localPort: number): Promise<LeftSession> {
    const key = `${plan.link}:${localPort}`;
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, waiting);
    // The system gave the port out again: whoever had it was reset before it was accepted, and leaves nothing to wait for.
    for (const older of waiting.splice(0)) older([localPort, 0, 0, "reset"]);
    return new Promise((resolve, reject) => {
      const isReset = plan.ending === "reset";
      const late = (): void => {
        waiting.splice(waiting.indexOf(arrived), 1);
        if (isReset) resolve([localPort, 0, 0, "reset"]);
        else reject(new Error("its session never left"));
      };
      const deadline = setTimeout(late, isReset ? RESET_MS_MAX : LEAVE_MS_MAX);
      const arrived = (left: LeftSession | undefined): void => {
        clearTimeout(deadline);
        if (left === undefined) reject(new Error("the server is gone"));
        else resolve(left);
      };
      waiting.push(arrived);
    });
  }
}

async function writeAll(socket: net.Socket, { bytes, cuts, ending }: Plan): Promise<void> {
  let at = 0;
  for (let i = 0; cuts !== null && i < PIECES_MAX && at < bytes.length && !socket.destroyed; i++) {
    const end = Math.min(bytes.length, at + cuts[i % cuts.length]!);
    socket.write(bytes.subarray(at, end));
    at = end;
    await turn();
  }
  const last = bytes.subarray(at);
  // A reset drops what the kernel has not taken; wait for that, or nothing of the stream would arrive.
  if (ending !== "reset") socket.write(last);
  else await new Promise((resolve) => socket.write(last, resolve));
}

function outcomeOf(plan: Plan, [, packets, crc, reason]: LeftSession): Outcome {
  const { expected, cases, ending } = plan;
  const isSame = expected.isExact
    ? packets === expected.packets && crc === expected.crc
    : packets <= expected.packets;
  const wrong =
    isSame && expected.reasons.includes(reason)
      ? undefined
      : `${describe(plan)}: the server delivered ${packets} packets (CRC ${crc}) and left with ${reason}; expected ` +
        `${expected.isExact ? "" : "at most "}${expected.packets} (CRC ${expected.crc}) and ${expected.reasons.join(" or ")}`;
  const looked = ending === "reset" ? cases.filter((before) => before < packets) : cases;
  return { cases: looked.length, packets, reason, wrong };
}

export function describe({ index, link, bytes, ending }: Plan): string {
  return `connection ${index} (${LINKS[link]!.name}, ${bytes.length} bytes, ${ending})`;
}
