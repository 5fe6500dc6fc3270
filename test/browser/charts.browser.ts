/** Charts in Chromium: live, zoomed with mouse and keys, a made-up month behind them. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { Page } from "playwright-core";
import type { HistoryQuery } from "../../src/monitor/api.ts";
import { servePage } from "../monitor-page/fixtures/http.ts";
import { MadeUpSource, TWENTY } from "../monitor-page/fixtures/made-up-source.ts";
import { openPage, SKIP, until } from "./fixtures/chromium.ts";

const skip = SKIP;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A made-up source that remembers what history it was asked for. */
class AskedSource extends MadeUpSource {
  readonly asked: (HistoryQuery & { stepMs: number })[] = [];

  override history(query: HistoryQuery) {
    const series = super.history(query);
    this.asked.push({ ...query, stepMs: series.stepMs });
    return series;
  }
}

async function open(
  t: TestContext,
  hash: string,
  count = 3,
  expected?: RegExp,
): Promise<{ page: Page; source: AskedSource }> {
  const source = new AskedSource(21);
  for (let serverNo = 1; serverNo <= count; serverNo++) {
    source.join({ serverNo, name: `server-${serverNo}`, types: TWENTY }, Date.now() - 40 * DAY_MS);
  }
  source.run();
  t.after(() => source.stop());
  const { url } = await servePage(t, source);
  const page = await openPage(t, `${url}${hash}`, expected === undefined ? {} : { expected });
  await page.locator("canvas").first().waitFor();
  return { page, source };
}

const windowText = (page: Page) => page.locator(".window-text").innerText();
const stepMs = async (page: Page) =>
  Number(await page.locator(".chart").first().getAttribute("data-step-ms"));

/** Marks a part of the chart with the mouse, as shares of its width. */
async function drag(page: Page, from: number, to: number): Promise<void> {
  const box = (await page.locator(".u-over").first().boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * to, y, { steps: 5 });
  await page.mouse.up();
}

/** The picture of a chart, to see whether it changed. */
const picture = (page: Page) =>
  page.evaluate(
    () =>
      document.querySelector("canvas")!.toDataURL().length + document.querySelector("canvas")!.toDataURL(),
  );

it("a chart begins with the last hour by the second, and goes on live", { skip }, async (t) => {
  const { page, source } = await open(t, "#/chart/40/1");
  await until(
    "seconds",
    () => stepMs(page),
    (step) => step === 2000,
  );
  const [first] = source.asked.filter(({ type, fromMs, toMs }) => type === 40 && toMs - fromMs > HOUR_MS / 2);
  assert.ok(first!.toMs - first!.fromMs <= HOUR_MS && first!.toMs - first!.fromMs > HOUR_MS - 10_000);
  assert.equal(await windowText(page), "● live, the last 1 h");
  const before = await picture(page);
  await until(
    "another picture",
    () => picture(page),
    (now) => now !== before,
  );
  const last = () => page.locator("tbody td").first().innerText();
  const value = await last();
  await until("another value", last, (now) => now !== value);
});

it("a made-up week is zoomed through, finer each time, down to seconds of the last hour", {
  skip,
}, async (t) => {
  const { page, source } = await open(t, "#/chart/113/2");
  await page.getByRole("button", { name: "7 d" }).click();
  await until(
    "a week",
    () => stepMs(page),
    (step) => step >= 5 * 60_000,
  );
  const steps = [await stepMs(page)];
  // The right end each time: towards now.
  for (let round = 0; round < 4 && steps.at(-1)! > 2000; round++) {
    const before = source.asked.length;
    await drag(page, 0.72, 0.995);
    await until(
      "a question",
      async () => source.asked.length,
      (asked) => asked > before,
    );
    await until(
      "an answer",
      () => page.locator(".chart").getAttribute("aria-busy"),
      (busy) => busy === null,
    );
    steps.push(await stepMs(page));
  }
  for (const [round, step] of steps.slice(1).entries()) assert.ok(step <= steps[round]!, steps.join(", "));
  assert.ok(steps.at(-1)! <= 60_000 && steps[0]! > 60_000, steps.join(", "));
  assert.doesNotMatch(await windowText(page), /live/);
  await page.getByRole("button", { name: "10 min" }).click();
  await until(
    "seconds",
    () => stepMs(page),
    (step) => step === 1000,
  );
  await page.getByRole("button", { name: "30 d" }).click();
  await until(
    "a month",
    () => stepMs(page),
    (step) => step >= 20 * 60_000,
  );
  const month = source.asked.at(-1)!;
  assert.ok(month.toMs - month.fromMs > 29 * DAY_MS);
});

it("where history has minutes, the band between least and most is drawn", { skip }, async (t) => {
  const { page } = await open(t, "#/chart/40/1");
  await page.getByRole("button", { name: "24 h" }).click();
  await until(
    "minutes",
    () => stepMs(page),
    (step) => step === 60_000,
  );
  const [min, average, max] = await page
    .locator("tbody td")
    .allInnerTexts()
    .then((cells) => cells.slice(1).map(Number.parseFloat));
  assert.ok(min! < average! && average! < max!, `${min} ${average} ${max}`);
});

