/** LanClient: the dialling side of links inside a private network. */
import { LinkClient } from "../link/link-client.ts";
import { type LanClientOptions, lanClientSettings } from "./options.ts";

/**
 * A client for links inside a private network. Subclass it, write the events, call `connect`.
 *
 * Events run on the caller's thread, or, with the option `workerThreads: 1`, on a thread of the client's own: see
 * `LinkClient`, which has everything that is done here.
 */
export abstract class LanClient extends LinkClient<LanClientOptions> {
  constructor() {
    super(lanClientSettings);
  }
}
