/**
 * One figure of one or more servers over the page's time window. It asks history for the window at the finest
 * resolution that its answer has room for, goes on live, and asks again whenever the window changes.
 *
 *     drag             zooms to what is marked          + -        closer, wider
 *     double click     back                             0, Home    back to the range
 *     ← →              moves by a quarter               , .        the cursor, point by point
 *
 * Invariant: a canvas is there only while the chart is in view.
 */
import { chartOptions } from "./chart-axes.js";
import { columns, Line, nearest } from "./chart-data.js";
import { h } from "./dom.js";
import { HistoryReader } from "./history.js";
import { HOUR_MS } from "./time-window.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Figure} Figure */
/** @typedef {import("./model.js").Change} Change */
/** @typedef {import("./painter.js").Painter} Painter */
/** @typedef {import("./time-window.js").TimeWindow} TimeWindow */

/** @typedef {{ readonly model: Model; readonly painter: Painter; readonly window: TimeWindow }} Parts */

/** After the last move of a window before history is asked. */
const SETTLE_MS = 120;
/** The monitor has seconds for the last hour alone; a question that is a moment late must not get minutes. */
const SECONDS_KEPT_MS = 3_595_000;
/** Minutes that were completed since come from history again. */
const REFRESH_MS = 60_000;
const DRAG_MIN_PX = 6;

export class Chart {
  #parts;
  #figure;
  /** @type {Map<number, Line>} */
  #lines = new Map();
  /** @type {readonly number[]} */
  #slots = [];
  #history = new HistoryReader();
  /** @type {uPlot | undefined} */
  #plot;
  #box = h("div", { class: "plot" });
  #note = h("p", { class: "plot-note", role: "status" });
  #syncKey;
  #isVisible = false;
  #loadedMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  #ends;
  root;
  /** @type {(atMs: number | undefined) => void} told where the cursor is */
  oncursor = () => {};
  /** @type {() => void} told after each paint */
  onpaint = () => {};

  /**
   * @param {Parts} parts
   * @param {Figure} figure
   * @param {{ syncKey?: string; label: string }} more
   */
  constructor(parts, figure, { syncKey, label }) {
    this.#parts = parts;
    this.#figure = figure;
    this.#syncKey = syncKey;
    this.root = h(
      "div",
      {
        class: "chart",
        tabindex: "0",
        role: "group",
        "aria-roledescription": "chart",
        "aria-label": `${label}. Left and right move in time, plus and minus zoom, zero resets.`,
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
      },
      this.#box,
      this.#note,
    );
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(this.#box);
    const seen = new IntersectionObserver((entries) => this.#seen(entries.at(-1)?.isIntersecting === true), {
      rootMargin: "150px",
    });
    seen.observe(this.root);
    const unlisten = parts.window.listen((isTick) => this.#moved(isTick));
    this.#ends = () => {
      sized.disconnect();
      seen.disconnect();
      unlisten();
    };
  }

  /** @returns {ReadonlyMap<number, Line>} */
  get lines() {
    return this.#lines;
  }

  /**
   * Which servers are shown, and the colour and dash of each.
   * @param {readonly number[]} serverNos
   * @param {readonly number[]} [slots]
   */
  show(serverNos, slots = serverNos.map((_, index) => index)) {
    this.#lines = new Map(serverNos.map((serverNo) => [serverNo, this.#lines.get(serverNo) ?? new Line()]));
    this.#slots = slots;
    this.#rebuild();
    this.#load();
  }

