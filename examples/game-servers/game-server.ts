/** The game server: what users do is answered. A real one would have its game here. */
// In a project of your own: from "lanwire".
import type { SessionId } from "../../src/index.ts";
import { type Message, write } from "./protocol.ts";
import { type Visitor, WorldServer } from "./world-server.ts";

export class GameServer extends WorldServer {
  constructor() {
    super("game");
  }

  override onWord(user: SessionId, _visitor: Visitor, message: Message): boolean {
    if (message.kind !== "act") return false;
    this.answer(user, write("actAnswer", { seq: message.seq }));
    return true;
  }
}
