/** The options of LanServer and LanClient: the defaults of links inside a private network. */
import { readable, readOptions } from "../base/options.ts";
import type { ClientSettings, ServerSettings } from "../engine/link-settings.ts";
import { type Framing, lengthHeader } from "../framing/length-header.ts";
import {
  CLIENT_NAMES,
  HEARTBEAT,
  LINK_DEFAULTS,
  type LinkClientOptions,
  type LinkDefaults,
  type LinkOptions,
  type LinkServerOptions,
  SERVER_NAMES,
} from "../link/options.ts";
import { type ClassSettings, clientSettings, serverSettings } from "../link/settings.ts";

/** Options that both sides have. Everything has a default: `LAN_DEFAULTS`. */
export type LanOptions = LinkOptions;
/** Options of `LanServer.start`. */
export type LanServerOptions = LinkServerOptions;
/** Options of `LanClient.connect`. */
export type LanClientOptions = LinkClientOptions;

const MIB = 1024 * 1024;

/** What holds where an option is not given; the options' own docs say what depends on what. */
export interface LanDefaults extends LinkDefaults {
  readonly framing: "u32le";
}

export const LAN_DEFAULTS: LanDefaults = Object.freeze({
  ...LINK_DEFAULTS,
  framing: "u32le",
  packetBytesMax: MIB,
  sendQueueBytesMax: 16 * MIB,
  receiveQueueBytesMax: MIB,
  /** With the default framing; false with any other, since foreign peers may choke on empty frames. */
  heartbeat: HEARTBEAT,
  backlog: 511,
  maxSessions: 1024,
});

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function lanServerSettings(given: LanServerOptions): ServerSettings {
  const options = readOptions(given, SERVER_NAMES, "start");
  return serverSettings(options, lanLinks(options.framing));
}

/** @throws LanError OPTION_UNKNOWN, OPTION_INVALID */
export function lanClientSettings(given: LanClientOptions): ClientSettings {
  const options = readOptions(given, CLIENT_NAMES, "connect");
  return clientSettings(options, lanLinks(options.framing));
}

function lanLinks(framing: Framing = LAN_DEFAULTS.framing): ClassSettings {
  const beats = framing === LAN_DEFAULTS.framing;
  return { defaults: LAN_DEFAULTS, header: readable("framing", () => lengthHeader(framing)), beats };
}
