/** tools/lanwire.lua on live captures: Net frames, decoded with the key, split and joined. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Packet } from "../../src/index.ts";
import { CANNOT_CAPTURE, Capture } from "./capture.ts";
import { NetCountingClient, NetEchoServer, RawWriter } from "./links.ts";

const PAYLOAD = "lanwire_net.payload";

describe("tools/lanwire.lua, Net frames", { skip: CANNOT_CAPTURE }, () => {
  it("decodes every packet of a NetServer and a NetClient, joined in one segment and split over many", async (t) => {
    const protocol = { code: 0x5b, key: 0xa9 };
    const sizes = [...Array.from({ length: 100 }, (_, n) => n + 1), 60_000, 60_000, 60_000, 1];
    const server = new NetEchoServer();
    t.after(() => server.stop({ drainMs: 0 }));
    const limits = { packetBytesMax: 65_535, sendQueueBytesMax: 1024 * 1024, heartbeat: {} };
    const { port } = await server.start({ port: 0, ...protocol, ...limits });
    const capture = await Capture.start(t, `tcp port ${port}`);
    const client = new NetCountingClient(sizes.length);
    t.after(() => client.disconnect({ now: true }));
    await client.connect({ port, ...protocol, ...limits });
    for (const [n, size] of sizes.entries())
      assert(client.sendPacket(Packet.from(Buffer.alloc(size, n + 1))));
    await client.received.all;
    await client.disconnect();
    await capture.stop();

    const expected = sizes.map((size, n) => Buffer.alloc(size, n + 1).toString("hex"));
    const at = [`lanwire_net.ports:${port}`, "lanwire_net.code:91", "lanwire_net.key:169"].flatMap((o) => [
      "-o",
      o,
    ]);
    for (const side of ["tcp.dstport", "tcp.srcport"]) {
      assert.deepEqual(capture.values(PAYLOAD, `${side} == ${port}`, ...at), expected, side);
      assert(capture.values("lanwire_net.heartbeat", `${side} == ${port}`, ...at).length >= 1, side);
    }
    assert.deepEqual([...new Set(capture.values("lanwire_net.checksum_ok", "lanwire_net", ...at))], ["1"]);
    const rows = capture.rows([PAYLOAD, "tcp.segment.count"], "lanwire_net", ...at);
    assert(
      rows.some(([payloads]) => payloads!.length > 1),
      "a segment had several frames",
    );
    assert(
      rows.some(([, segments]) => Number(segments?.[0] ?? 0) > 1),
      "a frame was in several segments",
    );
    // With another key the checksum tells.
    const wrong = [...at, "-o", "lanwire_net.key:168"];
    assert(capture.values("_ws.expert.message", "lanwire_net.checksum_wrong", ...wrong).length > 0);
  });

  it("decodes the vectors of the formulas, tells a wrong checksum, and what is inside", async (t) => {
    const writer = await RawWriter.connect(t);
    const capture = await Capture.start(t, `tcp port ${writer.port}`);
    // A login of server 1, whole, then in four pieces; the second with a bit turned.
    await writer.write("77 0600 5a 18ea522250e1d0", "77", "06 00", "5a 18ea52", "2250e1d1");
    await capture.stop();
    const at = ["-d", `tcp.port==${writer.port},lanwire_net`];
    const fields = [
      PAYLOAD,
      "lanwire_net.rand_key",
      "lanwire_net.checksum",
      "lanwire_net.checksum_ok",
      "lanwire_monitor.server_no",
    ];
    assert.deepEqual(capture.rows(fields, "lanwire_net.frame", ...at), [
      [["214e01000000"], ["0x5a"], ["0x70"], ["1"], ["1"]],
      [["214e01000001"], ["0x5a"], ["0x70"], ["0"], []],
    ]);
    const [message] = capture.values("_ws.expert.message", "lanwire_net.checksum_wrong", ...at);
    assert.match(message!, /^Checksum is wrong: 0x70, and the payload's is 0x71/);
  });

  it("decodes the long vector: what goes in front of its 55 bytes is a header that makes a frame of them", async (t) => {
    const vector =
      "f943958c5ff3f744b1874623adb51e01c1a31e3fb480181bb2ac360b8c9c4a5e84847a0e7484720c16a88268c6ac72748620325086042d";
    const clear = "aaaaaaaaaabbbbbbbbbbcccccccccc1234567890abcdefghijklmn\0";
    const writer = await RawWriter.connect(t);
    const capture = await Capture.start(t, `tcp port ${writer.port}`);
    await writer.write(`77 3600 31 ${vector}`);
    await capture.stop();
    const at = ["-o", `lanwire_net.ports:${writer.port}`, "-o", "lanwire_net.key:169"];
    const decoded = Buffer.from(capture.values(PAYLOAD, "lanwire_net", ...at).join(), "hex").toString(
      "latin1",
    );
    assert.equal(decoded, clear.slice(1)); // the first is where a checksum would be
    assert.deepEqual(capture.values("lanwire_net.checksum", "lanwire_net", ...at), ["0x61"]);
  });

  it("what begins with another code is no frame", async (t) => {
    const writer = await RawWriter.connect(t);
    const capture = await Capture.start(t, `tcp port ${writer.port}`);
    await writer.write("77 0600 5a 18ea522250e1d0", "78 0600 5a 18ea522250e1d0", "77 0600 5a 18ea522250e1d0");
    await capture.stop();
    const at = ["-o", `lanwire_net.ports:${writer.port}`];
    assert.deepEqual(capture.values(PAYLOAD, "lanwire_net", ...at), ["214e01000000", "214e01000000"]);
    assert.deepEqual(capture.values("lanwire_net.skipped", "lanwire_net.invalid", ...at), [
      "7806005a18ea522250e1d0",
    ]);
  });
});
