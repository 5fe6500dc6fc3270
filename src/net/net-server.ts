/** NetServer: the accepting side for users on an open network. */

import { LinkServer } from "../link/link-server.ts";
import { addresses } from "../link/settings.ts";
import { type NetServerOptions, netServerSettings } from "./options.ts";

/**
 * A server for users: many connections, Net frames, TLS, and limits that hold users off. Subclass it, write the
 * events, call `start`: the same contract and events as `LanServer`, on the caller's thread or on threads of its own.
 *
 * A frame with a wrong code, a wrong checksum or an impossible length ends its session (`frame-code-wrong`,
 * `frame-checksum-wrong`, `frame-too-large`), and nobody else's.
 *
 * @example
 * class Chat extends NetServer {
 *   onConnectionRequest() { return true; }
 *   onClientJoin(sessionId) {}
 *   onClientLeave(sessionId, leave) {}
 *   onRecv(sessionId, packet) { this.broadcast(packet); }
 *   onError(error) { console.error(error); }
 * }
 * await new Chat().start({ ip: "0.0.0.0", port: 12001 });
 */
export abstract class NetServer extends LinkServer<NetServerOptions> {
  constructor() {
    super(netServerSettings);
  }

  /**
   * Replaces both lists while the server runs; sessions that exist stay. Nothing where it does not run.
   * @param lists - `allow`: addresses and CIDR ranges that may connect, or absent for all; `deny`: those that may
   *   not, whatever `allow` says, or absent for none.
   * @throws LanError OPTION_INVALID
   */
  setAddressLists(lists: { allow?: readonly string[]; deny?: readonly string[] }): void {
    const { allow, deny = [] } = lists;
    this.setAddresses({
      allow: allow === undefined ? null : addresses("allow", allow),
      deny: addresses("deny", deny),
    });
  }
}
