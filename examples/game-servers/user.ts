/**
 * A user, as users are: logs in, sometimes twice at once, plays on both servers, moves on, leaves or just drops, and
 * comes back; at the end leaves in good order.
 *
 *     away --> logging-in --> entering --> playing --> leaving --> away, or gone
 *      ^           |             |            |
 *      '-----------+-------------+------------'  refused, cut, dropped, forsaken      (ending: away --> gone)
 *
 * Invariant: a connection that does not belong to the state tells nothing any more: it was dropped or forsaken. A user who
 * is gone has dropped them all.
 */
import { type Message, STATUS, type UserAddress } from "./protocol.ts";
import type { Tally } from "./tally.ts";
import { type End, type LinkOwner, UserLink } from "./user-link.ts";

export interface UserSettings {
  readonly login: UserAddress;
  readonly rooms: number;
  readonly tally: Tally;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** The user is in the world of the game server with this port. */
  readonly onPlaying: (gamePort: number) => void;
  readonly onGone: () => void;
}

interface Worlds {
  readonly game: UserLink;
  readonly chat: UserLink;
  readonly gamePort: number;
}

type UserState =
  | { readonly at: "away" }
  | { readonly at: "logging-in"; readonly attempts: Attempt[] }
  | { readonly at: "entering"; readonly worlds: Worlds; readonly key: string; readonly inside: Set<UserLink> }
  | { readonly at: "playing"; readonly worlds: Worlds }
  | { readonly at: "leaving"; readonly worlds: Worlds; readonly left: Set<UserLink> }
  | { readonly at: "gone" };

/** One of the logins that a user tries at the same time. */
interface Attempt {
  readonly link: UserLink;
  at: "connecting" | "open" | "asked" | "answered" | "failed";
  /** The answer, where it was a good one. */
  good?: Message<"loginAnswer">;
}

/** Milliseconds, each drawn from a range. */
const PAUSE = [50, 600] as const;
const THINK = [200, 1400] as const;

/** How often what is done: in a hundred. The rest is talking. */
const TWICE = 15;
const DROP_AT_LOGIN = 4;
const DROP_AT_ENTER = 4;
const PLAY = { drop: 4, forsake: 7, leave: 11, moveOn: 25, act: 45 } as const;

export class User implements LinkOwner {
  readonly #account: bigint;
  readonly #settings: UserSettings;
  #state: UserState = { at: "away" };
  #timer: NodeJS.Timeout | undefined;
  #ending = false;
  readonly #forsaken: UserLink[] = [];
  #seq = 0;

  constructor(account: bigint, settings: UserSettings) {
    this.#account = account;
    this.#settings = settings;
    this.#later(PAUSE, () => this.#logIn());
  }

  /** For a report of what did not end. */
  get state(): string {
    return this.#state.at;
  }

