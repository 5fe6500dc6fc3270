/**
 * Gives tiles their last minute from history, so that a page just opened is not blank for a minute. A few at a time,
 * those in view first, and each once: it must not stand in the way of what is live.
 */
import { HistoryReader } from "./history.js";
import { TRAIL_LENGTH } from "./model.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Server} Server */
/** @typedef {import("./model.js").Reading} Reading */
/** @typedef {{ readonly server: Server; readonly reading: Reading; readonly done: () => void }} Wish */

/** Questions on their way at the same time: browsers have six connections to a host, and one is the stream's. */
const ASKING_MAX = 3;

export class TrailSeeder {
  #model;
  /** @type {Wish[]} */
  #wishes = [];
  /** @type {WeakSet<Reading>} */
  #seeded = new WeakSet();
  #asking = 0;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
  }

  /**
   * @param {Server} server
   * @param {Reading} reading
   * @param {() => void} done called once its trail is longer
   */
  seed(server, reading, done) {
    if (this.#seeded.has(reading) || reading.trail.length === TRAIL_LENGTH) return;
    this.#seeded.add(reading);
    this.#wishes.push({ server, reading, done });
    this.#next();
  }

  /** Forgets what was not asked yet. */
  clear() {
    for (const { reading } of this.#wishes) this.#seeded.delete(reading);
    this.#wishes = [];
  }

  #next() {
    if (!this.#model.isConnected) this.clear();
    const wish = this.#asking < ASKING_MAX ? this.#wishes.shift() : undefined;
    if (wish === undefined) return;
    this.#asking++;
    this.#ask(wish).finally(() => {
      this.#asking--;
      this.#next();
    });
    this.#next();
  }

  /**
   * Never rejects: without history the tile's line grows by itself.
   * @param {Wish} wish
   */
  async #ask({ server, reading, done }) {
    const nowMs = this.#model.now();
    const fromMs = nowMs - TRAIL_LENGTH * 1000;
    try {
      const all = await new HistoryReader().read([server.serverNo], reading.figure.type, fromMs, nowMs);
      const series = all?.[0];
      if (series === undefined || series.stepMs > 1000 || series.points.length <= reading.trail.length)
        return;
      reading.trail.fill(series.points.map((point) => point[2]));
      done();
    } catch {
      // it stays as it is
    }
  }
}
