/** The page of a real monitor, in Chromium: real processes report, are killed with SIGKILL, and so is the monitor. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it, type TestContext } from "node:test";
import type { MonitorOptions, PageAddress } from "../../src/index.ts";
import { Child } from "../immunity/fixtures/child.ts";
import { card, openPage, SKIP, tile, until } from "./fixtures/chromium.ts";

const skip = SKIP;
const SOURCE = new URL("../../src/index.ts", import.meta.url).href;

interface Started {
  readonly child: Child;
  readonly port: number;
  readonly page: PageAddress;
}

async function startMonitor(t: TestContext, options: MonitorOptions): Promise<Started> {
  const child = new Child(t, "../../browser/fixtures/monitor-process.ts", options);
  const { port, page } = await child.next<{ port: number; page: PageAddress }>();
  return { child, port, page };
}

async function startReporter(t: TestContext, serverNo: number, port: number): Promise<Child> {
  const child = new Child(t, "../../browser/fixtures/reporting-process.ts", { serverNo, port });
  await child.next();
  return child;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "lanwire-browser-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it("a reporting process killed with SIGKILL turns red with its reason; the other stays", {
  skip,
}, async (t) => {
  const { port, page: address } = await startMonitor(t, {
    port: 0,
    page: { port: 0 },
    names: { 1: "chat", 2: "game" },
  });
  const [chat] = [await startReporter(t, 1, port), await startReporter(t, 2, port)];
  const page = await openPage(t, address.url);
  await tile(page, 1, 113).waitFor();
  await tile(page, 2, 113).waitFor();
  const packets = () => tile(page, 2, 113).locator(".value").innerText();
  const before = await packets();
  await until("figures that move", packets, (now) => now !== before);
  const groups = await card(page, 1).locator("h3").allInnerTexts();
  assert.deepEqual(groups, ["host", "process", "LanServer", "LanClient"]);
  await card(page, 1).locator("h2 a").click();
  assert.deepEqual(await page.locator(".server-view h2").allInnerTexts(), groups);
  await page.keyboard.press("Escape");
  chat.kill("SIGKILL");
  await card(page, 1).locator(".reason").waitFor();
  assert.match(await card(page, 1).locator(".reason").innerText(), /^left: peer-(closed|reset)$/);
  assert.match(await page.locator("#announcer").innerText(), /^chat is down: peer-/);
  assert.equal(await card(page, 2).locator(".state-word").innerText(), "up");
  await startReporter(t, 1, port);
  await until(
    "it is back",
    () => card(page, 1).innerText(),
    (text) => text.includes("joined 2 times"),
  );
  assert.equal(await card(page, 1).locator(".reason").isVisible(), false);
});

it("the page finds back to a monitor killed with SIGKILL, and so do the servers", { skip }, async (t) => {
  const history = { file: join(folder(t), "history.db") };
  const first = await startMonitor(t, { port: 0, page: { port: 0 }, history });
  await startReporter(t, 1, first.port);
  const gone = await startReporter(t, 2, first.port);
  const page = await openPage(t, first.page.url);
  await tile(page, 2, 40).waitFor();
  first.child.kill("SIGKILL");
  await page.locator("#banner").waitFor();
  assert.match(await page.locator("#banner").innerText(), /No connection/);
  await until(
    "an age",
    () => tile(page, 1, 40).innerText(),
    (text) => /\d+ s old/.test(text),
  );
  gone.kill("SIGKILL");
  await gone.ended;
  await startMonitor(t, { port: first.port, page: { port: first.page.port }, history });
  await until(
    "live",
    () => page.locator("#link-text").innerText(),
    (text) => text === "live",
  );
  await until(
    "fresh values",
    () => tile(page, 1, 40).innerText(),
    (text) => !text.includes("old"),
  );
  await until(
    "up",
    () => card(page, 1).locator(".state-word").innerText(),
    (text) => text === "up",
  );
  assert.match(await card(page, 2).innerText(), /missing[\s\S]*not seen since the monitor restarted/);
  await tile(page, 1, 40).click();
  await page.locator(".chart canvas").waitFor();
});

it("what an empty page tells, works as it stands", { skip }, async (t) => {
  const { port, page: address } = await startMonitor(t, { port: 0, page: { port: 0 } });
  const page = await openPage(t, address.url);
  await page.locator(".empty pre").first().waitFor();
  const [code, bytes] = await page.locator(".empty pre").allInnerTexts();
  assert.equal(code!.split("\n").length, 2);

  const parts = bytes!.split("\n\n").map((part) =>
    part
      .split("\n")
      .map((line) => line.slice(0, 24))
      .join(""),
  );
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  socket.write(Buffer.from(parts.join("").replaceAll(" ", ""), "hex"));
  await until(
    "the value that the bytes tell",
    () => tile(page, 7, 40).innerText(),
    (text) => text.includes("42 %"),
  );
  socket.destroy();
  await card(page, 7).locator(".reason").waitFor();

  const file = join(folder(t), "program.mts");
  const server = `import { LanServer } from "${SOURCE}";\nconst server = new (class extends LanServer {\n${[
    ...[
      "onConnectionRequest() { return true; }",
      "onClientJoin() {}",
      "onClientLeave() {}",
      "onRecv() {}",
      "onError() {}",
    ],
  ].join("\n")}\n})();\nawait server.start({ port: 0 });\n`;
  writeFileSync(
    file,
    `${server}${code!.replace('"lanwire"', `"${SOURCE}"`).replace("7700", String(port))}\n`,
  );
  new Child(t, file);
  await tile(page, 7, 110).waitFor();
});
