/**
 * Minutes in memory, by the hour.
 *
 *     hour -> figure -> 60 x (min, max, sum, count), typed arrays of 1200 bytes
 *
 * Bounded: `HOURS_MAX` hours of figures, 79 MB; 100 figures are kept for 27 days, 1000 for almost three. Beyond that
 * the oldest hour is forgotten, of all figures.
 */
import type { History, HistoryPoint, MinuteRow } from "./history.ts";
import { StepSums } from "./thinning.ts";

/** How many hours of one figure are kept, over all figures. */
const HOURS_MAX = 65_536;

class Hour {
  readonly min = new Int32Array(60);
  readonly max = new Int32Array(60);
  readonly sum = new Float64Array(60);
  readonly count = new Uint32Array(60);

  add(place: number, row: MinuteRow): void {
    const empty = this.count[place] === 0;
    this.min[place] = empty ? row.min : Math.min(this.min[place]!, row.min);
    this.max[place] = empty ? row.max : Math.max(this.max[place]!, row.max);
    this.sum[place]! += row.sum;
    this.count[place]! += row.count;
  }
}

export class MemoryHistory implements History {
  readonly kind = "memory";
  /** By hour since 1970, then by figure. */
  readonly #hours = new Map<number, Map<string, Hour>>();
  readonly #hoursMax: number;
  #kept = 0;

  constructor(hoursMax: number = HOURS_MAX) {
    this.#hoursMax = hoursMax;
  }

  write(rows: readonly MinuteRow[], oldest: number): void {
    for (const row of rows) {
      const number = Math.floor(row.minute / 60);
      let figures = this.#hours.get(number);
      if (figures === undefined) {
        figures = new Map();
        this.#hours.set(number, figures);
      }
      const key = keyOf(row.serverNo, row.type);
      let hour = figures.get(key);
      if (hour === undefined) {
        hour = new Hour();
        figures.set(key, hour);
        this.#kept++;
      }
      hour.add(row.minute % 60, row);
    }
    const oldestHour = Math.floor(oldest / 60);
    for (const number of this.#hours.keys()) if (number < oldestHour) this.#forget(number);
    while (this.#kept > this.#hoursMax && this.#hours.size > 1) this.#forget(Math.min(...this.#hours.keys()));
  }

  read(serverNo: number, type: number, first: number, last: number, step: number): HistoryPoint[] {
    const sums = new StepSums(step);
    this.#each(serverNo, type, first, last, (minute, hour, place) => {
      sums.add(minute, {
        min: hour.min[place]!,
        max: hour.max[place]!,
        sum: hour.sum[place]!,
        count: hour.count[place]!,
      });
    });
    return sums.sums.map(({ at, ...sum }) => ({ minute: at, ...sum }));
  }

  firstMinute(serverNo: number, type: number, first: number): number | undefined {
    let found: number | undefined;
    this.#each(serverNo, type, first, Number.POSITIVE_INFINITY, (minute) => {
      found ??= minute;
    });
    return found;
  }

  close(): void {
    this.#hours.clear();
    this.#kept = 0;
  }

  #each(
    serverNo: number,
    type: number,
    first: number,
    last: number,
    take: (minute: number, hour: Hour, place: number) => void,
  ): void {
    const key = keyOf(serverNo, type);
    // The clock may have been set back, so hours need not have come in order.
    for (const number of [...this.#hours.keys()].sort((a, b) => a - b)) {
      if (number < Math.floor(first / 60) || number * 60 > last) continue;
      const hour = this.#hours.get(number)!.get(key);
      if (hour === undefined) continue;
      for (let place = 0; place < 60; place++) {
        const minute = number * 60 + place;
        if (hour.count[place]! > 0 && minute >= first && minute <= last) take(minute, hour, place);
      }
    }
  }

  #forget(number: number): void {
    this.#kept -= this.#hours.get(number)?.size ?? 0;
    this.#hours.delete(number);
  }
}

function keyOf(serverNo: number, type: number): string {
  return `${serverNo}/${type}`;
}
