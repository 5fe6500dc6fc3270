/** Users of a NetServer that echoes: what the benches of many users have in common. */
import { NetClient, NetServer, Packet, type SessionId } from "../../src/index.ts";

/** Answers each packet with itself. */
export class EchoServer extends NetServer {
  onConnectionRequest(): boolean {
    return true;
  }
  onClientJoin(): void {}
  onClientLeave(): void {}
  onRecv(sessionId: SessionId, packet: Packet): void {
    this.sendPacket(sessionId, packet);
  }
  onError(error: Error): void {
    console.error(error);
  }
}

/** Says the same again and again. All users of a process are counted together. */
export class EchoUser extends NetClient {
  static echoes = 0;
  static left = 0;
  /** Whether each echo is answered: a closed loop. */
  static loops = false;
  readonly #packet: Packet;

  constructor(payloadBytes: number) {
    super();
    this.#packet = new Packet(payloadBytes).writeBytes(Buffer.alloc(payloadBytes, 7));
  }

  say(): void {
    if (!this.sendPacket(this.#packet)) throw new Error("a user's packet was refused");
  }
  onEnterJoinServer(): void {}
  onLeaveServer(): void {
    EchoUser.left++;
  }
  onRecv(): void {
    EchoUser.echoes++;
    if (EchoUser.loops) this.say();
  }
  onSend(): void {}
  onError(error: Error): void {
    console.error(error);
  }
}
