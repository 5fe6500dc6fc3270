/**
 * One server, all its figures over the same time: `#/server/<number>`. Charts share the cursor and the window, so
 * that what happened at one moment is seen in all of them.
 */
import { Chart } from "./chart.js";
import { ChartToolbar } from "./chart-toolbar.js";
import { h, setText } from "./dom.js";
import { showDuration, showMoment, showWhole } from "./format.js";
import { insertFigure, insertGroup } from "./groups.js";

/** @typedef {import("./chart.js").Parts} Parts */
/** @typedef {import("./model.js").Change} Change */
/** @typedef {import("./model.js").Reading} Reading */
/** @typedef {{ readonly chart: Chart; readonly value: HTMLElement; readonly reading: Reading; cursorMs: number | undefined }} Panel */

export class ServerView {
  #parts;
  #serverNo;
  #toolbar;
  /** @type {Map<number, Panel>} */
  #panels = new Map();
  /** @type {Map<string, HTMLElement>} */
  #groups = new Map();
  #name = h("h1");
  #state = h("p", { class: "state" });
  #body = h("div");
  root;
  title;

  /**
   * @param {Parts} parts
   * @param {number} serverNo
   */
  constructor(parts, serverNo) {
    this.#parts = parts;
    this.#serverNo = serverNo;
    this.#toolbar = new ChartToolbar(parts.window);
    this.title = `server ${serverNo}`;
    this.root = h(
      "div",
      { class: "server-view" },
      h("nav", { "aria-label": "way back" }, h("a", { href: "#/" }, "← All servers")),
      h("header", {}, this.#name, this.#state),
      this.#toolbar.root,
      this.#body,
    );
    for (const reading of this.#server?.readings.values() ?? []) this.#add(reading);
    this.#paintHead();
  }

  get #server() {
    return this.#parts.model.servers.get(this.#serverNo);
  }

  close() {
    this.#toolbar.close();
    for (const { chart } of this.#panels.values()) chart.close();
  }

  themeChanged() {
    for (const { chart } of this.#panels.values()) chart.themeChanged();
  }

  /** @param {Change} change */
  changed(change) {
    if (change.kind === "reading") {
      if (change.server.serverNo !== this.#serverNo) return;
      this.#add(change.reading);
      this.#panels.get(change.reading.figure.type)?.chart.changed(change);
      return;
    }
    for (const { chart } of this.#panels.values()) chart.changed(change);
    this.#paintHead();
    if (change.kind === "second") for (const panel of this.#panels.values()) this.#paintValue(panel);
  }

  /** @param {Reading} reading */
  #add(reading) {
    const { figure } = reading;
    if (this.#panels.has(figure.type)) return;
    const chart = new Chart(this.#parts, figure, {
      syncKey: "server",
      label: `${figure.group} ${figure.name}`,
    });
    const value = h("span", { class: "panel-value" });
    /** @type {Panel} */
    const panel = { chart, value, reading, cursorMs: undefined };
    this.#panels.set(figure.type, panel);
    chart.oncursor = (atMs) => {
      panel.cursorMs = atMs;
      this.#paintValue(panel);
    };
    chart.show([this.#serverNo]);
    const root = h(
      "section",
      { class: "panel", "data-type": figure.type },
      h(
        "header",
        {},
        h(
          "h3",
          {},
          h("a", { href: `#/chart/${figure.type}/${this.#serverNo}`, title: figure.help }, figure.name),
        ),
        value,
      ),
      chart.root,
    );
    const group = this.#groupOf(figure.group);
    insertFigure(group, root);
    this.#paintValue(panel);
  }

  /** @param {string} name */
  #groupOf(name) {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = h("div", { class: "panels" });
      this.#groups.set(name, group);
      insertGroup(this.#body, h("section", { "data-group": name }, h("h2", {}, name), group));
    }
    return group;
  }

  /** @param {Panel} panel */
  #paintValue({ chart, value, reading, cursorMs }) {
    const { figure } = reading;
    const point = cursorMs === undefined ? undefined : chart.pointAt(this.#serverNo, cursorMs);
    const shown = cursorMs === undefined ? reading.value : point?.[2];
    setText(value, shown === undefined ? "–" : showWhole(figure, shown));
    const server = this.#server;
    value.classList.toggle("is-stale", server === undefined || this.#parts.model.isStale(server, reading));
    value.classList.toggle("is-red", server !== undefined && this.#parts.model.isRed(server, reading));
  }

  #paintHead() {
    const server = this.#server;
    setText(this.#name, server?.name ?? `server ${this.#serverNo}`);
    if (server === undefined) {
      setText(this.#state, "This server has not reported since the monitor started.");
      return;
    }
    const { state, address, joins } = server;
    this.root.dataset.state = state.at;
    const since = `for ${showDuration(this.#parts.model.now() - state.sinceMs)}, since ${showMoment(state.sinceMs)}`;
    const joined = joins === 1 ? "joined once" : `joined ${joins} times`;
    const words = {
      up: `● up ${since}; ${address}; ${joined}`,
      down: `✕ down ${since}; left: ${state.at === "down" ? state.reason : ""}; ${joined}`,
      missing: "? not seen since the monitor restarted",
    };
    setText(this.#state, words[state.at]);
  }
}
