/**
 * Plays a script inside a fixture and records every event.
 *
 *      event --> record begins --> actions of every rule that matches --> record goes to the stage --> event returns
 *
 * Invariant: a record says in which other event of this instance it ran, so nesting is seen in every test.
 */
import { LanError, type Leave, Packet } from "../../src/index.ts";
import { numbered } from "./frames.ts";
import {
  type Action,
  type EventName,
  type EventRecord,
  errorData,
  type LeaveData,
  type Script,
  type Target,
} from "./script.ts";

/** Where a fixture performs: the other end belongs to the test. Only plain data crosses. */
export interface Stage {
  readonly script: Script;
  /** The session ids in the order of their joins, where instances share one list. */
  readonly joined?: Joins;
  nowMs(): number;
  tell(record: EventRecord): void;
  /** Called once, with what performs the test's commands from then on. */
  listen(perform: (actions: readonly Action[]) => unknown[]): void;
}

interface Joins {
  push(sessionId: number): unknown;
  at(index: number): number | undefined;
}

/** What a fixture can do; a method that its class does not have throws. */
export interface Actor {
  send(target: number | string, packet: Packet): boolean;
  broadcast(packet: Packet, targets: readonly (number | string)[] | undefined): number;
  disconnect(target: number | string, options: { now?: boolean } | undefined): unknown;
  setHostId(sessionId: number, hostId: string, options: { replace?: boolean } | undefined): boolean;
  count(): number;
  stop(drainMs: number): void;
  connect(): void;
}

/** What an event has to tell, beside its name. */
type Details = Omit<EventRecord, "event" | "atMs" | "inside" | "results">;

interface Scene {
  readonly sessionId: number | undefined;
  readonly packet: Packet | undefined;
  readonly results: unknown[];
  answer: unknown;
}

export class Player {
  readonly #actor: Actor;
  #stage: Stage | undefined;
  readonly #running: EventName[] = [];
  readonly #seen = new Map<string, number>();
  #joined: Joins = [];
  readonly #filled = new Map<number | string, number>();
  readonly #kept: Packet[] = [];
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  constructor(actor: Actor) {
    this.#actor = actor;
  }

  enter(stage: Stage): void {
    this.#stage = stage;
    if (stage.joined !== undefined) this.#joined = stage.joined;
    stage.listen((actions) => {
      const scene: Scene = { sessionId: undefined, packet: undefined, results: [], answer: undefined };
      for (const action of actions) scene.results.push(this.#act(action, scene));
      return scene.results;
    });
  }

  /** Runs one event; gives what the event returns. */
  play(event: EventName, details: Details = {}, packet?: Packet): unknown {
    const stage = this.#stage;
    if (stage === undefined) throw new Error("Cannot play: the fixture is on no stage");
    const { sessionId } = details;
    if (event === "join") this.#joined.push(sessionId ?? 0);
    const actions = this.#actionsFor(event, sessionId);
    const scene: Scene = { sessionId, packet, results: [], answer: event === "request" ? true : undefined };
    const inside = this.#running.at(-1) ?? null;
    const atMs = stage.nowMs();
    this.#running.push(event);
    try {
      return this.#perform(actions, scene);
    } finally {
      this.#running.pop();
      stage.tell({ event, atMs, inside, ...details, results: scene.results });
    }
  }

  /** Does the actions in order; from a "wait" on in a promise, which becomes the event's answer. */
  #perform(actions: readonly Action[], scene: Scene): unknown {
    for (const [at, action] of actions.entries()) {
      if (action.do === "wait") return this.#performLater(action.gate, actions.slice(at + 1), scene);
      if (action.do === "throw") throw new Error(action.message);
      if (action.do === "reject") return Promise.reject(new Error(action.message));
      if (action.do === "answer") scene.answer = action.value;
      scene.results.push(this.#act(action, scene));
    }
    return scene.answer;
  }

  async #performLater(gate: string, actions: readonly Action[], scene: Scene): Promise<void> {
    await this.#gate(gate).promise;
    const { sessionId } = scene;
    const later = { ...scene, results: [] };
    try {
      await this.#perform(actions, later);
    } finally {
      const { results } = later;
      const who = sessionId === undefined ? {} : { sessionId };
      this.#stage?.tell({ event: "recvDone", atMs: this.#stage.nowMs(), inside: null, ...who, results });
    }
  }

