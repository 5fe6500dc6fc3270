/**
 * The logins that the login server has begun and not yet answered.
 *
 *     begin --> waits for each server's 10003 --> complete
 *                 |--> superseded   the account logs in again
 *                 |--> lost         a server that was asked is gone, whether or not it had answered
 *                 '--> forgotten    the user is gone
 *
 * Invariant: one login for each account and each session at most; each waits for at least one server, and all servers
 * that it asked are there. An answer counts only where account and `param` are those of the login that is there now: any
 * other one is late.
 * Bounded by the login server's sessions.
 */
// In a project of your own: from "lanwire".
import type { SessionId } from "../../src/index.ts";

export interface Login {
  readonly account: bigint;
  /** The user's session. */
  readonly user: SessionId;
  /** Never the same twice, so that answers to an earlier login of the account are told apart. */
  readonly param: bigint;
  readonly key: string;
}

export type Answered =
  | { readonly was: "late" }
  | { readonly was: "waiting" }
  | { readonly was: "complete"; readonly login: Login };

interface PendingLogin extends Login {
  readonly asked: readonly SessionId[];
  readonly waitsFor: Set<SessionId>;
}

export class PendingLogins {
  readonly #byAccount = new Map<bigint, PendingLogin>();
  readonly #byUser = new Map<SessionId, Login>();
  #params = 0n;

  get size(): number {
    return this.#byAccount.size;
  }

  /**
   * A login that waits for the answers of `links`, the servers' sessions. The account's earlier one, if there is one,
   * is over and handed back.
   */
  begin(
    account: bigint,
    user: SessionId,
    key: string,
    links: readonly SessionId[],
  ): { login: Login; superseded: Login | undefined } {
    const superseded = this.#byAccount.get(account);
    if (superseded !== undefined) this.#remove(superseded);
    const login = { account, user, param: ++this.#params, key, asked: links, waitsFor: new Set(links) };
    this.#byAccount.set(account, login);
    this.#byUser.set(user, login);
    return { login, superseded };
  }

  /** A server's 10003. */
  answered(link: SessionId, account: bigint, param: bigint): Answered {
    const login = this.#byAccount.get(account);
    if (login === undefined || login.param !== param || !login.waitsFor.delete(link)) return { was: "late" };
    if (login.waitsFor.size > 0) return { was: "waiting" };
    this.#remove(login);
    return { was: "complete", login };
  }

  /** A server is gone, and with it the keys that it was told of: the logins that asked it, now over. */
  lost(link: SessionId): Login[] {
    const over = [...this.#byAccount.values()].filter(({ asked }) => asked.includes(link));
    for (const login of over) this.#remove(login);
    return over;
  }

  /** A user is gone. */
  forget(user: SessionId): void {
    const login = this.#byUser.get(user);
    if (login !== undefined) this.#remove(login);
  }

  #remove(login: Login): void {
    this.#byAccount.delete(login.account);
    this.#byUser.delete(login.user);
  }
}
