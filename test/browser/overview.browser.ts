/** The overview in Chromium: servers, figures, limits, themes, keyboard, phone; a made-up source behind it. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { Page } from "playwright-core";
import { PageServer } from "../../src/monitor/page/page-server.ts";
import { servePage } from "../monitor-page/fixtures/http.ts";
import { MadeUpSource, TWENTY } from "../monitor-page/fixtures/made-up-source.ts";
import { card, type OpenOptions, openPage, overhang, SKIP, tile, until } from "./fixtures/chromium.ts";

const skip = SKIP;

function servers(count: number): MadeUpSource {
  const source = new MadeUpSource(11);
  for (let serverNo = 1; serverNo <= count; serverNo++) {
    source.join({ serverNo, name: `server-${serverNo}`, types: TWENTY }, Date.now() - serverNo * 3_600_000);
  }
  return source;
}

async function overview(
  t: TestContext,
  source: MadeUpSource,
  options?: OpenOptions,
): Promise<{ page: Page; port: number; server: PageServer }> {
  source.run();
  t.after(() => source.stop());
  const served = await servePage(t, source);
  const page = await openPage(t, served.url, options);
  return { page, port: served.port, server: served.server };
}

it("every server has its card, and its figures move", { skip }, async (t) => {
  const { page } = await overview(t, servers(3));
  await card(page, 3).waitFor();
  assert.equal(await page.locator(".card").count(), 3);
  assert.match(await card(page, 1).innerText(), /server-1\s+up for 1 h/);
  assert.match(await card(page, 1).innerText(), /joined once/);
  const value = () => tile(page, 1, 113).locator(".value").innerText();
  const first = await value();
  assert.match(first, /^[\d,]+$/);
  await until("another value", value, (now) => now !== first);
  const points = () => tile(page, 1, 113).locator("polyline").getAttribute("points");
  await until("the last minute as a line", points, (line) => (line ?? "").trim().split(" ").length > 50);
  assert.equal(await page.locator("#link-text").innerText(), "live");
});

it("a killed server is red with its reason, is spoken of, and its values are marked as old", {
  skip,
}, async (t) => {
  const source = servers(2);
  const { page } = await overview(t, source);
  await tile(page, 2, 40).waitFor();
  source.kill(2, "reset");
  const reason = card(page, 2).locator(".reason");
  await reason.waitFor();
  assert.equal(await reason.innerText(), "left: reset");
  assert.equal(await card(page, 2).locator(".state-word").innerText(), "down");
  const red = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("span"));
    probe.style.color = "var(--bad)";
    return getComputedStyle(probe).color;
  });
  assert.equal(await reason.evaluate((element) => getComputedStyle(element).color), red);
  assert.equal(await page.locator("#announcer").innerText(), "server-2 is down: reset.");
  assert.equal(await page.locator("#announcer").getAttribute("aria-live"), "assertive");
  assert.equal(await page.title(), "(1 down) lanwire monitor");
  await until(
    "an age",
    () => tile(page, 2, 40).innerText(),
    (text) => /\d+ s old/.test(text),
  );
  assert.doesNotMatch(await tile(page, 1, 40).innerText(), /old/);
  await page.getByRole("button", { name: "1 down" }).click();
  assert.deepEqual(await page.locator(".card:visible h2").allInnerTexts(), ["✕\nserver-2"]);
  source.join({ serverNo: 2, name: "server-2", types: TWENTY });
  await until(
    "it is up",
    () => page.locator("#announcer").innerText(),
    (text) => text === "server-2 is up.",
  );
  await page.getByRole("button", { name: "2 of 2 up" }).click();
  await until(
    "its joins",
    () => card(page, 2).innerText(),
    (text) => text.includes("joined 2 times"),
  );
});

it("a value over its limit is red and says so; the reader's own limit is kept", { skip }, async (t) => {
  const source = servers(1);
  source.set(1, 40, 95);
  const { page } = await overview(t, source);
  const mark = () => tile(page, 1, 40).locator(".mark").innerText();
  await until("red", mark, (text) => text === "▲ over 90 %");
  await page.getByRole("button", { name: "1 over a limit" }).waitFor();
  await tile(page, 1, 40).click();
  const input = page.getByLabel(/^red above/);
  assert.equal(await input.inputValue(), "90");
  await input.fill("96.5");
  await input.press("Enter");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await until("no longer red", mark, (text) => text === "");
  await page.reload();
  await until(
    "a value",
    () => tile(page, 1, 40).locator(".value").innerText(),
    (text) => text === "95",
  );
  await page.getByRole("button", { name: "0 over a limit" }).waitFor();
  await tile(page, 1, 40).click();
  assert.equal(await page.getByLabel(/^red above/).inputValue(), "96.5");
  await page.getByRole("button", { name: "back to the monitor's limit" }).click();
  await page.getByRole("link", { name: "All servers" }).click();
  await until("red again", mark, (text) => text === "▲ over 90 %");
});

it("the theme is the system's until the reader chooses, and the choice is remembered", {
  skip,
}, async (t) => {
  const { page } = await overview(t, servers(1), { colorScheme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  assert.notEqual(light, dark);
  const button = page.locator("#theme");
  assert.equal(await button.innerText(), "◐ Auto");
  await button.click();
  await button.click();
  assert.equal(await button.innerText(), "☀ Light");
  assert.equal(await background(), light);
  await page.reload();
  assert.equal(await background(), light);
  assert.equal(await button.innerText(), "☀ Light");
  await page.keyboard.press("t");
  assert.equal(await background(), dark, "auto again");
});

it("everything can be done from the keyboard, and the focus is seen", { skip }, async (t) => {
  const { page } = await overview(t, servers(2));
  await tile(page, 1, 40).waitFor();
  const focused = () =>
    page.evaluate(() => {
      const element = document.activeElement as HTMLElement;
      return {
        text: element.innerText,
        type: element.dataset.type,
        outline: getComputedStyle(element).outlineStyle,
      };
    });
  const presses: string[] = [];
  for (let at = await focused(); at.type !== "40"; at = await focused()) {
    assert.ok(presses.length < 12, presses.join(", "));
    await page.keyboard.press("Tab");
    presses.push((await focused()).text);
  }
  assert.equal((await focused()).outline, "solid");
  await page.keyboard.press("ArrowRight");
  assert.equal((await focused()).type, "41");
  await page.keyboard.press("ArrowDown");
  assert.equal((await focused()).type, "44");
  await page.keyboard.press("End");
  assert.equal((await focused()).type, "136");
  await page.keyboard.press("Home");
  await page.keyboard.press("Tab");
  assert.match((await focused()).text, /server-2/, "a card's tiles are one stop");
  await page.keyboard.press("Enter");
  await page.locator(".server-view").waitFor();
  assert.equal(await page.locator("h1").innerText(), "server-2");
  await page.keyboard.press("Escape");
  await page.locator(".overview").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("server-1");
  await until(
    "one card",
    () => page.locator(".card:visible").count(),
    (count) => count === 1,
  );
});

it("on a phone nothing is wider than the screen", { skip }, async (t) => {
  const source = servers(2);
  source.set(1, 40, 95);
  source.set(1, 115, 2_147_483_647);
  const { page } = await overview(t, source, {
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  await tile(page, 2, 40).waitFor();
  source.kill(2, "an unusually long reason that someone made up, heartbeat-timeout-and-more");
  await card(page, 2).locator(".reason").waitFor();
  assert.equal(await overhang(page), 0);
  await card(page, 1).locator("h2 a").tap();
  await page.locator(".server-view canvas").first().waitFor();
  assert.equal(await overhang(page), 0);
  await page.locator('.panel[data-type="115"] h3 a').tap();
  await page.locator(".chart-view canvas").waitFor();
  assert.equal(await overhang(page), 0);
  for (const size of await page
    .locator(".chart-tools button")
    .evaluateAll((all) => all.map((one) => one.clientHeight))) {
    assert.ok(size >= 30, `a button is ${size} pixels high`);
  }
});

it("without a connection the page says so and its values are old; it comes back by itself", {
  skip,
}, async (t) => {
  const source = servers(2);
  const { page, port, server } = await overview(t, source);
  await tile(page, 1, 40).waitFor();
  await server.stop();
  await page.locator("#banner").waitFor();
  assert.match(await page.locator("#banner").innerText(), /No connection to the monitor/);
  assert.equal(await page.locator("#banner").getAttribute("role"), "status");
  assert.equal(await page.locator("#link-text").innerText(), "not connected");
  await until(
    "an age",
    () => tile(page, 1, 40).innerText(),
    (text) => /\d+ s old/.test(text),
  );
  const fresh = new MadeUpSource(12);
  fresh.join({ serverNo: 1, name: "server-1", types: TWENTY });
  fresh.run();
  t.after(() => fresh.stop());
  const again = new PageServer(fresh, { port });
  t.after(() => again.stop());
  await again.start();
  await until(
    "live",
    () => page.locator("#link-text").innerText(),
    (text) => text === "live",
  );
  assert.equal(await page.locator("#banner").isVisible(), false);
  await until(
    "fresh values",
    () => tile(page, 1, 40).innerText(),
    (text) => !text.includes("old"),
  );
  assert.match(await card(page, 2).innerText(), /missing[\s\S]*not seen since the monitor restarted/);
});

it("while no server reports, the page tells how to make one report", { skip }, async (t) => {
  const source = new MadeUpSource(1);
  const { page } = await overview(t, source);
  await page.getByRole("heading", { name: "No server reports yet" }).waitFor();
  const code = await page.locator("pre").allInnerTexts();
  assert.match(code[0]!, /MonitorAgent/);
  const [login, report] = code[1]!.split("\n\n").map((part) =>
    part
      .split("\n")
      .map((line) => line.slice(0, 24).trim())
      .join(" "),
  );
  assert.equal(login, "06 00 21 4e 07 00 00 00");
  assert.match(report!, /^0b 00 22 4e 28 2a 00 00 00( [0-9a-f]{2}){4}$/);
  source.join({ serverNo: 7, name: "first", types: [40] });
  await card(page, 7).waitFor();
  await page.locator(".empty").waitFor({ state: "hidden" });
});

it("a server's name is text, whatever is in it", { skip }, async (t) => {
  const source = new MadeUpSource(1);
  const name = '<img src=x onerror="document.title=1"><b>bold</b>';
  source.join({ serverNo: 1, name, types: [40, 200] });
  const { page } = await overview(t, source);
  await card(page, 1).waitFor();
  assert.ok((await card(page, 1).locator("h2").innerText()).endsWith(name));
  assert.match(await tile(page, 1, 200).innerText(), /figure 200/);
  source.kill(1, "<script>document.title=2</script>");
  await card(page, 1).locator(".reason").waitFor();
  await tile(page, 1, 200).click();
  await page.locator(".chart-view table").waitFor();
  assert.ok((await page.locator(".chart-view tbody th").innerText()).includes(name));
  assert.equal(await page.title(), "(1 down) lanwire monitor");
});

it("with a token the page asks for it, once, and the address does not keep it", { skip }, async (t) => {
  const source = servers(1);
  const served = await servePage(t, source, { token: "correct-horse" });
  const page = await openPage(t, served.url, { expected: /401/ });
  await page.getByLabel("Token").fill("wrong-horse");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Token").fill("correct-horse");
  await page.keyboard.press("Enter");
  await card(page, 1).waitFor();
  assert.equal(page.url(), served.url);
  await page.reload();
  await card(page, 1).waitFor();
  assert.doesNotMatch(await page.content(), /horse/);
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts cannot read it");
});

it("whoever wants less motion gets none", { skip }, async (t) => {
  const { page } = await overview(t, servers(1), { reducedMotion: "reduce" });
  await tile(page, 1, 40).waitFor();
  const durations = await page.evaluate(() =>
    [...document.querySelectorAll("*")].map((element) => getComputedStyle(element).transitionDuration),
  );
  assert.deepEqual([...new Set(durations)], ["0s"]);
});
