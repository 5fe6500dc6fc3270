/**
 * What this reader chose, kept in this browser: the theme, and above which value a tile is red. Where storage is
 * forbidden or full, a choice holds until the page is closed.
 */

/** @typedef {"auto" | "light" | "dark"} Theme */

const THEME_KEY = "lanwire.theme";
const LIMITS_KEY = "lanwire.limits";

/** @type {Readonly<Record<Theme, Theme>>} */
const NEXT_THEME = { auto: "dark", dark: "light", light: "auto" };

/** @returns {Theme} */
export function readTheme() {
  const kept = read(THEME_KEY);
  return kept === "light" || kept === "dark" ? kept : "auto";
}

/**
 * Shows the page in the next theme of the switch.
 * @param {Theme} theme
 */
export function nextTheme(theme) {
  const next = NEXT_THEME[theme];
  if (next === "auto") {
    delete document.documentElement.dataset.theme;
    write(THEME_KEY, undefined);
  } else {
    document.documentElement.dataset.theme = next;
    write(THEME_KEY, next);
  }
  return next;
}

/** The reader's own limits, by figure type, in the wire's values. null: never red. */
export class Limits {
  /** @type {Map<number, number | null>} */
  #own = new Map();

  constructor() {
    try {
      const kept = JSON.parse(read(LIMITS_KEY) ?? "[]");
      for (const [type, limit] of kept) {
        if (Number.isInteger(type) && (limit === null || Number.isFinite(limit))) this.#own.set(type, limit);
      }
    } catch {
      // not what this page wrote: begin afresh
    }
  }

  /**
   * Above which wire value a figure is red.
   * @param {{ readonly type: number; readonly redAbove?: number | undefined }} figure
   * @returns {number | undefined}
   */
  of(figure) {
    const own = this.#own.get(figure.type);
    return own === undefined ? figure.redAbove : (own ?? undefined);
  }

  /** @param {number} type */
  isOwn(type) {
    return this.#own.has(type);
  }

  /**
   * @param {number} type
   * @param {number | null | undefined} limit null: never red; undefined: back to the monitor's
   */
  set(type, limit) {
    if (limit === undefined) this.#own.delete(type);
    else this.#own.set(type, limit);
    write(LIMITS_KEY, this.#own.size === 0 ? undefined : JSON.stringify([...this.#own]));
  }
}

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string | undefined} value
 */
function write(key, value) {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // forbidden or full
  }
}
