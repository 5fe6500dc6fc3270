/** The monitor over HTTP: what is served under which path, and how everything else is refused. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { it } from "node:test";
import { PAGE_FILES } from "../../src/monitor/page/assets.ts";
import { PageServer } from "../../src/monitor/page/page-server.ts";
import { get, servePage } from "./fixtures/http.ts";
import { MadeUpSource, TWENTY } from "./fixtures/made-up-source.ts";

const ASSETS = new URL("../../src/monitor/page/assets/", import.meta.url);
const HISTORY = "/api/history?server=1&type=40&from=1000&to=2000";

function oneServer(): MadeUpSource {
  const source = new MadeUpSource(1);
  source.join({ serverNo: 1, name: "login", types: TWENTY });
  return source;
}

it("the API answers what its source says, as JSON that no cache keeps", async (t) => {
  const source = oneServer();
  const page = await servePage(t, source);
  const now = Date.now();
  const query = { serverNo: 1, type: 40, fromMs: now - 50_000, toMs: now - 10_000 };
  const expected: Record<string, unknown> = {
    "/api/servers": source.servers(),
    "/api/figures": source.figures(),
    [`/api/history?server=1&type=40&from=${query.fromMs}&to=${query.toMs}`]: source.history(query),
  };
  for (const [path, value] of Object.entries(expected)) {
    const { status, headers, text } = await get(page, path);
    assert.equal(status, 200, path);
    assert.equal(headers["content-type"], "application/json; charset=utf-8");
    assert.equal(headers["cache-control"], "no-store");
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
  }
  const metrics = await get(page, "/metrics");
  assert.equal(metrics.text, source.metrics());
  assert.equal(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
});

it("every answer forbids to load from elsewhere, to guess types and to tell where a reader comes from", async (t) => {
  const page = await servePage(t, oneServer());
  for (const path of ["/", "/assets/main.js", "/api/servers", "/metrics", "/nothing", "/api/history"]) {
    const { headers } = await get(page, path);
    assert.match(headers["content-security-policy"] as string, /^default-src 'self';/, path);
    assert.doesNotMatch(headers["content-security-policy"] as string, /unsafe|https?:|\*/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["referrer-policy"], "no-referrer");
  }
});

for (const [query, parameter, why] of [
  ["", "server", "is missing"],
  ["?server=1&type=40&from=5", "to", "is missing"],
  ["?server=1&type=40&from=5&to=9&step=1", "step", "no such parameter"],
  ["?server=1&type=40&from=5&to=9&to=10", "to", "is given twice"],
  ["?server=1.5&type=40&from=5&to=9", "server", "whole number"],
  ["?server=2147483648&type=40&from=5&to=9", "server", "to 2147483647"],
  ["?server=1&type=256&from=5&to=9", "type", "to 255"],
  ["?server=1&type=-1&from=5&to=9", "type", "from 0"],
  ["?server=1&type=40&from=&to=9", "from", "whole number"],
  ["?server=1&type=40&from=1e3&to=9000", "from", "whole number"],
  ["?server=1&type=40&from=9&to=9", "from", "before to"],
] as const) {
  it(`/api/history${query} is refused, and the answer names ${parameter}`, async (t) => {
    const page = await servePage(t, oneServer());
    const { status, text } = await get(page, `/api/history${query}`);
    assert.equal(status, 400);
    const refusal = JSON.parse(text);
    assert.equal(refusal.parameter, parameter);
    assert.ok(refusal.error.startsWith(`${parameter} `) && refusal.error.includes(why), refusal.error);
  });
}

it("an unknown path is 404, another method 405, and HEAD is GET without a body", async (t) => {
  const page = await servePage(t, oneServer());
  for (const path of [
    "/nothing",
    "/assets/",
    "/assets/../page-server.ts",
    "/assets/%2e%2e/package.json",
    "//x",
    "/api",
  ]) {
    assert.equal((await get(page, path)).status, 404, path);
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const { status, headers } = await get(page, "/api/servers", { method });
    assert.deepEqual([status, headers.allow], [405, "GET, HEAD"], method);
  }
  for (const path of [
    "/",
    "/assets/base.css",
    "/api/servers",
    "/metrics",
    HISTORY,
    "/nothing",
    "/api/events",
  ]) {
    const head = await get(page, path, { method: "HEAD" });
    assert.equal(head.text, "", path);
    if (path === "/api/events") continue;
    const whole = await get(page, path);
    assert.equal(head.status, whole.status);
    assert.equal(head.headers["content-length"], String(Buffer.byteLength(whole.text)));
  }
});

it("what a source throws is 500, and the next request is answered", async (t) => {
  const source = oneServer();
  source.metrics = () => {
    throw new Error("no metrics today");
  };
  const page = await servePage(t, source);
  const { status, text } = await get(page, "/metrics");
  assert.deepEqual([status, JSON.parse(text)], [500, { error: "the monitor failed: no metrics today" }]);
  assert.equal((await get(page, "/api/servers")).status, 200);
});