  /** @param {Change} change */
  changed(change) {
    switch (change.kind) {
      case "reading": {
        const { server, reading } = change;
        if (reading.figure.type === this.#figure.type) {
          this.#lines.get(server.serverNo)?.push(reading.atMs, reading.value);
        }
        return; // painted at the tick of the second
      }
      case "limit":
        if (change.type === this.#figure.type) this.#parts.painter.add(this);
        return;
      case "servers":
        this.#load();
        return;
    }
  }

  /** The colours of the page changed. */
  themeChanged() {
    this.#rebuild();
  }

  close() {
    this.#ends();
    this.#history.stop();
    clearTimeout(this.#settling);
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  paint() {
    if (!this.#isVisible) return;
    const { window } = this.#parts;
    const lines = [...this.#lines.values()];
    if (window.isLive) for (const line of lines) line.dropBefore(window.fromMs);
    const data = columns(lines, window.fromMs, window.toMs, this.#figure.scale, uPlot.join);
    if (this.#plot === undefined) this.#create(data);
    else this.#plot.setData(data);
    this.onpaint();
  }

  /** @param {uPlot.AlignedData} data */
  #create(data) {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (width === 0 || this.#lines.size === 0) return;
    const { window, model } = this.#parts;
    const options = chartOptions({
      figure: this.#figure,
      lines: this.#lines.size,
      slots: this.#slots,
      width,
      height,
      window: () => [window.fromMs, window.toMs],
      limit: () => {
        const limit = model.limits.of(this.#figure);
        return limit === undefined ? undefined : limit / this.#figure.scale;
      },
      ...(this.#syncKey !== undefined && { syncKey: this.#syncKey }),
    });
    const hooks = options.hooks ?? {};
    hooks.setSelect = [(plot) => this.#selected(plot)];
    hooks.setCursor = [(plot) => this.#pointed(plot)];
    const bind = { dblclick: () => () => this.#reset() };
    this.#plot = new uPlot({ ...options, hooks, cursor: { ...options.cursor, bind } }, data, this.#box);
  }

  #reset() {
    this.#parts.window.reset();
    return null;
  }

  #rebuild() {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#parts.painter.add(this);
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#box;
    if (this.#plot === undefined) this.#parts.painter.add(this);
    else if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height)) {
      this.#plot.setSize({ width, height });
    }
  }

  /** @param {boolean} isVisible */
  #seen(isVisible) {
    if (isVisible === this.#isVisible) return;
    this.#isVisible = isVisible;
    this.#rebuild();
    if (isVisible) this.#load();
    else this.#history.stop();
  }

  /** @param {boolean} isTick */
  #moved(isTick) {
    this.#parts.painter.add(this);
    if (isTick) {
      const stepMs = Math.max(0, ...[...this.#lines.values()].map((line) => line.stepMs));
      if (stepMs > 1000 && performance.now() - this.#loadedMs > REFRESH_MS) this.#load();
      return;
    }
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => this.#load(), SETTLE_MS);
  }

  /** Never rejects. */
  async #load() {
    if (!this.#isVisible || this.#lines.size === 0) return;
    this.#loadedMs = performance.now();
    const { window } = this.#parts;
    const serverNos = [...this.#lines.keys()];
    this.root.setAttribute("aria-busy", "true");
    try {
      const isHour = window.isLive && window.spanMs <= HOUR_MS;
      const fromMs = isHour ? Math.max(window.fromMs, window.toMs - SECONDS_KEPT_MS) : window.fromMs;
      const all = await this.#history.read(serverNos, this.#figure.type, fromMs, window.toMs);
      if (all === undefined) return;
      for (const [index, series] of all.entries()) this.#lines.get(serverNos[index] ?? 0)?.load(series);
      this.#note.textContent = all.every(({ points }) => points.length === 0)
        ? "Nothing was reported in this time."
        : "";
      this.root.dataset.stepMs = String(Math.max(...all.map(({ stepMs }) => stepMs)));
    } catch {
      this.#note.textContent = "The history cannot be read at the moment.";
    }
    this.root.removeAttribute("aria-busy");
    this.#parts.painter.add(this);
  }

  /** @param {uPlot} plot */
  #selected(plot) {
    const { left, width } = plot.select;
    if (width >= DRAG_MIN_PX) {
      this.#parts.window.zoomTo(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    }
    if (width > 0) plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  /** @param {uPlot} plot */
  #pointed(plot) {
    const { left } = plot.cursor;
    this.oncursor(left == null || left < 0 ? undefined : plot.posToVal(left, "x"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { window } = this.#parts;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => window.pan(-0.25),
      ArrowRight: () => window.pan(0.25),
      "+": () => window.zoom(0.5),
      "=": () => window.zoom(0.5),
      "-": () => window.zoom(2),
      0: () => window.reset(),
      Home: () => window.reset(),
      ",": () => this.#step(-1),
      ".": () => this.#step(1),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  /**
   * Moves the cursor by points.
   * @param {number} by
   */
  #step(by) {
    const plot = this.#plot;
    if (plot === undefined) return;
    const times = plot.data[0];
    const at = plot.cursor.idx ?? times.length - 1;
    const next = Math.min(times.length - 1, Math.max(0, at + by));
    plot.setCursor({ left: plot.valToPos(times[next] ?? 0, "x"), top: 1 });
  }

  /**
   * @param {number} serverNo
   * @param {number} atMs
   */
  pointAt(serverNo, atMs) {
    const line = this.#lines.get(serverNo);
    return line === undefined ? undefined : nearest(line, atMs);
  }
}
