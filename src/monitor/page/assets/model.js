/**
 * What the page knows: figures, servers, their last values and the trail of the last minute. Events go in, changes
 * come out; nothing here touches the document.
 *
 *     snapshot   what is there; a server known before and not in it is "missing": it did not come back after the
 *                monitor restarted, and a reader wants to see that rather than an empty place
 *     joined, left, values   one server, one server, many values
 *
 * Times are the monitor's: `now()` is its clock, so that a browser with a wrong one shows no wrong ages.
 */
import { Limits } from "./preferences.js";

/** @typedef {import("../../api.ts").FigureView} Figure */
/** @typedef {import("../../api.ts").ServerView} ServerView */
/** @typedef {import("../../api.ts").MonitorEvent} MonitorEvent */
/** @typedef {ServerView["state"] | { readonly at: "missing"; readonly sinceMs: number }} ServerState */

/**
 * One figure of one server.
 * @typedef {object} Reading
 * @property {Figure} figure
 * @property {number} value
 * @property {number} atMs
 * @property {Trail} trail
 */

/**
 * @typedef {object} Server
 * @property {number} serverNo
 * @property {string} name
 * @property {string} address
 * @property {ServerState} state
 * @property {number} joins
 * @property {Map<number, Reading>} readings by type
 */

/**
 * @typedef {{ readonly kind: "servers" }
 *   | { readonly kind: "server"; readonly server: Server; readonly was: ServerState["at"] }
 *   | { readonly kind: "reading"; readonly server: Server; readonly reading: Reading; readonly isNew: boolean }
 *   | { readonly kind: "limit"; readonly type: number }
 *   | { readonly kind: "connection" }
 *   | { readonly kind: "second" }} Change
 */

export const TRAIL_LENGTH = 60;
/** A figure that came once a second and does not any more is stale after this. */
const STALE_MS = 5000;

/** The last values of a figure, oldest first. */
export class Trail {
  #values = new Float64Array(TRAIL_LENGTH);
  #next = 0;
  length = 0;

  /** @param {number} value */
  push(value) {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % TRAIL_LENGTH;
    if (this.length < TRAIL_LENGTH) this.length++;
  }

  /**
   * Takes these in place of what there is.
   * @param {readonly number[]} values oldest first
   */
  fill(values) {
    this.length = 0;
    for (const value of values.slice(-TRAIL_LENGTH)) this.push(value);
  }

  /** @param {number} index 0 is the oldest */
  at(index) {
    return this.#values[(this.#next - this.length + index + TRAIL_LENGTH) % TRAIL_LENGTH] ?? 0;
  }
}

export class Model {
  /** @type {Map<number, Figure>} */
  #figures = new Map();
  /** @type {Map<number, Server>} */
  servers = new Map();
  /** @type {Set<(change: Change) => void>} */
  #listeners = new Set();
  #clockAheadMs = 0;
  limits = new Limits();
  isConnected = false;
  hasSnapshot = false;

  /**
   * @param {(change: Change) => void} listener
   * @returns {() => void} ends it
   */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The monitor's clock, in epoch milliseconds. */
  now() {
    return Date.now() + this.#clockAheadMs;
  }

  /** @param {readonly Figure[]} figures */
  setFigures(figures) {
    this.#figures = new Map(figures.map((figure) => [figure.type, figure]));
  }

  /**
   * A figure; one that has no name goes by its number.
   * @param {number} type
   * @returns {Figure}
   */
  figure(type) {
    const known = this.#figures.get(type);
    if (known !== undefined) return known;
    const [name, help] = [`figure ${type}`, `Data type ${type}, which has no name here.`];
    return { type, group: "other", name, unit: "", scale: 1, metric: `other_${type}`, metricScale: 1, help };
  }

  /** @param {boolean} isConnected */
  setConnected(isConnected) {
    if (this.isConnected === isConnected) return;
    this.isConnected = isConnected;
    this.#tell({ kind: "connection" });
  }

  /**
   * @param {number} type
   * @param {number | null | undefined} limit
   */
  setLimit(type, limit) {
    this.limits.set(type, limit);
    this.#tell({ kind: "limit", type });
  }

  /** A second went by: ages change. */
  tick() {
    this.#tell({ kind: "second" });
  }

  /** @param {MonitorEvent} event */
  apply(event) {
    switch (event.kind) {
      case "snapshot":
        this.#clockAheadMs = event.atMs - Date.now();
        this.#applySnapshot(event.servers);
        break;
      case "joined":
      case "left":
        this.#applyServer(event.server);
        break;
      case "values":
        this.#clockAheadMs = event.atMs - Date.now();
        for (const [serverNo, type, value, atMs] of event.values)
          this.#applyValue(serverNo, type, value, atMs);
        break;
    }
  }

  /**
   * Whether a value is no longer what the server would say now.
   * @param {Server} server
   * @param {Reading} reading
   */
  isStale(server, reading) {
    return !this.isConnected || server.state.at !== "up" || this.now() - reading.atMs > STALE_MS;
  }

  /**
   * Whether a tile is red: a fresh value above the figure's limit.
   * @param {Server} server
   * @param {Reading} reading
   */
  isRed(server, reading) {
    const limit = this.limits.of(reading.figure);
    return limit !== undefined && reading.value > limit && !this.isStale(server, reading);
  }

  /** @param {readonly ServerView[]} views */
  #applySnapshot(views) {
    const seen = new Set(views.map(({ serverNo }) => serverNo));
    for (const server of this.servers.values()) {
      if (seen.has(server.serverNo) || server.state.at === "missing") continue;
      const was = server.state.at;
      server.state = { at: "missing", sinceMs: this.now() };
      this.#tell({ kind: "server", server, was });
    }
    this.hasSnapshot = true;
    for (const view of views) this.#applyServer(view);
    this.#tell({ kind: "servers" });
  }

  /** @param {ServerView} view */
  #applyServer(view) {
    const known = this.servers.get(view.serverNo);
    const { serverNo, name, address, state, joins } = view;
    const server = known ?? { serverNo, name, address, state, joins, readings: new Map() };
    const was = server.state.at;
    Object.assign(server, { name, address, state, joins });
    this.servers.set(serverNo, server);
    if (known === undefined) this.#tell({ kind: "servers" });
    for (const [type, value, atMs] of view.values) this.#applyValue(serverNo, type, value, atMs);
    this.#tell({ kind: "server", server, was });
  }

  /**
   * @param {number} serverNo
   * @param {number} type
   * @param {number} value
   * @param {number} atMs
   */
  #applyValue(serverNo, type, value, atMs) {
    const server = this.servers.get(serverNo);
    if (server === undefined) return;
    const known = server.readings.get(type);
    if (known !== undefined && atMs <= known.atMs) return; // a snapshot may overlap with what came before it
    const reading = known ?? { figure: this.figure(type), value, atMs, trail: new Trail() };
    if (known === undefined) server.readings.set(type, reading);
    reading.value = value;
    reading.atMs = atMs;
    reading.trail.push(value);
    this.#tell({ kind: "reading", server, reading, isNew: known === undefined });
  }

  /** @param {Change} change */
  #tell(change) {
    for (const listener of this.#listeners) listener(change);
  }
}
