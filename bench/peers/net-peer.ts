/** What the node:net peers share: sockets, frames, roles. They differ in how a message becomes a frame, and when that is written. */
import { once } from "node:events";
import * as net from "node:net";
import { bodyOf, type Receiver } from "../harness/check.ts";
import type { Peer } from "../harness/contract.ts";
import { frameReader } from "./net-frames.ts";

export interface Sender {
  /** The socket asked to wait for its next 'drain'. */
  full: boolean;
  /** Frames a message and takes it in any case; keeps its memory until it is written. */
  send(message: Buffer): void;
  /** Makes a message and sends it. */
  sendNumbered(seq: number, byteLength: number): void;
  /** Takes a whole frame, and keeps its memory until it is written. */
  push(frame: Buffer): void;
}

type SenderClass = new (socket: net.Socket) => Sender;

/** A message copied behind its length. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(4 + message.length);
  frame.writeUInt32LE(message.length, 0);
  frame.set(message, 4);
  return frame;
}

/** A message written straight into its frame. */
export function numberedFrame(seq: number, byteLength: number): Buffer {
  const frame = Buffer.allocUnsafe(4 + byteLength);
  frame.writeUInt32LE(byteLength, 0);
  frame.writeUInt32LE(seq, 4);
  frame.set(bodyOf(byteLength), 8);
  return frame;
}

/** Returns messages to where they came from; reading stops while the socket takes no more. */
function echo(socket: net.Socket, receiver: Receiver, sender: Sender): void {
  socket.on("drain", () => {
    sender.full = false;
    socket.resume();
  });
  socket.on(
    "data",
    frameReader((message) => {
      if (receiver.accept(message.readUInt32LE(0), message.length)) receiver.compare(message);
      sender.send(message);
      if (sender.full) socket.pause();
    }),
  );
}

function sink(socket: net.Socket, receiver: Receiver): void {
  socket.on(
    "data",
    frameReader((message) => {
      if (receiver.accept(message.readUInt32LE(0), message.length)) receiver.compare(message);
    }),
  );
}

export function netPeer(SocketSender: SenderClass): Peer {
  return {
    async serve(plan, side) {
      const sessions: Sender[] = [];
      const server = net.createServer({ noDelay: true }, (socket) => {
        const receiver = side.join();
        const sender = new SocketSender(socket);
        sessions.push(sender);
        if (plan.pattern === "echo") echo(socket, receiver, sender);
        else sink(socket, receiver);
      });
      server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
      await once(server, "listening");
      return {
        port: (server.address() as net.AddressInfo).port,
        broadcast(seq, byteLength) {
          const frame = numberedFrame(seq, byteLength);
          for (const session of sessions) session.push(frame);
        },
      };
    },

    async connect(plan, side) {
      for (let index = 0; index < plan.links + plan.idleLinks; index++) {
        const socket = net.connect({ host: "127.0.0.1", port: plan.port, noDelay: true });
        await once(socket, "connect");
        const sender = new SocketSender(socket);
        socket.on("drain", () => {
          sender.full = false;
          side.ready(index);
        });
        const receiver = side.join(index, {
          send(seq, byteLength) {
            if (sender.full) return false;
            sender.sendNumbered(seq, byteLength);
            return true;
          },
        });
        sink(socket, receiver);
      }
      return {};
    },
  };
}
