/**
 * Against Python: multiprocessing.connection (a big-endian u32, and empty messages as they come), and a codec of
 * Net frames written from the formulas.
 */
import { FRAMING_PRESETS } from "../../src/index.ts";
import { exchangeTests } from "./exchange-tests.ts";

exchangeTests({
  name: "Python's multiprocessing.connection",
  link: { framing: FRAMING_PRESETS.pythonMultiprocessing },
  bytesMax: 256 * 1024,
  command: "python3",
  probe: ["python3", "-c", "import multiprocessing.connection"],
  install: "apt-get install python3",
  file: "multiprocessing_peer.py",
});

for (const [code, key] of [
  [0x77, 0x32],
  [0x00, 0xff],
] as const) {
  exchangeTests({
    name: `Python's Net frames with code ${code} and key ${key}`,
    link: { code, key },
    bytesMax: 65_535,
    count: 3000,
    command: "python3",
    probe: ["python3", "-c", "import socket"],
    install: "apt-get install python3",
    file: "net_peer.py",
    args: [code, key],
  });
}
