/** Against Erlang's gen_tcp with {packet, 2} and {packet, 4}. */
import { FRAMING_PRESETS } from "../../src/index.ts";
import { exchangeTests } from "./exchange-tests.ts";

for (const [name, framing, headerBytes, bytesMax] of [
  ["Erlang's {packet, 2}", FRAMING_PRESETS.erlangPacket2, 2, 65_535],
  ["Erlang's {packet, 4}", FRAMING_PRESETS.erlangPacket4, 4, 256 * 1024],
] as const) {
  exchangeTests({
    name,
    link: { framing },
    bytesMax,
    command: "escript",
    probe: ["erl", "-noshell", "-eval", "halt(0)."],
    install: "apt-get install erlang-base",
    file: "gen_tcp_peer.escript",
    args: [headerBytes],
  });
}
