/**
 * The way to the monitor: the table of figures, then the stream of events; and again, for as long as the page is open.
 *
 *     connecting --figures, snapshot--> connected --error or silence--> waiting --delay--> connecting
 *
 * A stream is taken for dead after SILENCE_MS without an event, since a broken network tells nothing; a fresh one
 * begins with a snapshot, so nothing is lost by asking. Where the monitor asks for a token, the page is loaded
 * again, which shows the form.
 */

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("../../api.ts").MonitorEvent} MonitorEvent */

const SILENCE_MS = 15_000;
const FIGURES_TIMEOUT_MS = 5000;
const DELAY_MIN_MS = 500;
const DELAY_MAX_MS = 4000;
const EVENTS = ["snapshot", "joined", "left", "values"];

export class Connection {
  #model;
  /** @type {EventSource | undefined} */
  #stream;
  #delayMs = DELAY_MIN_MS;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
    // The network is back: do not wait for the delay.
    addEventListener("online", () => {
      if (!model.isConnected) this.#after(0);
    });
  }

  /** Never rejects. */
  async connect() {
    try {
      const response = await fetch("/api/figures", {
        cache: "no-store",
        signal: AbortSignal.timeout(FIGURES_TIMEOUT_MS),
      });
      if (response.status === 401) {
        location.reload();
        return;
      }
      if (!response.ok) throw new Error(`figures: ${response.status}`);
      this.#model.setFigures(await response.json());
      this.#open();
    } catch {
      this.#fail();
    }
  }

  #open() {
    this.#stream?.close();
    const stream = new EventSource("/api/events");
    this.#stream = stream;
    for (const name of EVENTS) {
      stream.addEventListener(name, (message) => {
        if (stream === this.#stream) this.#take(JSON.parse(message.data));
      });
    }
    stream.onerror = () => {
      if (stream === this.#stream) this.#fail();
    };
    this.#watch();
  }

  /** @param {MonitorEvent} event */
  #take(event) {
    this.#watch();
    this.#delayMs = DELAY_MIN_MS;
    this.#model.setConnected(true);
    this.#model.apply(event);
  }

  /** Silence from now on for too long is a failure. */
  #watch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#stream?.close();
      this.#after(0);
    }, SILENCE_MS);
  }

  #fail() {
    this.#stream?.close();
    this.#stream = undefined;
    this.#model.setConnected(false);
    this.#after(this.#delayMs);
    this.#delayMs = Math.min(this.#delayMs * 2, DELAY_MAX_MS);
  }

  /** @param {number} delayMs */
  #after(delayMs) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.connect(), delayMs);
  }
}
