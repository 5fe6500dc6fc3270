/**
 * The points of a chart: what history told, and behind it what came live since. And the columns that uPlot draws.
 *
 *     line        stepMs, points: [at, min, average, max], in order of time
 *     columns     [times, max, min, average, max, min, average, ...]    three for each line
 *
 * Where nothing was reported for more than GAP_STEPS steps, the line is broken by a null.
 */

/** @typedef {readonly [atMs: number, min: number, average: number, max: number]} Point */
/** @typedef {import("../../api.ts").Series} Series */

const GAP_STEPS = 2.5;
/** Values come once a second; a line of seconds is not broken by one that is late. */
const GAP_MIN_MS = 5000;
/** Live points kept behind those of history: an hour's. */
const LIVE_POINTS_MAX = 3600;

export class Line {
  /** @type {Point[]} */
  #points = [];
  #stepMs = 1000;
  #liveCount = 0;

  get points() {
    return this.#points;
  }

  get stepMs() {
    return this.#stepMs;
  }

  /**
   * Takes what history told; live points that came after its last one stay.
   * @param {Series} series
   */
  load(series) {
    const lastMs = series.points.at(-1)?.[0] ?? 0;
    // A point stands for what came in its step: live values of that time are in it already.
    const coveredMs = series.points.length === 0 ? 0 : lastMs + series.stepMs - 1;
    const live = this.#liveCount === 0 ? [] : this.#points.slice(-this.#liveCount);
    const later = live.filter(([atMs]) => atMs > coveredMs);
    this.#stepMs = series.stepMs;
    this.#points = [...series.points, ...later];
    this.#liveCount = later.length;
  }

  /**
   * @param {number} atMs
   * @param {number} value
   */
  push(atMs, value) {
    const last = this.#points.at(-1);
    if (last !== undefined && atMs <= last[0]) return;
    this.#points.push([atMs, value, value, value]);
    this.#liveCount = Math.min(this.#liveCount + 1, LIVE_POINTS_MAX);
  }

  /** Forgets what is before a time. @param {number} atMs */
  dropBefore(atMs) {
    const first = this.#points.findIndex((point) => point[0] >= atMs);
    // Rarely, and many at once: each drop moves all that stay.
    if (first > 300) this.#points.splice(0, first - 1);
  }

  /** From how far apart two points are not joined. */
  get gapMs() {
    return Math.max(GAP_MIN_MS, this.#stepMs * GAP_STEPS);
  }
}

/** @typedef {(number | null | undefined)[]} Column */

/**
 * @param {readonly Line[]} lines
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} scale how many of the wire's value make one of the axis
 * @param {(tables: any[]) => any} join uPlot's, for lines whose times differ
 * @returns {any} uPlot's aligned data; never without a row
 */
export function columns(lines, fromMs, toMs, scale, join) {
  const tables = lines.map((line) => table(line, fromMs, toMs, scale));
  const [only] = tables;
  const data = tables.length === 1 ? only : tables.length === 0 ? [[]] : join(tables);
  if (data[0].length > 0) return data;
  return [[fromMs, toMs], ...lines.flatMap(() => [EMPTY, EMPTY, EMPTY])];
}

const EMPTY = [null, null];

/**
 * One line's columns over a window, with a point more at each side so that it reaches the edges.
 * @param {Line} line
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} scale
 */
function table({ points, gapMs }, fromMs, toMs, scale) {
  /** @type {[number[], Column, Column, Column]} */
  const [times, max, min, average] = [[], [], [], []];
  const start = Math.max(0, lowerBound(points, fromMs) - 1);
  const end = Math.min(points.length, lowerBound(points, toMs) + 1);
  let beforeMs = 0;
  for (let index = start; index < end; index++) {
    const point = /** @type {Point} */ (points[index]);
    if (beforeMs > 0 && point[0] - beforeMs > gapMs) {
      times.push((beforeMs + point[0]) / 2);
      max.push(null);
      min.push(null);
      average.push(null);
    }
    times.push(point[0]);
    max.push(point[3] / scale);
    min.push(point[1] / scale);
    average.push(point[2] / scale);
    beforeMs = point[0];
  }
  return [times, max, min, average];
}

/**
 * The first point at or after a time.
 * @param {readonly Point[]} points
 * @param {number} atMs
 */
export function lowerBound(points, atMs) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (/** @type {Point} */ (points[middle])[0] < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The point nearest to a time, if one is near enough to speak for it.
 * @param {Line} line
 * @param {number} atMs
 */
export function nearest({ points, gapMs }, atMs) {
  const after = lowerBound(points, atMs);
  let best;
  for (const point of [points[after - 1], points[after]]) {
    if (point === undefined || Math.abs(point[0] - atMs) > gapMs) continue;
    if (best === undefined || Math.abs(point[0] - atMs) < Math.abs(best[0] - atMs)) best = point;
  }
  return best;
}

/**
 * What the points in a window say together.
 * @param {Line} line
 * @param {number} fromMs
 * @param {number} toMs
 */
export function summary({ points }, fromMs, toMs) {
  const start = lowerBound(points, fromMs);
  const end = lowerBound(points, toMs + 1);
  if (start >= end) return undefined;
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (let index = start; index < end; index++) {
    const [, low, average, high] = /** @type {Point} */ (points[index]);
    if (low < min) min = low;
    if (high > max) max = high;
    sum += average;
  }
  return { min, average: sum / (end - start), max };
}
