/**
 * How a chart looks: axes with the units of people, a line with its band for each server, a dashed line at the limit.
 * Colours are the page's; besides its colour each line has a dash of its own.
 */
import { binaryUnit, showAmount, showClock, showDate, showMinutes } from "./format.js";

/** @typedef {import("./model.js").Figure} Figure */

/** Lines of one chart at most. */
export const LINES_MAX = 6;

/** @type {readonly number[][]} */
const DASHES = [[], [9, 3], [3, 3], [14, 3, 3, 3], [6, 2], [2, 4]];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Steps of the time axis. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
].map((seconds) => seconds * 1000);
for (const days of [1, 2, 3, 5, 7, 10]) TIME_STEPS.push(days * DAY_MS);

/** Steps of an axis of bytes: powers of two, so that labels are round. */
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** (power - 10));

/**
 * The colours of the moment, which depend on the theme.
 * @returns {{ lines: string[]; text: string; grid: string; bad: string; font: string }}
 */
function readColours() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (/** @type {string} */ name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const lines = Array.from({ length: LINES_MAX }, (_, index) => read(`--line-${index + 1}`));
  const colours = { lines, text: read("--muted"), grid: read("--grid"), bad: read("--bad") };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  probe.remove();
  return { ...colours, font };
}

/**
 * @param {object} of
 * @param {Figure} of.figure
 * @param {number} of.lines how many
 * @param {readonly number[]} of.slots the colour and dash of each
 * @param {number} of.width
 * @param {number} of.height
 * @param {() => [number, number]} of.window what time is shown
 * @param {() => number | undefined} of.limit in the unit of the axis
 * @param {string} [of.syncKey] charts with the same one share the cursor
 * @returns {uPlot.Options}
 */
export function chartOptions({ figure, lines, slots, width, height, window, limit, syncKey }) {
  const colours = readColours();
  /** @type {uPlot.Series[]} */
  const series = [{}];
  /** @type {uPlot.Band[]} */
  const bands = [];
  for (let index = 0; index < lines; index++) {
    const slot = slots[index] ?? index;
    const colour = colours.lines[slot % LINES_MAX] ?? colours.text;
    const edge = { stroke: "transparent", width: 0, points: { show: false } };
    series.push(edge, edge, {
      stroke: colour,
      width: 1.75,
      dash: DASHES[slot % LINES_MAX] ?? [],
      points: { show: false },
      ...(lines === 1 && { fill: withAlpha(colour, 0.07) }),
    });
    bands.push({ series: [index * 3 + 1, index * 3 + 2], fill: withAlpha(colour, 0.2) });
  }
  const axis = {
    stroke: colours.text,
    font: colours.font,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    ms: 1,
    padding: [10, 8, 0, 0],
    legend: { show: false },
    series,
    bands,
    scales: {
      x: { time: true, range: window },
      y: { range: (_, min, max) => valueRange(min, max, limit()) },
    },
    axes: [
      {
        ...axis,
        size: 30,
        incrs: TIME_STEPS,
        space: 76,
        values: (_, splits, __, ___, step) => timeLabels(splits, step),
      },
      {
        ...axis,
        size: 68,
        space: 26,
        ...(binaryUnit(figure.unit) !== undefined && { incrs: BINARY_STEPS }),
        values: (_, splits) => splits.map((amount) => label(figure, amount)),
      },
    ],
    cursor: {
      y: false,
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false },
      ...(syncKey !== undefined && { sync: { key: syncKey } }),
    },
    hooks: { draw: [(chart) => drawLimit(chart, limit(), colours.bad)] },
  };
}

/**
 * From zero up; a limit that is near is in the picture.
 * @param {number | null} min
 * @param {number | null} max
 * @param {number | undefined} limit
 * @returns {[number, number]}
 */
function valueRange(min, max, limit) {
  const low = Math.min(0, min ?? 0);
  let high = Math.max(max ?? 0, 0);
  if (limit !== undefined && limit > high && limit < high * 2.5) high = limit;
  return high === low ? [low, low + 1] : [low, high + (high - low) * 0.08];
}

/**
 * @param {Figure} figure
 * @param {number} amount
 */
function label(figure, amount) {
  if (amount === 0) return "0";
  const { text, unit } = showAmount(figure.unit, amount);
  // "2.00 MiB" on an axis is "2 MiB"
  const short = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return unit === "" || unit === "/s" ? short : `${short} ${unit}`;
}

/**
 * Clock times; the date where a new day begins.
 * @param {number[]} splits
 * @param {number} step
 */
function timeLabels(splits, step) {
  let day = "";
  return splits.map((atMs, index) => {
    const date = showDate(atMs);
    const isNewDay = index > 0 && date !== day;
    day = date;
    if (step >= DAY_MS || isNewDay) return date;
    return step < 60_000 ? showClock(atMs) : showMinutes(atMs);
  });
}

/**
 * @param {uPlot} chart
 * @param {number | undefined} limit
 * @param {string} colour
 */
function drawLimit(chart, limit, colour) {
  const { max, min } = chart.scales.y ?? {};
  if (limit === undefined || max == null || min == null || limit > max || limit < min) return;
  const { ctx, bbox } = chart;
  const y = Math.round(chart.valToPos(limit, "y", true));
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/**
 * @param {string} colour as a browser computes it: "rgb(1, 2, 3)"
 * @param {number} alpha
 */
function withAlpha(colour, alpha) {
  return colour.replace(/^rgba?\(([^,]+),([^,]+),([^,)]+).*\)$/, `rgba($1,$2,$3, ${alpha})`);
}
