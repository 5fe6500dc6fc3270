/** The chat server: what a user says is told to everybody in the room. */
// In a project of your own: from "lanwire".
import type { SessionId } from "../../src/index.ts";
import { type Message, write } from "./protocol.ts";
import { type Visitor, WorldServer } from "./world-server.ts";

export class ChatServer extends WorldServer {
  constructor() {
    super("chat");
  }

  override onWord(user: SessionId, { room, visit }: Visitor, message: Message): boolean {
    if (message.kind !== "say") return false;
    const said = write("said", { room, visit, seq: message.seq, text: message.text });
    this.tellRoom(room, said, user); // a listener whose queue is full misses it
    this.answer(user, said);
    return true;
  }
}
