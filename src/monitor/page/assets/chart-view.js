/**
 * One figure, large: `#/chart/<type>/<server>,<server>`. Other servers that report it can be laid over it; a table
 * below has each one's value at the cursor (or now) and the least, mean and most of what is shown.
 */
import { Chart } from "./chart.js";
import { LINES_MAX } from "./chart-axes.js";
import { summary } from "./chart-data.js";
import { ChartToolbar } from "./chart-toolbar.js";
import { h, setText } from "./dom.js";
import { showMoment, showWhole } from "./format.js";
import { thresholdEditor } from "./threshold-editor.js";

/** @typedef {import("./chart.js").Parts} Parts */
/** @typedef {import("./model.js").Change} Change */

export class ChartView {
  #parts;
  #figure;
  /** @type {number[]} in the order of their colours */
  #shown;
  #chart;
  #toolbar;
  #compare = h("div", { class: "compare", role: "group", "aria-label": "servers in this chart" });
  #rows = h("tbody");
  #at = h("th", { scope: "col" }, "now");
  /** @type {number | undefined} */
  #cursorMs;
  #known = "";
  root;
  title;

  /**
   * @param {Parts} parts
   * @param {number} type
   * @param {readonly number[]} serverNos
   */
  constructor(parts, type, serverNos) {
    this.#parts = parts;
    this.#figure = parts.model.figure(type);
    this.#shown = serverNos.slice(0, LINES_MAX);
    this.title = `${this.#figure.group} ${this.#figure.name}`;
    this.#chart = new Chart(parts, this.#figure, { label: this.title });
    this.#chart.oncursor = (atMs) => {
      this.#cursorMs = atMs;
      this.#paintTable();
    };
    this.#chart.onpaint = () => this.#paintTable();
    this.#toolbar = new ChartToolbar(parts.window);
    const head = h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...["server"].map((text) => h("th", { scope: "col" }, text)),
        this.#at,
        ...["min", "average", "max"].map((text) => h("th", { scope: "col" }, text)),
      ),
    );
    this.root = h(
      "div",
      { class: "chart-view" },
      h("nav", { "aria-label": "way back" }, h("a", { href: "#/" }, "← All servers")),
      h(
        "header",
        {},
        h(
          "div",
          {},
          h("h1", {}, h("span", { class: "group" }, this.#figure.group), " ", this.#figure.name),
          h("p", { class: "help" }, this.#figure.help),
        ),
        thresholdEditor(parts.model, this.#figure),
      ),
      this.#toolbar.root,
      this.#chart.root,
      h(
        "div",
        { class: "table" },
        h("table", {}, h("caption", { class: "sr-only" }, "values of what is shown"), head, this.#rows),
      ),
      h("h2", {}, "Compare"),
      this.#compare,
    );
    this.#paintServers();
    this.#apply();
  }

  close() {
    this.#chart.close();
    this.#toolbar.close();
  }

  themeChanged() {
    this.#chart.themeChanged();
    this.#paintTable();
  }

  /** @param {Change} change */
  changed(change) {
    this.#chart.changed(change);
    if (
      change.kind === "servers" ||
      change.kind === "server" ||
      (change.kind === "reading" && change.isNew)
    ) {
      this.#paintServers();
    }
    if (change.kind === "second" || change.kind === "connection") this.#paintTable();
  }

  #apply() {
    this.#chart.show(this.#shown);
    this.#paintTable();
  }

  /** The servers that report this figure, to be put in and taken out. */
  #paintServers() {
    const { type } = this.#figure;
    const servers = [...this.#parts.model.servers.values()]
      .filter(({ readings, serverNo }) => readings.has(type) || this.#shown.includes(serverNo))
      .sort((a, b) => a.serverNo - b.serverNo);
    const known = servers.map(({ serverNo, name }) => `${serverNo} ${name}`).join("\n");
    if (known === this.#known) return;
    this.#known = known;
    this.#compare.replaceChildren(
      ...servers.map(({ serverNo, name }) => {
        const box = h("input", { type: "checkbox", onchange: () => this.#toggle(serverNo) });
        box.checked = this.#shown.includes(serverNo);
        box.dataset.server = String(serverNo);
        return h("label", { class: "choice" }, box, name);
      }),
    );
    this.#paintLimits();
  }

  /** @param {number} serverNo */
  #toggle(serverNo) {
    const at = this.#shown.indexOf(serverNo);
    if (at >= 0) this.#shown.splice(at, 1);
    else if (this.#shown.length < LINES_MAX) this.#shown.push(serverNo);
    history.replaceState(null, "", `#/chart/${this.#figure.type}/${this.#shown.join(",")}`);
    this.#paintLimits();
    this.#apply();
  }

  /** No more lines than there are colours and dashes; and one at least. */
  #paintLimits() {
    for (const box of this.#compare.querySelectorAll("input")) {
      box.disabled = box.checked ? this.#shown.length === 1 : this.#shown.length >= LINES_MAX;
    }
  }

  #paintTable() {
    const { model, window } = this.#parts;
    setText(this.#at, this.#cursorMs === undefined ? "last" : showMoment(this.#cursorMs));
    while (this.#rows.children.length > this.#shown.length) this.#rows.lastChild?.remove();
    for (const [slot, serverNo] of this.#shown.entries()) {
      const row = this.#rows.children[slot] ?? this.#rows.appendChild(emptyRow());
      const server = model.servers.get(serverNo);
      const line = this.#chart.lines.get(serverNo);
      const all = line && summary(line, window.fromMs, window.toMs);
      const point = this.#cursorMs === undefined ? undefined : this.#chart.pointAt(serverNo, this.#cursorMs);
      const value =
        this.#cursorMs === undefined ? server?.readings.get(this.#figure.type)?.value : point?.[2];
      const show = (/** @type {number | undefined} */ wire) =>
        wire === undefined ? "–" : showWhole(this.#figure, wire);
      const cells = [
        server?.name ?? `server ${serverNo}`,
        show(value),
        show(all?.min),
        show(all?.average),
        show(all?.max),
      ];
      for (const [index, text] of cells.entries()) {
        const cell = row.children[index];
        if (cell !== undefined) setText(cell.querySelector("span") ?? cell, text);
      }
      row.setAttribute("data-slot", String(slot + 1));
      const state = server?.state.at ?? "missing";
      row.classList.toggle("is-stale", state !== "up" || !model.isConnected);
    }
  }
}

function emptyRow() {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("i", { class: "swatch", "aria-hidden": "true" }), h("span")),
    h("td"),
    h("td"),
    h("td"),
    h("td"),
  );
}
