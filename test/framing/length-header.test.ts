/** The length header: names, formats and presets as the bytes that other stacks put on the wire. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LanError } from "../../src/base/errors.ts";
import {
  FRAMING_PRESETS,
  type Framing,
  type FramingPreset,
  lengthHeader,
  readLength,
  writeLength,
} from "../../src/framing/length-header.ts";
import { FORMATS, formatName, headerBytes, payloadLimit } from "./streams.ts";

/** The header that `framing` writes for a payload of `payloadBytes`. */
function written(framing: Framing, payloadBytes: number): number[] {
  const header = lengthHeader(framing);
  const bytes = new Uint8Array(header.byteLength + 4).fill(0xee);
  writeLength(header, new DataView(bytes.buffer), 2, payloadBytes);
  assert.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(-2)], [0xee, 0xee, 0xee, 0xee]);
  assert.equal(readLength(header, new DataView(bytes.buffer), 2), payloadBytes);
  return [...bytes.subarray(2, -2)];
}

test("each name is a width and a byte order", () => {
  assert.deepEqual(written("u8", 0xfe), [0xfe]);
  assert.deepEqual(written("u16le", 0x0102), [0x02, 0x01]);
  assert.deepEqual(written("u16be", 0x0102), [0x01, 0x02]);
  assert.deepEqual(written("u24le", 0x010203), [0x03, 0x02, 0x01]);
  assert.deepEqual(written("u24be", 0x010203), [0x01, 0x02, 0x03]);
  assert.deepEqual(written("u32le", 0x01020304), [0x04, 0x03, 0x02, 0x01]);
  assert.deepEqual(written("u32be", 0xfffefdfc), [0xff, 0xfe, 0xfd, 0xfc]);
});

test("each preset puts on the wire what its stack does", () => {
  const expected: Record<FramingPreset, number[]> = {
    cLanServer: [6, 0],
    erlangPacket1: [6],
    erlangPacket2: [0, 6],
    erlangPacket4: [0, 0, 0, 6],
    twistedInt16: [0, 6],
    twistedInt32: [0, 0, 0, 6],
    pythonMultiprocessing: [0, 0, 0, 6],
    tokioLengthDelimited: [0, 0, 0, 6],
    nettyInt32: [0, 0, 0, 6],
    nettyInt32WithHeader: [0, 0, 0, 10],
    kafka: [0, 0, 0, 6],
    thriftFramed: [0, 0, 0, 6],
    zooKeeper: [0, 0, 0, 6],
    dnsOverTcp: [0, 6],
    mongodb: [10, 0, 0, 0],
  };
  assert.deepEqual(Object.keys(FRAMING_PRESETS), Object.keys(expected));
  for (const [name, bytes] of Object.entries(expected) as [FramingPreset, number[]][]) {
    assert.deepEqual(written(FRAMING_PRESETS[name], 6), bytes, name);
  }
});

test("a preset whose stack has a limit of its own tells it as the default of packetBytesMax", () => {
  assert.equal(lengthHeader(FRAMING_PRESETS.twistedInt32).payloadDefaultMax, 99_999);
  assert.equal(lengthHeader(FRAMING_PRESETS.tokioLengthDelimited).payloadDefaultMax, 8 * 1024 * 1024);
  assert.equal(lengthHeader(FRAMING_PRESETS.kafka).payloadDefaultMax, undefined);
});

for (const format of FORMATS) {
  test(`${formatName(format)}: any payload length is written as its digits and read back`, () => {
    const limit = payloadLimit(format);
    assert.equal(lengthHeader(format).payloadLimit, limit);
    const counted = format.includesHeader ? format.lengthBytes : 0;
    const lengths = fc.oneof(fc.integer({ min: 0, max: limit }), fc.constantFrom(0, 1, limit - 1, limit));
    fc.assert(
      fc.property(lengths, (length) => {
        assert.deepEqual(written(format, length), headerBytes(format, length + counted));
      }),
    );
  });

  test(`${formatName(format)}: a length shorter than the header itself reads as negative, if it counts itself`, () => {
    const header = lengthHeader(format);
    for (let value = 0; value < format.lengthBytes; value++) {
      const view = new DataView(Uint8Array.from(headerBytes(format, value)).buffer);
      assert.equal(readLength(header, view, 0), format.includesHeader ? value - format.lengthBytes : value);
    }
  });
}

test("a framing that is no name and no well-formed format is refused with the option's name", () => {
  const refused: readonly (readonly [unknown, string])[] = [
    ["u64le", 'unknown framing "u64le"'],
    ["toString", 'unknown framing "toString"'],
    ["", 'unknown framing ""'],
    [null, "unknown framing null"],
    [7, "unknown framing 7"],
    [{}, "lengthBytes must be 1, 2, 3 or 4"],
    [{ lengthBytes: 5, endian: "little" }, "lengthBytes must be 1, 2, 3 or 4"],
    [{ lengthBytes: "2", endian: "little" }, "lengthBytes must be 1, 2, 3 or 4"],
    [{ lengthBytes: 0, endian: "little" }, "lengthBytes must be 1, 2, 3 or 4"],
    [{ lengthBytes: 2 }, 'endian must be "little" or "big"'],
    [{ lengthBytes: 2, endian: "middle" }, 'endian must be "little" or "big"'],
    [{ lengthBytes: 2, endian: "little", includesHeader: 1 }, "includesHeader must be a boolean"],
    [{ lengthBytes: 2, endian: "little", headerIncluded: true }, 'unknown field "headerIncluded"'],
  ];
  for (const [framing, why] of refused) {
    assert.throws(
      () => lengthHeader(framing as Framing),
      (error) => {
        assert.ok(error instanceof LanError);
        assert.deepEqual(
          [error.code, error.message],
          ["OPTION_INVALID", `Cannot use option framing: ${why}`],
        );
        return true;
      },
    );
  }
});

test("a format's own packetBytesMax must be a length that its header can tell", () => {
  for (const packetBytesMax of [0, -1, 1.5, 65_536, Number.NaN, "9"]) {
    const framing = { lengthBytes: 2, endian: "little", packetBytesMax } as Framing;
    const message = "Cannot use option framing: packetBytesMax must be 1 to 65535";
    assert.throws(() => lengthHeader(framing), { code: "OPTION_INVALID", message }, String(packetBytesMax));
  }
  for (const packetBytesMax of [1, 65_535]) {
    const framing: Framing = { lengthBytes: 2, endian: "little", packetBytesMax };
    assert.equal(lengthHeader(framing).payloadDefaultMax, packetBytesMax);
  }
});
