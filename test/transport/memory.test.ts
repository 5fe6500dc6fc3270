import { MemoryNetwork } from "../../src/testing.ts";
import { describeTransport } from "./contract.ts";

describeTransport("memory", () => ({
  hugeBytes: 2 ** 20,
  network: new MemoryNetwork(),
  address: { ip: "10.0.0.1", port: 0 },
  path: "/run/lanwire-test.sock",
}));

describeTransport("memory, every permitted misbehaviour", () => ({
  hugeBytes: 2 ** 20,
  network: new MemoryNetwork({
    refusal: "rejects",
    windowBytes: 100_003,
    chunkBytes: 30_000,
    faults: { chunking: "random", readAfterPause: 0.5 },
  }),
  address: { ip: "fe80::1", port: 0 },
  path: "/run/lanwire-test.sock",
}));
