/** Who may read: this machine by its own names, or whoever has the token. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { get, servePage } from "./fixtures/http.ts";
import { MadeUpSource } from "./fixtures/made-up-source.ts";

const TOKEN = "correct-horse-battery";
const source = new MadeUpSource(2);
/** All that tells figures. */
const SECRETS = ["/", "/api/servers", "/api/figures", "/api/events", "/metrics", "/assets/main.js"];

it("without a token, only loopback's own names are served, whatever their port", async (t) => {
  const page = await servePage(t, source);
  for (const host of ["127.0.0.1", `127.0.0.1:${page.port}`, "localhost", "LOCALHOST:8080"]) {
    assert.equal((await get(page, "/api/servers", { headers: { host } })).status, 200, host);
  }
  for (const host of [
    "evil.example",
    `evil.example:${page.port}`,
    "localhost.evil.example",
    "127.0.0.2",
    "[::1]",
  ]) {
    for (const path of [...SECRETS, "/nothing"]) {
      const { status, text } = await get(page, path, { headers: { host } });
      assert.equal(status, 421, `${host} ${path}`);
      assert.match(text, /"error"/);
    }
  }
});

it("on ::1 its names are [::1] and localhost", async (t) => {
  const page = await servePage(t, source, { ip: "::1" });
  assert.equal(page.url, `http://[::1]:${page.port}/`);
  for (const [host, status] of [
    [`[::1]:${page.port}`, 200],
    ["localhost", 200],
    ["127.0.0.1", 421],
  ] as const) {
    assert.equal((await get(page, "/api/servers", { headers: { host } })).status, status, host);
  }
});

it("another site's page may lead here, and read nothing", async (t) => {
  const page = await servePage(t, source);
  const headers = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  for (const path of SECRETS) assert.equal((await get(page, path, { headers })).status, 403, path);
  assert.equal((await get(page, "/", { headers: { ...headers, "sec-fetch-mode": "navigate" } })).status, 200);
  const { headers: given } = await get(page, "/api/servers", { headers: { origin: "http://evil.example" } });
  assert.equal(given["access-control-allow-origin"], undefined);
});

it("with a token, nothing is told without it, by any name", async (t) => {
  const page = await servePage(t, source, { token: TOKEN });
  for (const headers of [
    {},
    { authorization: "Bearer wrong-token" },
    { authorization: `Basic ${TOKEN}` },
    { cookie: `lanwire_${page.port}=${TOKEN}` },
    { cookie: `lanwire_${page.port}=` },
  ]) {
    for (const path of SECRETS) {
      const { status, text, headers: given } = await get(page, path, { headers });
      assert.equal(status, 401, `${path} ${JSON.stringify(headers)}`);
      assert.equal(given["www-authenticate"], 'Bearer realm="lanwire monitor"');
      assert.match(text, /<input id="token" name="token" type="password"/);
      assert.equal(given["set-cookie"], undefined);
    }
  }
  assert.equal((await get(page, "/assets/token.css")).status, 200);
  assert.equal((await get(page, `/api/servers?token=${TOKEN}`)).status, 401, "in the page's address alone");
});

it("Authorization: Bearer opens everything, by any name", async (t) => {
  const page = await servePage(t, source, { token: TOKEN });
  const headers = { authorization: `Bearer ${TOKEN}`, host: "monitor.example" };
  for (const path of SECRETS.filter((path) => path !== "/api/events")) {
    assert.equal((await get(page, path, { headers })).status, 200, path);
  }
});

it("/?token= gives a cookie once, and the cookie opens everything, after a restart too", async (t) => {
  const page = await servePage(t, source, { token: TOKEN });
  const wrong = await get(page, "/?token=wrong-token");
  assert.equal(wrong.status, 401);
  assert.match(wrong.text, /not the token/);
  const entered = await get(page, `/?token=${TOKEN}`);
  assert.equal(entered.status, 200);
  assert.ok(!entered.text.includes(TOKEN));
  assert.match(entered.text, /http-equiv="refresh" content="0;url=\/"/);
  const [cookie] = entered.headers["set-cookie"]!;
  assert.match(cookie!, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  assert.ok(!cookie!.includes(TOKEN));
  const headers = { cookie: `other=1; ${cookie!.split(";")[0]}; more=2` };
  assert.equal((await get(page, "/api/servers", { headers })).status, 200);
  assert.doesNotMatch((await get(page, "/", { headers })).text, /token/);
  await page.server.stop();
  const again = await servePage(t, source, { token: TOKEN, port: page.port });
  assert.equal((await get(again, "/api/servers", { headers })).status, 200);
  await again.server.stop();
  const other = await servePage(t, source, { token: `${TOKEN}-2`, port: page.port });
  assert.equal((await get(other, "/api/servers", { headers })).status, 401);
});

it("a page for the network takes its token from whoever comes over the network", async (t) => {
  const page = await servePage(t, source, { ip: "0.0.0.0", token: TOKEN });
  assert.equal(page.url, `http://127.0.0.1:${page.port}/`);
  assert.equal((await get(page, "/api/servers")).status, 401);
});