  #act(action: Action, scene: Scene): unknown {
    try {
      return this.#do(action, scene);
    } catch (error) {
      if (error instanceof LanError) return { threw: error.code };
      throw error;
    }
  }

  #do(action: Action, scene: Scene): unknown {
    const actor = this.#actor;
    const to = (target: Target = "self"): number | string => this.#resolve(target, scene);
    switch (action.do) {
      case "send":
        return actor.send(to(action.to), Packet.from(action.bytes));
      case "echo":
        return actor.send(to(action.to), received(scene));
      case "fill":
        return this.#fill(to(action.to), action.size, action.max ?? Number.POSITIVE_INFINITY);
      case "broadcast":
        return actor.broadcast(Packet.from(action.bytes), action.to?.map(to));
      case "disconnect":
        return actor.disconnect(to(action.to), action.now === undefined ? undefined : { now: action.now });
      case "setHostId": {
        const options = action.replace === undefined ? undefined : { replace: action.replace };
        return actor.setHostId(to(action.to) as number, action.hostId, options);
      }
      case "count":
        return actor.count();
      case "stop":
        return actor.stop(action.drainMs);
      case "connect":
        return actor.connect();
      case "open":
        return this.#gate(action.gate).resolve();
      case "read":
        return received(scene).readBytes(action.byteLength).slice();
      case "writeReceived":
        received(scene).writeUint8(1);
        return "written";
      case "copy": {
        const copy = received(scene).copy().writeBytes(action.append);
        return { copy: copy.toBytes(), original: received(scene).toBytes() };
      }
      case "keep":
        return this.#kept.push(received(scene));
      case "kept":
        return this.#kept.map((packet) => packet.toBytes());
      case "sendKept":
        return this.#kept.filter((packet) => actor.send(to(action.to), packet)).length;
      case "answer":
        return action.value;
      default:
        throw new Error(`Cannot do "${action.do}" by command`);
    }
  }

  #fill(target: number | string, size: number, max: number): number {
    let number = this.#filled.get(target) ?? 0;
    const first = number;
    const packet = new Packet(size);
    while (number - first < max) {
      if (!this.#actor.send(target, packet.clear().writeBytes(numbered(number, size)))) break;
      number++;
    }
    this.#filled.set(target, number);
    return number - first;
  }

  #actionsFor(event: EventName, sessionId: number | undefined): Action[] {
    const key = `${event} ${sessionId ?? ""}`;
    const nth = (this.#seen.get(key) ?? 0) + 1;
    this.#seen.set(key, nth);
    const rules = this.#stage?.script ?? [];
    const matches = rules.filter(
      (rule) =>
        rule.on === event &&
        (rule.nth === undefined || rule.nth === nth) &&
        (rule.session === undefined || this.#joined.at(rule.session - 1) === sessionId),
    );
    return matches.flatMap((rule) => rule.do);
  }

  #resolve(target: Target, scene: Scene): number | string {
    if (target === "self") return scene.sessionId ?? 0;
    if ("id" in target) return target.id;
    return "hostId" in target ? target.hostId : (this.#joined.at(target.joined - 1) ?? 0);
  }

  #gate(name: string): PromiseWithResolvers<void> {
    const gate = this.#gates.get(name) ?? Promise.withResolvers<void>();
    this.#gates.set(name, gate);
    return gate;
  }
}

/** A `Leave` as it crosses a port. */
export function leaveData(leave: Leave): LeaveData {
  const { reason, notSent, cause } = leave;
  return { reason, notSent, cause: cause === undefined ? undefined : errorData(cause, isLanError) };
}

export function isLanError(error: unknown): boolean {
  return error instanceof LanError;
}

function received({ packet }: Scene): Packet {
  if (packet === undefined) throw new Error("Cannot use the received packet: there is none");
  return packet;
}
