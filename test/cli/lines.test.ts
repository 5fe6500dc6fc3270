/** Lines and packets: the formats, cutting, and stdout that holds back. */
import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { test } from "node:test";
import fc from "fast-check";
import { fit, shortBytes, shortCount, shortSpan, widthOf } from "../../src/cli/columns.ts";
import { eventsOf, type ServerSentEvent } from "../../src/cli/event-stream.ts";
import { packetLine, readLine } from "../../src/cli/line-formats.ts";
import { linesOf } from "../../src/cli/lines-in.ts";
import { LinesOut } from "../../src/cli/lines-out.ts";

const anyBytes = fc.uint8Array({ maxLength: 200 });

for (const format of ["hex", "json"] as const) {
  test(`${format} loses nothing: what is shown can be sent again`, () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const line = packetLine(format, bytes, undefined);
        assert.equal(line.indexOf("\n"), line.length - 1);
        const read = readLine(format, line.subarray(0, -1));
        assert.ok(read.is === "packet");
        assert.deepEqual(Buffer.from(read.bytes), Buffer.from(bytes));
      }),
    );
  });
}

test("text is always one line of UTF-8 that moves no cursor, and printable text is as it was", () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const line = packetLine("text", bytes, undefined);
      const text = new TextDecoder("utf-8", { fatal: true }).decode(line);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them.
      assert.match(text, /^[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]*\n$/);
    }),
  );
  const text = "Grüße\t게임 𝕏 \\x41";
  assert.equal(packetLine("text", Buffer.from(text), undefined).toString(), `${text}\n`);
});

for (const [hex, shown] of [
  ["ff", "\\xff"],
  ["61ff62", "a\\xffb"],
  ["c3", "\\xc3"],
  ["c3a9c3", "é\\xc3"],
  ["eda080", "\\xed\\xa0\\x80"],
  ["0a0d1b5b", "\\x0a\\x0d\\x1b["],
  ["c285", "\\xc2\\x85"],
  ["f09f9880", "😀"],
  ["", ""],
] as const) {
  test(`text shows the bytes ${hex || "of an empty packet"} as ${shown}`, () => {
    assert.equal(packetLine("text", Buffer.from(hex, "hex"), undefined).toString(), `${shown}\n`);
  });
}

test("lines are cut at line feeds alone, wherever the chunks break, and long ones are told", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("", "a", "bcd", "e\rf", "ééé", "x".repeat(11)), { maxLength: 10 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      async (lines, step, feedAtEnd) => {
        const bytes = Buffer.from(lines.join("\n") + (feedAtEnd ? "\n" : ""));
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
        const expected = bytes.length === 0 ? [] : bytes.toString().split("\n");
        if (expected.at(-1) === "") expected.pop();
        const got: (string | null)[] = [];
        for await (const line of linesOf(Readable.from(chunks), 10))
          got.push(line === null ? null : line.toString());
        assert.deepEqual(
          got,
          expected.map((line) => (Buffer.byteLength(line) > 10 ? null : line)),
        );
      },
    ),
  );
});

test("stdout that is full says wait, and goes on when it drains; a reader that has gone ends nothing badly", async () => {
  const stream = new PassThrough({ highWaterMark: 10 });
  const out = new LinesOut(stream);
  assert.equal(out.write(Buffer.from("short\n")), undefined);
  const wait = out.write(Buffer.alloc(70_000, 0x61));
  assert.ok(wait instanceof Promise && out.isFull);
  stream.resume();
  await wait;
  assert.equal(out.isFull, false);
  stream.destroy(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
  assert.equal(await out.gone, null);
  assert.equal(out.write(Buffer.from("late\n")), undefined);
  await out.end();
});

test("a full disk is no reader that has gone", async () => {
  const stream = new PassThrough();
  const out = new LinesOut(stream);
  stream.destroy(Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" }));
  assert.equal((await out.gone)?.message, "write ENOSPC");
});

test("server-sent events are read wherever the chunks break", async () => {
  const text =
    ': c\n\nevent: a\ndata: {"x":"é"}\n\nevent: b\r\ndata:1\r\ndata: 2\r\n\r\ndata: m\n\nevent: none\n\n';
  const bytes = Buffer.from(text);
  for (let step = 1; step < bytes.length; step++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += step) chunks.push(bytes.subarray(at, at + step));
    const got: ServerSentEvent[] = [];
    for await (const event of eventsOf(Readable.from(chunks))) got.push(event);
    assert.deepEqual(got, [
      { name: "a", data: '{"x":"é"}' },
      { name: "b", data: "1\n2" },
      { name: "message", data: "m" },
    ]);
  }
});

test("columns: wide characters count twice, cut text is exactly as wide as it should be", () => {
  assert.deepEqual([widthOf("abc"), widthOf("게임"), widthOf("e\u0301")], [3, 4, 1]);
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "게", "é", "\u0301", "😀") }),
      fc.nat(12),
      (text, width) => {
        assert.equal(widthOf(fit(text, width, "left")), width);
      },
    ),
  );
});

test("quantities are short", () => {
  assert.deepEqual([0, 9999, 12_345, 1_234_567].map(shortCount), ["0", "9999", "12.3k", "1.2M"]);
  assert.deepEqual([0, 1023, 1536, 300 * 1024 ** 2].map(shortBytes), ["0", "1023", "1.5K", "300M"]);
  const spans = [999, 59_999, 61_000, 3_700_000, 90_000_000].map(shortSpan);
  assert.deepEqual(spans, ["0s", "59s", "1m 1s", "1h 1m", "1d 1h"]);
});
