/** tools/lanwire.lua on live captures: Lan frames of every framing, split, joined, and from the middle on. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type FramingFormat, Packet } from "../../src/index.ts";
import { CANNOT_CAPTURE, Capture } from "./capture.ts";
import { CountingClient, EchoServer, RawWriter } from "./links.ts";

const PAYLOAD = "lanwire.payload";
const OUT_OF_STEP = "Out of step: no frame is known to begin here";

/** A quarter of a megabyte: more than one segment on loopback takes. */
const LARGE_BYTES = 256 * 1024;

const FRAMINGS: readonly FramingFormat[] = [
  { lengthBytes: 1, endian: "little" },
  { lengthBytes: 2, endian: "little" },
  { lengthBytes: 2, endian: "big" },
  { lengthBytes: 3, endian: "little" },
  { lengthBytes: 3, endian: "big" },
  { lengthBytes: 4, endian: "little" },
  { lengthBytes: 4, endian: "big" },
  { lengthBytes: 1, endian: "big", includesHeader: true },
  { lengthBytes: 2, endian: "big", includesHeader: true },
  { lengthBytes: 4, endian: "little", includesHeader: true },
];

describe("tools/lanwire.lua, Lan frames", { skip: CANNOT_CAPTURE }, () => {
  it("shows every packet of a LanServer and a LanClient, joined in one segment and split over many", async (t) => {
    const sizes = [...Array.from({ length: 200 }, (_, n) => n + 1), LARGE_BYTES, 1];
    const server = new EchoServer();
    t.after(() => server.stop({ drainMs: 0 }));
    const { port } = await server.start({ port: 0 });
    const capture = await Capture.start(t, `tcp port ${port}`);
    const client = new CountingClient(sizes.length);
    t.after(() => client.disconnect({ now: true }));
    await client.connect({ port });
    const packets = sizes.map((size, n) => Packet.from(Buffer.alloc(size, n + 1)));
    for (const packet of packets) assert(client.sendPacket(packet));
    await client.received.all;
    await client.disconnect();
    await capture.stop();

    const expected = sizes.map((size, n) => Buffer.alloc(size, n + 1).toString("hex"));
    const at = ["-o", `lanwire.ports:${port}`];
    assert.deepEqual(capture.values(PAYLOAD, `tcp.dstport == ${port}`, ...at), expected);
    assert.deepEqual(capture.values(PAYLOAD, `tcp.srcport == ${port}`, ...at), expected);
    // Each side begins with a heartbeat.
    for (const side of ["tcp.dstport", "tcp.srcport"])
      assert(capture.values("lanwire.heartbeat", `${side} == ${port}`, ...at).length >= 1, side);
    const rows = capture.rows([PAYLOAD, "tcp.segment.count"], "lanwire", ...at);
    assert(
      rows.some(([payloads]) => payloads!.length > 1),
      "a segment had several frames",
    );
    assert(
      rows.some(([, segments]) => Number(segments?.[0] ?? 0) > 1),
      "a frame was in several segments",
    );
    assert.deepEqual(capture.values("_ws.malformed", "_ws.malformed", ...at), []);
  });

  for (const framing of FRAMINGS) {
    it(`reads ${JSON.stringify(framing)}, broken at every byte`, async (t) => {
      const writer = await RawWriter.connect(t);
      const capture = await Capture.start(t, `tcp port ${writer.port}`);
      const payloads = ["61", "", "626364", "65".repeat(200)];
      const stream = Buffer.concat(payloads.map((payload) => frame(framing, Buffer.from(payload, "hex"))));
      const cut = framing.lengthBytes + 3; // in the middle of a frame's beginning, each time elsewhere
      const pieces = [...stream.subarray(0, 12)].map((byte) => Uint8Array.of(byte));
      // The connection's beginning was not captured: a segment that whole frames end with comes first.
      await writer.write(
        stream,
        ...pieces,
        stream.subarray(12),
        stream.subarray(0, cut),
        stream.subarray(cut),
      );
      await capture.stop();
      const options = optionsOf(framing, writer.port);
      const whole = payloads.filter((payload) => payload !== "");
      assert.deepEqual(capture.values(PAYLOAD, "lanwire", ...options), [...whole, ...whole, ...whole]);
      const lengths = capture.values("lanwire.length", "lanwire", ...options).map(Number);
      const own = framing.includesHeader === true ? framing.lengthBytes : 0;
      assert.deepEqual(
        lengths.slice(0, 4),
        payloads.map((payload) => payload.length / 2 + own),
      );
      assert.equal(capture.values("lanwire.heartbeat", "lanwire", ...options).length, 3);
    });
  }

  it("shows 20001 and 20002 of a link with C++ frames, field by field, as JSON", async (t) => {
    const server = new EchoServer();
    t.after(() => server.stop({ drainMs: 0 }));
    const { port } = await server.start({ port: 0, framing: "u16le" });
    const capture = await Capture.start(t, `tcp port ${port}`);
    const client = new CountingClient(4);
    t.after(() => client.disconnect({ now: true }));
    await client.connect({ port, framing: "u16le" });
    const update = (type: number, value: number): Packet =>
      new Packet().writeUint16(20002).writeUint8(type).writeInt32(value).writeInt32(1_700_000_000);
    client.sendPacket(new Packet().writeUint16(20001).writeInt32(1));
    client.sendPacket(update(35, 12_345));
    client.sendPacket(update(100, 12_345)); // in hundredths
    client.sendPacket(update(200, -5)); // a number that nobody has given a name
    await client.received.all;
    await client.disconnect();
    await capture.stop();

    const options = optionsOf({ lengthBytes: 2, endian: "little" }, port);
    const json = capture.read(
      "-T",
      "json",
      "--no-duplicate-keys",
      "-Y",
      `tcp.dstport == ${port} && lanwire`,
      ...options,
    );
    const shown = JSON.parse(json).flatMap(({ _source }: { _source: { layers: unknown } }) => {
      const text = JSON.stringify(_source.layers);
      return [...text.matchAll(/"lanwire_monitor\.(\w+)":"([^"]*)"/g)].map(
        ([, name, value]) => `${name} ${value}`,
      );
    });
    for (const told of ["type 20001", "server_no 1", "figure chat server updates: 12345 /s", "value 12345"])
      assert(shown.includes(told), `${told} in ${shown}`);
    const fields = [
      "lanwire_monitor.data_type",
      "lanwire_monitor.figure",
      "lanwire_monitor.value",
      "lanwire_monitor.time",
    ];
    const [[types, figures, values, times] = []] = capture.rows(
      fields,
      `tcp.dstport == ${port} && lanwire_monitor`,
      ...options,
    );
    assert.deepEqual(types, ["35", "100", "200"]);
    assert.deepEqual(figures, ["chat server updates: 12345 /s", "process CPU: 123.45 %", "figure 200: -5"]);
    assert.deepEqual(values, ["12345", "12345", "-5"]);
    assert.match(times![0]!, /Nov 14, 2023 22:13:20/);
  });

  it("a connection whose beginning was captured is read from its first byte, whatever its segments end with", async (t) => {
    let capture: Capture | undefined;
    const writer = await RawWriter.connect(t, async (port) => {
      capture = await Capture.start(t, `tcp port ${port}`);
    });
    await writer.write("0400", "0000 6161", "0000 0100", "0000 62");
    await capture!.stop();
    const at = ["-o", `lanwire.ports:${writer.port}`];
    assert.deepEqual(capture!.values(PAYLOAD, "lanwire", ...at), ["61610000", "62"]);
    assert.deepEqual(capture!.values("lanwire.skipped", "lanwire", ...at), []);
    // Where the segments are not put together, that is what is told, and nothing else.
    const apart = [...at, "-o", "tcp.desegment_tcp_streams:FALSE"];
    const told = ["Frame goes on in another segment, and reassembly is off", ...Array(3).fill(OUT_OF_STEP)];
    assert.deepEqual(capture!.values("_ws.expert.message", "lanwire", ...apart), told);
  });

  it("a capture that begins in the middle of a frame is skipped to the first segment that frames end with", async (t) => {
    const writer = await RawWriter.connect(t);
    await writer.write("14000000 6161616161616161");
    const capture = await Capture.start(t, `tcp port ${writer.port}`);
    // The rest of the frame, in two: the first ends with what looks like a heartbeat.
    await writer.write(
      "626262 00000000",
      "6363636363 01000000 64 00000000",
      "01000000 65",
      "03000000 66",
      "6767",
    );
    await capture.stop();
    const at = ["-o", `lanwire.ports:${writer.port}`];
    const fields = ["lanwire.skipped", PAYLOAD, "lanwire.heartbeat", "_ws.expert.message"];
    assert.deepEqual(capture.rows(fields, "lanwire.frame || lanwire.skipped", ...at), [
      [["62626200000000"], [], [], [OUT_OF_STEP]],
      [["6363636363"], ["64"], ["1"], ["In step from here on: whole frames up to the segment's end"]],
      [[], ["65"], [], []],
      [[], ["666767"], [], []],
    ]);
    // The same where packets are gone through twice, as the program with windows does it.
    assert.deepEqual(capture.values(PAYLOAD, "lanwire", "-2", ...at), ["64", "65", "666767"]);
  });

  it("what is no frame is told, and reading goes on where frames fit again", async (t) => {
    const writer = await RawWriter.connect(t);
    const capture = await Capture.start(t, `tcp port ${writer.port}`);
    await writer.write("02000000 6161", "02000000 6262 ffffffff 63", "01000000 64");
    await capture.stop();
    const at = ["-o", `lanwire.ports:${writer.port}`];
    assert.deepEqual(capture.values(PAYLOAD, "lanwire", ...at), ["6161", "6262", "64"]);
    assert.deepEqual(capture.rows(["lanwire.skipped", "_ws.expert.message"], "lanwire.too_long", ...at), [
      [["ffffffff63"], ["Frame is longer than packetBytesMax"]],
    ]);
    const larger = [...at, "-o", "lanwire.packet_bytes_max:1"];
    assert.deepEqual(capture.values(PAYLOAD, "lanwire", ...larger), ["64"]);
  });

  it("frames that were not captured whole are told, and those behind them still found", async (t) => {
    const writer = await RawWriter.connect(t);
    const capture = await Capture.start(t, `tcp port ${writer.port}`, ["-s", "100"]);
    const long = Buffer.concat([Buffer.from("20030000", "hex"), Buffer.alloc(800, 0x61)]);
    await writer.write("02000000 6161", long, "01000000 62");
    await capture.stop();
    const at = ["-o", `lanwire.ports:${writer.port}`];
    assert.deepEqual(capture.values(PAYLOAD, "lanwire", ...at), ["6161", "62"]);
    assert.equal(
      capture.values("_ws.expert.message", "lanwire.cut", ...at).join(),
      "Frame was not captured whole",
    );
  });
});

/** As the wire has it, written anew. */
function frame({ lengthBytes, endian, includesHeader = false }: FramingFormat, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(lengthBytes);
  const length = payload.length + (includesHeader ? lengthBytes : 0);
  if (endian === "big") header.writeUIntBE(length, 0, lengthBytes);
  else header.writeUIntLE(length, 0, lengthBytes);
  return Buffer.concat([header, payload]);
}

function optionsOf({ lengthBytes, endian, includesHeader = false }: FramingFormat, port: number): string[] {
  const preferences = {
    ports: port,
    length_bytes: lengthBytes,
    endian,
    includes_header: String(includesHeader).toUpperCase(),
  };
  return Object.entries(preferences).flatMap(([name, value]) => ["-o", `lanwire.${name}:${value}`]);
}
