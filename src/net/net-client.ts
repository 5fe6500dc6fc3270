/** NetClient: the dialling side towards a NetServer. */
import { LinkClient } from "../link/link-client.ts";
import { type NetClientOptions, netClientSettings } from "./options.ts";

/**
 * A client that connects as a user does. Subclass it, write the events, call `connect`: the same contract and
 * events as `LanClient`, on the caller's thread or on one of its own.
 */
export abstract class NetClient extends LinkClient<NetClientOptions> {
  constructor() {
    super(netClientSettings);
  }
}
