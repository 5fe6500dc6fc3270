/**
 * A game or chat server's link to the login server: says who it is, takes the keys of users who will come.
 *
 *     joined --10001-->       <--10002-- key kept, then --10003-->       left: keys not used are dropped
 */
// In a project of your own: from "lanwire".
import { LanClient, type LanError, type Packet } from "../../src/index.ts";
import { read, serverName, type UserAddress, WORLDS, type World, write } from "./protocol.ts";
import type { Tokens } from "./tokens.ts";

export class LoginLink extends LanClient {
  readonly #world: World;
  readonly #address: UserAddress;
  readonly #tokens: Tokens;
  readonly #onError: (error: LanError) => void;

  /** @param address - where users connect */
  constructor(world: World, address: UserAddress, tokens: Tokens, onError: (error: LanError) => void) {
    super();
    this.#world = world;
    this.#address = address;
    this.#tokens = tokens;
    this.#onError = onError;
  }

  override onEnterJoinServer(): void {
    const login = { serverType: WORLDS[this.#world], name: serverName(this.#address) };
    this.sendPacket(write("serverLogin", login));
  }

  override onRecv(packet: Packet): void {
    const message = read(packet);
    if (message.kind !== "newClient")
      throw new Error(`the login server sent ${JSON.stringify(message.kind)}`);
    const { account, key, param } = message;
    this.#tokens.announce(account, key);
    // False where the link is about to end: then the login server gives up on this login by itself.
    this.sendPacket(write("newClientAnswer", { account, param }));
  }

  /** The login server may have begun anew: what it announced before has no meaning any more. */
  override onLeaveServer(): void {
    this.#tokens.forgetAll();
  }

  override onSend(): void {}

  override onError(error: LanError): void {
    this.#onError(error);
  }
}
