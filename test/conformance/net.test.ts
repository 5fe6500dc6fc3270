/**
 * The same contract with NetServer and NetClient over Net frames. Raw peers go on writing and reading the default Lan
 * framing: a translator stands between (net-translator.ts). What is about that framing alone is skipped, with its reason.
 */

import { LiveWorld } from "../support/live-world.ts";
import { MemoryWorld } from "../support/memory-world.ts";
import { NET } from "../support/protocol.ts";
import { ThreadWorld } from "../support/thread-world.ts";
import type { World } from "../support/world.ts";
import { describeConformance } from "./suite.ts";

const LONGER = "its packets are longer than a Net frame can tell";
const IN_PARTS = "the translator holds back the payload of a frame until it is whole";
const LAN_DEFAULT = "its subject is a default of Lan that Net has otherwise";
const SKIPPED: Readonly<Record<string, string>> = {
  "after true the caller may go on writing: what is sent later is longer, what was sent is not": LONGER,
  "the same packet sent to several sessions arrives whole at each": LONGER,
  "packetBytesMax is 1 MiB by default": LAN_DEFAULT,
  "a large packet among small ones arrives whole, in its place": LONGER,
  "the client receives the same way": LONGER,
  "a received packet may be sent on as it is": LONGER,
  "a packet that waited is as it was sent": LONGER,
  "disconnect lets large packets out first": LONGER,
  "no heartbeat ever lies inside a packet": LONGER,
  "any received byte is life: heartbeats, packets, and a byte of a packet": IN_PARTS,
  "partial-frame-timeout: a slow but moving frame survives, however long it takes": IN_PARTS,
  "a preset keeps to the longest packet that its stack takes": LAN_DEFAULT,
  '"u24be": the longest packet by default is 1048576 bytes': LAN_DEFAULT,
  "two sides with another framing than the default understand each other": LAN_DEFAULT,
};

describeConformance("Net frames, memory", () => overNet(new MemoryWorld()), { skipped: SKIPPED });

describeConformance("Net frames, TCP", () => overNet(new LiveWorld("tcp")), {
  chosen: ["sending", "receiving", "leave", "heartbeats"],
  skipped: SKIPPED,
});

describeConformance("Net frames, server and client on a thread each", onThreads, {
  chosen: ["sending"],
  skipped: SKIPPED,
});

function onThreads(): World {
  return overNet(new ThreadWorld({ server: 1, client: 1 }));
}

function overNet(world: World): World {
  world.protocol = NET;
  return world;
}
