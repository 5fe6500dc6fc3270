/**
 * Silence on a link: how `connect` and `listen --wait-ms` decide that no answer comes any more.
 *
 *     touch --> touch --> (waitMs without a touch, and nothing under way) --> quiet
 */

export class Quiet {
  #lastMs = performance.now();
  readonly #isBusy: () => boolean;

  /** @param isBusy whether something still goes out or in at this moment */
  constructor(isBusy: () => boolean) {
    this.#isBusy = isBusy;
  }

  /** Something came, or went out. */
  touch(): void {
    this.#lastMs = performance.now();
  }

  /** Resolves once nothing happened for `waitMs`; never where that is Infinity. */
  async reached(waitMs: number): Promise<void> {
    this.touch();
    for (;;) {
      if (this.#isBusy()) this.touch();
      const leftMs = this.#lastMs + waitMs - performance.now();
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(leftMs, LOOK_MS)));
    }
  }
}

/** How often it is looked at whether something is under way. */
const LOOK_MS = 50;
