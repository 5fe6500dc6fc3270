/**
 * The login server's side of the links to the game and the chat server. It has a thread of its own, where it judges
 * what comes; what it means for users is decided beside the users (`login-server.ts`), so it tells all by `emit`.
 *
 *     server --10001--> up       server --10003--> answered*       server gone --> down
 */
import type { MessagePort } from "node:worker_threads";
// In a project of your own: from "lanwire".
import { type LanError, LanServer, type Packet, type SessionId } from "../../src/index.ts";
import { addressOfName, type Message, read, type UserAddress, WORLDS, type World } from "./protocol.ts";

/** What happens on the links, as plain data, so that it can cross threads. `link` is the server's session. */
export type LinkEvent =
  | { readonly type: "up"; readonly link: SessionId; readonly world: World; readonly address: UserAddress }
  | { readonly type: "answered"; readonly link: SessionId; readonly account: bigint; readonly param: bigint }
  /** A session is gone, whether or not it had logged in. */
  | { readonly type: "down"; readonly link: SessionId }
  /** A session is disconnected because of what it sent; `down` follows. */
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "error"; readonly code: string; readonly text: string };

/** What the option `workerData` gives each worker thread. */
export interface LoginLinksData {
  /** Takes `LinkEvent`s to the thread that has the users. */
  readonly port: MessagePort;
}

export class LoginLinks extends LanServer {
  /** Worker threads load the class from here. */
  static readonly module: string = import.meta.url;

  /** Where events go: whoever made this instance sets it; on a thread they go through the port of `workerData`. */
  emit: (event: LinkEvent) => void = portOf(this.workerData);

  /** The sessions that logged in. */
  readonly #worlds = new Map<SessionId, World>();

  override onConnectionRequest(): boolean {
    return true;
  }

  override onClientJoin(): void {}

  override onRecv(link: SessionId, packet: Packet): void {
    const message = read(packet);
    const world = this.#worlds.get(link);
    if (message.kind === "serverLogin" && world === undefined) {
      this.#logIn(link, message);
    } else if (message.kind === "newClientAnswer" && world !== undefined) {
      this.emit({ type: "answered", link, account: message.account, param: message.param });
    } else {
      this.#refuse(link, message.kind === "malformed" ? message.why : `${message.kind} out of turn`);
    }
  }

  /** On the handle it is told too, for a link whose thread died. */
  override onClientLeave(link: SessionId): void {
    this.#worlds.delete(link);
    this.emit({ type: "down", link });
  }

  override onError(error: LanError): void {
    this.emit({ type: "error", code: error.code, text: error.message });
  }

  #logIn(link: SessionId, { serverType, name }: Message<"serverLogin">): void {
    const world = (Object.keys(WORLDS) as World[]).find((each) => WORLDS[each] === serverType);
    const address = addressOfName(name);
    if (world === undefined || address === undefined) {
      this.#refuse(link, `no users can be handed over to a server of type ${serverType} at "${name}"`);
      return;
    }
    // Whoever logs in again has left the old link, whether or not that was noticed here.
    this.disconnect(world, { now: true });
    this.setHostId(link, world, { replace: true });
    this.#worlds.set(link, world);
    this.emit({ type: "up", link, world, address });
  }

  #refuse(link: SessionId, why: string): void {
    this.emit({ type: "refused", why });
    this.disconnect(link, { now: true });
  }
}

function portOf(workerData: unknown): (event: LinkEvent) => void {
  const data = workerData as LoginLinksData | undefined;
  return data === undefined ? () => {} : (event) => data.port.postMessage(event);
}
