/**
 * The keys that the login server announced and nobody has used yet.
 *
 * Invariant: one for each account at most, the newest; in the order in which they expire. A key opens once.
 */
interface Token {
  readonly key: string;
  readonly expiresAtMs: number;
}

export class Tokens {
  readonly #tokens = new Map<bigint, Token>();
  readonly #lifeMs: number;
  readonly #nowMs: () => number;

  /** @param nowMs - a clock that never goes back */
  constructor(lifeMs: number, nowMs: () => number = () => performance.now()) {
    this.#lifeMs = lifeMs;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#tokens.size;
  }

  /** The account's earlier key, if there is one, opens no more. */
  announce(account: bigint, key: string): void {
    this.#tokens.delete(account);
    this.#tokens.set(account, { key, expiresAtMs: this.#nowMs() + this.#lifeMs });
  }

  /** Whether the key opens; then it does not again. A wrong key leaves the right one alone. */
  use(account: bigint, key: string): boolean {
    this.forgetExpired();
    return this.#tokens.get(account)?.key === key && this.#tokens.delete(account);
  }

  forgetExpired(): void {
    const nowMs = this.#nowMs();
    for (const [account, { expiresAtMs }] of this.#tokens) {
      if (expiresAtMs > nowMs) return;
      this.#tokens.delete(account);
    }
  }

  /** Who announced them is gone. */
  forgetAll(): void {
    this.#tokens.clear();
  }
}
