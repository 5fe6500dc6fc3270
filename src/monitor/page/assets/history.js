/** Asks the monitor for what was. One question at a time for each chart: a newer one ends the older. */

/** @typedef {import("../../api.ts").Series} Series */

export class HistoryReader {
  /** @type {AbortController | undefined} */
  #asking;

  /**
   * @param {readonly number[]} serverNos
   * @param {number} type
   * @param {number} fromMs
   * @param {number} toMs
   * @returns {Promise<Series[] | undefined>} undefined where a newer question came; rejects where there is no answer
   */
  async read(serverNos, type, fromMs, toMs) {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const all = await Promise.all(
        serverNos.map((serverNo) => readSeries(serverNo, type, fromMs, toMs, asking.signal)),
      );
      return this.#asking === asking ? all : undefined;
    } catch (error) {
      if (this.#asking !== asking) return undefined;
      throw error;
    }
  }

  stop() {
    this.#asking?.abort();
    this.#asking = undefined;
  }
}

/**
 * @param {number} serverNo
 * @param {number} type
 * @param {number} fromMs
 * @param {number} toMs
 * @param {AbortSignal} signal
 * @returns {Promise<Series>}
 */
async function readSeries(serverNo, type, fromMs, toMs, signal) {
  const from = Math.max(0, Math.floor(fromMs));
  const to = Math.max(from + 1, Math.ceil(toMs));
  const query = `server=${serverNo}&type=${type}&from=${from}&to=${to}`;
  const response = await fetch(`/api/history?${query}`, { cache: "no-store", signal });
  if (!response.ok) throw new Error(`history: ${response.status}`);
  return response.json();
}
