/** A monitor that is made up: the HTTP of src/monitor/api.ts alone, with servers that a test moves. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { FigureView, MonitorEvent, ServerView } from "../../src/monitor/api.ts";
import { FIGURES } from "../../src/monitor/figures.ts";

export const SINCE_MS: number = Date.UTC(2026, 0, 2, 3, 4, 5);

export class FakeMonitor {
  servers: ServerView[] = [];
  figures: FigureView[] = [...FIGURES];
  token: string | undefined;
  nowMs: () => number = Date.now;
  port = 0;
  readonly #streams = new Set<ServerResponse>();
  #server: Server | undefined;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(t: TestContext): Promise<this> {
    const server = createServer((request, response) => {
      if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`) {
        response.writeHead(401).end();
      } else if (request.url === "/api/figures") {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(this.figures));
      } else if (request.url === "/api/events") {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(": hello\n\nretry: 1000\n\n");
        this.#streams.add(response);
        response.on("close", () => this.#streams.delete(response));
        this.tell({ kind: "snapshot", atMs: this.nowMs(), servers: this.servers });
      } else response.writeHead(404).end();
    });
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    t.after(() => this.stop());
    return this;
  }

  /** In two writes that break inside a line, as networks do. */
  tell(event: MonitorEvent): void {
    const text = `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
    for (const stream of this.#streams) {
      stream.write(text.slice(0, text.length >> 1));
      stream.write(text.slice(text.length >> 1));
    }
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }
}

/** A server that is up, with values by type. */
export function up(serverNo: number, name: string, values: Record<number, number>): ServerView {
  return {
    serverNo,
    name,
    address: "127.0.0.1",
    state: { at: "up", sinceMs: SINCE_MS },
    joins: 1,
    values: Object.entries(values).map(([type, value]) => [Number(type), value, SINCE_MS]),
  };
}

export function down(server: ServerView, reason: string): ServerView {
  return { ...server, state: { at: "down", sinceMs: SINCE_MS + 1000, reason } };
}
