/**
 * Packet against the simplest thing that behaves the same: an array of bytes and two numbers, under random
 * calls, among them failing ones and lending. Whatever was lent or received must never change.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { lendBytes, Packet } from "../../src/packet/packet.ts";
import { assertRefuses, hex, receive } from "./assertions.ts";
import { anyField, type Field, REFUSALS, type Refusal } from "./fields.ts";

const MAX_BYTES = 400;

type Step =
  | { readonly does: "write"; readonly field: Field }
  | { readonly does: "refuse"; readonly refusal: Refusal }
  | { readonly does: "read"; readonly byteLength: number }
  | { readonly does: "lend" | "clear" | "rewind" | "copy" | "look" | "receive" };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyField.map((field): Step => ({ does: "write", field })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(...REFUSALS).map((refusal): Step => ({ does: "refuse", refusal })),
  },
  { weight: 3, arbitrary: fc.nat(60).map((byteLength): Step => ({ does: "read", byteLength })) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<Step>(
      { does: "lend" },
      { does: "clear" },
      { does: "rewind" },
      { does: "copy" },
      { does: "look" },
      { does: "receive" },
    ),
  },
);

test("any calls in any order do what they do to an array of bytes", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), fc.nat(MAX_BYTES), (steps, capacity) => {
      let packet = new Packet(capacity, MAX_BYTES);
      let maxBytes = MAX_BYTES;
      let content = Buffer.alloc(0);
      let cursor = 0;
      const settled: { readonly bytes: Uint8Array; readonly was: string }[] = [];

      for (const step of steps) {
        switch (step.does) {
          case "write":
            if (packet.readOnly) {
              assertRefuses(packet, "PACKET_READ_ONLY", () => step.field.write(packet));
            } else if (content.length + step.field.bytes.length > maxBytes) {
              assertRefuses(packet, "PACKET_TOO_LARGE", () => step.field.write(packet));
            } else {
              step.field.write(packet);
              content = Buffer.concat([content, step.field.bytes]);
            }
            break;
          case "refuse":
            if (!packet.readOnly) assertRefuses(packet, step.refusal.code, () => step.refusal.write(packet));
            break;
          case "read":
            if (cursor + step.byteLength > content.length) {
              assertRefuses(packet, "PACKET_READ_PAST_END", () => packet.readBytes(step.byteLength));
            } else {
              const wanted = content.subarray(cursor, cursor + step.byteLength);
              assert.equal(hex(packet.readBytes(step.byteLength)), hex(wanted));
              cursor += step.byteLength;
            }
            break;
          case "lend":
            settled.push({ bytes: lendBytes(packet), was: hex(content) });
            break;
          case "clear":
            if (packet.readOnly) {
              assertRefuses(packet, "PACKET_READ_ONLY", () => packet.clear());
            } else {
              packet.clear();
              content = Buffer.alloc(0);
              cursor = 0;
            }
            break;
          case "rewind":
            packet.rewind();
            cursor = 0;
            break;
          case "copy":
            // What is left behind must not feel what happens to the copy.
            settled.push({ bytes: packet.bytes, was: hex(content) });
            packet = packet.copy();
            cursor = 0;
            break;
          case "receive": {
            const received = receive(content);
            settled.push({ bytes: received.slab, was: hex(received.slab) });
            packet = received.packet;
            maxBytes = Packet.MAX_BYTES; // what a copy of it gets
            cursor = 0;
            break;
          }
          case "look":
            assert.equal(packet.bytes, packet.bytes);
            assert.equal(hex(packet.toBytes()), hex(content));
            break;
        }
        assert.equal(packet.length, content.length);
        assert.equal(packet.remaining, content.length - cursor);
        assert.equal(hex(packet.bytes), hex(content));
      }
      for (const { bytes, was } of settled) assert.equal(hex(bytes), was);
    }),
    { numRuns: 300 },
  );
});
