/** What a reader sees before any server reports: how to make one report, from lanwire and from anything else. */
import { h } from "./dom.js";

const AGENT = `import { MonitorAgent } from "lanwire";
new MonitorAgent({ serverNo: 7, watch: [server] }).start({ serverIp: "127.0.0.1", port: 7700 });`;

const BYTES = `06 00                    length of what follows, u16
21 4e                    20001: this is me
07 00 00 00              server number 7, i32

0b 00                    length, u16
22 4e                    20002: a figure
28                       its type, 40: CPU of the host, in %
2a 00 00 00              its value, 42, i32
f0 48 2a 69              when, in seconds since 1970, i32`;

export function emptyState() {
  const root = h(
    "section",
    { class: "empty", hidden: true },
    h("h1", {}, "No server reports yet"),
    h(
      "p",
      {},
      "This page fills by itself as soon as one does. In a program that has a ",
      code("LanServer"),
      ", ",
      code("LanClient"),
      ", ",
      code("NetServer"),
      " or ",
      code("NetClient"),
      ", it takes two lines, with the address at which the monitor takes reports:",
    ),
    h("pre", { tabindex: "0", "aria-label": "code for a lanwire program" }, AGENT),
    h(
      "p",
      {},
      "A program in any other language sends these bytes over TCP to the same address: the first message once, the second each second for each figure. All numbers are little-endian.",
    ),
    h("pre", { tabindex: "0", "aria-label": "bytes on the wire" }, BYTES),
  );
  return root;
}

/** @param {string} text */
function code(text) {
  return h("code", {}, text);
}
