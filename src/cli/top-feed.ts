/**
 * `top`'s line to a monitor: reads its table of figures, then its events, and comes back when it was lost.
 *
 *     connecting --> live --(the stream ended)--> lost --(a second later)--> connecting ...
 *
 * Each stream begins with a snapshot, so nothing of what was before is needed after a loss.
 */
import type { FigureView, MonitorEvent } from "../monitor/api.ts";
import { eventsOf } from "./event-stream.ts";
import { RunError } from "./exit.ts";
import type { Servers } from "./top-servers.ts";

const AGAIN_MS = 1000;
const ANSWER_MS = 5000;

export type FeedState =
  | { readonly at: "connecting" }
  | { readonly at: "live" }
  | { readonly at: "lost"; readonly sinceMs: number; readonly why: string };

export class Feed {
  state: FeedState = { at: "connecting" };
  readonly #base: URL;
  readonly #token: string | undefined;
  readonly #servers: Servers;
  readonly #end = new AbortController();

  /** @param servers - kept up with what the monitor tells */
  constructor(base: URL, token: string | undefined, servers: Servers) {
    this.#base = base;
    this.#token = token;
    this.#servers = servers;
  }

  /**
   * Resolves once the first snapshot is there, and goes on behind that until `stop`.
   * @throws RunError where the monitor cannot be reached at first, or does not want us
   */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    void this.#stayLive(first);
    await first.promise;
  }

  stop(): void {
    this.#end.abort();
  }

  async #stayLive(first: PromiseWithResolvers<void>): Promise<void> {
    while (!this.#end.signal.aborted) {
      let why = "it ended the stream";
      try {
        await this.#live(first);
      } catch (error) {
        why = reasonOf(error);
      }
      first.reject(new RunError(`no monitor at ${this.#base.href}: ${why}`)); // heard before the first snapshot alone
      if (this.#end.signal.aborted) return;
      const sinceMs = this.state.at === "lost" ? this.state.sinceMs : Date.now();
      this.state = { at: "lost", sinceMs, why };
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }

  async #live(first: PromiseWithResolvers<void>): Promise<void> {
    this.#servers.setFigures((await (await this.#get("/api/figures")).json()) as FigureView[]);
    const { body } = await this.#get("/api/events");
    if (body === null) throw new RunError("/api/events has no body");
    for await (const { name, data } of eventsOf(body)) {
      const event = { ...JSON.parse(data), kind: name } as MonitorEvent;
      this.#servers.apply(event, Date.now());
      if (event.kind !== "snapshot") continue;
      this.state = { at: "live" };
      first.resolve();
    }
  }

  /** The answer once its head is there; how long its body takes has no limit. */
  async #get(path: string): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new RunError(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    try {
      const answer = await fetch(new URL(path, this.#base), {
        headers: this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` },
        signal: AbortSignal.any([this.#end.signal, late.signal]),
      });
      if (answer.status === 401 || answer.status === 403)
        throw new RunError(`it wants ${this.#token === undefined ? "a" : "another"} token (--token-file)`);
      if (!answer.ok) throw new RunError(`${path} is answered with ${answer.status} ${answer.statusText}`);
      return answer;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** fetch hides what happened in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error as { cause?: NodeJS.ErrnoException };
  return cause === undefined ? error.message : (cause.code ?? cause.message);
}
