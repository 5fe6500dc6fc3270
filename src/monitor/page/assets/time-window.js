/**
 * Which time the charts show: one window for the whole page, so that a peak in one figure is looked at in the others.
 *
 *     live     [now - range, now], moves with the clock
 *     fixed    [from, to], after zooming or moving; back to live by `reset`, or by moving it to now
 *
 * Invariant: SPAN_MIN_MS <= to - from <= SPAN_MAX_MS, and to <= now.
 */

const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const SPAN_MIN_MS = 10_000;
const SPAN_MAX_MS = 30 * DAY_MS;

/** @type {readonly { readonly label: string; readonly spanMs: number }[]} */
export const RANGES = [
  { label: "10 min", spanMs: 10 * MINUTE_MS },
  { label: "1 h", spanMs: HOUR_MS },
  { label: "6 h", spanMs: 6 * HOUR_MS },
  { label: "24 h", spanMs: DAY_MS },
  { label: "7 d", spanMs: 7 * DAY_MS },
  { label: "30 d", spanMs: 30 * DAY_MS },
];

/** @typedef {{ readonly at: "live"; readonly spanMs: number } | { readonly at: "fixed"; readonly fromMs: number; readonly toMs: number }} Shown */

export class TimeWindow {
  #now;
  #rangeMs = HOUR_MS;
  #isChosen = false;
  /** @type {Shown} */
  #shown = { at: "live", spanMs: HOUR_MS };
  /** @type {Set<(isTick: boolean) => void>} */
  #listeners = new Set();

  /** @param {() => number} now epoch milliseconds */
  constructor(now) {
    this.#now = now;
  }

  get isLive() {
    return this.#shown.at === "live";
  }

  /** Whether it is what `reset` leads to. */
  get isReset() {
    return this.#shown.at === "live" && this.#shown.spanMs === this.#rangeMs;
  }

  get rangeMs() {
    return this.#rangeMs;
  }

  get fromMs() {
    return this.#shown.at === "live" ? this.#now() - this.#shown.spanMs : this.#shown.fromMs;
  }

  get toMs() {
    return this.#shown.at === "live" ? this.#now() : this.#shown.toMs;
  }

  get spanMs() {
    return this.#shown.at === "live" ? this.#shown.spanMs : this.#shown.toMs - this.#shown.fromMs;
  }

  /**
   * @param {(isTick: boolean) => void} listener told of each move, and with true where only the clock moved
   * @returns {() => void} ends it
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Begins closer where there is not much to see yet; not after the reader chose a range or zoomed.
   * @param {number} sinceMs since when there are values
   */
  suggestFor(sinceMs) {
    const [shortest] = RANGES;
    if (this.#isChosen || shortest === undefined) return;
    this.#rangeMs = this.#now() - sinceMs < shortest.spanMs ? shortest.spanMs : HOUR_MS;
    this.#shown = { at: "live", spanMs: this.#rangeMs };
  }

  /** @param {number} spanMs one of RANGES */
  setRange(spanMs) {
    this.#rangeMs = spanMs;
    this.#show({ at: "live", spanMs });
  }

  reset() {
    this.setRange(this.#rangeMs);
  }

  /**
   * @param {number} fromMs
   * @param {number} toMs
   */
  zoomTo(fromMs, toMs) {
    const spanMs = Math.min(SPAN_MAX_MS, Math.max(SPAN_MIN_MS, toMs - fromMs));
    const nowMs = this.#now();
    const center = (fromMs + toMs) / 2;
    const end = Math.min(nowMs, center + spanMs / 2);
    this.#show({ at: "fixed", fromMs: Math.round(end - spanMs), toMs: Math.round(end) });
  }

  /**
   * Wider (over 1) or closer; a live window keeps its end at now.
   * @param {number} factor
   */
  zoom(factor) {
    const spanMs = Math.min(SPAN_MAX_MS, Math.max(SPAN_MIN_MS, this.spanMs * factor));
    if (this.isLive) this.#show({ at: "live", spanMs });
    else {
      const center = (this.fromMs + this.toMs) / 2;
      this.zoomTo(center - spanMs / 2, center + spanMs / 2);
    }
  }

  /**
   * Moves by a share of what is shown; to now and the window is live again.
   * @param {number} share negative: into the past
   */
  pan(share) {
    const byMs = this.spanMs * share;
    const toMs = this.toMs + byMs;
    if (toMs >= this.#now()) this.#show({ at: "live", spanMs: this.spanMs });
    else this.zoomTo(this.fromMs + byMs, toMs);
  }

  /** The clock moved. */
  tick() {
    if (this.isLive) this.#tell(true);
  }

  /** @param {Shown} shown */
  #show(shown) {
    this.#isChosen = true;
    this.#shown = shown;
    this.#tell(false);
  }

  /** @param {boolean} isTick */
  #tell(isTick) {
    for (const listener of this.#listeners) listener(isTick);
  }
}
