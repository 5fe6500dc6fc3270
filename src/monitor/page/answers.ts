/**
 * How the monitor answers over HTTP: one place for the headers that every answer carries and for the form of errors.
 *
 *     an answer      status, type, body; never kept by a cache unless it says so itself
 *     an error       {"error": "what is wrong", "parameter": "from"}    the parameter where one is to blame
 *
 * Invariant: every answer forbids the browser to load, run, embed or tell anything beyond this page's own origin.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** What `Content-Security-Policy` says: all from here, nothing inline, and no other site may embed the page. */
const POLICY =
  "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";

const COMMON_HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
} as const;

/** A request and the way to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What stands before the question mark, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  // No URL parser: it would take the host out of "//host/path", and this server has no use for hosts in paths.
  const target = request.url ?? "/";
  const end = target.indexOf("?");
  const path = end < 0 ? target : target.slice(0, end);
  return { request, response, path, query: new URLSearchParams(end < 0 ? "" : target.slice(end + 1)) };
}

export interface Answer {
  readonly status?: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers whole. A HEAD request gets the same without the body. */
export function answer({ response }: Exchange, { status = 200, type, body, headers }: Answer): void {
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  openAnswer(response, status, { "content-type": type, "content-length": String(length), ...headers });
  response.end(body); // Node leaves the body out where the method is HEAD
}

/** Sends the head of an answer whose body follows. */
export function openAnswer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(status, { ...COMMON_HEADERS, "cache-control": "no-store", ...headers });
}

export function answerJson(exchange: Exchange, value: unknown): void {
  answer(exchange, { type: JSON_TYPE, body: JSON.stringify(value) });
}

const JSON_TYPE = "application/json; charset=utf-8";

/** A refusal, as JSON that people can read. */
export function refuse(
  exchange: Exchange,
  status: number,
  error: string,
  more: { parameter?: string; headers?: Readonly<Record<string, string>> } = {},
): void {
  const { parameter, headers } = more;
  const body = JSON.stringify(parameter === undefined ? { error } : { error, parameter });
  answer(exchange, { status, type: JSON_TYPE, body: `${body}\n`, ...(headers && { headers }) });
}
