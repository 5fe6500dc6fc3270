/**
 * Bytes in memory -> frames, where they lie. No I/O, no state, no copy; a Net frame is decoded in place once it is whole.
 *
 *     start                                              end
 *       | header | payload | header | payload | header | pa
 *                                             ^ returned: the first byte of the frame that is not whole
 *
 * Three outcomes: frames handed to the sink, "need more bytes" (a return value short of `end`), or "this
 * stream is broken" (an exception).
 */
import { type LanError, peersError } from "../base/errors.ts";
import { type LengthHeader, readLength, WRONG_CODE } from "./length-header.ts";
import { NET_LENGTH_END, openFrame } from "./net-codec.ts";

/** Takes the payload's bounds, as offsets of the decoded memory; answers whether to go on. */
export interface FrameSink {
  onFrame(start: number, end: number): boolean;
}

/**
 * Hands each whole frame in `view[start, end)` to `sink`, until it says stop; returns the first offset that
 * was not handed over. HOT.
 * @throws LanError FRAME_TOO_LARGE, FRAME_INVALID, FRAME_CODE_WRONG, FRAME_CHECKSUM_WRONG: the stream is broken, reset it. Frames before the broken
 *   one have been handed over.
 */
export function decodeFrames(
  header: LengthHeader,
  packetBytesMax: number,
  view: DataView,
  start: number,
  end: number,
  sink: FrameSink,
): number {
  const headerBytes = header.byteLength;
  const net = header.net;
  let at = start;
  while (end - at >= headerBytes) {
    const length = readLength(header, view, at);
    if (length > packetBytesMax || length < 0) throw brokenStream(length, packetBytesMax);
    const payload = at + headerBytes;
    if (end - payload < length) break;
    if (net !== null && !openFrame(net.key, view, at, payload + length)) {
      throw peersError("FRAME_CHECKSUM_WRONG", "Cannot decode a frame: its checksum is wrong");
    }
    at = payload + length;
    if (!sink.onFrame(payload, at)) return at;
  }
  if (net !== null && at < end) refuseBegun(net.code, packetBytesMax, view, at, end);
  return at;
}

/** Bytes that the frame starting at `start` takes, header included; the header's alone while that is not whole. */
export function frameBytes(header: LengthHeader, view: DataView, start: number, end: number): number {
  const headerBytes = header.byteLength;
  return end - start < headerBytes ? headerBytes : headerBytes + readLength(header, view, start);
}

/** A Net frame is refused as soon as it tells: by its first byte, and by its length. @throws LanError */
function refuseBegun(code: number, packetBytesMax: number, view: DataView, at: number, end: number): void {
  if (view.getUint8(at) !== code) throw brokenStream(WRONG_CODE, packetBytesMax);
  if (end - at < NET_LENGTH_END) return;
  const length = view.getUint16(at + NET_LENGTH_END - 2, true);
  if (length > packetBytesMax) throw brokenStream(length, packetBytesMax);
}

function brokenStream(length: number, packetBytesMax: number): LanError {
  if (length === WRONG_CODE)
    return peersError("FRAME_CODE_WRONG", "Cannot decode a frame: it begins with another code");
  return length < 0
    ? peersError("FRAME_INVALID", "Cannot decode a frame: its length is shorter than its own header")
    : peersError(
        "FRAME_TOO_LARGE",
        `Cannot decode a frame: ${length} bytes announced, packetBytesMax is ${packetBytesMax}`,
      );
}