  /** From now on this user does not come back, and leaves in good order. */
  end(): void {
    this.#ending = true;
    if (this.#state.at === "away") this.#goAway();
    if (this.#state.at === "playing") this.#leaveWhenAnswered();
  }

  onOpen(link: UserLink): void {
    const state = this.#state;
    if (state.at === "logging-in") {
      attemptOf(state.attempts, link).at = "open";
      this.#askWhenAllAreOpen(state.attempts);
    } else if (state.at === "entering") {
      if (this.#chance(DROP_AT_ENTER)) this.#drop("dropped instead of entering", state.worlds);
      else link.ask("enter", { account: this.#account, key: state.key }, "enterAnswer");
    }
  }

  onMessage(link: UserLink, message: Message): void {
    const state = this.#state;
    if (state.at === "logging-in" && message.kind === "loginAnswer") {
      this.#onLoginAnswer(state.attempts, attemptOf(state.attempts, link), message);
    } else if (state.at === "entering" && message.kind === "enterAnswer") {
      state.inside.add(link);
      if (message.status !== STATUS.ok) this.#drop("wrong key", state.worlds);
      else if (state.inside.size === 2) this.#play(state.worlds);
    } else if (state.at === "playing" && this.#ending) {
      this.#leaveWhenAnswered();
    }
  }

  onEnd(link: UserLink, end: End): void {
    const state = this.#state;
    if (state.at === "logging-in") {
      const attempt = attemptOf(state.attempts, link);
      if (attempt.at !== "answered") attempt.at = "failed";
      this.#askWhenAllAreOpen(state.attempts);
      if (this.#state === state) this.#enterWhenAllAreAnswered(state.attempts);
    } else if (state.at === "leaving") {
      state.left.add(link);
      if (state.left.size === 2) this.#goAway();
    } else if (state.at === "entering" || state.at === "playing") {
      this.#drop(
        `came back after a connection had ${end === "failed" ? "failed" : "been cut"}`,
        state.worlds,
      );
    }
  }

  #logIn(): void {
    const { login, tally } = this.#settings;
    const twice = this.#chance(TWICE);
    tally.count(twice ? "logged in twice at once" : "logged in");
    const attempts: Attempt[] = [];
    this.#state = { at: "logging-in", attempts };
    for (let n = 0; n < (twice ? 2 : 1); n++) {
      attempts.push({ link: new UserLink(login, tally, this), at: "connecting" });
    }
  }

  /** In one turn, so that the later login comes while the earlier one waits for its answers. */
  #askWhenAllAreOpen(attempts: readonly Attempt[]): void {
    const ready = attempts.filter(({ at }) => at === "open");
    if (ready.length === 0 || attempts.some(({ at }) => at === "connecting")) return;
    for (const attempt of ready) {
      attempt.link.ask("login", { account: this.#account, password: "any" }, "loginAnswer");
      attempt.at = "asked";
    }
    if (this.#chance(DROP_AT_LOGIN)) this.#dropAttempts("dropped before the login was answered", attempts);
  }

  #onLoginAnswer(attempts: readonly Attempt[], attempt: Attempt, answer: Message<"loginAnswer">): void {
    this.#settings.tally.count(`login answered with ${STATUS_NAMES.get(answer.status)}`);
    attempt.at = "answered";
    if (answer.status === STATUS.ok) {
      for (const other of attempts) delete other.good; // the newer key is the one that opens
      attempt.good = answer;
    }
    this.#enterWhenAllAreAnswered(attempts);
  }

  #enterWhenAllAreAnswered(attempts: readonly Attempt[]): void {
    if (attempts.some(({ at }) => at !== "answered" && at !== "failed")) return;
    const good = attempts.find((attempt) => attempt.good !== undefined)?.good;
    if (good === undefined) {
      this.#dropAttempts("login refused", attempts);
    } else {
      for (const { link } of attempts) link.drop(); // its work is done, and the login server wants no goodbye
      this.#enter(good);
    }
  }

  #enter({ gameIp, gamePort, chatIp, chatPort, key }: Message<"loginAnswer">): void {
    const { tally } = this.#settings;
    const game = new UserLink({ ip: gameIp, port: gamePort }, tally, this);
    const chat = new UserLink({ ip: chatIp, port: chatPort }, tally, this);
    this.#state = { at: "entering", worlds: { game, chat, gamePort }, key, inside: new Set() };
  }

  #play(worlds: Worlds): void {
    this.#state = { at: "playing", worlds };
    this.#settings.tally.count("entered both worlds");
    this.#settings.onPlaying(worlds.gamePort);
    this.#moveOn(worlds); // to where the others are
    if (!this.#ending) this.#later(THINK, () => this.#playOn(worlds));
  }

  #playOn(worlds: Worlds): void {
    const what = this.#random() * 100;
    if (what < PLAY.drop) {
      this.#drop("dropped while playing", worlds);
    } else if (what < PLAY.forsake) {
      this.#forsake(worlds);
    } else if (what < PLAY.leave) {
      this.#leaveWhenAnswered();
    } else {
      this.#later(THINK, () => this.#playOn(worlds));
      if (what < PLAY.moveOn) this.#moveOn(worlds);
      else if (what < PLAY.act) this.#act(worlds);
      else this.#say(worlds);
    }
  }

  #act({ game }: Worlds): void {
    const seq = ++this.#seq;
    game.ask("act", { seq }, `actAnswer ${seq}`);
  }

  #say({ chat }: Worlds): void {
    const seq = ++this.#seq;
    chat.ask("say", { seq, text: `${this.#account} says ${seq}` }, `said ${seq}`);
  }

  #moveOn({ game, chat }: Worlds): void {
    const room = Math.floor(this.#random() * this.#settings.rooms);
    for (const link of [game, chat]) link.ask("moveOn", { room }, "moveOnAnswer");
  }

  /** Who leaves in good order waits for its answers first; one who is ending is asked again at each answer. */
  #leaveWhenAnswered(): void {
    if (this.#state.at !== "playing") return;
    const { worlds } = this.#state;
    clearTimeout(this.#timer);
    if (worlds.game.outstanding + worlds.chat.outstanding > 0) {
      if (!this.#ending) this.#later(PAUSE, () => this.#leaveWhenAnswered());
      return;
    }
    this.#settings.tally.count("left in good order");
    this.#state = { at: "leaving", worlds, left: new Set() };
    worlds.game.leave();
    worlds.chat.leave();
  }

  #dropAttempts(what: string, attempts: readonly Attempt[]): void {
    this.#settings.tally.count(what);
    for (const { link } of attempts) link.drop();
    this.#goAway();
  }

  #drop(what: string, { game, chat }: Worlds): void {
    this.#settings.tally.count(what);
    game.drop();
    chat.drop();
    this.#goAway();
  }

  /** Comes back beside connections that are still there. */
  #forsake({ game, chat }: Worlds): void {
    this.#settings.tally.count("came back beside older connections");
    for (const link of this.#forsaken.splice(0)) link.drop(); // long over: the account has entered since
    for (const link of [game, chat]) link.forsake();
    this.#forsaken.push(game, chat);
    this.#goAway();
  }

  #goAway(): void {
    clearTimeout(this.#timer);
    if (this.#ending) {
      for (const link of this.#forsaken) link.drop(); // those that no later connection has ended
      this.#state = { at: "gone" };
      this.#settings.onGone();
    } else {
      this.#state = { at: "away" };
      this.#later(PAUSE, () => this.#logIn());
    }
  }

  #later([minMs, maxMs]: readonly [number, number], act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, minMs + this.#random() * (maxMs - minMs));
  }

  #chance(inHundred: number): boolean {
    return this.#random() * 100 < inHundred;
  }

  #random(): number {
    return this.#settings.random();
  }
}

const STATUS_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(STATUS).map(([name, status]) => [status, name]),
);

function attemptOf(attempts: readonly Attempt[], link: UserLink): Attempt {
  return attempts.find((attempt) => attempt.link === link)!;
}
