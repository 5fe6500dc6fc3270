/**
 * Random histories: clients come, send, are sent to, leave in every way there is, and handlers throw. Whatever
 * the order, joins == leaves, the session count is theirs, and what arrives is what was taken, in order, once,
 * and all of it where the side that took it left in order.
 *
 *      history = step*        each step is done to one of a few places; some wait for all to settle, some do not
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Packet, type SessionId } from "../../src/index.ts";
import { frame, numbered } from "../support/frames.ts";
import type { ClientRig, ServerRig } from "../support/rigs.ts";
import type { Script } from "../support/script.ts";
import type { World } from "../support/world.ts";
import type { Subject } from "./suite.ts";

const PLACES = 4;
/** A run of the suite spends this long on histories in each world. A run to look for trouble takes longer. */
const TIME_LIMIT_MS = Number(process.env.HISTORIES_MS ?? 1200);

interface Step {
  readonly do:
    | "connect"
    | "send"
    | "sendToClient"
    | "broadcast"
    | "clientLeaves"
    | "clientLeavesNow"
    | "serverDisconnects"
    | "serverDisconnectsNow"
    | "peerComesAndResets"
    | "peerBreaksFraming"
    | "restart";
  readonly place: number;
  readonly count: number;
  readonly size: number;
  /** Whether everything on its way arrives before the next step. */
  readonly settles: boolean;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    { weight: 6, arbitrary: fc.constant("connect" as const) },
    { weight: 6, arbitrary: fc.constantFrom("send" as const, "sendToClient" as const, "broadcast" as const) },
    { weight: 4, arbitrary: fc.constantFrom("clientLeaves" as const, "serverDisconnects" as const) },
    { weight: 2, arbitrary: fc.constantFrom("clientLeavesNow" as const, "serverDisconnectsNow" as const) },
    { weight: 2, arbitrary: fc.constantFrom("peerComesAndResets" as const, "peerBreaksFraming" as const) },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
  ),
  place: fc.nat(PLACES - 1),
  count: fc.integer({ min: 1, max: 40 }),
  size: fc.oneof(fc.integer({ min: 4, max: 200 }), fc.integer({ min: 4, max: 30_000 })),
  settles: fc.boolean(),
});

/** Some handlers throw, now and then; one server in three disconnects whoever sends it a fifth packet. */
const SCRIPTS: readonly Script[] = [
  [],
  [
    { on: "recv", nth: 3, do: [{ do: "throw", message: "in onRecv" }] },
    { on: "join", session: 2, do: [{ do: "throw", message: "in onClientJoin" }] },
    { on: "leave", session: 1, do: [{ do: "throw", message: "in onClientLeave" }] },
  ],
  [{ on: "recv", nth: 5, do: [{ do: "disconnect" }] }],
];

async function live(world: World, script: Script, steps: readonly Step[]): Promise<void> {
  const history = new History(world, script);
  try {
    await history.run(steps);
    await world.close();
    world.assertContract();
  } catch (error) {
    await world.close().catch(() => {});
    throw error;
  }
}

export const histories: Subject = {
  name: "random histories",
  tests(tell) {
    for (const [at, script] of SCRIPTS.entries()) {
      tell(
        `joins == leaves, and what arrives is what was taken (script ${at + 1})`,
        async (_world, _t, another) => {
          const steps = fc.array(STEP, { minLength: 3, maxLength: 30 });
          const property = fc.asyncProperty(steps, (given) => live(another(), script, given));
          const seed = seedOfRun();
          // One at the least, however slow the machine is; then as many as the time allows.
          await fc.assert(property, { numRuns: 1, ...seed });
          const limits = { numRuns: 10_000, interruptAfterTimeLimit: TIME_LIMIT_MS / SCRIPTS.length };
          const result = await fc.check(property, { ...limits, ...seed });
          if (result.counterexample !== null) throw new Error(fc.defaultReportMessage(result));
        },
      );
    }
  },
};

/** A seed that a failure has printed is given again by HISTORIES_SEED. */
function seedOfRun(): { seed?: number } {
  const seed = process.env.HISTORIES_SEED;
  return seed === undefined ? {} : { seed: Number(seed) };
}

/** One client's stay, from its join on. */
interface Stay {
  readonly client: ClientRig;
  readonly sessionId: SessionId;
  /** Packets taken so far, each way, with their sizes. */
  readonly toServer: number[];
  readonly toClient: number[];
  /** Who ended it first, and whether in order; what was taken before must then arrive. */
  ended: "not" | "by the client in order" | "by the server in order" | "in any other way";
}

class History {
  readonly #world: World;
  readonly #server: ServerRig;
  readonly #places: (Stay | undefined)[] = Array(PLACES).fill(undefined);
  readonly #stays: Stay[] = [];
  readonly #kicks: boolean;

