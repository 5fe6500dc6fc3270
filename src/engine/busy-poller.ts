/**
 * Keeps the event loop from sleeping for a while after the last activity, so that the next packet is found by
 * polling instead of by waking up: round trips near the hardware's, for one core while it lasts.
 *
 * A re-armed immediate makes the loop poll without waiting. It ends by itself, and keeps a process up no
 * longer than that.
 */
import { performance } from "node:perf_hooks"; // the global of that name is a getter, and slower

export class BusyPoller {
  readonly #millis: number;
  #state: "asleep" | "polling" | "touched" = "asleep";
  #untilMs = 0;
  readonly #turn = (): void => {
    // Real time on purpose: what is being polled is the real loop.
    const nowMs = performance.now();
    if (this.#state === "touched") {
      this.#state = "polling";
      this.#untilMs = nowMs + this.#millis;
    }
    if (nowMs < this.#untilMs) setImmediate(this.#turn);
    else this.#state = "asleep";
  };

  /** @param micros how long to poll after the last activity; 0 never polls. */
  constructor(micros: number) {
    this.#millis = micros / 1000;
  }

  /** Something arrived or was sent. HOT. */
  touch(): void {
    if (this.#state === "touched" || this.#millis === 0) return;
    if (this.#state === "asleep") setImmediate(this.#turn);
    this.#state = "touched";
  }
}
