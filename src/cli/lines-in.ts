/**
 * A stream of bytes as lines: cut at each line feed and nowhere else. What stands behind the last one is a line too.
 *
 * Invariant: the stream is read only as fast as lines are taken (each `for await` turn may wait), and a line that
 * grows beyond its limit is dropped to its end and told as too long: memory stays at one line and one read.
 */
import type { Readable } from "node:stream";

/** A line without its line feed, or null for one that was too long. */
export type InputLine = Buffer | null;

const LINE_FEED = 0x0a;

export async function* linesOf(stream: Readable, lineBytesMax: number): AsyncGenerator<InputLine> {
  let begun: Buffer[] = [];
  let begunBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let start = 0;
    for (;;) {
      const feed = chunk.indexOf(LINE_FEED, start);
      const end = feed < 0 ? chunk.length : feed;
      begunBytes += end - start;
      if (begunBytes > lineBytesMax) begun = [];
      else if (end > start) begun.push(chunk.subarray(start, end));
      if (feed < 0) break;
      yield begunBytes > lineBytesMax ? null : Buffer.concat(begun);
      begun = [];
      begunBytes = 0;
      start = feed + 1;
    }
  }
  if (begunBytes > 0) yield begunBytes > lineBytesMax ? null : Buffer.concat(begun);
}
