/**
 * Kills threads of a busy server at random, many times, and fails where anything is lost or left over:
 * `npm run soak:kills -- --kills 1000 --seed 7`. A failing seed may fail at another place again: threads race.
 */
import { parseArgs } from "node:util";
import { soak } from "../test/threads/fixtures/soak.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    seed: { type: "string", default: `${Date.now() % 1_000_000}` },
    threads: { type: "string", default: "6" },
    links: { type: "string", default: "3" },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);
const result = await soak({
  kills: Number(values.kills),
  seed,
  threads: Number(values.threads),
  linksPerThread: Number(values.links),
  onProgress: (line) => console.log(line),
});
console.log(JSON.stringify(result, null, 2));
