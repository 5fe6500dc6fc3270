/** Against Twisted's Int16StringReceiver and Int32StringReceiver, with the longest string that each takes. */
import { existsSync } from "node:fs";
import { FRAMING_PRESETS } from "../../src/index.ts";
import { exchangeTests } from "./exchange-tests.ts";

/** Where there is one, the system's own: that has what the system's packages bring. */
const PYTHON = existsSync("/usr/bin/python3") ? "/usr/bin/python3" : "python3";

for (const [name, framing, headerBytes, bytesMax] of [
  ["Twisted's Int16StringReceiver", FRAMING_PRESETS.twistedInt16, 2, 65_535],
  ["Twisted's Int32StringReceiver", FRAMING_PRESETS.twistedInt32, 4, 99_999],
] as const) {
  exchangeTests({
    name,
    link: { framing },
    bytesMax,
    command: PYTHON,
    probe: [PYTHON, "-c", "import twisted.protocols.basic"],
    install: "apt-get install python3-twisted",
    file: "twisted_peer.py",
    args: [headerBytes],
  });
}
