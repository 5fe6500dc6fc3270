/**
 * The centre of the star: takes logins and figures from agents and tells `emit` what happened.
 *
 *     agent --20001--> joined       agent --20002--> figure*       agent gone --> left
 *
 * It keeps only what it needs to judge the next packet of a session. What people look at is the board's
 * (`board.ts`), which lives beside the view: events are plain data, so that they can cross threads.
 */
import type { MessagePort } from "node:worker_threads";
// In a project of your own: from "lanwire".
import {
  type ClientInfo,
  type LanError,
  LanServer,
  type Leave,
  type Packet,
  type SessionId,
} from "../../src/index.ts";
import { readMessage, type Update } from "./protocol.ts";

/** What a monitoring server tells, as plain data. Times are epoch milliseconds. */
export type MonitorEvent =
  | { readonly type: "joined"; readonly agent: AgentLink; readonly atMs: number }
  | { readonly type: "figure"; readonly agent: AgentLink; readonly update: Update; readonly atMs: number }
  | { readonly type: "left"; readonly agent: AgentLink; readonly reason: string; readonly atMs: number }
  /** A session is disconnected because of what it sent; `left` follows if it was an agent's. */
  | { readonly type: "refused"; readonly address: string; readonly why: string }
  /** An agent logged in while an older session of its number was still there; that one is disconnected. */
  | { readonly type: "replaced"; readonly serverNo: number }
  /** A session that had never logged in is gone. */
  | { readonly type: "stranger-left"; readonly address: string; readonly reason: string }
  | { readonly type: "error"; readonly text: string };

/** One agent on one session: after a rejoin the number is the same and the session another. */
export interface AgentLink {
  readonly serverNo: number;
  readonly sessionId: number;
  readonly address: string;
}

type SessionState =
  | { readonly at: "stranger"; readonly address: string }
  | { readonly at: "agent"; readonly address: string; readonly agent: AgentLink }
  | { readonly at: "refused"; readonly address: string; readonly agent: AgentLink | undefined };

/** What the option `workerData` gives each worker thread. */
export interface MonitoringData {
  /** Takes `MonitorEvent`s to the thread that shows them. */
  readonly port: MessagePort;
}

export class MonitoringServer extends LanServer {
  /** Worker threads load the class from here. */
  static readonly module: string = import.meta.url;

  /**
   * Where events go: whoever made this instance sets it. A worker thread makes an instance of its own; what
   * happens there goes through the port that `workerData` brings.
   */
  emit: (event: MonitorEvent) => void = portOf(this.workerData);

  readonly #sessions = new Map<SessionId, SessionState>();

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(sessionId: SessionId, client: ClientInfo): void {
    this.#sessions.set(sessionId, { at: "stranger", address: `${client.ip}:${client.port}` });
  }

  override onRecv(sessionId: SessionId, packet: Packet): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.at === "refused") return;

    const message = readMessage(packet);
    if (message.type === "malformed") {
      this.#refuse(sessionId, session, message.why);
    } else if (message.type === "login") {
      if (session.at === "agent") this.#refuse(sessionId, session, "a second login");
      else this.#logIn(sessionId, session.address, message.serverNo);
    } else {
      if (session.at === "stranger") this.#refuse(sessionId, session, "data before its login");
      else this.emit({ type: "figure", agent: session.agent, update: message, atMs: Date.now() });
    }
  }

  override onClientLeave(sessionId: SessionId, { reason }: Leave): void {
    const session = this.#sessions.get(sessionId);
    if (session === undefined) return;
    this.#sessions.delete(sessionId);
    if (session.at === "stranger") {
      this.emit({ type: "stranger-left", address: session.address, reason });
    } else if (session.agent !== undefined) {
      this.emit({ type: "left", agent: session.agent, reason, atMs: Date.now() });
    }
  }

  override onError(error: LanError): void {
    this.emit({ type: "error", text: `${error.code}: ${error.message}` });
  }

  #logIn(sessionId: SessionId, address: string, serverNo: number): void {
    const hostId = `server-${serverNo}`;
    // Whoever logs in again has left the old session, whether or not that was noticed here.
    if (this.disconnect(hostId, { now: true })) this.emit({ type: "replaced", serverNo });
    this.setHostId(sessionId, hostId, { replace: true });
    const agent = { serverNo, sessionId, address };
    this.#sessions.set(sessionId, { at: "agent", address, agent });
    this.emit({ type: "joined", agent, atMs: Date.now() });
  }

  #refuse(sessionId: SessionId, session: SessionState, why: string): void {
    const agent = session.at === "stranger" ? undefined : session.agent;
    this.#sessions.set(sessionId, { at: "refused", address: session.address, agent });
    this.emit({ type: "refused", address: session.address, why });
    this.disconnect(sessionId, { now: true });
  }
}

function portOf(workerData: unknown): (event: MonitorEvent) => void {
  const data = workerData as MonitoringData | undefined;
  return data === undefined ? () => {} : (event) => data.port.postMessage(event);
}
