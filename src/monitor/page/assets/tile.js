/**
 * One figure of one server: name, value, unit, the last minute as a line. Red above its limit, and then it says so in
 * words; faded once it is stale, and then it says how old it is.
 */
import { h, setText } from "./dom.js";
import { showDuration, showValue, showWhole } from "./format.js";
import { Sparkline } from "./sparkline.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Server} Server */
/** @typedef {import("./model.js").Reading} Reading */

export class Tile {
  #model;
  #server;
  #reading;
  #value = h("span", { class: "value" });
  #unit = h("span", { class: "unit" });
  #mark = h("span", { class: "mark" });
  #spark = new Sparkline();
  #drawnMs = -1;
  root;

  /**
   * @param {Model} model
   * @param {Server} server
   * @param {Reading} reading
   */
  constructor(model, server, reading) {
    this.#model = model;
    this.#server = server;
    this.#reading = reading;
    const { type, name, help } = reading.figure;
    this.root = h(
      "a",
      {
        class: "tile",
        href: `#/chart/${type}/${server.serverNo}`,
        title: help,
        tabindex: "-1",
        "data-type": type,
      },
      h("span", { class: "label" }, name),
      h("span", { class: "amount" }, this.#value, " ", this.#unit),
      this.#mark,
      this.#spark.root,
    );
  }

  /** The line of the last minute is drawn anew at the next paint. */
  trailChanged() {
    this.#drawnMs = -1;
  }

  get type() {
    return this.#reading.figure.type;
  }

  paint() {
    const { figure, value, atMs, trail } = this.#reading;
    const shown = showValue(figure, value);
    setText(this.#value, shown.text);
    setText(this.#unit, shown.unit);
    if (this.#drawnMs !== atMs) {
      this.#drawnMs = atMs;
      this.#spark.draw(trail);
    }
    this.paintState();
  }

  /** What changes with time and limits, without a new value. */
  paintState() {
    const { figure, atMs } = this.#reading;
    const isStale = this.#model.isStale(this.#server, this.#reading);
    const isRed = this.#model.isRed(this.#server, this.#reading);
    this.root.classList.toggle("is-red", isRed);
    this.root.classList.toggle("is-stale", isStale);
    if (isRed) setText(this.#mark, `▲ over ${showWhole(figure, this.#model.limits.of(figure) ?? 0)}`);
    else if (isStale) setText(this.#mark, `${showDuration(this.#model.now() - atMs)} old`);
    else setText(this.#mark, "");
  }
}
