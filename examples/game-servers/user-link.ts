/**
 * One connection of a user, to any of the servers: asks, keeps account of what was not answered yet, and watches that
 * the server keeps its word.
 *
 *     connecting --> open --drop--------> over      without goodbye; what was not answered is abandoned
 *         |           |  '---leave------> over      behind a goodbye: the server closes
 *         |           |--forsake--------> over      kept open and not cared for, until the server ends it
 *         |           '------cut--------> over      the server ended it unasked; what was not answered is lost
 *         '--> over                                 nobody listens there
 *
 * Invariant: each question is counted as asked once, and, at the end of its connection at the latest, once as answered,
 * abandoned or lost. A connection that is being made is never given up: the server might count it, and nobody here would.
 */
// In a project of your own: from "lanwire".
import { type Leave, NetClient, type Packet } from "../../src/index.ts";
import { type Fields, type Kind, type Message, read, STATUS, type UserAddress, write } from "./protocol.ts";
import type { PortTally } from "./reports.ts";
import type { Tally } from "./tally.ts";

/** How a connection ended that its user had not ended: it never began, or was cut, or followed the goodbye. */
export type End = "failed" | "cut" | "left";

/** Whose connection it is. Told nothing any more after `drop` and `forsake`. */
export interface LinkOwner {
  onOpen(link: UserLink): void;
  onMessage(link: UserLink, message: Message): void;
  onEnd(link: UserLink, end: End): void;
}

type LinkState =
  | { readonly at: "connecting" }
  | { readonly at: "open" }
  /** `drop` was called; while `connecting` that is done at the join. */
  | { readonly at: "dropped" }
  | { readonly at: "forsaken" }
  | { readonly at: "leaving" }
  | { readonly at: "over" };

/** Long enough for a machine that is busy: neither is waited for unless something is wrong. */
const PATIENCE_MS = 120_000;

export class UserLink extends NetClient {
  readonly #owner: LinkOwner;
  readonly #tally: Tally;
  readonly #port: PortTally;
  #state: LinkState = { at: "connecting" };
  /** The answers that must come, in this order. */
  readonly #expected: string[] = [];
  /** Whether anything was received: then the server has accepted for certain. */
  #heard = false;
  #room = -1;
  #visit = -1;
  /** Visits of this room that are over. */
  readonly #departed = new Set<number>();

  constructor({ ip, port }: UserAddress, tally: Tally, owner: LinkOwner) {
    super();
    this.#owner = owner;
    this.#tally = tally;
    this.#port = tally.at(port);
    tally.openLinks++;
    const waits = { connectTimeoutMs: PATIENCE_MS, disconnectDrainMs: PATIENCE_MS };
    this.connect({ serverIp: ip, port, ...waits }).catch(() => this.#failed());
  }

  /** Answers that have not come. */
  get outstanding(): number {
    return this.#expected.length;
  }

  /** Asks; `answer` names the kind of answer, and its number where it has one. */
  ask<K extends Kind>(kind: K, fields: Fields<K>, answer: string): void {
    if (this.#state.at !== "open") return;
    if (!this.sendPacket(write(kind, fields))) return; // its leave is on the way
    this.#port.asked++;
    this.#expected.push(answer);
  }

  /** Goodbye; the server's answer is that it closes. */
  leave(): void {
    this.ask("leave", {}, "leave");
    if (this.#state.at === "open") this.#state = { at: "leaving" };
  }

  /** Ends the connection without a goodbye. Nothing is told of it any more. */
  drop(): void {
    const { at } = this.#state;
    if (at === "over" || at === "dropped") return;
    this.#state = { at: "dropped" };
    if (at !== "connecting") this.#disconnect();
  }

  /** Leaves it open, as a user does whose connection broke unnoticed. The server ends it when the account comes again. */
  forsake(): void {
    if (this.#state.at === "open") this.#state = { at: "forsaken" };
  }

  override onEnterJoinServer(): void {
    this.#port.connects++;
    if (this.#state.at === "dropped") {
      this.#disconnect();
    } else {
      this.#state = { at: "open" };
      this.#owner.onOpen(this);
    }
  }

  override onRecv(packet: Packet): void {
    this.#heard = true;
    const message = read(packet);
    if (message.kind === "malformed") {
      this.#tally.violation(message.why);
    } else {
      this.#watch(message);
      if (this.#state.at === "open") this.#owner.onMessage(this, message);
    }
  }

  override onLeaveServer({ reason }: Leave): void {
    const { at } = this.#state;
    const saidGoodbye = at === "leaving" && reason === "peer-closed" && this.#expected.at(-1) === "leave";
    if (saidGoodbye) this.#answered("leave");
    const left = this.#expected.splice(0).length;
    const caredFor = at !== "dropped" && at !== "forsaken";
    if (caredFor) this.#port.lost += left;
    else this.#port.abandoned += left;
    if (caredFor && !saidGoodbye) this.#port.cut++;
    if (at === "forsaken") this.#tally.count("older connections ended by a server");
    this.#over(saidGoodbye ? "left" : "cut");
  }

  override onSend(): void {}

  /** Only events that throw are told here: an error of this file. */
  override onError(error: Error): void {
    this.#tally.violation(error.message);
  }

  #failed(): void {
    this.#port.failed++;
    this.#over("failed");
  }

  #over(end: End): void {
    const { at } = this.#state;
    this.#state = { at: "over" };
    this.#tally.openLinks--;
    if (at !== "dropped" && at !== "forsaken") this.#owner.onEnd(this, end);
  }

  /**
   * A reset takes back a connection that the server has not yet accepted, and then it never counts it. So who has
   * heard nothing closes, which the server sees whenever it comes to it.
   */
  #disconnect(): void {
    void this.disconnect({ now: this.#heard });
  }

  /** What must hold of every message, whatever its user does. */
  #watch(message: Message): void {
    switch (message.kind) {
      case "loginAnswer":
        this.#answered("loginAnswer");
        break;
      case "enterAnswer":
        if (message.status === STATUS.ok) this.#stand(message.room, message.visit);
        this.#answered("enterAnswer");
        break;
      case "moveOnAnswer":
        this.#stand(message.room, message.visit);
        this.#answered("moveOnAnswer");
        break;
      case "actAnswer":
        this.#answered(`actAnswer ${message.seq}`);
        break;
      case "departed":
        this.#tally.count("departures heard");
        if (message.room !== this.#room) this.#tally.violation(`a departure from a room that was left`);
        this.#departed.add(message.visit);
        break;
      case "said":
        this.#tally.count("messages heard");
        if (message.room !== this.#room) this.#tally.violation(`a message from a room that was left`);
        if (this.#departed.has(message.visit))
          this.#tally.violation(`a message of a user whose departure was told (visit ${message.visit})`);
        if (message.visit === this.#visit) this.#answered(`said ${message.seq}`);
        break;
      default:
        this.#tally.violation(`a server sent ${message.kind}`);
    }
  }

  #stand(room: number, visit: number): void {
    this.#room = room;
    this.#visit = visit;
    this.#departed.clear(); // no number of theirs comes again
  }

  #answered(what: string): void {
    const expected = this.#expected.shift();
    if (expected !== what) this.#tally.violation(`${what} came instead of ${expected ?? "nothing"}`);
    if (expected !== undefined) this.#port.answered++;
  }
}
