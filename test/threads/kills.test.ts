/** A short soak: `npm run soak:kills` is the long one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { soak } from "./fixtures/soak.ts";
import { SEVERAL } from "./fixtures/waiting.ts";

describe("threads killed at random under load", SEVERAL, () => {
  it("lose nothing of the surviving threads' links, no place, no descriptor", async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const result = await soak({ kills: 20, seed, threads: 4, linksPerThread: 3, onProgress: () => {} });
    t.diagnostic(JSON.stringify(result));
    assert.ok(result.echoes > 0 && result.fromHandle > 0 && result.fromThreads > 0);
  });
});
