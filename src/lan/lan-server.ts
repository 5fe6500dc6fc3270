/** LanServer: the accepting side of links inside a private network. */
import { LinkServer } from "../link/link-server.ts";
import { type LanServerOptions, lanServerSettings } from "./options.ts";

/**
 * A server for links inside a private network. Subclass it, write the events, call `start`.
 *
 * Events run on the caller's thread, or, with the option `workerThreads`, on threads of the server's own: see
 * `LinkServer`, which has everything that is done here.
 *
 * @example
 * class Echo extends LanServer {
 *   onConnectionRequest() { return true; }
 *   onClientJoin(sessionId) { console.log(sessionId, "joined"); }
 *   onClientLeave(sessionId, leave) { console.log(sessionId, "left:", leave.reason); }
 *   onRecv(sessionId, packet) { this.sendPacket(sessionId, packet); }
 *   onError(error) { console.error(error); }
 * }
 * await new Echo().start({ port: 7000 });
 */
export abstract class LanServer extends LinkServer<LanServerOptions> {
  constructor() {
    super(lanServerSettings);
  }
}
