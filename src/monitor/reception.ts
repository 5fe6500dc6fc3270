/**
 * Who may report: judges each session by what it says, in the order in which it said it.
 *
 *     connected --> stranger --login--> reporter --gone--> (forgotten)
 *                      \--no login in time, data, malformed--\--malformed, second login, silent, replaced--> refused
 *
 * Invariants: a server has one reporter at most, the newest; what a refused session still says is ignored. A server
 * leaves the board once per join, with the reason that ended its session here, or else the link's own.
 */
import type { SessionId } from "../session/session-id.ts";
import type { CollectorEvent } from "./collector.ts";
import type { ReportMessage } from "./protocol.ts";

/** How long a connection may take to say which server it is. */
const LOGIN_MAX_MS = 10_000;

type Session =
  | { readonly at: "stranger"; readonly address: string; readonly sinceMs: number }
  | { readonly at: "reporter"; readonly address: string; readonly serverNo: number; heardMs: number }
  | { readonly at: "refused"; readonly address: string };

/** What the reception decides, told as it does. */
export interface ReceptionDesk {
  /** @returns false where the monitor has no room for another server. */
  joined(serverNo: number, address: string): boolean;
  left(serverNo: number, reason: string): void;
  reported(serverNo: number, type: number, value: number): void;
  /** A line for people: a session is disconnected, a link failed. */
  notice(text: string): void;
  /** Ends a session now. */
  disconnect(sessionId: SessionId): void;
}

export class Reception {
  readonly #desk: ReceptionDesk;
  /** 0: for ever. */
  readonly #silentMs: number;
  readonly #sessions = new Map<SessionId, Session>();
  readonly #reporters = new Map<number, SessionId>();

  constructor(desk: ReceptionDesk, silentMs: number) {
    this.#desk = desk;
    this.#silentMs = silentMs;
  }

  /** @param nowMs - on a monotonic clock. */
  take(event: CollectorEvent, nowMs: number): void {
    switch (event.kind) {
      case "connected":
        this.#sessions.set(event.sessionId, { at: "stranger", address: event.address, sinceMs: nowMs });
        break;
      case "said":
        this.#hear(event.sessionId, event.message, nowMs);
        break;
      case "gone":
        this.#forget(event.sessionId, event.reason);
        break;
      case "failed":
        this.#desk.notice(event.text);
        break;
    }
  }

  /** Ends those that keep silent; called about once a second. */
  sweep(nowMs: number): void {
    for (const [sessionId, session] of this.#sessions) {
      if (session.at === "stranger" && nowMs - session.sinceMs >= LOGIN_MAX_MS)
        this.#refuse(sessionId, session, `no login within ${LOGIN_MAX_MS / 1000} s`);
      else if (session.at === "reporter" && this.#silentMs > 0 && nowMs - session.heardMs >= this.#silentMs)
        this.#refuse(sessionId, session, `silent for ${this.#silentMs / 1000} s`);
    }
  }

  #hear(sessionId: SessionId, message: ReportMessage, nowMs: number): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.at === "refused") return;
    if (message.type === "malformed") {
      this.#refuse(sessionId, session, message.why);
    } else if (message.type === "login") {
      if (session.at === "reporter") this.#refuse(sessionId, session, "a second login");
      else this.#logIn(sessionId, session, message.serverNo, nowMs);
    } else if (session.at === "stranger") {
      this.#refuse(sessionId, session, "data before its login");
    } else {
      session.heardMs = nowMs;
      this.#desk.reported(session.serverNo, message.dataType, message.value);
    }
  }

  #logIn(sessionId: SessionId, stranger: Session, serverNo: number, nowMs: number): void {
    const { address } = stranger;
    // Whoever logs in again has left the old session, whether or not that was noticed here.
    const older = this.#reporters.get(serverNo);
    if (older !== undefined) this.#refuse(older, this.#sessions.get(older)!, `replaced by ${address}`);
    if (!this.#desk.joined(serverNo, address)) {
      this.#refuse(sessionId, stranger, `server ${serverNo} is one more than serversMax`);
      return;
    }
    this.#reporters.set(serverNo, sessionId);
    this.#sessions.set(sessionId, { at: "reporter", address, serverNo, heardMs: nowMs });
  }

  #refuse(sessionId: SessionId, session: Session, why: string): void {
    const { address } = session;
    this.#sessions.set(sessionId, { at: "refused", address });
    this.#desk.notice(`${address} is disconnected: ${why}`);
    if (session.at === "reporter") this.#leave(session.serverNo, why);
    this.#desk.disconnect(sessionId);
  }

  #forget(sessionId: SessionId, reason: string): void {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    if (session?.at === "reporter") this.#leave(session.serverNo, reason);
    else if (session?.at === "stranger")
      this.#desk.notice(`${session.address} left before its login: ${reason}`);
  }

  #leave(serverNo: number, reason: string): void {
    this.#reporters.delete(serverNo);
    this.#desk.left(serverNo, reason);
  }
}
