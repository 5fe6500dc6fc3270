/**
 * The pictures of the manual, taken of a made-up evening: seven servers, one that was killed, one that is too busy.
 *
 *     SCREENSHOTS=docs npm run test:browser     puts them into docs/; else they are taken and thrown away
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { servePage } from "../monitor-page/fixtures/http.ts";
import { MadeUpSource, TWENTY } from "../monitor-page/fixtures/made-up-source.ts";
import { card, type OpenOptions, openPage, SKIP, tile, until } from "./fixtures/chromium.ts";

const BYTES_MAX = 200 * 1024;
const HOUR_MS = 3_600_000;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const NAMES = ["login", "chat", "game-1", "game-2", "battle", "match", "master"];
const KILLED = 3;
const BUSY = 2;

function evening(): MadeUpSource {
  const source = new MadeUpSource(7);
  const types = [...TWENTY, 104].sort((a, b) => a - b);
  for (const [index, name] of NAMES.entries()) {
    source.join({ serverNo: index + 1, name, types }, Date.now() - (5 + index * 29) * HOUR_MS);
  }
  source.kill(KILLED, "reset", Date.now() - 47_000);
  source.set(BUSY, 40, 94);
  for (const { serverNo } of source.servers()) source.set(serverNo, 118, 0);
  return source;
}

async function take(
  t: TestContext,
  name: string,
  hash: string,
  options: OpenOptions,
  ready: (page: Page) => Promise<unknown>,
): Promise<void> {
  const source = evening();
  source.run();
  t.after(() => source.stop());
  const { url } = await servePage(t, source);
  const page = await openPage(t, `${url}${hash}`, options);
  await ready(page);
  const asked = process.env.SCREENSHOTS;
  const folder = asked === undefined ? mkdtempSync(join(tmpdir(), "lanwire-")) : resolve(ROOT, asked);
  if (asked === undefined) t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  await page.screenshot({ path });
  const { size } = statSync(path);
  t.diagnostic(`${name}: ${Math.round(size / 1024)} KiB`);
  assert.ok(size < BYTES_MAX && size > 10_000, `${name} has ${size} bytes`);
}

/** All lines of the tiles in view are there. */
async function overviewReady(page: Page): Promise<void> {
  await tile(page, BUSY, 40).waitFor();
  await card(page, KILLED).locator(".reason").waitFor({ state: "attached" });
  await until(
    "the last minute",
    () =>
      page
        .locator(".tile polyline")
        .evaluateAll((lines) => lines.slice(0, 12).map((line) => line.getAttribute("points") ?? "")),
    (lines) => lines.every((line) => line.split(" ").length > 55),
  );
  await page.getByRole("button", { name: "1 over a limit" }).waitFor();
}

it("the overview, dark", { skip: SKIP }, async (t) => {
  const viewport = { width: 1360, height: 860 };
  await take(t, "monitor-dark.png", "", { viewport, colorScheme: "dark" }, overviewReady);
});

it("six hours of three servers in one chart, light", { skip: SKIP }, async (t) => {
  const viewport = { width: 1200, height: 720 };
  await take(
    t,
    "monitor-light.png",
    "#/chart/113/1,4,6",
    { viewport, colorScheme: "light" },
    async (page) => {
      await page.getByRole("button", { name: "6 h" }).click();
      await until(
        "six hours",
        () => page.locator(".chart").getAttribute("data-step-ms"),
        (step) => step === "60000",
      );
      await page.locator(".u-over").hover({ position: { x: 700, y: 200 } });
    },
  );
});

it("the overview on a phone, dark", { skip: SKIP }, async (t) => {
  const phone = {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  };
  await take(t, "monitor-phone.png", "", { ...phone, colorScheme: "dark" }, overviewReady);
});
