/** What code and key may be, and what goes with what. */
import assert from "node:assert/strict";
import { NetClient, type NetOptions, NetServer, Packet } from "../../src/index.ts";
import type { Subject } from "../conformance/suite.ts";
import { assertLanError } from "../support/errors.ts";
import { assertBytes, lengthPrefixed, utf8 } from "../support/frames.ts";

const NO_BYTES = [-1, 256, 1.5, Number.NaN, "7", null, {}, true];
const REFUSED: readonly (readonly [string, object])[] = [
  ...(["code", "key"] as const).flatMap((name) =>
    NO_BYTES.map((value) => [name, { [name]: value }] as const),
  ),
  ["code", { framing: "u32le", code: 0x77 }],
  ["key", { framing: "u16be", key: 0x32 }],
  ["packetBytesMax", { packetBytesMax: 65_536 }],
  ["framing", { framing: "net" }],
  ["framing", { framing: null }],
];

export const options: Subject = {
  name: "options of Net",
  tests(tell) {
    for (const [name, given] of REFUSED) {
      tell(`${JSON.stringify(given)} is refused for its ${name}, by server and client`, async (world) => {
        const asked = { ...world.linkOptions, port: 1, ...given } as NetOptions & { port: number };
        const attempts = [
          () => world.newServer().server.start(asked),
          () => world.newClient().client.connect(asked),
        ];
        for (const attempt of attempts) {
          const error = await assertLanError(world, attempt(), "OPTION_INVALID");
          assert(error.message.includes(name), error.message);
        }
      });
    }

    tell("with framing there is a length alone on the wire, on both sides", async (world) => {
      const options = { framing: "u16be" } as const;
      const { server, peer, sessionId } = await world.rawPair({ options });
      const frame = lengthPrefixed(utf8("plain"), { lengthBytes: 2, endian: "big" });
      server.server.sendPacket(sessionId, Packet.from(utf8("plain")));
      assertBytes(await world.until(peer.receivedAtLeast(frame.length)), frame);
      void peer.send(frame);
      assertBytes((await server.event("recv")).bytes, utf8("plain"));
      const client = await world.client(server, options);
      client.client.sendPacket(Packet.from(utf8("the client's")));
      assertBytes((await server.event("recv", { nth: 2 })).bytes, utf8("the client's"));
    });

    tell("the fixtures are what these tests are about", async (world) => {
      assert(world.newServer().server instanceof NetServer);
      assert(world.newClient().client instanceof NetClient);
    });
  },
};
