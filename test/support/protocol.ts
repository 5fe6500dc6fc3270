/** What the servers, clients and raw peers of a world speak: the default Lan framing, or Net frames. */
import {
  LAN_DEFAULTS,
  type LanOptions,
  NET_DEFAULTS,
  type NetServerOptions,
  type Network,
} from "../../src/index.ts";
import { HEADER_BYTES } from "./frames.ts";
import { NET_HEADER_BYTES } from "./net-frames.ts";
import { NetTranslator } from "./net-translator.ts";
import { LAN_CLIENTS, NET_CLIENTS, type ScriptedClient } from "./scripted-client.ts";
import { LAN_SERVERS, NET_SERVERS, type ScriptedServer } from "./scripted-server.ts";
import * as onThreads from "./thread-fixtures.ts";

/** Which of the scripted fixtures. */
export interface FixtureKind {
  /** With the two events around each batch. */
  readonly batched: boolean;
  /** One that threads can make. */
  readonly onThreads: boolean;
}

export interface Protocol {
  /** Of each frame on the wire, in front of its payload. */
  readonly headerBytes: number;
  /** What a test may take for the longest packet. */
  readonly packetBytesMax: number;
  newServer(kind: FixtureKind): ScriptedServer;
  newClient(kind: FixtureKind): ScriptedClient;
  /** What the tests take for granted and these classes have otherwise. */
  defaults(given: LanOptions): LanOptions;
  /** The same for servers alone. */
  readonly serverDefaults: NetServerOptions;
  /** The network for raw peers, whose bytes are those of the default Lan framing. */
  raw(network: Network): Network;
}

export const LAN: Protocol = {
  headerBytes: HEADER_BYTES,
  packetBytesMax: LAN_DEFAULTS.packetBytesMax,
  newServer: chosen(LAN_SERVERS, onThreads.LanServerOnThread, onThreads.LanServerInBatches),
  newClient: chosen(LAN_CLIENTS, onThreads.LanClientOnThread, onThreads.LanClientInBatches),
  defaults: () => ({}),
  serverDefaults: {},
  raw: (network) => network,
};

const { heartbeat, sendQueueBytesMax, receiveQueueBytesMax } = LAN_DEFAULTS;
/** One less than a Net frame can tell, so that a frame can be too large. */
const packetBytesMax = NET_DEFAULTS.packetBytesMax - 1;

export const NET: Protocol = {
  headerBytes: NET_HEADER_BYTES,
  packetBytesMax,
  newServer: chosen(NET_SERVERS, onThreads.NetServerOnThread, onThreads.NetServerInBatches),
  newClient: chosen(NET_CLIENTS, onThreads.NetClientOnThread, onThreads.NetClientInBatches),
  defaults: ({ framing }) =>
    framing === undefined
      ? { heartbeat, packetBytesMax, sendQueueBytesMax, receiveQueueBytesMax }
      : { sendQueueBytesMax, receiveQueueBytesMax },
  serverDefaults: { firstPacketTimeoutMs: 0 },
  raw: (network) => new NetTranslator(network),
};

/** Net frames as they are: every default is Net's own, and raw peers write and read what is on the wire. */
export const BARE_NET: Protocol = {
  ...NET,
  packetBytesMax: NET_DEFAULTS.packetBytesMax,
  defaults: () => ({}),
  serverDefaults: {},
  raw: (network) => network,
};

interface Classes<Fixture> {
  readonly plain: new () => Fixture;
  readonly batched: new () => Fixture;
}

function chosen<Fixture>(
  here: Classes<Fixture>,
  OnThread: new () => Fixture,
  InBatches: new () => Fixture,
): (kind: FixtureKind) => Fixture {
  return ({ batched, onThreads }) => {
    const { plain, batched: withBatches } = onThreads ? { plain: OnThread, batched: InBatches } : here;
    return batched ? new withBatches() : new plain();
  };
}
