/** ws: binary messages, no compression, its own masking as the protocol asks of clients. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { makeMessage, type Receiver } from "../harness/check.ts";
import type { Peer } from "../harness/contract.ts";

/** A careful user stops here; ws itself never says no. */
const BUFFERED_MAX = 1 << 20;

/** One sending end. `onReady` comes after the message that filled it has left. */
function senderOf(socket: WebSocket, onReady: () => void): (message: Buffer) => void {
  return (message) => {
    if (socket.bufferedAmount < BUFFERED_MAX) socket.send(message);
    else socket.send(message, onReady);
  };
}

function receive(socket: WebSocket, receiver: Receiver, then: (message: Buffer) => void): void {
  socket.on("message", (data) => {
    const message = data as Buffer;
    if (receiver.accept(message.readUInt32LE(0), message.length)) receiver.compare(message);
    then(message);
  });
}

export const peer: Peer = {
  async serve(plan, side) {
    const server = new WebSocketServer({
      host: "127.0.0.1",
      port: 0,
      backlog: 1024,
      perMessageDeflate: false,
    });
    server.on("connection", (socket) => {
      const send = senderOf(socket, () => socket.resume());
      receive(socket, side.join(), (message) => {
        if (plan.pattern !== "echo") return;
        if (socket.bufferedAmount >= BUFFERED_MAX) socket.pause();
        send(message);
      });
    });
    await once(server, "listening");
    return {
      port: (server.address() as AddressInfo).port,
      broadcast(seq, byteLength) {
        const message = makeMessage(seq, byteLength);
        for (const socket of server.clients) socket.send(message);
      },
    };
  },

  async connect(plan, side) {
    for (let index = 0; index < plan.links + plan.idleLinks; index++) {
      const socket = new WebSocket(`ws://127.0.0.1:${plan.port}`, { perMessageDeflate: false });
      await once(socket, "open");
      let full = false;
      const send = senderOf(socket, () => {
        full = false;
        side.ready(index);
      });
      const receiver = side.join(index, {
        send(seq, byteLength) {
          if (full) return false;
          full = socket.bufferedAmount >= BUFFERED_MAX;
          send(makeMessage(seq, byteLength));
          return true;
        },
      });
      receive(socket, receiver, () => {});
    }
    return {};
  },
};
