/** Line plots on logarithmic axes as plain SVG text; nothing but what the curves need. */

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Dashed: the same peer under a second condition. */
  readonly dashed?: boolean;
  /** Series of one colour belong together. */
  readonly colour: number;
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** How a value on the x axis is written. */
  readonly xText: (value: number) => string;
}

const WIDTH = 890;
const HEIGHT = 420;
const AREA = { left: 70, right: 220, top: 50, bottom: 50 } as const;
const COLOURS = ["#0b6e99", "#c4501b", "#5b8c2a", "#7a3e9d", "#8a6d00"];

/** A logarithmic axis that covers the values, in whole powers of ten unless `tight`. */
function axis(values: readonly number[], from: number, to: number, tight: boolean) {
  const low = Math.log10(Math.min(...values));
  const high = Math.log10(Math.max(...values));
  const [first, last] = tight ? [low, high] : [Math.floor(low), Math.ceil(high)];
  const span = last - first || 1;
  return (value: number): number => from + ((Math.log10(value) - first) / span) * (to - from);
}

/** 1, 2 and 5 in every decade between the two. */
function ticks(values: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.ceil(Math.log10(Math.max(...values)));
  const steps = last - first > 2 ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = first; power <= last; power++) for (const step of steps) all.push(step * 10 ** power);
  return all.filter((tick) => tick <= 10 ** last * 1.0001);
}

export function amount(value: number): string {
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e3) return `${+(value / 1e3).toPrecision(3)} k`;
  return String(+value.toPrecision(3));
}

export function byteAmount(value: number): string {
  if (value >= 1 << 20) return `${value / (1 << 20)} MiB`;
  return value >= 1024 ? `${value / 1024} KiB` : `${value} B`;
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped(content)}</text>`;
}

export function svgOf(plot: Plot): string {
  const xs = plot.series.flatMap((series) => series.points.map(([x]) => x));
  const ys = plot.series.flatMap((series) => series.points.map(([, y]) => y));
  const right = WIDTH - AREA.right;
  const bottom = HEIGHT - AREA.bottom;
  const x = axis(xs, AREA.left, right, true);
  const y = axis(ys, bottom, AREA.top, false);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(plot.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(AREA.left, 22, plot.title, 'font-size="15" font-weight="bold"'),
    text((AREA.left + right) / 2, HEIGHT - 12, plot.xLabel, 'text-anchor="middle"'),
    text(14, AREA.top - 12, plot.yLabel),
  ];
  for (const tick of ticks(ys)) {
    const at = y(tick).toFixed(1);
    parts.push(`<line x1="${AREA.left}" x2="${right}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    parts.push(text(AREA.left - 6, y(tick) + 4, amount(tick), 'text-anchor="end"'));
  }
  for (const tick of [...new Set(xs)]) {
    const at = x(tick).toFixed(1);
    parts.push(`<line x1="${at}" x2="${at}" y1="${AREA.top}" y2="${bottom}" stroke="#eee"/>`);
    parts.push(text(x(tick), bottom + 16, plot.xText(tick), 'text-anchor="middle"'));
  }
  plot.series.forEach((series, index) => {
    const colour = COLOURS[series.colour % COLOURS.length]!;
    const path = series.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
    const dash = series.dashed === true ? ' stroke-dasharray="6 4"' : "";
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`);
    for (const [px, py] of series.points) {
      parts.push(`<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3" fill="${colour}"/>`);
    }
    const at = AREA.top + 16 + index * 22;
    const left = right + 14;
    parts.push(
      `<line x1="${left}" x2="${left + 24}" y1="${at - 4}" y2="${at - 4}" stroke="${colour}" stroke-width="2"${dash}/>`,
    );
    parts.push(text(left + 30, at, series.name));
  });
  return `${parts.join("\n")}\n</svg>\n`;
}
