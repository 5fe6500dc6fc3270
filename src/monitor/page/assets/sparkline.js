/**
 * The small line in a tile: the last minute, newest at the right edge. From zero where values vary a lot, closer
 * where they hardly do, so that a memory figure is no flat line at the top.
 */
import { svg } from "./dom.js";
import { TRAIL_LENGTH } from "./model.js";

/** @typedef {import("./model.js").Trail} Trail */

const HEIGHT = 20;
const EDGE = 1;

export class Sparkline {
  #line = svg("polyline", { "vector-effect": "non-scaling-stroke" });
  root = svg("svg", {
    viewBox: `0 0 ${TRAIL_LENGTH - 1} ${HEIGHT}`,
    preserveAspectRatio: "none",
    class: "spark",
    "aria-hidden": "true",
  });

  constructor() {
    this.root.append(this.#line);
  }

  /** @param {Trail} trail */
  draw(trail) {
    let low = Infinity;
    let high = -Infinity;
    for (let index = 0; index < trail.length; index++) {
      const value = trail.at(index);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const base = low < high / 2 ? Math.min(0, low) : low - (high - low) - Math.abs(high) * 0.02;
    const span = Math.max(high - base, Number.MIN_VALUE);
    let points = "";
    for (let index = 0; index < trail.length; index++) {
      const x = TRAIL_LENGTH - trail.length + index;
      const y = HEIGHT - EDGE - ((trail.at(index) - base) / span) * (HEIGHT - 2 * EDGE);
      points += `${x},${Math.round(y * 10) / 10} `;
    }
    this.#line.setAttribute("points", points);
  }
}
