/**
 * The monitor over HTTP: the page for people, JSON and server-sent events for programs, `/metrics` for Prometheus.
 * The routes are api.ts's. `node:http` is loaded when a page is started, not before.
 *
 *     request --> access (host name, token) --> method --> route --> answer
 *
 * It reads from the `MonitorSource` and changes nothing there. Bounds: CONNECTIONS_MAX connections, one more is
 * closed; HEADER_BYTES_MAX per request, else 431; a request has REQUEST_MS to arrive, else 408; for streams see
 * event-streams.ts.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { LanError } from "../../base/errors.ts";
import { invalidOption, readOptions, text, wholeNumber } from "../../base/options.ts";
import type { MonitorSource } from "../api.ts";
import { Access, isLoopback, type Verdict } from "./access.ts";
import { answer, answerJson, type Exchange, exchangeOf, refuse } from "./answers.ts";
import { type Assets, answerAsset, readAssets } from "./assets.ts";
import { EventStreams } from "./event-streams.ts";
import { readHistoryQuery } from "./history-query.ts";
import { askForToken, enter } from "./token-page.ts";

export interface PageOptions {
  /** The address to listen on. Default loopback, `"127.0.0.1"`; any other needs a `token`. */
  ip?: string;
  /** The port to listen on. Default 0: the system chooses. */
  port?: number;
  /** Who shows it may read. At least 8 characters. Default none: this machine alone may read. */
  token?: string;
}

export interface PageAddress {
  readonly ip: string;
  readonly port: number;
  /** What to open in a browser on this machine; without the token. */
  readonly url: string;
}

const CONNECTIONS_MAX = 512;
const HEADER_BYTES_MAX = 16 * 1024;
const REQUEST_MS = 10_000;
const TOKEN_CHARACTERS_MIN = 8;

type State =
  | { readonly at: "stopped" }
  | { readonly at: "starting" }
  | { readonly at: "running"; readonly server: Server; readonly streams: EventStreams };

export class PageServer {
  readonly #source: MonitorSource;
  readonly #ip: string;
  readonly #port: number;
  readonly #access: Access;
  #assets: Assets = new Map();
  #state: State = { at: "stopped" };

  /** @throws LanError OPTION_UNKNOWN, OPTION_INVALID; also where an address beyond loopback comes without a token. */
  constructor(source: MonitorSource, options: PageOptions = {}) {
    const {
      ip = "127.0.0.1",
      port = 0,
      token,
    } = readOptions(options, ["ip", "port", "token"], "show a page");
    this.#source = source;
    if (isIP(text("ip", ip)) === 0 && ip !== "localhost") {
      throw invalidOption("ip", "must be an IP address or localhost");
    }
    this.#ip = ip;
    this.#port = wholeNumber("port", port, 0, 65_535);
    if (token !== undefined) checkToken(token);
    else if (!isLoopback(ip)) throw invalidOption("token", `must be given to show a page beyond loopback`);
    this.#access = new Access(ip, token);
  }

  /** @throws LanError LISTEN_FAILED, ALREADY_RUNNING */
  async start(): Promise<PageAddress> {
    if (this.#state.at !== "stopped") {
      throw new LanError("ALREADY_RUNNING", "Cannot show the page: it is shown already");
    }
    this.#state = { at: "starting" };
    try {
      const { createServer } = await import("node:http");
      this.#assets = await readAssets();
      const streams = new EventStreams(this.#source);
      const server = createServer(
        {
          maxHeaderSize: HEADER_BYTES_MAX,
          headersTimeout: REQUEST_MS,
          requestTimeout: REQUEST_MS,
          keepAliveTimeout: REQUEST_MS,
          noDelay: true,
        },
        (request, response) => this.#serve(request, response, streams),
      );
      server.maxConnections = CONNECTIONS_MAX;
      const port = await listen(server, this.#port, this.#ip);
      this.#access.bindTo(port);
      streams.start();
      this.#state = { at: "running", server, streams };
      return { ip: this.#ip, port, url: `http://${hostInUrl(this.#ip)}:${port}/` };
    } catch (error) {
      this.#state = { at: "stopped" };
      throw error;
    }
  }

  /** Ends every stream and closes every connection at once. */
  async stop(): Promise<void> {
    const state = this.#state;
    if (state.at !== "running") return;
    this.#state = { at: "stopped" };
    state.streams.stop();
    const closed = new Promise<void>((resolve) => state.server.close(() => resolve()));
    state.server.closeAllConnections();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse, streams: EventStreams): void {
    const exchange = exchangeOf(request, response);
    response.on("error", () => {}); // the reader went: nothing is left to do for it
    try {
      if (!this.#admit(exchange, this.#access.judge(exchange))) return;
      if (request.method !== "GET" && request.method !== "HEAD") {
        refuse(exchange, 405, "only GET and HEAD are answered", { headers: { allow: "GET, HEAD" } });
        return;
      }
      this.#route(exchange, streams);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else refuse(exchange, 500, `the monitor failed: ${error instanceof Error ? error.message : "unknown"}`);
    }
  }

  /** Whether to go on; where not, the request is answered. */
  #admit(exchange: Exchange, verdict: Verdict): boolean {
    switch (verdict.at) {
      case "open":
        return true;
      case "entering":
        enter(exchange, verdict.cookie);
        return false;
      case "token-needed":
        if (this.#assets.get(exchange.path)?.isOpen === true) return true;
        askForToken(exchange, verdict.wrong);
        return false;
      case "misdirected":
        refuse(exchange, 421, "this name is not served; open the page by its address or by localhost");
        return false;
      case "cross-site":
        refuse(exchange, 403, "another site's page may not read this one");
        return false;
    }
  }

  #route(exchange: Exchange, streams: EventStreams): void {
    const asset = this.#assets.get(exchange.path);
    if (asset !== undefined) {
      answerAsset(exchange, asset);
      return;
    }
    switch (exchange.path) {
      case "/api/servers":
        answerJson(exchange, this.#source.servers());
        return;
      case "/api/figures":
        answerJson(exchange, this.#source.figures());
        return;
      case "/api/history": {
        const query = readHistoryQuery(exchange.query);
        if ("error" in query) {
          refuse(exchange, 400, `${query.parameter} ${query.error}`, { parameter: query.parameter });
        } else answerJson(exchange, this.#source.history(query));
        return;
      }
      case "/api/events":
        streams.add(exchange);
        return;
      case "/metrics":
        answer(exchange, {
          type: "text/plain; version=0.0.4; charset=utf-8",
          body: this.#source.metrics(),
        });
        return;
      default:
        refuse(exchange, 404, "there is nothing under this path");
    }
  }
}

function checkToken(token: unknown): void {
  if (typeof token !== "string" || token.length < TOKEN_CHARACTERS_MIN || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalidOption(
      "token",
      `must be at least ${TOKEN_CHARACTERS_MIN} characters, printable ASCII without spaces`,
    );
  }
}

/** Resolves to the port. @throws LanError LISTEN_FAILED */
function listen(server: Server, port: number, ip: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(
        new LanError("LISTEN_FAILED", `Cannot show the page on ${ip}:${port}: ${cause.message}`, { cause }),
      );
    server.once("error", fail);
    server.listen(port, ip, () => {
      server.off("error", fail);
      server.on("error", () => {}); // accepting failed once: what is open goes on
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** The address as it stands in a URL; for "all addresses" the loopback one. */
function hostInUrl(ip: string): string {
  if (ip === "0.0.0.0") return "127.0.0.1";
  if (isIP(ip) === 6) return ip === "::" ? "[::1]" : `[${ip}]`;
  return ip;
}
