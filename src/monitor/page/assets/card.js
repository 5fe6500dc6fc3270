/**
 * One server on the overview: whether it is up, since when, why it left, how often it joined, and a tile for each
 * figure under the heading of its group. Tiles are one stop for the Tab key; arrows move among them.
 *
 * Invariant: the values of a card are painted only while it is in view; one that comes into view paints whole.
 */
import { h, setText } from "./dom.js";
import { showDuration, showMoment } from "./format.js";
import { insertFigure, insertGroup } from "./groups.js";
import { Tile } from "./tile.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Server} Server */
/** @typedef {import("./model.js").Reading} Reading */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {import("./trail-seeder.js").TrailSeeder} TrailSeeder */

const STATE_SIGNS = { up: "●", down: "✕", missing: "?" };
const STATE_WORDS = { up: "up", down: "down", missing: "missing" };

export class Card {
  #model;
  #painter;
  #seeder;
  /** @type {Map<number, Tile>} */
  #tiles = new Map();
  /** @type {Map<string, HTMLElement>} */
  #groups = new Map();
  #sign = h("span", { class: "sign", "aria-hidden": "true" });
  #word = h("span", { class: "state-word" });
  #since = h("span", { class: "since" });
  #reason = h("p", { class: "reason", hidden: true });
  #joins = h("span", { class: "joins" });
  #address = h("span", { class: "address" });
  #name = h("a", { class: "server-name" });
  #body = h("div", { class: "groups", role: "group" });
  isVisible = false;
  server;
  root;

  /**
   * @param {Model} model
   * @param {Painter} painter
   * @param {TrailSeeder} seeder
   * @param {Server} server
   */
  constructor(model, painter, seeder, server) {
    this.#model = model;
    this.#painter = painter;
    this.#seeder = seeder;
    this.server = server;
    this.#name.href = `#/server/${server.serverNo}`;
    this.#body.addEventListener("keydown", (event) => this.#moveFocus(event));
    this.root = h(
      "article",
      { class: "card", "data-server": server.serverNo },
      h(
        "header",
        {},
        h("h2", {}, this.#sign, this.#name),
        h("p", { class: "state" }, this.#word, " ", this.#since),
        h("p", { class: "about" }, this.#address, this.#joins),
        this.#reason,
      ),
      this.#body,
    );
    for (const reading of server.readings.values()) this.addReading(reading);
    this.paint();
  }

  get redCount() {
    let count = 0;
    for (const reading of this.server.readings.values()) if (this.#model.isRed(this.server, reading)) count++;
    return count;
  }

  /** @param {Reading} reading */
  addReading(reading) {
    const tile = new Tile(this.#model, this.server, reading);
    this.#tiles.set(tile.type, tile);
    const group = this.#groupOf(reading.figure.group);
    insertFigure(group, tile.root);
    if (this.#tiles.size === 1) tile.root.tabIndex = 0;
    this.readingChanged(reading);
  }

  /** @param {Reading} reading */
  readingChanged(reading) {
    const tile = this.#tiles.get(reading.figure.type);
    if (this.isVisible && tile !== undefined) this.#painter.add(tile);
  }

  /** @param {Reading} reading */
  #show(reading) {
    const tile = this.#tiles.get(reading.figure.type);
    if (tile === undefined) return;
    this.#painter.add(tile);
    this.#seeder.seed(this.server, reading, () => {
      tile.trailChanged();
      this.readingChanged(reading);
    });
  }

  /** @param {boolean} isVisible */
  setVisible(isVisible) {
    if (isVisible && !this.isVisible) {
      this.#painter.add(this);
      for (const reading of this.server.readings.values()) this.#show(reading);
    }
    this.isVisible = isVisible;
  }

  /** It joined or left: told in the document even where nobody looks, for those who read it with other senses. */
  serverChanged() {
    this.#painter.add(this);
  }

  /** A second went by, or limits or the connection changed. */
  stateChanged() {
    if (!this.isVisible) return;
    this.#painter.add(this);
  }

  /** The head, and what of the tiles changes with time. */
  paint() {
    const { name, address, state, joins, serverNo } = this.server;
    setText(this.#name, name);
    setText(this.#sign, STATE_SIGNS[state.at]);
    setText(this.#word, STATE_WORDS[state.at]);
    setText(this.#since, `for ${showDuration(this.#model.now() - state.sinceMs)}`);
    this.#since.title = `since ${showMoment(state.sinceMs)}`;
    setText(this.#address, address);
    setText(this.#joins, joins === 1 ? "joined once" : `joined ${joins} times`);
    this.root.dataset.state = state.at;
    this.#body.setAttribute("aria-label", `figures of ${name}`);
    this.root.setAttribute("aria-label", `server ${serverNo}, ${name}`);
    const reason =
      state.at === "down"
        ? state.reason
        : state.at === "missing"
          ? "not seen since the monitor restarted"
          : "";
    this.#reason.hidden = reason === "";
    setText(this.#reason, state.at === "down" ? `left: ${reason}` : reason);
    for (const tile of this.#tiles.values()) tile.paintState();
  }

  /** @param {string} name */
  #groupOf(name) {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const tiles = h("div", { class: "tiles" });
    const section = h("section", { "data-group": name }, h("h3", {}, name), tiles);
    this.#groups.set(name, tiles);
    insertGroup(this.#body, section);
    return tiles;
  }

  /** @param {KeyboardEvent} event */
  #moveFocus(event) {
    /** @type {HTMLElement[]} */
    const tiles = [...this.#body.querySelectorAll("a")];
    const at = tiles.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
    const to = at < 0 ? undefined : target(event.key, tiles, at);
    if (to === undefined) return;
    event.preventDefault();
    for (const tile of tiles) tile.tabIndex = tile === to ? 0 : -1;
    to.focus();
  }
}

/**
 * Where a key leads among tiles that lie in rows.
 * @param {string} key
 * @param {HTMLElement[]} tiles
 * @param {number} at
 * @returns {HTMLElement | undefined}
 */
function target(key, tiles, at) {
  const from = /** @type {HTMLElement} */ (tiles[at]).getBoundingClientRect();
  const isInColumn = (/** @type {HTMLElement} */ tile) => {
    const { left, right } = tile.getBoundingClientRect();
    return left < from.right && right > from.left;
  };
  switch (key) {
    case "ArrowRight":
      return tiles[at + 1];
    case "ArrowLeft":
      return tiles[at - 1];
    case "ArrowDown":
      return tiles
        .slice(at + 1)
        .find((tile) => tile.getBoundingClientRect().top > from.top && isInColumn(tile));
    case "ArrowUp":
      return tiles
        .slice(0, at)
        .reverse()
        .find((tile) => tile.getBoundingClientRect().top < from.top && isInColumn(tile));
    case "Home":
      return tiles[0];
    case "End":
      return tiles.at(-1);
    default:
      return undefined;
  }
}
