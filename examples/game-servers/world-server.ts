/**
 * What the game and the chat server have in common: users come with a key of the login server, stand in rooms, move
 * on, and leave.
 *
 *     stranger --201, right key--> inside --206--> going        inside --connection ends--> gone
 *        '------wrong key--------> going      '----the account comes again--> going
 *
 * Invariant: `#insiders` and the rooms hold exactly the sessions that are inside. Whoever is left in a room is told of
 * each departure after the last message of the one who departed, and before anything else.
 */
// In a project of your own: from "lanwire".
import { type LanError, NetServer, type Packet, type SessionId } from "../../src/index.ts";
import { LoginLink } from "./login-link.ts";
import { LINK, type Message, read, STATUS, type World, write } from "./protocol.ts";
import { countOf, type ServerReport } from "./reports.ts";
import { Rooms } from "./rooms.ts";
import { Tokens } from "./tokens.ts";

export interface WorldServerOptions {
  /** The login server's port for servers. */
  readonly loginPort: number;
  readonly maxSessions: number;
  /** How long a key opens. */
  readonly tokenLifeMs: number;
  /** A port that this process must not have: that of one that was killed, so that their users are told apart. */
  readonly notPort?: number | undefined;
}

/** A user who is inside. */
export interface Visitor {
  readonly at: "inside";
  readonly account: bigint;
  readonly room: number;
  readonly visit: number;
}

type UserState = { readonly at: "stranger" } | Visitor | { readonly at: "going" };

/** The login server says nothing unless users come, and delays start over only after it did: so they stay short. */
const RECONNECT = { minDelayMs: 100, maxDelayMs: 2000 };
/** Long enough for a machine that is busy: what was sent before a goodbye arrives. */
const DRAIN_MS = 60_000;

export abstract class WorldServer extends NetServer {
  readonly #world: World;
  readonly #users = new Map<SessionId, UserState>();
  readonly #insiders = new Map<bigint, SessionId>();
  readonly #rooms = new Rooms();
  readonly #counts = { entered: 0, wrongKeys: 0, replaced: 0, movedOn: 0, departures: 0 };
  readonly #errors: Record<string, number> = {};
  #tokens = new Tokens(0);
  #link: LoginLink | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #visits = 0;
  #port = 0;

  constructor(world: World) {
    super();
    this.#world = world;
  }

  /** What only a game or only a chat server understands; false where it does not. */
  abstract onWord(user: SessionId, visitor: Visitor, message: Message): boolean;

  /** Listens for users, then logs in to the login server; resolves with the users' port. */
  async open(options: WorldServerOptions): Promise<number> {
    const { loginPort, maxSessions, tokenLifeMs, notPort } = options;
    this.#tokens = new Tokens(tokenLifeMs);
    // Keys that nobody comes for go even where nobody comes at all.
    this.#expiry = setInterval(() => this.#tokens.forgetExpired(), Math.max(10, tokenLifeMs / 4));
    const limits = { maxSessions, firstPacketTimeoutMs: 120_000, disconnectDrainMs: DRAIN_MS };
    let address = await this.start({ port: 0, ...limits });
    while (address.port === notPort) {
      await this.stop();
      address = await this.start({ port: 0, ...limits });
    }
    this.#port = address.port;
    const users = { ip: "127.0.0.1", port: address.port };
    this.#link = new LoginLink(this.#world, users, this.#tokens, (error) => this.onError(error));
    this.#link.connect({ port: loginPort, ...LINK, reconnect: RECONNECT }).catch((error: LanError) => {
      if (error.code !== "CONNECT_ABORTED") this.onError(error);
    });
    return address.port;
  }

  async close(): Promise<void> {
    clearInterval(this.#expiry);
    await this.stop();
    await this.#link?.disconnect();
  }

  report(): ServerReport {
    const { accepted, refused, sessions, queuedBytes } = this.stats();
    return {
      name: this.#world,
      pid: process.pid,
      port: this.#port,
      accepted,
      refused,
      tables: {
        sessions,
        queuedBytes,
        users: this.#users.size,
        insiders: this.#insiders.size,
        rooms: this.#rooms.size,
        tokens: this.#tokens.size,
      },
      counts: this.#counts,
      errors: this.#errors,
    };
  }

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(user: SessionId): void {
    this.#users.set(user, { at: "stranger" });
  }

  override onRecv(user: SessionId, packet: Packet): void {
    const state = this.#users.get(user);
    if (state === undefined || state.at === "going") return;
    const message = read(packet);
    if (state.at === "stranger") {
      if (message.kind === "enter") this.#enter(user, message);
      else this.#end(user, { now: true });
    } else if (message.kind === "moveOn") {
      this.#moveOn(user, state, message.room);
    } else if (message.kind === "leave") {
      this.#end(user);
    } else if (message.kind === "malformed" || !this.onWord(user, state, message)) {
      this.#end(user, { now: true });
    }
  }

  override onClientLeave(user: SessionId): void {
    this.#depart(user);
    this.#users.delete(user);
  }

  override onError(error: LanError): void {
    countOf(this.#errors, error.code);
    console.error(`${this.#world} ${error.code}: ${error.message}`);
  }

  /** An answer. Who lets so many pile up that there is no room for one more is cut off: it would wait for ever. */
  protected answer(user: SessionId, packet: Packet): void {
    if (!this.sendPacket(user, packet)) this.#end(user, { now: true });
  }

  /** To everybody in a room but one. */
  protected tellRoom(room: number, packet: Packet, but: SessionId): void {
    const others = [...this.#rooms.members(room)].filter((member) => member !== but);
    if (others.length > 0) this.broadcast(packet, others);
  }

  #enter(user: SessionId, { account, key }: Message<"enter">): void {
    if (!this.#tokens.use(account, key)) {
      this.#counts.wrongKeys++;
      this.answer(user, write("enterAnswer", { status: STATUS.wrongKey, room: 0, visit: 0 }));
      this.#end(user);
      return;
    }
    // Who comes again has left the old connection, whether or not that was noticed here.
    const older = this.#insiders.get(account);
    if (older !== undefined) {
      this.#counts.replaced++;
      this.#end(older, { now: true });
    }
    this.#counts.entered++;
    this.#insiders.set(account, user);
    const { room, visit } = this.#stand(user, account, Number(account & 0xffn));
    this.answer(user, write("enterAnswer", { status: STATUS.ok, room, visit }));
  }

  #moveOn(user: SessionId, from: Visitor, to: number): void {
    this.#counts.movedOn++;
    this.#leaveRoom(user, from);
    const { room, visit } = this.#stand(user, from.account, to);
    this.answer(user, write("moveOnAnswer", { room, visit }));
  }

  #stand(user: SessionId, account: bigint, room: number): Visitor {
    this.#visits = (this.#visits + 1) >>> 0;
    const visitor = { at: "inside", account, room, visit: this.#visits } as const;
    this.#users.set(user, visitor);
    this.#rooms.enter(room, user);
    return visitor;
  }

  #end(user: SessionId, options: { now?: boolean } = {}): void {
    this.#depart(user);
    this.#users.set(user, { at: "going" });
    this.disconnect(user, options);
  }

  #depart(user: SessionId): void {
    const state = this.#users.get(user);
    if (state?.at !== "inside") return;
    this.#insiders.delete(state.account);
    this.#leaveRoom(user, state);
  }

  #leaveRoom(user: SessionId, { room, visit }: Visitor): void {
    this.#rooms.depart(room, user);
    this.#counts.departures++;
    this.tellRoom(room, write("departed", { room, visit }), user);
  }
}
