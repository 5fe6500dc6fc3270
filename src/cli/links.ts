/**
 * The server and the client that the commands talk with: LanServer and LanClient, or with `--net` their siblings, with
 * the events that a command does not need already written.
 */
import { lanClientSettings, lanServerSettings } from "../lan/options.ts";
import { LinkClient } from "../link/link-client.ts";
import { LinkServer } from "../link/link-server.ts";
import {
  type NetClientOptions,
  type NetServerOptions,
  netClientSettings,
  netServerSettings,
} from "../net/options.ts";

export abstract class CommandServer extends LinkServer<NetServerOptions> {
  constructor(isNet: boolean) {
    super(isNet ? netServerSettings : lanServerSettings);
  }
  onConnectionRequest(): boolean {
    return true;
  }
}

export abstract class CommandClient extends LinkClient<NetClientOptions> {
  constructor(isNet: boolean) {
    super(isNet ? netClientSettings : lanClientSettings);
  }
  onEnterJoinServer(): void {}
  onSend(_sendSize: number): void {}
}

/** The longest packet that these options allow. @throws LanError OPTION_INVALID */
export function packetBytesMaxOf(isNet: boolean, options: NetClientOptions): number {
  return (isNet ? netClientSettings(options) : lanClientSettings(options)).packetBytesMax;
}
