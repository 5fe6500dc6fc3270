/**
 * Whether a figure grows. The first half of a run is left out: pools fill, code is compiled, the allocator finds
 * its size. The second half is cut into windows, and the least value of each counts, because garbage only ever adds.
 * The line through these is Theil and Sen's: the median of the slopes between all pairs, which a few bad windows
 * do not move.
 *
 *     rss |  /\  /\ |/\  /|\  /\|   the least of each window: . . . . .
 *         | /  \/  \|  \/ | \/  |   growth: the slope times the length of the second half
 *         first half|  w1 |  w2 |
 *
 * What is judged is the growth over the half, not the slope itself: noise has the same height in a short run
 * as in a long one, so a longer run finds a smaller leak.
 */

/** One look at a figure. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

export interface Trend {
  readonly perMinute: number;
  /** What the slope makes over the judged half. */
  readonly growth: number;
  /** The least of the first and of the last window. */
  readonly from: number;
  readonly to: number;
}

/** Enough that a third of them may be spoilt. */
const WINDOWS = 12;
const MINUTE_MS = 60_000;

/**
 * The trend over the second half of `samples`, which are in the order of time.
 * @throws Error where fewer than half of the windows have a sample: there is nothing to judge then.
 */
export function trendOf(samples: readonly Sample[], windows: number = WINDOWS): Trend {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) throw new Error("Cannot judge a trend: no samples");
  const fromMs = (first.atMs + last.atMs) / 2;
  const windowMs = (last.atMs - fromMs) / windows;
  const lows: Sample[] = [];
  for (let window = 0; window < windows; window++) {
    const beginMs = fromMs + window * windowMs;
    const endMs = window === windows - 1 ? Number.POSITIVE_INFINITY : beginMs + windowMs;
    const inside = samples.filter(({ atMs }) => atMs >= beginMs && atMs < endMs);
    if (inside.length === 0) continue;
    lows.push({ atMs: beginMs + windowMs / 2, value: Math.min(...inside.map(({ value }) => value)) });
  }
  if (lows.length < windows / 2) throw new Error(`Cannot judge a trend: ${lows.length} windows have samples`);
  const perMs = medianSlope(lows);
  return {
    perMinute: perMs * MINUTE_MS,
    growth: perMs * (last.atMs - fromMs),
    from: lows[0]!.value,
    to: lows.at(-1)!.value,
  };
}

function medianSlope(points: readonly Sample[]): number {
  const slopes = points.flatMap((a, i) =>
    points.slice(i + 1).map((b) => (b.value - a.value) / (b.atMs - a.atMs)),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  return (slopes[Math.floor(middle)]! + slopes[Math.ceil(middle) - 1]!) / 2;
}
