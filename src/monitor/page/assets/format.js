/**
 * Numbers and times for people. Values come as the wire's; a figure's `scale` and `unit` say what they are.
 *
 *     1536 KiB -> 1.50 MiB      48210 /s -> 48,210 /s      0.4 ms -> 400 µs      3725 s -> 1 h 2 min
 *
 * At most four digits where a value has a fraction: enough to see it move, little enough to read at a glance.
 */

/** @typedef {import("../../api.ts").FigureView} Figure */
/** @typedef {{ readonly text: string; readonly unit: string }} Shown */

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/**
 * @param {Figure} figure
 * @param {number} value the wire's
 * @returns {Shown}
 */
export function showValue(figure, value) {
  return showAmount(figure.unit, value / figure.scale);
}

/**
 * @param {string} unit
 * @param {number} amount in that unit
 * @returns {Shown}
 */
export function showAmount(unit, amount) {
  const binary = binaryUnit(unit);
  if (binary !== undefined) {
    const [scaled, name] = scaleBinary(amount, binary.exponent);
    return { text: showNumber(scaled), unit: name + binary.per };
  }
  switch (unit) {
    case "ms":
      if (Math.abs(amount) >= 1000) return { text: showNumber(amount / 1000), unit: "s" };
      if (amount !== 0 && Math.abs(amount) < 1) return { text: showNumber(amount * 1000, 0), unit: "µs" };
      return { text: showNumber(amount), unit };
    case "s":
      return { text: showDuration(amount * 1000), unit: "" };
    default:
      return { text: showNumber(amount), unit };
  }
}

/**
 * As one text.
 * @param {Figure} figure
 * @param {number} value
 */
export function showWhole(figure, value) {
  const { text, unit } = showValue(figure, value);
  return unit === "" ? text : `${text} ${unit}`;
}

/**
 * Which power of 1024 a unit is: "KiB/s" is 1, per second.
 * @param {string} unit
 * @returns {{ exponent: number; per: string } | undefined}
 */
export function binaryUnit(unit) {
  const [name, per] = unit.split("/");
  const exponent = BINARY.indexOf(name ?? "");
  return exponent < 0 ? undefined : { exponent, per: per === undefined ? "" : `/${per}` };
}

/**
 * @param {number} amount
 * @param {number} exponent
 * @returns {[number, string]}
 */
function scaleBinary(amount, exponent) {
  let scaled = amount;
  let at = exponent;
  while (Math.abs(scaled) >= 1024 && at < BINARY.length - 1) {
    scaled /= 1024;
    at++;
  }
  while (scaled !== 0 && Math.abs(scaled) < 1 && at > 0) {
    scaled *= 1024;
    at--;
  }
  return [scaled, BINARY[at] ?? ""];
}

/** @type {Map<number, Intl.NumberFormat>} */
const FORMATS = new Map();

/**
 * @param {number} value
 * @param {number} [digits] behind the point at most
 */
function showNumber(value, digits = 2) {
  const size = Math.abs(value);
  const fraction = Number.isInteger(value) ? 0 : Math.min(digits, size >= 100 ? 0 : size >= 10 ? 1 : 2);
  let format = FORMATS.get(fraction);
  if (format === undefined) {
    format = new Intl.NumberFormat("en-US", {
      minimumFractionDigits: fraction,
      maximumFractionDigits: fraction,
    });
    FORMATS.set(fraction, format);
  }
  return format.format(value);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * The two largest parts: "42 s", "3 min 5 s", "4 h 12 min", "3 d 7 h".
 * @param {number} ms
 */
export function showDuration(ms) {
  const of = Math.max(0, ms);
  if (of < MINUTE) return `${Math.floor(of / SECOND)} s`;
  if (of < HOUR) return pair(of, MINUTE, "min", SECOND, "s");
  if (of < DAY) return pair(of, HOUR, "h", MINUTE, "min");
  return pair(of, DAY, "d", HOUR, "h");
}

/**
 * @param {number} ms
 * @param {number} large
 * @param {string} largeName
 * @param {number} small
 * @param {string} smallName
 */
function pair(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? "" : ` ${rest} ${smallName}`}`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTES = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** @param {number} atMs */
export const showClock = (atMs) => CLOCK.format(atMs);

/** @param {number} atMs */
export const showMinutes = (atMs) => MINUTES.format(atMs);

/** @param {number} atMs */
export const showDate = (atMs) => DATE.format(atMs);

/** @param {number} atMs */
export const showMoment = (atMs) => `${DATE.format(atMs)}, ${CLOCK.format(atMs)}`;
