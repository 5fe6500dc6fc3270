/**
 * The two small pages around the token: one asks for it, the other leads to the page once it was right. Neither
 * holds anything that came with a request.
 */
import { answer, type Exchange } from "./answers.ts";

const HTML_TYPE = "text/html; charset=utf-8";

/** 401, with a form. Programs find the same in `WWW-Authenticate`. */
export function askForToken(exchange: Exchange, wrong: boolean): void {
  const why = wrong
    ? '<p class="wrong" role="alert">That is not the token of this monitor.</p>'
    : "<p>This monitor shows its figures to those who have its token.</p>";
  const body = document(
    "Token needed",
    `<form action="/" method="get">
      <h1>lanwire monitor</h1>
      ${why}
      <label for="token">Token</label>
      <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
      <button type="submit">Open</button>
      <p class="hint">It was given to the monitor when it was started. It is kept in a cookie that scripts cannot
        read.</p>
    </form>`,
  );
  const headers = { "www-authenticate": 'Bearer realm="lanwire monitor"' };
  answer(exchange, { status: 401, type: HTML_TYPE, body, headers });
}

/** Sets the cookie and goes on to "/"; browsers put that address in the place of the one with the token. */
export function enter(exchange: Exchange, cookie: string): void {
  const body = document(
    "One moment",
    '<form><h1>lanwire monitor</h1><p><a href="/">Go on to the page</a></p></form>',
    '<meta http-equiv="refresh" content="0;url=/">',
  );
  answer(exchange, { type: HTML_TYPE, body, headers: { "set-cookie": cookie } });
}

function document(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="dark light">
    ${head}
    <title>${title} - lanwire monitor</title>
    <link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="/assets/token.css">
  </head>
  <body>
    ${body}
  </body>
</html>
`;
}