  constructor(world: World, script: Script) {
    this.#world = world;
    this.#server = world.newServer(script);
    this.#server.expect("EVENT_THREW", "FRAME_TOO_LARGE");
    this.#kicks = script.some((rule) => rule.do.some((action) => action.do === "disconnect"));
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#server.start();
    for (const step of steps) {
      await this.#do(step);
      if (step.settles) {
        await this.#world.settle();
        this.#assertCount();
      }
    }
    for (const stay of this.#stays) {
      if (stay.ended === "not")
        await this.#leave(stay, "by the client in order", () => stay.client.disconnect());
    }
    await this.#world.until(() => this.#server.server.getSessionCount() === 0);
    await this.#world.until(() => this.#openSessions() === 0);
    await this.#world.settle();
    for (const stay of this.#stays) this.#assertArrived(stay);
    const { left, accepted, sessions } = this.#server.server.stats();
    const leaves = Object.values(left).reduce((sum, count) => sum + count, 0);
    assert.deepEqual({ leaves, sessions }, { leaves: accepted, sessions: 0 });
  }

  async #do({ do: what, place, count, size }: Step): Promise<void> {
    const stay = this.#places[place];
    switch (what) {
      case "connect":
        if (stay === undefined || stay.ended !== "not") this.#places[place] = await this.#comes();
        break;
      case "send":
        if (stay !== undefined)
          send(stay.toServer, count, size, (packet) => stay.client.client.sendPacket(packet));
        break;
      case "sendToClient":
        if (stay !== undefined) {
          const { server } = this.#server;
          send(stay.toClient, count, size, (packet) => server.sendPacket(stay.sessionId, packet));
        }
        break;
      case "broadcast":
        this.#broadcast(size);
        break;
      case "clientLeaves":
        await this.#leave(stay, "by the client in order", (rig) => rig.disconnect());
        break;
      case "clientLeavesNow":
        await this.#leave(stay, "in any other way", (rig) => rig.disconnect({ now: true }));
        break;
      case "serverDisconnects":
        await this.#leave(stay, "by the server in order", () => {
          this.#server.server.disconnect(stay!.sessionId);
        });
        break;
      case "serverDisconnectsNow":
        await this.#leave(stay, "in any other way", () => {
          this.#server.server.disconnect(stay!.sessionId, { now: true });
        });
        break;
      case "peerComesAndResets":
        await this.#peer(frame(numbered(0, size)), true);
        break;
      case "peerBreaksFraming":
        await this.#peer(Uint8Array.of(0xff, 0xff, 0xff, 0x7f), false);
        break;
      case "restart":
        await this.#restart();
        break;
    }
  }

  async #comes(): Promise<Stay> {
    const joins = this.#server.log.of("join").length;
    const client = await this.#world.client(this.#server, { sendQueueBytesMax: 64 * 2 ** 20 });
    const sessionId = await this.#server.joined(joins + 1);
    const stay: Stay = { client, sessionId, toServer: [], toClient: [], ended: "not" };
    this.#stays.push(stay);
    return stay;
  }

  #broadcast(size: number): void {
    const { server } = this.#server;
    const targets = this.#stays.filter(({ ended }) => ended === "not");
    for (const { toClient, sessionId } of targets) {
      const packet = Packet.from(numbered(toClient.length, size));
      if (server.broadcast(packet, [sessionId]) === 1) toClient.push(size);
    }
  }

  async #leave(
    stay: Stay | undefined,
    how: Stay["ended"],
    leave: (rig: ClientRig) => unknown,
  ): Promise<void> {
    if (stay === undefined) return;
    // Whoever ends what the other side is ending, or has ended, cuts it short.
    stay.ended = stay.ended === "not" && stay.client.log.of("leave").length === 0 ? how : "in any other way";
    await leave(stay.client);
  }

  async #peer(bytes: Uint8Array, resets: boolean): Promise<void> {
    const leaves = this.#server.log.of("leave").length;
    const joins = this.#server.log.of("join").length;
    const peer = await this.#world.peer(this.#server);
    const sessionId = await this.#server.joined(joins + 1);
    assert(this.#server.log.of("leave").length >= leaves);
    await this.#world.until(Promise.race([peer.send(bytes), peer.closed]));
    if (resets) peer.reset();
    else await this.#world.until(this.#server.log.next("leave", { sessionId }));
    await this.#server.event("leave", { sessionId });
  }

  async #restart(): Promise<void> {
    for (const stay of this.#stays) if (stay.ended === "not") stay.ended = "by the server in order";
    await this.#server.stop({ drainMs: 2000 });
    assert.equal(this.#openSessions(), 0, "sessions are left after stop()");
    await this.#server.start();
  }

  #openSessions(): number {
    const { log } = this.#server;
    return log.of("join").length - log.of("leave").length;
  }

  #assertCount(): void {
    assert.equal(this.#server.server.getSessionCount(), this.#openSessions());
  }

  #assertArrived({ client, sessionId, toServer, toClient, ended }: Stay): void {
    const atServer = this.#server.log.received({ sessionId });
    const atClient = client.log.received();
    assertPrefix(atServer, toServer);
    assertPrefix(atClient, toClient);
    if (ended === "by the client in order" && !this.#kicks) assert.equal(atServer.length, toServer.length);
    if (ended === "by the server in order" && !this.#kicks) assert.equal(atClient.length, toClient.length);
  }
}

/** Sends `count` numbered packets, and notes those that were taken. */
function send(taken: number[], count: number, size: number, take: (packet: Packet) => boolean): void {
  for (let n = 0; n < count; n++) {
    if (!take(Packet.from(numbered(taken.length, size)))) return;
    taken.push(size);
  }
}

function assertPrefix(arrived: readonly Uint8Array[], taken: readonly number[]): void {
  assert(arrived.length <= taken.length, `${arrived.length} arrived of ${taken.length}`);
  for (const [n, bytes] of arrived.entries())
    assert(Buffer.from(bytes).equals(numbered(n, taken[n]!)), `packet ${n} differs`);
}
