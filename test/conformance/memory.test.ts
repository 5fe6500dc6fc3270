import { MemoryWorld } from "../support/memory-world.ts";
import { describeConformance } from "./suite.ts";

describeConformance("memory", () => new MemoryWorld());

describeConformance("memory, every permitted misbehaviour", () => {
  const faults = { readAfterPause: 0.5, jitterMs: 0.2 };
  const sizes = { windowBytes: 100_003, chunkBytes: 5003 };
  return new MemoryWorld({ ...sizes, refusal: "rejects", latencyMs: 0.3, faults });
});
