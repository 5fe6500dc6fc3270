/** The checks that throw on what the application gives: a packet that could never be taken on this link, a host id that is none. */
import { LanError } from "../base/errors.ts";
import { encodeFrame } from "../framing/send-buffer.ts";
import { Packet } from "../packet/packet.ts";
import { HOST_ID_LENGTH_MAX, type HostId } from "../session/session-id.ts";
import type { SessionSettings } from "../session/settings.ts";

/** HOT. @throws LanError PACKET_INVALID, PACKET_TOO_LARGE, PACKET_EMPTY */
export function assertSendable(packet: Packet, settings: SessionSettings): void {
  if (!(packet instanceof Packet)) throw new LanError("PACKET_INVALID", "Cannot send this: it is no Packet");
  const length = packet.length;
  if (length > settings.packetBytesMax || (length === 0 && settings.heartbeat !== false))
    refuse(length, settings);
}

/** The frame of a packet that goes to many, encoded once; null where frames are not encoded. @throws LanError as above */
export function frameForMany(
  packet: Packet,
  settings: SessionSettings,
  random: () => number,
): Uint8Array | null {
  assertSendable(packet, settings);
  return encodeFrame(settings.header, packet, random);
}

/** @throws LanError HOST_ID_INVALID */
export function assertHostId(hostId: HostId): void {
  if (typeof hostId === "string" && hostId !== "" && hostId.length <= HOST_ID_LENGTH_MAX) return;
  throw new LanError(
    "HOST_ID_INVALID",
    `Cannot set the host id: it must be a text of 1 to ${HOST_ID_LENGTH_MAX}`,
  );
}

function refuse(length: number, settings: SessionSettings): never {
  if (length === 0) {
    throw new LanError(
      "PACKET_EMPTY",
      "Cannot send an empty packet: with heartbeats an empty frame is a heartbeat",
    );
  }
  throw new LanError(
    "PACKET_TOO_LARGE",
    `Cannot send a packet of ${length} bytes: packetBytesMax is ${settings.packetBytesMax}; send less, or raise it on both sides`,
  );
}
