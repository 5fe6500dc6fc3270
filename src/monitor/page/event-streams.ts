/**
 * The open event streams: what the monitor tells goes to every reader, as server-sent events.
 *
 *     retry: 1000                     how soon a browser comes back
 *     event: snapshot                 first on each stream
 *     data: {"kind":"snapshot",...}
 *     :                               a comment each HEARTBEAT_MS: keeps what lies between from closing it
 *
 * Bounds: STREAMS_MAX readers; one more is refused with 503. A reader of whom more than UNREAD_BYTES_MAX still wait
 * when the next event comes does not keep up: its connection is closed, and a browser comes back for a fresh
 * snapshot. So the memory of a reader is bounded by UNREAD_BYTES_MAX and one event.
 */
import type { ServerResponse } from "node:http";
import type { MonitorEvent, MonitorSource } from "../api.ts";
import { type Exchange, openAnswer, refuse } from "./answers.ts";

export const STREAMS_MAX = 64;
export const UNREAD_BYTES_MAX: number = 1024 * 1024;
const HEARTBEAT_MS = 15_000;

export class EventStreams {
  readonly #source: MonitorSource;
  readonly #open = new Set<ServerResponse>();
  #unsubscribe: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(source: MonitorSource) {
    this.#source = source;
  }

  start(): void {
    this.#unsubscribe = this.#source.subscribe((event) => this.#tell(event));
    this.#heartbeat = setInterval(() => this.#send(":\n\n"), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Ends every stream at once. */
  stop(): void {
    clearInterval(this.#heartbeat);
    this.#unsubscribe?.();
    for (const response of this.#open) response.end();
    this.#open.clear();
  }

  /** Answers a request with a stream that ends when its reader goes, or does not keep up, or at `stop`. */
  add(exchange: Exchange): void {
    const { request, response } = exchange;
    if (this.#open.size >= STREAMS_MAX) {
      refuse(exchange, 503, `${STREAMS_MAX} streams are open, and no more are served`, {
        headers: { "retry-after": "5" },
      });
      return;
    }
    const snapshot = textOf({ kind: "snapshot", atMs: Date.now(), servers: this.#source.servers() });
    openAnswer(response, 200, { "content-type": "text/event-stream; charset=utf-8" });
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
    response.write(`retry: 1000\n\n${snapshot}`);
  }

  #tell(event: MonitorEvent): void {
    if (this.#open.size > 0) this.#send(textOf(event));
  }

  #send(text: string): void {
    for (const response of this.#open) {
      if (response.writableLength <= UNREAD_BYTES_MAX) {
        response.write(text);
      } else {
        this.#open.delete(response);
        response.destroy();
      }
    }
  }
}

function textOf(event: MonitorEvent): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
