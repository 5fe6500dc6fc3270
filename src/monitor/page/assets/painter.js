/**
 * Paints what changed, a little in each frame: many values arrive at once, and a frame must not be late for them.
 *
 *     add(tile), add(tile), add(chart) --next frame--> paint() each, until BUDGET_MS are used; the rest in the next
 *
 * Invariant: what was added is painted once, in order, at most one paint of it per frame.
 */

/** @typedef {{ paint(): void }} Paintable */

const BUDGET_MS = 6;

export class Painter {
  /** @type {Set<Paintable>} */
  #waiting = new Set();
  #isScheduled = false;

  /** @param {Paintable} paintable */
  add(paintable) {
    this.#waiting.add(paintable);
    this.#schedule();
  }

  #schedule() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => this.#frame());
  }

  #frame() {
    this.#isScheduled = false;
    const endMs = performance.now() + BUDGET_MS;
    for (const paintable of this.#waiting) {
      this.#waiting.delete(paintable);
      paintable.paint();
      if (performance.now() >= endMs) break;
    }
    if (this.#waiting.size > 0) this.#schedule();
  }
}
