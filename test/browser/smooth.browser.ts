/** 50 servers with 20 figures each, every one of them new each second: a frame within 50 ms. */
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import type { Page } from "playwright-core";
import { servePage } from "../monitor-page/fixtures/http.ts";
import { MadeUpSource, TWENTY } from "../monitor-page/fixtures/made-up-source.ts";
import { openPage, SKIP, until } from "./fixtures/chromium.ts";

const SERVERS = 50;
const SECONDS = 8;
const FRAME_MS = 50;

async function crowd(t: TestContext, hash = ""): Promise<Page> {
  const source = new MadeUpSource(31);
  for (let serverNo = 1; serverNo <= SERVERS; serverNo++) {
    source.join({ serverNo, name: `server-${serverNo}`, types: TWENTY });
  }
  source.run();
  t.after(() => source.stop());
  const { url } = await servePage(t, source);
  const page = await openPage(t, `${url}${hash}`);
  return page;
}

/** Times between frames over some seconds, while `during` goes on in the page. */
function frames(page: Page, scrolledBy: number): Promise<number[]> {
  return page.evaluate(
    ({ seconds, by }) =>
      new Promise<number[]>((resolve) => {
        const times: number[] = [];
        const endMs = performance.now() + seconds * 1000;
        let lastMs = performance.now();
        const frame = (): void => {
          const nowMs = performance.now();
          times.push(nowMs - lastMs);
          lastMs = nowMs;
          scrollBy(0, by);
          if (nowMs < endMs) requestAnimationFrame(frame);
          else resolve(times.slice(1));
        };
        requestAnimationFrame(frame);
      }),
    { seconds: SECONDS, by: scrolledBy },
  );
}

function judge(t: TestContext, times: number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const p95 = sorted[Math.floor(sorted.length * 0.95)]!;
  const [p50, max] = [sorted[sorted.length >> 1]!, sorted.at(-1)!];
  t.diagnostic(
    `${times.length} frames in ${SECONDS} s: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, max ${max.toFixed(1)} ms`,
  );
  assert.ok(times.length > SECONDS * 10, `${times.length} frames`);
  assert.ok(p95 <= FRAME_MS, `p95 is ${p95} ms`);
}

for (const [what, hash, scrolledBy] of [
  ["at rest", "", 0],
  ["scrolled through", "", 7],
  ["on the page of one of them", "#/server/7", 0],
] as const) {
  it(`50 servers with 20 figures stay smooth ${what}`, { skip: SKIP }, async (t) => {
    const page = await crowd(t, hash);
    if (hash === "") {
      await until(
        "all",
        () => page.locator(".tile").count(),
        (tiles) => tiles === SERVERS * TWENTY.length,
      );
      // The lines of the tiles in view have come from history.
      await until(
        "a line",
        () => page.locator(".tile polyline").first().getAttribute("points"),
        (line) => (line ?? "").length > 300,
      );
    } else await page.locator("canvas").first().waitFor();
    judge(t, await frames(page, scrolledBy));
  });
}