it("keys zoom, move and reset a chart, and read it point by point", { skip }, async (t) => {
  const { page, source } = await open(t, "#/chart/40/1");
  await page.locator(".chart").focus();
  assert.match((await page.locator(".chart").getAttribute("aria-label"))!, /Left and right move/);
  await page.keyboard.press("+");
  assert.equal(await windowText(page), "● live, the last 30 min");
  await page.keyboard.press("ArrowLeft");
  const moved = await windowText(page);
  assert.match(moved, / to .*\(30 min\)$/);
  await page.keyboard.press("+");
  assert.match(await windowText(page), /\(15 min\)$/);
  await page.keyboard.press("-");
  assert.equal(await windowText(page), moved);
  const before = source.asked.length;
  await until(
    "a finer question",
    async () => source.asked.length,
    (asked) => asked > before,
  );
  await page.keyboard.press(",");
  const heading = page.locator("thead th").nth(1);
  const at = await until(
    "a moment",
    () => heading.innerText(),
    (text) => /\d\d:\d\d:\d\d/.test(text),
  );
  await page.keyboard.press(",");
  await until(
    "an earlier one",
    () => heading.innerText(),
    (text) => text !== at && /\d\d:\d\d:\d\d/.test(text),
  );
  await page.keyboard.press("0");
  assert.equal(await windowText(page), "● live, the last 1 h");
});

it("a double click and the reset button lead back from a zoom", { skip }, async (t) => {
  const { page } = await open(t, "#/chart/40/1");
  const reset = page.getByRole("button", { name: "back to the range, live" });
  assert.equal(await reset.isDisabled(), true);
  for (const back of [() => page.locator(".u-over").dblclick(), () => reset.click()]) {
    await drag(page, 0.2, 0.5);
    await until(
      "a zoom",
      () => windowText(page),
      (text) => text.includes(" to "),
    );
    await back();
    await until(
      "live",
      () => windowText(page),
      (text) => text === "● live, the last 1 h",
    );
  }
});

it("a figure of several servers is compared in one chart, up to six", { skip }, async (t) => {
  const { page } = await open(t, "#/chart/40/1", 8);
  for (const serverNo of [2, 3, 4, 5, 6]) await page.getByLabel(`server-${serverNo}`).check();
  assert.equal(await page.locator("tbody tr").count(), 6);
  assert.equal(await page.getByLabel("server-7").isDisabled(), true);
  assert.ok(page.url().endsWith("#/chart/40/1,2,3,4,5,6"));
  await page.reload();
  await until(
    "six",
    () => page.locator("tbody tr").count(),
    (rows) => rows === 6,
  );
  await until(
    "each its own values",
    () => page.locator("tbody td:nth-child(4)").allInnerTexts(),
    (averages) => averages.every((text) => text !== "–") && new Set(averages).size > 3,
  );
  for (const serverNo of [1, 2, 3, 4, 5]) await page.getByLabel(`server-${serverNo}`).uncheck();
  assert.equal(await page.getByLabel("server-6").isDisabled(), true, "one stays");
});

it("a server's page zooms all its charts together, and has canvases only for those in view", {
  skip,
}, async (t) => {
  const { page, source } = await open(t, "#/server/2");
  assert.equal(await page.locator(".panel").count(), TWENTY.length);
  const canvases = await page.locator("canvas").count();
  assert.ok(canvases >= 3 && canvases < TWENTY.length, `${canvases} canvases`);
  const before = source.asked.length;
  await drag(page, 0.3, 0.6);
  await until(
    "questions",
    async () => source.asked.length,
    (asked) => asked >= before + canvases,
  );
  const spans = source.asked.slice(before).map(({ fromMs, toMs }) => `${fromMs} ${toMs}`);
  assert.equal(new Set(spans).size, 1, "all over the same time");
  await page.locator('.panel[data-type="136"]').scrollIntoViewIfNeeded();
  await page.locator('.panel[data-type="136"] canvas').waitFor();
  await until(
    "the first is let go",
    () => page.locator('.panel[data-type="40"] canvas').count(),
    (count) => count === 0,
  );
});

it("a chart is redrawn in the colours of the other theme", { skip }, async (t) => {
  const { page } = await open(t, "#/chart/40/1");
  const pixel = () =>
    page.evaluate(() => {
      const canvas = document.querySelector("canvas");
      if (canvas === null) return undefined; // not drawn yet
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Map<string, number>();
      for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] !== 255) continue;
        const colour = `${data[at]},${data[at + 1]},${data[at + 2]}`;
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
      }
      return [...seen].sort((a, b) => b[1] - a[1])[0]?.[0];
    });
  const dark = await until("a line", pixel, (colour) => colour !== undefined);
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  await until("another colour", pixel, (colour) => colour !== undefined && colour !== dark);
});

it("what cannot be read is told, and what was not reported", { skip }, async (t) => {
  const { page, source } = await open(t, "#/chart/40/1", 1, /500/);
  source.history = ({ serverNo, type }) => ({ serverNo, type, stepMs: 60_000, points: [] });
  await page.getByRole("button", { name: "30 d" }).click();
  await page.getByText("Nothing was reported in this time.").waitFor();
  source.history = () => {
    throw new Error("no history today");
  };
  await page.getByRole("button", { name: "7 d" }).click();
  await page.getByText("The history cannot be read at the moment.").waitFor();
});
