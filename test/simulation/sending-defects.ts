/** Defects of links, and of what a session does with packets that are sent. */
import { ServerEngine } from "../../src/engine/server-engine.ts";
import { SendBuffer } from "../../src/framing/send-buffer.ts";
import type { Packet } from "../../src/packet/packet.ts";
import { Flusher } from "../../src/session/flusher.ts";
import { Session } from "../../src/session/session.ts";
import { ByteQueue } from "../../src/transport/memory/byte-queue.ts";
import { type Defect, every, regard, replace } from "./defect.ts";

export const SENDING_DEFECTS: readonly Defect[] = [
  // Below the library.
  {
    name: "a link loses some bytes",
    seenAs: /what was read is not what was written|FIN came behind|says? received|read nothing/,
    put: () => {
      const now = every(15);
      return replace(
        ByteQueue.prototype,
        "put",
        (put) =>
          function (this: ByteQueue, bytes: Uint8Array, atMs: number) {
            put.call(
              this as never,
              (now() && bytes.length > 1 ? bytes.subarray(1) : bytes) as never,
              atMs as never,
            );
          },
      );
    },
  },
  {
    name: "a link delivers some bytes twice",
    seenAs: /what was read is not what was written/,
    put: () => {
      const now = every(15);
      return replace(
        ByteQueue.prototype,
        "put",
        (put) =>
          function (this: ByteQueue, bytes: Uint8Array, atMs: number) {
            put.call(this as never, bytes as never, atMs as never);
            if (now()) put.call(this as never, bytes as never, atMs as never);
          },
      );
    },
  },
  {
    name: "a link delivers bytes in another order",
    seenAs: /what was read is not what was written/,
    put: () =>
      replace(
        ByteQueue.prototype,
        "put",
        (put) =>
          function (this: ByteQueue, bytes: Uint8Array, atMs: number) {
            put.call(this as never, (bytes.length > 5 ? bytes.toReversed() : bytes) as never, atMs as never);
          },
      ),
  },
  // Sending.
  {
    name: "a packet that was taken is dropped",
    seenAs: /stats say queuedBytes|written otherwise|notSent|not sent|sendPacket said/,
    put: () => {
      const now = every(10);
      return replace(
        SendBuffer.prototype,
        "append",
        (append) =>
          function (this: SendBuffer, packet: Packet) {
            if (!now()) append.call(this as never, packet as never);
          },
      );
    },
  },
  {
    name: "a packet is sent twice",
    seenAs: /stats say queuedBytes|written otherwise|not taken/,
    put: () => {
      const now = every(10);
      return replace(
        SendBuffer.prototype,
        "append",
        (append) =>
          function (this: SendBuffer, packet: Packet) {
            append.call(this as never, packet as never);
            if (now()) append.call(this as never, packet as never);
          },
      );
    },
  },
  {
    name: "packets of one turn are written in another order",
    seenAs: /written otherwise|no frame can have|stats say sent/,
    put: () =>
      replace(
        SendBuffer.prototype,
        "beginWrite",
        (begin) =>
          function (this: SendBuffer) {
            return (begin.call(this as never) as readonly Uint8Array[] | null)?.toReversed() ?? null;
          },
      ),
  },
  {
    name: "a packet is refused though there is room",
    seenAs: /sendPacket said false|broadcast was taken/,
    put: () => {
      const now = every(20);
      return replace(
        Session.prototype,
        "send",
        (send) =>
          function (this: Session, packet: Packet) {
            return now() ? false : send.call(this as never, packet as never);
          },
      );
    },
  },
  {
    name: "the queue takes more than its limit",
    seenAs: /sendPacket said true|broadcast was taken/,
    put: () =>
      replace(
        Session.prototype,
        "send",
        (send) =>
          function (this: Session, packet: Packet, frame: Uint8Array | null = null) {
            if (!Reflect.apply(send, this, [packet, frame]) && this.isOpen) this.sendReserved(packet, frame);
            return this.isOpen;
          },
      ),
  },
  {
    name: "a flush is forgotten",
    seenAs: /bytes queued and writes none|has drained and sends no FIN|time is up/,
    put: () => {
      const now = every(20);
      const forget = (name: "add" | "addAnswering"): (() => void) =>
        replace(
          Flusher.prototype,
          name,
          (add) =>
            function (this: Flusher, session: never) {
              if (!now()) add.call(this as never, session);
            },
        );
      const undo = [forget("add"), forget("addAnswering")];
      return () => {
        for (const each of undo) each();
      };
    },
  },
  {
    name: "notSent leaves a packet out",
    seenAs: /as not sent/,
    put: () =>
      regard(SendBuffer.prototype, "unsent", ({ packets, bytes }: { packets: number; bytes: number }) => ({
        packets: Math.max(0, packets - 1),
        bytes,
      })),
  },
  {
    name: "onSendReady does not come",
    seenAs: /onSendReady did not come/,
    put: () => replace(ServerEngine.prototype, "onSendReady", () => () => {}),
  },
  {
    name: "onSendReady comes without a refusal",
    seenAs: /onSendReady without a refusal/,
    put: () =>
      replace(
        ServerEngine.prototype,
        "onSent",
        (onSent) =>
          function (this: ServerEngine, session: Session, size: number) {
            onSent.call(this as never, session as never, size as never);
            this.onSendReady(session);
          },
      ),
  },
  {
    name: "onSend tells too little",
    seenAs: /onSend told/,
    put: () =>
      replace(
        ServerEngine.prototype,
        "onSent",
        (onSent) =>
          function (this: ServerEngine, session: Session, size: number) {
            onSent.call(this as never, session as never, (size - 1) as never);
          },
      ),
  },
];
