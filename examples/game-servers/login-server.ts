/**
 * The login server: users in front, servers behind, each on a thread of its own.
 *
 *     user --101--> LoginServer --10002--> LoginLinks --> game and chat server
 *                     pending   <--10003--     |      <--
 *     user <--102--   (both answered)          '-- thread 1: not disturbed by users, nor disturbing them
 *
 * Invariant: a user's login is answered once: with addresses and key after BOTH servers have answered, or with what
 * went wrong.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { MessageChannel, type MessagePort } from "node:worker_threads";
// In a project of your own: from "lanwire".
import { type LanError, NetServer, type Packet, type SessionId } from "../../src/index.ts";
import { type LinkEvent, LoginLinks } from "./login-links.ts";
import { type Login, PendingLogins } from "./pending-logins.ts";
import { LINK, type Message, read, STATUS, type UserAddress, type World, write } from "./protocol.ts";
import { countOf, type ServerReport } from "./reports.ts";

export interface LoginServerOptions {
  readonly maxSessions: number;
  /** Worker threads for the links to the servers; 0 has them on this one. */
  readonly threads: number;
}

interface WorldServerLink {
  readonly link: SessionId;
  readonly address: UserAddress;
}

export class LoginServer extends NetServer {
  readonly #links = new LoginLinks();
  readonly #pending = new PendingLogins();
  readonly #worlds = new Map<World, WorldServerLink>();
  /** The users' sessions, and whether each has asked. */
  readonly #users = new Map<SessionId, "stranger" | "asked">();
  readonly #counts = { logins: 0, handedOver: 0, newerLogins: 0, serverLost: 0, lateAnswers: 0 };
  readonly #errors: Record<string, number> = {};
  #port = 0;

  /** Starts both sides; resolves with their ports. */
  async open({ maxSessions, threads }: LoginServerOptions): Promise<{ userPort: number; linkPort: number }> {
    const onEvent = (event: LinkEvent): void => this.#onLinkEvent(event);
    this.#links.emit = onEvent;
    const { port: linkPort } = await this.#links.start({
      port: 0,
      ...LINK,
      workerThreads: threads,
      workerData: (thread: number) => (thread === 0 ? undefined : { port: portTo(onEvent) }),
    });
    // Users have two minutes for their first packet: this machine may be busy.
    const { port } = await this.start({ port: 0, maxSessions, firstPacketTimeoutMs: 120_000 });
    this.#port = port;
    return { userPort: port, linkPort };
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#links.stop();
  }

  report(): ServerReport {
    const { accepted, refused, sessions, queuedBytes } = this.stats();
    return {
      name: "login",
      pid: process.pid,
      port: this.#port,
      accepted,
      refused,
      tables: { sessions, queuedBytes, users: this.#users.size, pending: this.#pending.size },
      counts: this.#counts,
      errors: this.#errors,
      worlds: Object.fromEntries([...this.#worlds].map(([world, { address }]) => [world, address.port])),
    };
  }

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(user: SessionId): void {
    this.#users.set(user, "stranger");
  }

  override onRecv(user: SessionId, packet: Packet): void {
    const message = read(packet);
    if (message.kind !== "login" || this.#users.get(user) !== "stranger") {
      this.disconnect(user, { now: true });
      return;
    }
    this.#users.set(user, "asked");
    this.#counts.logins++;
    this.#begin(user, message);
  }

  override onClientLeave(user: SessionId): void {
    this.#users.delete(user);
    this.#pending.forget(user);
  }

  override onError(error: LanError): void {
    countOf(this.#errors, error.code);
    console.error(`login ${error.code}: ${error.message}`);
  }

  #begin(user: SessionId, { account, password }: Message<"login">): void {
    const game = this.#worlds.get("game");
    const chat = this.#worlds.get("chat");
    if (password === "") {
      this.#refuse(user, STATUS.wrongPassword);
    } else if (game === undefined || chat === undefined) {
      this.#refuse(user, STATUS.noServers);
    } else {
      this.#askBoth(account, user, [game.link, chat.link]);
    }
  }

  #askBoth(account: bigint, user: SessionId, links: readonly SessionId[]): void {
    const key = randomBytes(32).toString("hex");
    const { login, superseded } = this.#pending.begin(account, user, key, links);
    if (superseded !== undefined) {
      this.#counts.newerLogins++;
      this.#refuse(superseded.user, STATUS.newerLogin);
    }
    const question = write("newClient", { account, key, param: login.param });
    if (links.every((link) => this.#links.sendPacket(link, question))) return;
    // A link is gone, and `down` is on its way; what the other server was told of expires there.
    this.#pending.forget(user);
    this.#counts.serverLost++;
    this.#refuse(user, STATUS.serverLost);
  }

  #onLinkEvent(event: LinkEvent): void {
    switch (event.type) {
      case "up":
        this.#worlds.set(event.world, { link: event.link, address: event.address });
        break;
      case "answered":
        this.#onAnswer(event.link, event.account, event.param);
        break;
      case "down":
        this.#onLinkLost(event.link);
        break;
      case "refused":
        countOf(this.#errors, "server refused");
        console.error(`login refused a server: ${event.why}`);
        break;
      case "error":
        countOf(this.#errors, event.code);
        console.error(`login's links ${event.code}: ${event.text}`);
        break;
    }
  }

  #onAnswer(link: SessionId, account: bigint, param: bigint): void {
    const answered = this.#pending.answered(link, account, param);
    if (answered.was === "late") this.#counts.lateAnswers++;
    if (answered.was === "complete") this.#handOver(answered.login);
  }

  #handOver({ user, key }: Login): void {
    const game = this.#worlds.get("game");
    const chat = this.#worlds.get("chat");
    assert(game !== undefined && chat !== undefined); // with a lost server its logins went, too
    this.#counts.handedOver++;
    this.#answer(user, STATUS.ok, key, game.address, chat.address);
  }

  /** All that is known of a lost server goes: its address, and the logins that wait for it. */
  #onLinkLost(link: SessionId): void {
    for (const [world, server] of this.#worlds) {
      if (server.link === link) this.#worlds.delete(world);
    }
    for (const { user } of this.#pending.lost(link)) {
      this.#counts.serverLost++;
      this.#refuse(user, STATUS.serverLost);
    }
  }

  #refuse(user: SessionId, status: number): void {
    this.#answer(user, status, "", NOWHERE, NOWHERE);
  }

  #answer(user: SessionId, status: number, key: string, game: UserAddress, chat: UserAddress): void {
    const places = { gameIp: game.ip, gamePort: game.port, chatIp: chat.ip, chatPort: chat.port };
    // False where the user has gone meanwhile: it logs in again.
    this.sendPacket(user, write("loginAnswer", { status, key, ...places }));
  }
}

const NOWHERE: UserAddress = { ip: "", port: 0 };

/** The far end of a new channel whose events come to `take`. It keeps nothing alive. */
function portTo(take: (event: LinkEvent) => void): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.on("message", take);
  port1.unref();
  return port2;
}
