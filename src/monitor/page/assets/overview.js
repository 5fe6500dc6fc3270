/**
 * All servers at once: a card each, in the order of their numbers. Above them the counts, which are filters too: all,
 * down, red; and a field that looks for a name, an address or a number.
 */
import { Card } from "./card.js";
import { h, setText } from "./dom.js";
import { emptyState } from "./empty-state.js";
import { TrailSeeder } from "./trail-seeder.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Change} Change */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {"all" | "down" | "red"} Filter */

/** Cards this far outside the window are painted already. */
const MARGIN = "200px";

export class Overview {
  #model;
  #painter;
  #seeder;
  /** @type {Map<number, Card>} */
  #cards = new Map();
  /** @type {Filter} */
  #filter = "all";
  #search = h("input", { type: "search", placeholder: "Find a server", "aria-label": "find a server" });
  /** @type {Record<Filter, HTMLButtonElement>} */
  #chips = { all: this.#chip("all"), down: this.#chip("down"), red: this.#chip("red") };
  #grid = h("div", { class: "cards" });
  #nothing = h(
    "p",
    { class: "nothing", role: "status", hidden: true },
    "No server is like that at the moment.",
  );
  #empty = emptyState();
  #tools = h(
    "div",
    { class: "tools" },
    h("h1", { class: "sr-only" }, "Servers"),
    h(
      "div",
      { class: "chips", role: "group", "aria-label": "which servers are shown" },
      ...Object.values(this.#chips),
    ),
    this.#search,
  );
  #watcher;
  root = h("div", { class: "overview" }, this.#tools, this.#empty, this.#nothing, this.#grid);
  title = "";

  /**
   * @param {Model} model
   * @param {Painter} painter
   */
  constructor(model, painter) {
    this.#model = model;
    this.#painter = painter;
    this.#seeder = new TrailSeeder(model);
    this.#watcher = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: MARGIN });
    this.#search.addEventListener("input", () => this.paint());
    this.#addCards();
    this.paint();
  }

  close() {
    this.#watcher.disconnect();
    this.#seeder.clear();
  }

  /** @param {Change} change */
  changed(change) {
    switch (change.kind) {
      case "reading":
        if (change.isNew) this.#cards.get(change.server.serverNo)?.addReading(change.reading);
        else this.#cards.get(change.server.serverNo)?.readingChanged(change.reading);
        return;
      case "servers":
        this.#addCards();
        break;
      case "server":
        this.#cards.get(change.server.serverNo)?.serverChanged();
        break;
      case "second":
      case "limit":
      case "connection":
        for (const card of this.#cards.values()) card.stateChanged();
        break;
    }
    this.#painter.add(this);
  }

  focusSearch() {
    this.#search.focus();
  }

  /** Counts and filters. */
  paint() {
    const cards = [...this.#cards.values()];
    const down = cards.filter(({ server }) => server.state.at !== "up");
    const red = cards.filter((card) => card.redCount > 0);
    setText(this.#chips.all, `${cards.length - down.length} of ${cards.length} up`);
    setText(this.#chips.down, `${down.length} down`);
    setText(this.#chips.red, `${red.length} over a limit`);
    this.#chips.down.classList.toggle("is-alarm", down.length > 0);
    this.#chips.red.classList.toggle("is-alarm", red.length > 0);
    for (const [name, chip] of Object.entries(this.#chips)) {
      chip.setAttribute("aria-pressed", String(name === this.#filter));
    }
    const chosen = this.#filter === "down" ? down : this.#filter === "red" ? red : cards;
    const shown = new Set(chosen.filter((card) => this.#isSought(card)));
    for (const card of cards) card.root.hidden = !shown.has(card);
    const isEmpty = this.#model.hasSnapshot && cards.length === 0;
    this.#empty.hidden = !isEmpty;
    this.#tools.hidden = cards.length === 0;
    this.#nothing.hidden = cards.length === 0 || shown.size > 0;
  }

  /** @param {Card} card */
  #isSought({ server }) {
    const text = this.#search.value.trim().toLowerCase();
    const words = `${server.serverNo} ${server.name} ${server.address}`.toLowerCase();
    return text === "" || words.includes(text);
  }

  #addCards() {
    const servers = [...this.#model.servers.values()].sort((a, b) => a.serverNo - b.serverNo);
    /** @type {Element | null} */
    let last = null;
    for (const server of servers) {
      let card = this.#cards.get(server.serverNo);
      if (card === undefined) {
        card = new Card(this.#model, this.#painter, this.#seeder, server);
        this.#cards.set(server.serverNo, card);
        this.#grid.insertBefore(card.root, last === null ? this.#grid.firstChild : last.nextSibling);
        this.#watcher.observe(card.root);
      }
      last = card.root;
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { target, isIntersecting } of entries) {
      const serverNo = Number(/** @type {HTMLElement} */ (target).dataset.server);
      this.#cards.get(serverNo)?.setVisible(isIntersecting);
    }
  }

  /** @param {Filter} filter */
  #chip(filter) {
    return h("button", {
      type: "button",
      class: "chip",
      "data-filter": filter,
      onclick: () => {
        this.#filter = filter;
        this.paint();
      },
    });
  }
}
