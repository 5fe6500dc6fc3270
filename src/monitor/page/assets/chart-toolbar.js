/** Ranges, zoom and moving as buttons, for those who neither drag nor type; and what time is shown, in words. */
import { h, setText } from "./dom.js";
import { showClock, showDate, showDuration, showMoment } from "./format.js";
import { RANGES } from "./time-window.js";

/** @typedef {import("./time-window.js").TimeWindow} TimeWindow */

export class ChartToolbar {
  #window;
  #shown = h("p", { class: "window-text" });
  #ranges;
  #reset;
  #unlisten;
  root;

  /** @param {TimeWindow} window */
  constructor(window) {
    this.#window = window;
    this.#ranges = RANGES.map(({ label, spanMs }) =>
      h("button", { type: "button", "data-span": spanMs, onclick: () => window.setRange(spanMs) }, label),
    );
    this.#reset = button("Reset", "back to the range, live", () => window.reset(), "reset");
    this.root = h(
      "div",
      { class: "chart-tools", role: "group", "aria-label": "time" },
      h("div", { class: "segments", role: "group", "aria-label": "range" }, ...this.#ranges),
      h(
        "div",
        { class: "segments", role: "group", "aria-label": "zoom and move" },
        button("←", "earlier", () => window.pan(-0.5)),
        button("→", "later", () => window.pan(0.5)),
        button("+", "zoom in", () => window.zoom(0.5)),
        button("−", "zoom out", () => window.zoom(2)),
        this.#reset,
      ),
      this.#shown,
    );
    this.#unlisten = window.listen(() => this.paint());
    this.paint();
  }

  close() {
    this.#unlisten();
  }

  paint() {
    const { isLive, isReset, rangeMs, fromMs, toMs, spanMs } = this.#window;
    for (const range of this.#ranges) {
      range.setAttribute("aria-pressed", String(isReset && Number(range.dataset.span) === rangeMs));
    }
    this.#reset.disabled = isReset;
    this.root.dataset.live = String(isLive);
    if (isLive) setText(this.#shown, `● live, the last ${rangeText(spanMs)}`);
    else {
      const end = showDate(fromMs) === showDate(toMs) ? showClock(toMs) : showMoment(toMs);
      setText(this.#shown, `${showMoment(fromMs)} to ${end} (${showDuration(spanMs)})`);
    }
  }
}

/** @param {number} spanMs */
function rangeText(spanMs) {
  return RANGES.find((range) => range.spanMs === spanMs)?.label ?? showDuration(spanMs);
}

/**
 * @param {string} text
 * @param {string} label
 * @param {() => void} act
 * @param {string} [name]
 */
function button(text, label, act, name) {
  return h(
    "button",
    { type: "button", "aria-label": label, title: label, "data-act": name, onclick: act },
    text,
  );
}
