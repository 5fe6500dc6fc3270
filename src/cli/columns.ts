/**
 * Text in columns on a terminal: how wide it is, cut and filled to a width, and quantities in few characters.
 *
 * Invariant: what comes from elsewhere (names, reasons) has no control characters left, so it moves no cursor, and a
 * wide character counts as the two columns that it takes.
 */

/** Characters that take two columns: East Asian ones and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Characters that take none: they change the one before. */
const NARROW = /[\p{Mn}\p{Me}\p{Cf}]/u;

export function widthOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

function columnsOf(character: string): number {
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Without anything that a terminal would obey. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "?");
}

/** Exactly `width` columns: filled, at the left or right, or cut with an ellipsis. */
export function fit(text: string, width: number, align: "left" | "right"): string {
  const missing = width - widthOf(text);
  if (missing >= 0) return align === "left" ? text + " ".repeat(missing) : " ".repeat(missing) + text;
  let kept = "";
  let columns = 0;
  for (const character of text) {
    if (columns + columnsOf(character) > width - 1) break;
    kept += character;
    columns += columnsOf(character);
  }
  return width <= 0 ? "" : `${kept}…${" ".repeat(width - 1 - columns)}`;
}

/** A count in at most five columns: 12, 9999, 12.3k, 4.56M. */
export function shortCount(value: number): string {
  return value < 10_000 ? String(Math.round(value)) : scaled(value, 1000, ["", "k", "M", "G", "T"]);
}

/** Bytes in at most six columns: 512, 4.0K, 12.3M (by 1024). */
export function shortBytes(value: number): string {
  return value < 1024 ? String(Math.round(value)) : scaled(value, 1024, ["", "K", "M", "G", "T"]);
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let [rest, power] = [value, 0];
  while (rest >= step && power < units.length - 1) {
    rest /= step;
    power++;
  }
  return `${rest >= 100 ? rest.toFixed(0) : rest.toFixed(1)}${units[power]}`;
}

/** A time span in two units at most: 12s, 4m 10s, 3h 5m, 12d 4h. */
export function shortSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  const hours = Math.floor(seconds / 3600);
  return hours < 24
    ? `${hours}h ${Math.floor((seconds % 3600) / 60)}m`
    : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
