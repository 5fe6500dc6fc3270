/**
 * A LanClient of the soak: sends numbered packets and wants them back in order, connects again by itself, and keeps
 * the account of joins and leaves.
 */
import { LanClient, type LanError, type Leave, Packet, type SessionId } from "../../src/index.ts";

const WINDOW = 4;

export class LongClient extends LanClient {
  id: SessionId | undefined;
  joins = 0;
  leaves = 0;
  echoes = 0;
  readonly #onWrong: (what: string) => void;
  /** Of this connection. */
  #sent = 0;
  #echoed = 0;
  #isQuiet = false;

  constructor(onWrong: (what: string) => void) {
    super();
    this.#onWrong = onWrong;
  }

  get isComplete(): boolean {
    return this.#sent === this.#echoed;
  }

  /** No more packets; those that are out may come back. */
  quieten(): void {
    this.#isQuiet = true;
  }

  /** Sends one more, where it is joined and the last ones are coming back. */
  push(): void {
    if (this.id === undefined || this.#isQuiet || this.#sent - this.#echoed >= WINDOW) return;
    if (this.sendPacket(new Packet().writeBytes(Buffer.from(`=${this.#sent}`)))) this.#sent++;
  }

  override onEnterJoinServer(): void {
    this.joins++;
    this.#sent = 0;
    this.#echoed = 0;
    this.#isQuiet = false;
  }
  override onLeaveServer({ notSent, reason }: Leave): void {
    this.leaves++;
    if (this.#echoed + notSent.packets > this.#sent)
      this.#onWrong(
        `a client left (${reason}): ${this.#echoed} echoed, ${notSent.packets} not sent of ${this.#sent}`,
      );
    this.id = undefined;
  }
  override onRecv(packet: Packet): void {
    const text = Buffer.from(packet.bytes).toString();
    if (text.startsWith("@")) {
      this.id = Number(text.split(" ")[1]) as SessionId;
    } else if (text.startsWith("=")) {
      if (text !== `=${this.#echoed}`) this.#onWrong(`a client got ${text}, wanted =${this.#echoed}`);
      this.#echoed++;
      this.echoes++;
    } else if (!text.startsWith("A") && !text.startsWith("R")) {
      this.#onWrong(`a client got ${text.slice(0, 50)}`);
    }
  }
  override onSend(): void {}
  override onError({ code, message }: LanError): void {
    if (code !== "CONNECT_FAILED" && code !== "CONNECT_TIMEOUT")
      this.#onWrong(`a client: ${code} ${message}`);
  }
}
