/**
 * Who may read the page. Two ways, and nothing between them:
 *
 *     without a token   only this machine: bound to loopback, and only by a name that is loopback's own, so that a
 *                       page elsewhere whose name was made to point here (DNS rebinding) reads nothing
 *     with a token      whoever shows it: `Authorization: Bearer`, or `/?token=` once, which gives a cookie
 *
 *     /?token=T --> cookie + "go to /" --> / with the cookie        the token is in no link after that
 *
 * The page goes on by itself rather than by a redirect: a browser sends a SameSite=Strict cookie only where the
 * way to the page began at the page. Invariant: what is compared are digests, in constant time.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { Exchange } from "./answers.ts";

export type Verdict =
  | { readonly at: "open" }
  /** The token came in the address: answer with this cookie and lead to "/". */
  | { readonly at: "entering"; readonly cookie: string }
  | { readonly at: "token-needed"; readonly wrong: boolean }
  /** The name in `Host` is not one of loopback. */
  | { readonly at: "misdirected" }
  /** Another site's page asks through its reader's browser. */
  | { readonly at: "cross-site" };

export class Access {
  readonly #ip: string;
  readonly #token: Buffer | undefined;
  readonly #cookieValue: string;
  #cookieName = "lanwire";

  /** @param ip - the address that the page is bound to. */
  constructor(ip: string, token: string | undefined) {
    this.#ip = ip.toLowerCase();
    this.#token = token === undefined ? undefined : digest(token);
    // Made from the token alone: it holds through a restart of the monitor, and does not give the token away.
    this.#cookieValue = token === undefined ? "" : digest(`lanwire page cookie ${token}`).toString("hex");
  }

  /** Browsers give one cookie jar to all ports of a host, so the name has the port in it. */
  bindTo(port: number): void {
    this.#cookieName = `lanwire_${port}`;
  }

  judge({ request, path, query }: Exchange): Verdict {
    const isForeign = request.headers["sec-fetch-site"] === "cross-site";
    if (isForeign && request.headers["sec-fetch-mode"] !== "navigate") return { at: "cross-site" };
    if (this.#token === undefined) {
      return this.#isLoopbackName(request.headers.host) ? { at: "open" } : { at: "misdirected" };
    }
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) return this.#isToken(bearer) ? { at: "open" } : NEEDED_RIGHT;
    const shown = path === "/" ? query.get("token") : null;
    if (shown !== null) {
      return this.#isToken(shown) ? { at: "entering", cookie: this.#cookie() } : NEEDED_RIGHT;
    }
    return this.#hasCookie(request.headers.cookie) ? { at: "open" } : NEEDED;
  }

  #isToken(text: string): boolean {
    return timingSafeEqual(digest(text), this.#token!);
  }

  #cookie(): string {
    return `${this.#cookieName}=${this.#cookieValue}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${COOKIE_SECONDS}`;
  }

  #hasCookie(header: string | undefined): boolean {
    for (const pair of (header ?? "").split(";")) {
      const [name, value = ""] = pair.trim().split("=", 2);
      if (name === this.#cookieName && timingSafeEqual(digest(value), digest(this.#cookieValue))) return true;
    }
    return false;
  }

  #isLoopbackName(host: string | undefined): boolean {
    if (host === undefined) return false;
    const name = host.toLowerCase().replace(/:\d*$/, ""); // any port: a tunnel has one of its own
    return name === "localhost" || name === this.#ip || name === `[${this.#ip}]`;
  }
}

/** A month, as long as the longest range of the page. */
const COOKIE_SECONDS = 30 * 24 * 3600;

const NEEDED: Verdict = { at: "token-needed", wrong: false };
const NEEDED_RIGHT: Verdict = { at: "token-needed", wrong: true };

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Whether what is bound to this address can be reached from this machine alone. */
export function isLoopback(ip: string): boolean {
  if (ip === "localhost") return true;
  if (isIP(ip) === 4) return ip.startsWith("127.");
  return /^(?:0*:)*:?0*1$/.test(ip) && isIP(ip) === 6;
}
