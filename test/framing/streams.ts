/**
 * What the framing tests share: every header format, an encoder that knows nothing of the one in src, and
 * arbitraries of payloads and of the ways a stream can be cut.
 */
import fc from "fast-check";
import type { FramingFormat } from "../../src/framing/length-header.ts";

/** Every width, byte order and way to count. */
export const FORMATS: readonly FramingFormat[] = ([1, 2, 3, 4] as const).flatMap((lengthBytes) =>
  (["little", "big"] as const).flatMap((endian) =>
    [false, true].map((includesHeader) => ({ lengthBytes, endian, includesHeader })),
  ),
);

export function formatName({ lengthBytes, endian, includesHeader = false }: FramingFormat): string {
  return `u${lengthBytes * 8} ${endian}${includesHeader ? " with header" : ""}`;
}

/** The longest payload that `format` can tell. */
export function payloadLimit({ lengthBytes, includesHeader = false }: FramingFormat): number {
  return 256 ** lengthBytes - 1 - (includesHeader ? lengthBytes : 0);
}

/** The header's bytes for a length field that says `value`, digit by digit. */
export function headerBytes({ lengthBytes, endian }: FramingFormat, value: number): number[] {
  const digits = Array.from({ length: lengthBytes }, (_, i) => Math.floor(value / 256 ** i) % 256);
  return endian === "little" ? digits : digits.reverse();
}

export function frame(format: FramingFormat, payload: Uint8Array): Buffer {
  const { lengthBytes, includesHeader = false } = format;
  const header = headerBytes(format, payload.length + (includesHeader ? lengthBytes : 0));
  return Buffer.concat([Buffer.from(header), payload]);
}

export function stream(format: FramingFormat, payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat(payloads.map((payload) => frame(format, payload)));
}

/** `byteLength` bytes that no other `seed` has, so that misplaced ones show. */
export function content(seed: number, byteLength: number): Buffer {
  const bytes = Buffer.allocUnsafe(byteLength);
  let state = (seed + 1) * 0x9e3779b1;
  for (let at = 0; at < byteLength; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function contents(byteLengths: readonly number[]): Buffer[] {
  return byteLengths.map((byteLength, i) => content(i, byteLength));
}

/** Lengths of payloads: mostly small, some around the sizes where something changes, some up to `max`. */
export function payloadLengths(max: number, maxCount: number = 40): fc.Arbitrary<number[]> {
  const upTo = (limit: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: Math.min(max, limit) });
  const one = fc.oneof(
    { weight: 6, arbitrary: upTo(200) },
    { weight: 3, arbitrary: upTo(8 * 1024) },
    { weight: 2, arbitrary: upTo(300 * 1024) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(0, 1, 4095, 4096, 65_528, 65_532, 65_535).filter((n) => n <= max),
    },
  );
  return fc.array(one, { minLength: 1, maxLength: maxCount });
}

/** How a stream is cut: the lengths of its pieces, over and over. */
export const CUTS: fc.Arbitrary<number[]> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<number[]>([1]) },
  { weight: 1, arbitrary: fc.constant<number[]>([Number.MAX_SAFE_INTEGER]) },
  {
    weight: 6,
    arbitrary: fc.array(
      fc.oneof(...[10, 1500, 70_000, 1_000_000].map((max) => fc.integer({ min: 1, max }))),
      { minLength: 1, maxLength: 50 },
    ),
  },
);

/** `bytes` in pieces whose lengths are `cuts`, over and over. */
export function* pieces(bytes: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = Math.min(bytes.length, at + cuts[i % cuts.length]!);
    yield bytes.subarray(at, end);
    at = end;
  }
}