it("every file of the page is listed and served, and every file that one names is there", async (t) => {
  const page = await servePage(t, oneServer());
  const listed = PAGE_FILES.filter((name) => name !== "index.html");
  assert.deepEqual([...PAGE_FILES].sort(), readdirSync(ASSETS).sort());
  for (const name of listed) assert.equal((await get(page, `/assets/${name}`)).status, 200, name);
  const named = [...(await get(page, "/")).text.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(
    ([, path]) => path!,
  );
  for (const name of listed.filter((file) => file.endsWith(".js"))) {
    const source = readFileSync(new URL(name, ASSETS), "utf8");
    for (const [, path] of source.matchAll(/^(?:import|export) .*from "\.\/(.*)";$/gm))
      named.push(`/assets/${path}`);
  }
  assert.ok(named.length > 40, `${named.length} names`);
  for (const path of new Set(named)) assert.equal((await get(page, path)).status, 200, path);
});

it("nothing of the page names another host, has a script inside, or a style", () => {
  for (const name of PAGE_FILES) {
    const text = readFileSync(new URL(name, ASSETS), "utf8");
    const hosts = [...text.matchAll(/\bhttps?:\/\/[^\s"')]+/g)].map(([url]) => url);
    assert.deepEqual(
      hosts.filter((url) => url !== "http://www.w3.org/2000/svg"),
      [],
      name,
    );
    if (!name.endsWith(".html")) continue;
    assert.doesNotMatch(text, /<script>|<style|\son\w+=|\sstyle=|javascript:/, name);
  }
});

it("a file that a browser has already is not sent again", async (t) => {
  const page = await servePage(t, oneServer());
  const first = await get(page, "/assets/main.js");
  const headers = { "if-none-match": first.headers.etag! };
  const second = await get(page, "/assets/main.js", { headers });
  assert.deepEqual([second.status, second.text], [304, ""]);
  assert.equal((await get(page, "/assets/main.js", { headers: { "if-none-match": '"x"' } })).status, 200);
});

it("headers beyond their bound are refused, and so is what is no HTTP", async (t) => {
  const page = await servePage(t, oneServer());
  assert.equal((await get(page, "/", { headers: { "x-long": "x".repeat(20_000) } })).status, 431);
  const socket = connect(page.port, page.ip);
  socket.write("\x06\x00\x21\x4e\x01\x00\x00\x00\r\n\r\n");
  let text = "";
  for await (const part of socket) text += part;
  assert.match(text, /^HTTP\/1\.1 400 /);
});

it("stop() closes what is open, and the page can be started again on its port", async (t) => {
  const { server, ip, port } = await servePage(t, oneServer());
  const socket = connect(port, ip);
  await once(socket, "connect");
  socket.resume();
  const closed = once(socket, "close");
  await server.stop();
  await closed;
  await server.stop();
  const again = new PageServer(oneServer(), { port });
  t.after(() => again.stop());
  assert.deepEqual(await again.start(), { ip: "127.0.0.1", port, url: `http://127.0.0.1:${port}/` });
  await assert.rejects(again.start(), { code: "ALREADY_RUNNING" });
});

it("a port that is taken is told, and does not stand in the way of another try", async (t) => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const server = new PageServer(oneServer(), { port });
  t.after(() => server.stop());
  await assert.rejects(server.start(), { code: "LISTEN_FAILED" });
  other.close();
  await once(other, "close");
  assert.equal((await server.start()).port, port);
});

it("options that cannot be are refused by name", () => {
  const source = oneServer();
  for (const [options, code, name] of [
    [{ ip: "monitor.example" }, "OPTION_INVALID", "ip"],
    [{ port: 65_536 }, "OPTION_INVALID", "port"],
    [{ token: "short" }, "OPTION_INVALID", "token"],
    [{ token: "has a space in it" }, "OPTION_INVALID", "token"],
    [{ ip: "0.0.0.0" }, "OPTION_INVALID", "token"],
    [{ ip: "::" }, "OPTION_INVALID", "token"],
    [{ ip: "::ffff:127.0.0.1" }, "OPTION_INVALID", "token"],
    [{ host: "127.0.0.1" } as object, "OPTION_UNKNOWN", "host"],
  ] as const) {
    assert.throws(
      () => new PageServer(source, options),
      (error: { code: string; message: string }) => error.code === code && error.message.includes(name),
      JSON.stringify(options),
    );
  }
  for (const ip of ["127.0.0.1", "127.8.8.8", "::1", "0:0:0:0:0:0:0:1", "localhost"])
    new PageServer(source, { ip });
});
