/**
 * Lets V8 free receive slabs while they are young, by garbage in proportion to what they hold.
 *
 *     64 KiB received --> 64 KiB of a slab (outside V8's heap) and one Packet of 100 bytes (inside)
 *
 * V8 collects its young generation, a third of a millisecond, when that is full of objects; slabs outside count only once
 * they are 64 MiB together, and at 64 MiB it marks the whole heap as well. With large packets that happened 20 times
 * per second and took a third of the processor, and each slab was made of memory that no cache held any more. So whoever
 * receives much in few packets leaves small garbage behind too: the young generation fills in time, and its
 * collection takes the dead slabs along. Measured on Node 26: docs/performance.md, "What was tried".
 */

/** Smaller packets fill the young generation themselves, or are the larger part of the work. */
const PACKET_BYTES_MIN = 4096;
/** Garbage per byte that arrived, in slots of eight bytes: half of its weight. */
const SLOTS_PER_BYTE = 1 / 16;
/** Larger arrays do not lie in the young generation. */
const SLOTS_MAX = 8 * 1024;

/** Holds the last of it, so that the compiler does not find that it is for nobody. */
const garbage: { latest: unknown[] } = { latest: [] };

/** `byteLength` bytes arrived in slabs, in so many packets. */
export function weighReceived(byteLength: number, packets: number): void {
  if (byteLength < packets * PACKET_BYTES_MIN) return;
  for (let slots = Math.floor(byteLength * SLOTS_PER_BYTE); slots > 0; slots -= SLOTS_MAX) {
    garbage.latest = new Array(Math.min(slots, SLOTS_MAX));
  }
}
