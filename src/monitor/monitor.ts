/**
 * Monitor: the server that other servers report to, with its history and its page.
 *
 *     idle --start--> starting --> running --stop--> stopping --> idle
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { LanError } from "../base/errors.ts";
import type { ListenAddress } from "../engine/server-contract.ts";
import type { FigureView, HistoryQuery, MonitorEvent, MonitorSource, Series, ServerView } from "./api.ts";
import { Collector, type CollectorEvent } from "./collector.ts";
import { FIGURES, figureOf } from "./figures.ts";
import type { History } from "./history.ts";
import { Live } from "./live.ts";
import { openHistory } from "./open-history.ts";
import { type MonitorOptions, type MonitorSettings, monitorSettings } from "./options.ts";
import { type PageAddress, PageServer } from "./page/page-server.ts";
import { prometheusText } from "./prometheus.ts";

/** Where a monitor listens. */
export interface MonitorAddress {
  /** What servers report to. */
  readonly reports: ListenAddress;
  /** The page, with what to open in a browser; undefined where there is none. */
  readonly page: PageAddress | undefined;
  /** Where its history is: "memory" ends with the process. */
  readonly history: "file" | "memory";
}

interface Running {
  readonly settings: MonitorSettings;
  readonly collector: Collector;
  readonly live: Live;
  readonly page: PageServer | undefined;
}

type State =
  | { readonly at: "idle" }
  | { readonly at: "starting"; readonly started: Promise<unknown> }
  | { readonly at: "running"; readonly running: Running }
  | { readonly at: "stopping"; readonly running: Running; readonly stopped: Promise<void> };

const IDLE: State = { at: "idle" };

/**
 * Takes what servers report (20001, 20002), keeps it, and shows it.
 *
 * @example
 * const monitor = new Monitor();
 * monitor.onNotice = (text) => console.log(text);
 * const { reports } = await monitor.start({ page: false, names: { 1: "login" } });
 */
export class Monitor implements MonitorSource {
  readonly #listeners = new Set<(event: MonitorEvent) => void>();
  #state: State = IDLE;

  /** A line for people: where history is kept, who is disconnected and why, what could not be written. */
  onNotice(_text: string): void {}

  /**
   * Listens; resolves once servers can report and the page can be opened.
   * @throws LanError OPTION_UNKNOWN, OPTION_INVALID, ALREADY_RUNNING, LISTEN_FAILED, HISTORY_FAILED (nothing is left
   *   behind).
   */
  async start(options: MonitorOptions = {}): Promise<MonitorAddress> {
    if (this.#state.at !== "idle")
      throw new LanError("ALREADY_RUNNING", `Cannot start: the monitor is ${this.#state.at}`);
    const started = this.#open(monitorSettings(options));
    this.#state = { at: "starting", started };
    try {
      const { running, address } = await started;
      this.#state = { at: "running", running };
      return address;
    } catch (error) {
      this.#state = IDLE;
      throw error;
    }
  }

  /** Every server leaves (`server-stopped`), the running minute is kept, and nothing is told any more. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (state.at === "starting") {
      await state.started.catch(() => {}); // start() itself tells
      return this.stop();
    }
    if (state.at === "stopping") return state.stopped;
    if (state.at === "idle") return;
    const stopped = close(state.running).then(() => {
      this.#state = IDLE;
    });
    this.#state = { at: "stopping", running: state.running, stopped };
    return stopped;
  }

  /** Every figure that has a name, and those without one that were reported. */
  figures(): readonly FigureView[] {
    const running = this.#running;
    const named = new Set(FIGURES.map(({ type }) => type));
    const others = (running?.live.types ?? []).filter((type) => !named.has(type));
    return [...FIGURES, ...others.map(figureOf)].map((figure) => {
      const redAbove = running?.settings.redAbove.get(figure.type);
      return redAbove === undefined ? figure : { ...figure, redAbove };
    });
  }

  /** By server number; those that left included. */
  servers(): readonly ServerView[] {
    return this.#running?.live.servers ?? [];
  }

  /** By the second within the last hour, else by the minute; thinned to at most `POINTS_MAX` points. */
  history(query: HistoryQuery): Series {
    const { serverNo, type } = query;
    return this.#running?.live.series(query) ?? { serverNo, type, stepMs: 1000, points: [] };
  }

  /** Prometheus text, format 0.0.4. */
  metrics(): string {
    return prometheusText(this, this.#running?.settings.network.clock.epochMs());
  }

  subscribe(listener: (event: MonitorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  get #running(): Running | undefined {
    const state = this.#state;
    return state.at === "running" || state.at === "stopping" ? state.running : undefined;
  }

  async #open(settings: MonitorSettings): Promise<{ running: Running; address: MonitorAddress }> {
    const page = settings.page === false ? undefined : new PageServer(this, settings.page);
    const { file, keepDays } = settings.history;
    const { history, notice } = await openHistory(file, keepDays);
    const collector = new Collector();
    const live = this.#liveOf(settings, history, collector);
    collector.emit = (events) => live.take(events);
    const running: Running = { settings, collector, live, page };
    try {
      // Each thread gets a port of its own for what it has to tell; 0 is this thread, which needs none.
      const workerData = (thread: number): unknown =>
        thread === 0 ? undefined : { port: portTo((events) => live.take(events)) };
      const reports = await collector.start({ ...settings.link, workerData });
      const shown = await page?.start();
      this.#notice(notice);
      return { running, address: { reports, page: shown, history: history.kind } };
    } catch (error) {
      await close(running);
      throw error;
    }
  }

  #liveOf(settings: MonitorSettings, history: History, collector: Collector): Live {
    return new Live(settings, history, {
      tell: (event) => this.#tell(event),
      notice: (text) => this.#notice(text),
      disconnect: (sessionId) => void collector.disconnect(sessionId, { now: true }),
    });
  }

  /** One listener that throws breaks no other, and not the monitor. */
  #tell(event: MonitorEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#notice(`a listener threw: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  #notice(text: string): void {
    try {
      this.onNotice(text);
    } catch (error) {
      process.emitWarning(`onNotice threw ${String(error)}`, "LanwireWarning");
    }
  }
}

async function close({ collector, live, page }: Running): Promise<void> {
  await page?.stop();
  await collector.stop({ drainMs: 0 });
  // What worker threads told last is on its way through their ports.
  await new Promise((resolve) => setImmediate(resolve));
  live.stop();
}

/** The far end of a new channel whose batches come to `take`. It keeps nothing alive. */
function portTo(take: (events: readonly CollectorEvent[]) => void): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.on("message", take);
  port1.unref();
  return port2;
}
